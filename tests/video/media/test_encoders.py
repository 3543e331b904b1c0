"""The table of encoders, what is chosen, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from desktop.errors import UsageError, UserError
from desktop.jobs.video_jobs import ENCODERS as JOB_ENCODERS
from desktop.video.media.clip import Clip, StreamFacts
from desktop.video.media.containers import CONTAINERS, MKV, MP4, WEBM, container_of, default_output
from desktop.video.media.encoder_table import BY_ID, ENCODERS, estimate_bytes
from desktop.video.media.encoders import available, choose, output_format
from desktop.video.media.formats import make_format
from tests.video.media.results import facts, pictures, write_segment


def form(layout: str, bits: int = 8):
    return make_format(layout, bits, full_range=False, matrix="bt601")


def clip(path: str, container: str, *streams: tuple[str, str]) -> Clip:
    others = tuple(StreamFacts(number + 1, kind, codec) for number, (kind, codec) in enumerate(streams))
    return Clip(path, container, 1.0, facts(64, 48), others)


def test_jobs_and_table_know_the_same_encoders() -> None:
    assert [encoder.id for encoder in ENCODERS] == [name for name in JOB_ENCODERS if name != "auto"]


def test_each_encoder_fits_a_container_that_holds_its_codec() -> None:
    for encoder in ENCODERS:
        for suffix in encoder.containers:
            assert encoder.stream in container_of(suffix).video, (encoder.id, suffix)


def test_available_encoders_work(tmp_path) -> None:
    found = available()
    assert {"x264", "x265", "av1", "vp9", "ffv1", "prores"} <= {encoder.id for encoder in found}
    shown = pictures(3, size=(256, 192))
    for encoder in found:
        assert write_segment(tmp_path / f"{encoder.id}.seg", shown, encoder, None).stat().st_size > 500


@pytest.mark.parametrize(
    ("layout", "bits", "encoder", "expected"),
    [
        ("420", 8, "x264", "yuv420p"),
        ("422", 10, "x264", "yuv422p10le"),
        ("420", 9, "x264", "yuv420p10le"),
        ("411", 8, "x264", "yuv422p"),
        ("410", 8, "x264", "yuv420p"),
        ("440", 8, "x264", "yuv444p"),
        ("gray", 8, "x264", "yuv420p"),
        ("gray", 8, "x265", "gray"),
        ("gbr", 8, "x264", "gbrp"),
        ("gbr", 10, "x265", "gbrp10le"),
        ("411", 8, "ffv1", "yuv411p"),
        ("gray", 16, "ffv1", "gray16le"),
        ("444", 8, "av1", "yuv420p"),
        ("420", 10, "av1", "yuv420p10le"),
        ("420", 8, "prores", "yuv422p10le"),
        ("444", 12, "prores", "yuv444p10le"),
    ],
)
def test_the_format_that_loses_nothing_is_taken(layout: str, bits: int, encoder: str, expected: str) -> None:
    assert output_format(BY_ID[encoder], form(layout, bits)).name == expected


def test_odd_sizes_get_a_chroma_sample_for_each_pixel_only_where_they_must() -> None:
    assert output_format(BY_ID["x264"], form("420"), 175, 144).name == "yuv444p"
    assert output_format(BY_ID["x264"], form("420"), 176, 143).name == "yuv422p"
    assert output_format(BY_ID["x264"], form("gray"), 175, 143).name == "yuv444p"
    assert output_format(BY_ID["av1"], form("420"), 175, 143).name == "yuv420p"
    assert output_format(BY_ID["ffv1"], form("420"), 175, 143).name == "yuv420p"


@pytest.mark.parametrize(
    ("container", "layout", "bits", "quality", "expected"),
    [
        (".mp4", "420", 8, None, "x264"),
        (".mkv", "422", 10, None, "x264"),
        (".mov", "420", 8, 0, "x264"),
        (".webm", "420", 8, None, "vp9"),
        (".webm", "420", 10, None, "av1"),
        (".mkv", "gbr", 8, None, "x264"),
        (".mkv", "gbr", 10, None, "x265"),
        (".mkv", "444", 12, 0, "x265"),
        (".mkv", "gbr", 16, 0, "ffv1"),
    ],
)
def test_automatic_choice(container: str, layout: str, bits: int, quality: int | None, expected: str) -> None:
    assert choose("auto", container, form(layout, bits), quality=quality).id == expected


def test_a_container_that_cannot_hold_the_encoder_names_those_that_fit() -> None:
    with pytest.raises(UsageError, match=r"WebM cannot hold H\.264.*vp9"):
        choose("x264", "film.webm", form("420"))
    with pytest.raises(UsageError, match="MP4 cannot hold FFV1"):
        choose("ffv1", ".mp4", form("420"))


def test_a_quality_beyond_the_encoders_scale_is_refused() -> None:
    with pytest.raises(UsageError, match="not between 0 and 51"):
        choose("x264", ".mp4", form("420"), quality=60)
    assert choose("av1", ".mp4", form("420"), quality=60).id == "av1"


def test_lossless_where_it_cannot_be_is_refused() -> None:
    for encoder, layout, bits in [("av1", "420", 10), ("av1", "444", 8), ("vp9", "420", 10), ("x264", "gbr", 10)]:
        with pytest.raises(UsageError, match=r"without loss.*ffv1"):
            choose(encoder, ".mkv", form(layout, bits), quality=0)


def test_pictures_that_are_too_small_are_refused_before_any_work() -> None:
    with pytest.raises(UsageError, match=r"needs pictures of 64x64"):
        choose("x265", ".mkv", form("420"), width=63, height=200)
    assert choose("auto", ".mp4", form("420"), width=16, height=16).id == "x264"


def test_hardware_that_is_not_here_says_what_is() -> None:
    missing = [encoder for encoder in ENCODERS if encoder.hardware and encoder not in available()]
    for encoder in missing:
        with pytest.raises(UserError, match=r"does not work on this machine.*x264"):
            choose(encoder.id, ".mkv", form("420"))


@pytest.mark.parametrize(
    ("path", "container", "streams", "expected"),
    [
        ("a.mp4", "mov,mp4,m4a,3gp,3g2,mj2", [("audio", "aac"), ("subtitle", "mov_text")], ".mp4"),
        ("a.MOV", "mov,mp4,m4a,3gp,3g2,mj2", [("audio", "pcm_s16le")], ".mov"),
        ("a.mkv", "matroska,webm", [("audio", "dts"), ("subtitle", "ass"), ("attachment", "")], ".mkv"),
        ("a.webm", "matroska,webm", [("audio", "opus")], ".webm"),
        ("a.mpg", "mpeg", [("audio", "mp2")], ".mp4"),
        ("a.vob", "mpeg", [("audio", "ac3"), ("subtitle", "dvd_subtitle")], ".mkv"),
        ("a.avi", "avi", [("audio", "mp3")], ".mp4"),
        ("a.avi", "avi", [("audio", "pcm_s16le")], ".mkv"),
        ("a.wmv", "asf", [("audio", "wmav2")], ".mkv"),
        ("a.flv", "flv", [("audio", "aac")], ".mp4"),
        ("a.ts", "mpegts", [("audio", "ac3"), ("subtitle", "dvb_subtitle")], ".mkv"),
        ("a.mp4", "avi", [("audio", "mp3")], ".mp4"),
        ("silent.avi", "avi", [], ".mp4"),
    ],
)
def test_default_container_holds_everything(path: str, container: str, streams: list[tuple[str, str]], expected: str) -> None:
    assert default_output(clip(path, container, *streams)) == expected


def test_default_container_holds_the_codec() -> None:
    assert default_output(clip("a.mp4", "mov,mp4,m4a,3gp,3g2,mj2", ("audio", "aac")), codec="ffv1") == ".mkv"
    assert default_output(clip("a.webm", "matroska,webm"), codec="h264") == ".mp4"
    assert default_output(clip("a.avi", "avi"), "mov") == ".mov"
    with pytest.raises(UsageError, match=r"\.mkv"):
        default_output(clip("a.avi", "avi"), "avi")


def test_tables_agree_with_the_muxers() -> None:
    """What a table promises, ffmpeg's muxer does not refuse."""
    import av

    for container in CONTAINERS:
        with av.open(f"unused{container.suffix}", "w", format=container.name) as output:
            names = set()
            for name in output.supported_codecs:
                for mode in ("r", "w"):
                    try:
                        names.add(av.Codec(name, mode).canonical_name)  # type: ignore[arg-type]
                    except ValueError:
                        continue
        allowed = container.video | container.audio | container.subtitles | container.rare
        # Codecs that the muxers take by other ways than their own tables.
        by_another_way = {"mp1", "alac", "truehd"} | (container.rare if container is MKV else set())
        assert not allowed - names - by_another_way, container.name


