"""Clips through the real command line and the real worker: what is restored, and everything that must stay as it was."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.e2e import film
from tests.e2e.command import Answer, files, reprise

pytestmark = pytest.mark.usefixtures("home_with_models")


def result(answer: Answer, job: int = -1) -> dict[str, Any]:
    """What a job's last event says."""
    done = [event for event in answer.events if event["event"] == "done"]
    found: dict[str, Any] = done[job]["result"]
    return found


class Batch:
    """Clips restored by one command into one folder."""

    def __init__(self, sources: list[Path], folder: Path, *options: str, home: Path, models: Path) -> None:
        self.digests = {source: film.digest(source) for source in sources}
        self.folder = folder
        extra = {"REPRISE_HOME": str(home), "REPRISE_MODELS": str(models)}
        self.answer = reprise("restore", *sources, "-o", f"{folder}/", "--json", *options, extra=extra, timeout=300)

    def output(self, name: str) -> Path:
        """The result of the clip of that name."""
        return next(path for path in self.folder.iterdir() if path.stem == f"{Path(name).stem}-restored")

    def result(self, name: str) -> dict[str, Any]:
        """What was told of it."""
        stem = f"{Path(name).stem}-restored."
        done = [event["result"] for event in self.answer.events if event["event"] == "done"]
        return next(one for one in done if Path(one["files"]["video"]).name.startswith(stem))


WHOLE = ["vfr.mp4", "multitrack.mkv", "no_face.mp4", "truncated.mp4", "corrupt_tail.mpg"]
PART = ["interlaced_tff_720x576.mpg", "rotated90.mp4", "anamorphic_sar.mp4", "scene_cut_two_people.mp4"]
BEGIN, END = Fraction(14, 10), Fraction(19, 10)