def test_estimate_is_of_the_right_size(tmp_path) -> None:
    """Not for these clouds, but each step does what it should."""
    plain = estimate_bytes("x264", None, 720, 576, 25, 60)
    assert 8_000_000 < plain < 60_000_000
    assert estimate_bytes("auto", None, 720, 576, 25, 60) == plain
    assert estimate_bytes("x264", 22, 720, 576, 25, 60) == pytest.approx(plain / 2, rel=0.01)
    assert estimate_bytes("x264", 0, 720, 576, 25, 60) > 5 * plain
    assert estimate_bytes("ffv1", None, 720, 576, 25, 60) == estimate_bytes("ffv1", 0, 720, 576, 25, 60)
    assert estimate_bytes("x264", None, 1440, 1152, 25, 60) < 4 * plain
    assert estimate_bytes("x264", None, 0, 0, 25, 60) == 0


def test_plain_data_modules_import_neither_av_nor_cv2() -> None:
    modules = "desktop.video.media.encoder_table, desktop.video.media.containers"
    code = f"import sys, {modules}; print({{'av', 'cv2', 'numpy'}} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "set()"


def test_matroska_holds_what_webm_holds() -> None:
    assert WEBM.audio <= MKV.audio and WEBM.subtitles <= MKV.subtitles and MP4.audio <= MKV.audio