@pytest.fixture(scope="module")
def batch(shared: Path, machine_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Batch:
    """Awkward clips, all of them."""
    sources = [shared / "clips" / name for name in WHOLE]
    return Batch(sources, tmp_path_factory.mktemp("out"), home=tmp_path_factory.mktemp("home"), models=machine_models)


@pytest.fixture(scope="module")
def part(shared: Path, machine_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Batch:
    """Half a second of others, to save time."""
    sources = [shared / "clips" / name for name in PART]
    folder, home = tmp_path_factory.mktemp("out"), tmp_path_factory.mktemp("home")
    return Batch(sources, folder, "--from", str(float(BEGIN)), "--to", str(float(END)), home=home, models=machine_models)


@pytest.mark.timeout(320)
def test_all_are_restored_and_no_source_is_touched(batch: Batch, part: Batch) -> None:
    told = {"files", "frames", "seconds_of_video", "faces", "shots", "device", "precision", "restorer", "encoder", "seconds"}
    for made, names in ((batch, WHOLE), (part, PART)):
        assert made.answer.code == 0, made.answer.err
        assert len(files(made.folder)) == len(names)
        assert all(film.digest(source) == digest for source, digest in made.digests.items())
        for name in names:
            assert told | {"frames_per_second", "warnings", "resumed"} <= made.result(name).keys()
            assert made.result(name)["faces"]["restored"] >= (name != "no_face.mp4")


def test_variable_rate_keeps_every_time_stamp(batch: Batch, shared: Path) -> None:
    before = film.times(shared / "clips" / "vfr.mp4")
    assert film.times(batch.output("vfr.mp4")) == before and len(set(np.diff([float(t) for t in before]).round(4))) > 5


def test_all_tracks_subtitles_and_chapters_stay(batch: Batch, shared: Path) -> None:
    source, output = shared / "clips" / "multitrack.mkv", batch.output("multitrack.mkv")
    for kind, count in (("audio", 2), ("subtitle", 1)):
        for number in range(count):
            assert film.contents(output, kind, number) == film.contents(source, kind, number)
    with av.open(str(source)) as one, av.open(str(output)) as other:
        assert [_chapter(chapter) for chapter in one.chapters()] == [_chapter(chapter) for chapter in other.chapters()]
        assert one.metadata["title"] == other.metadata["title"]
        for before, after in zip(one.streams, other.streams, strict=True):
            assert (before.type, before.metadata.get("language"), int(before.disposition)) == (
                after.type,
                after.metadata.get("language"),
                int(after.disposition),
            )


def _chapter(chapter: Any) -> tuple[Fraction, Fraction, str]:
    base = chapter["time_base"]
    return chapter["start"] * base, chapter["end"] * base, chapter["metadata"]["title"]


def test_interlaced_pictures_are_woven(part: Batch, shared: Path) -> None:
    source, output = shared / "clips" / "interlaced_tff_720x576.mpg", part.output("interlaced_tff_720x576.mpg")
    first = [BEGIN <= time < END for time in film.times(source)].index(True)
    assert len(film.times(output)) in (12, 13)
    assert _combing(film.rgb(output)[6]) < 0.6 * _combing(film.rgb(source)[first + 6])
    with av.open(str(output)) as file:
        stream = file.streams.video[0]
        assert (stream.width, stream.height, stream.sample_aspect_ratio) == (720, 576, Fraction(16, 15))
    assert not any(frame.interlaced_frame for frame in film.pictures(output))


def _combing(rgb: film.RGB) -> float:
    luma = rgb.astype(np.float32).mean(axis=2)
    return float(np.abs(luma[1:-1] - (luma[:-2] + luma[2:]) / 2).mean())


def test_a_turned_clip_comes_out_upright(part: Batch) -> None:
    frames = list(film.pictures(part.output("rotated90.mp4")))
    assert (frames[0].width, frames[0].height, frames[0].rotation) == (360, 288, 0)


def test_the_pixel_aspect_stays(part: Batch) -> None:
    with av.open(str(part.output("anamorphic_sar.mp4"))) as file:
        stream = file.streams.video[0]
        assert (stream.width, stream.height, stream.sample_aspect_ratio) == (270, 288, Fraction(4, 3))


def test_both_people_are_restored(part: Batch) -> None:
    found = part.result("scene_cut_two_people.mp4")
    assert found["faces"] == {"tracks": 2, "restored": 2, "left": {}} and found["shots"] == 2


def test_a_clip_without_faces_is_copied_and_told(batch: Batch, shared: Path) -> None:
    source, output = shared / "clips" / "no_face.mp4", batch.output("no_face.mp4")
    assert film.packets(output) == film.packets(source)
    assert batch.result("no_face.mp4")["encoder"] == "copy"
    assert any("No faces were found" in warning for warning in batch.result("no_face.mp4")["warnings"])


@pytest.mark.parametrize(("name", "count"), [("truncated.mp4", 38), ("corrupt_tail.mpg", 40)])
def test_what_decodes_of_a_damaged_clip_is_restored_and_the_rest_told(batch: Batch, name: str, count: int) -> None:
    assert batch.result(name)["frames"] == count == len(film.times(batch.output(name)))
    assert any("decoded" in warning for warning in batch.result(name)["warnings"])


# Without the shared data.


@pytest.fixture(scope="module")
def face(carphone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A face in 24 pictures, unevenly timed, with sound."""
    shown = film.rgb(carphone / "carphone_pristine.mp4")[:24]
    stamps = [number * 40 + (number % 3) * 7 for number in range(24)]
    path = tmp_path_factory.mktemp("face") / "face.mp4"
    return film.write(path, shown, stamps=stamps, time_base=Fraction(1, 1000), sound=True)


def test_a_face_is_restored_and_told(face: Path, tmp_path: Path) -> None:
    output = tmp_path / "new" / "folder" / "out.mp4"
    before = film.digest(face)
    answer = reprise("restore", face, "-o", output)
    assert answer.code == 0, answer.err
    assert str(output) in answer.out and "1 of 1 restored" in answer.out and "pictures a second on C" in answer.out
    assert "Looking for faces" in answer.err and "Restoring faces" in answer.err and "Traceback" not in answer.err
    assert film.times(output) == film.times(face) and film.contents(output, "audio") == film.contents(face, "audio")
    assert film.digest(face) == before and files(output.parent) == ["out.mp4"]
    source, restored = film.rgb(face)[12].astype(int), film.rgb(output)[12].astype(int)
    assert np.abs(source - restored).max() > 12


def test_pixels_outside_of_the_mask_are_bit_identical(face: Path, tmp_path: Path) -> None:
    answer = reprise("restore", face, "-o", tmp_path / "out.mkv", "--encoder", "ffv1", "--deinterlace", "off", "--json")
    assert answer.code == 0 and result(answer)["encoder"] == "ffv1"
    for before, after in zip(film.planes(face), film.planes(tmp_path / "out.mkv"), strict=True):
        changed = np.argwhere(before[0] != after[0])
        assert 500 < len(changed) < before[0].size // 2
        (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0)
        for plane, other in zip(before[1:], after[1:], strict=True):
            differ = np.argwhere(plane != other)
            if len(differ):
                assert (differ.min(axis=0) * 2 >= (top - 2, left - 2)).all()
                assert (differ.max(axis=0) * 2 <= (bottom + 2, right + 2)).all()


def test_a_part_begins_at_zero(face: Path, tmp_path: Path) -> None:
    answer = reprise("restore", face, "-o", tmp_path / "out.mp4", "--from", "0.4", "--to", "0:00.8", "--json")
    assert answer.code == 0 and result(answer)["frames"] == 10
    source = [time for time in film.times(face) if Fraction(2, 5) <= time < Fraction(4, 5)]
    assert film.times(tmp_path / "out.mp4") == [time - source[0] for time in source]
    with av.open(str(tmp_path / "out.mp4")) as file:
        assert next(file.decode(video=0)).time < 0.05


def test_twice_the_size(face: Path, tmp_path: Path) -> None:
    answer = reprise("restore", face, "-o", tmp_path / "out.mkv", "--scale", "2", "--to", "0.3", "--json")
    assert answer.code == 0 and result(answer)["faces"]["restored"] == 1
    frame = next(film.pictures(tmp_path / "out.mkv"))
    assert (frame.width, frame.height) == (352, 288)


def test_only_the_largest_face_of_two(carphone: Path, tmp_path: Path) -> None:
    clip = film.write(tmp_path / "two.mp4", [_beside(one) for one in _few(carphone)])
    every = reprise("restore", clip, "-o", tmp_path / "all.mp4", "--json")
    largest = reprise("restore", clip, "-o", tmp_path / "largest.mp4", "--faces", "largest", "--json")
    assert result(every)["faces"]["tracks"] == 2 and result(every)["faces"]["restored"] == 2
    assert result(largest)["faces"]["restored"] == 1


def _few(carphone: Path) -> list[film.RGB]:
    return film.rgb(carphone / "carphone_pristine.mp4")[:8]


def _beside(rgb: film.RGB) -> film.RGB:
    """The picture, and a smaller one of it beside."""
    small = np.full_like(rgb, 90)
    small[20:128, 20:152] = av.VideoFrame.from_ndarray(rgb).reformat(132, 108).to_ndarray(format="rgb24")
    return np.hstack([rgb, small])


def test_several_clips_need_a_folder_and_no_clash(face: Path, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    other = tmp_path / "a" / "face.mp4"
    other.write_bytes(face.read_bytes())
    answer = reprise("restore", face, other, "-o", tmp_path / "out")
    assert answer.code == 2 and "would both become" in answer.err and not (tmp_path / "out").exists()


def test_a_folder_of_clips_and_images(carphone: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "box", tmp_path / "out"
    folder.mkdir()
    film.write(folder / "clip.mp4", film.drawn(10))
    for number, rgb in enumerate(_few(carphone)[:2]):
        film.image(folder / f"{number}.png", rgb)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    (folder / "notes.txt").write_text("mine")
    answer = reprise("restore", folder, "-o", out, "--json")
    assert answer.code == 0, answer.err
    assert files(out) == ["0-restored.png", "1-restored.png", "clip-restored.mp4"]
    images = next(event["result"] for event in answer.events if event["event"] == "done" and "folder" in event["result"]["files"])
    assert images["frames"] == 2 and images["faces"]["restored"] == 2
    assert any("broken.jpg was left out" in warning for warning in images["warnings"])


def test_an_image(carphone: Path, tmp_path: Path) -> None:
    film.image(tmp_path / "face.png", _few(carphone)[0])
    answer = reprise("restore", tmp_path / "face.png")
    assert answer.code == 0, answer.err
    assert files(tmp_path) == ["face-restored.png", "face.png"] and "1 of 1 restored" in answer.out


def test_inspect_tells_what_a_clip_holds(face: Path) -> None:
    answer = reprise("inspect", face, "--json")
    found = result(answer)
    assert answer.code == 0 and found["video"]["codec"] == "h264" and found["display_size"] == [176, 144]
    assert found["constant_rate"] is False and found["interlaced"] is False and found["rotation"] == 0
    assert found["faces"]["with_faces"] >= 6 and 30 < found["faces"]["largest_px"] < 140 and found["estimate_s"] > 0
    assert [stream["kind"] for stream in found["streams"]] == ["audio"] and found["output"] == ".mp4"
    plain = reprise("inspect", face)
    assert (
        plain.code == 0 and "variable" in plain.out and "pictures looked at" in plain.out and "to restore all of it" in plain.out
    )
