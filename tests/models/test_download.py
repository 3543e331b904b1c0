"""One file over http from a real server that does what servers do."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.errors import UserError
from desktop.jobs.progress import Cancelled
from desktop.models.sources.download import Download, Limits
from tests.models.site import CONTENT, OTHER, Recorder, Site, model_file
from tests.waiting import quickest

QUICK = Limits(tries=3, restarts=2, wait=0.01, timeout=10)
HASTY = Limits(tries=3, restarts=9, wait=0.01, timeout=0.3)
FILE = model_file()


def fetch(site: Site, path: str, folder: Path, progress: Recorder | None = None) -> Recorder:
    progress = progress or Recorder()
    Download(site.url(path), FILE, folder, QUICK).run(progress)
    assert (folder / FILE.name).read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == [FILE.name], "scratch files are gone"
    return progress


def refused(site: Site, path: str, folder: Path, limits: Limits = QUICK) -> str:
    with pytest.raises(UserError) as caught:
        Download(site.url(path), FILE, folder, limits).run(Recorder())
    assert not (folder / FILE.name).exists()
    return str(caught.value)


def test_a_file_arrives_with_rising_progress(site: Site, tmp_path: Path) -> None:
    fractions = fetch(site, "good", tmp_path).fractions
    assert fractions == sorted(fractions) and fractions[-1] > 0


def test_a_cut_connection_is_resumed_where_it_stopped(site: Site, tmp_path: Path) -> None:
    progress = fetch(site, "cut", tmp_path)
    assert site.ranges() == ["", "bytes=1000000-", "bytes=2000000-", "bytes=3000000-"]
    assert all(asked[2] == '"one"' for asked in site.asked[1:])
    assert any("connection" in line for line in progress.logs)


def test_cuts_without_any_byte_end_after_the_allowed_tries(site: Site, tmp_path: Path) -> None:
    assert "3 times in a row" in refused(site, "silent-cut", tmp_path)
    assert len(site.asked) == 3


def test_a_server_that_ignores_range_makes_it_start_again(site: Site, tmp_path: Path) -> None:
    fetch(site, "no-range", tmp_path)
    assert site.ranges() == ["", "bytes=1000000-"]


@pytest.mark.parametrize("path", ["changing", "careless", "untagged", "elsewhere", "nothing-left"])
def test_another_version_or_place_never_ends_up_in_the_file(site: Site, tmp_path: Path, path: str) -> None:
    fetch(site, path, tmp_path)
    assert site.ranges()[1] == "bytes=1000000-"


def test_a_part_of_an_earlier_run_is_resumed(site: Site, tmp_path: Path) -> None:
    (tmp_path / f"{FILE.sha256}.part").write_bytes(CONTENT[:777])
    (tmp_path / f"{FILE.sha256}.json").write_text(json.dumps({"url": site.url("good"), "etag": '"one"'}))
    fetch(site, "good", tmp_path)
    assert site.asked == [("good", "bytes=777-", '"one"')]


def test_a_part_of_another_mirror_is_resumed_without_its_tag(site: Site, tmp_path: Path) -> None:
    (tmp_path / f"{FILE.sha256}.part").write_bytes(CONTENT[:777])
    (tmp_path / f"{FILE.sha256}.json").write_text(json.dumps({"url": "https://example.org/x", "etag": '"theirs"'}))
    fetch(site, "good", tmp_path)
    assert site.asked == [("good", "bytes=777-", "")]


def test_a_rotten_part_is_fetched_once_more_from_its_start(site: Site, tmp_path: Path) -> None:
    (tmp_path / f"{FILE.sha256}.part").write_bytes(OTHER[:1000])
    fetch(site, "good", tmp_path)
    assert site.ranges() == ["bytes=1000-", ""]


def test_a_complete_part_needs_no_request(site: Site, tmp_path: Path) -> None:
    (tmp_path / f"{FILE.sha256}.part").write_bytes(CONTENT)
    fetch(site, "missing", tmp_path)
    assert site.asked == []


def test_a_part_that_is_too_long_is_dropped(site: Site, tmp_path: Path) -> None:
    (tmp_path / f"{FILE.sha256}.part").write_bytes(CONTENT + b"more")
    fetch(site, "good", tmp_path)
    assert site.ranges() == [""]


def test_wrong_bytes_are_refused_and_removed(site: Site, tmp_path: Path) -> None:
    assert "another file" in refused(site, "wrong", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_length_that_differs_from_the_catalog_is_refused_before_any_byte(site: Site, tmp_path: Path) -> None:
    assert f"{len(CONTENT) + 4} bytes" in refused(site, "long", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_body_without_end_is_stopped_at_the_size_of_the_catalog(site: Site, tmp_path: Path) -> None:
    assert "sends more" in refused(site, "endless", tmp_path)


def test_a_promised_length_that_never_comes_is_resumed_and_given_up(site: Site, tmp_path: Path) -> None:
    assert "3 times in a row" in refused(site, "promises", tmp_path)
    assert len(site.asked) == 3


def test_redirects_are_followed_within_the_rules(site: Site, tmp_path: Path) -> None:
    fetch(site, "redirect", tmp_path)
    assert [asked[0] for asked in site.asked] == ["redirect", "good"]


def test_redirects_to_plain_http_elsewhere_are_refused(site: Site, tmp_path: Path) -> None:
    assert "not an https address" in refused(site, "leave", tmp_path)


def test_redirects_in_circles_are_refused(site: Site, tmp_path: Path) -> None:
    assert "circles" in refused(site, "circle", tmp_path)


def test_plain_http_to_another_computer_is_refused_without_a_request(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not an https address"):
        Download("http://192.0.2.1/model.bin", FILE, tmp_path, QUICK).run(Recorder())


def test_a_missing_file_is_final(site: Site, tmp_path: Path) -> None:
    assert "404" in refused(site, "missing", tmp_path)
    assert len(site.asked) == 1


def test_a_busy_server_is_asked_again(site: Site, tmp_path: Path) -> None:
    fetch(site, "busy", tmp_path)
    assert len(site.asked) == 3


def test_a_server_that_hangs_is_given_up_after_the_time_out(site: Site, tmp_path: Path) -> None:
    started = time.monotonic()
    assert "sent nothing for" in refused(site, "hang", tmp_path, HASTY)
    assert len(site.asked) == 3
    assert time.monotonic() - started < 10


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="connection failed"):
        Download("http://127.0.0.1:9/model.bin", FILE, tmp_path, QUICK).run(Recorder())


@pytest.mark.parametrize("path", ["hang", "slow"])
def test_cancel_answers_at_once_and_keeps_what_has_come(site: Site, tmp_path: Path, path: str) -> None:
    site.pause = 0.1
    part = tmp_path / f"{FILE.sha256}.part"

    def answered() -> float:
        """Seconds between the request and the end."""
        part.unlink(missing_ok=True)
        asked: list[float] = []
        progress = Recorder(stop=lambda _: bool(asked))
        timer = threading.Timer(0.4, lambda: asked.append(time.monotonic()))
        timer.start()
        with pytest.raises(Cancelled):
            Download(site.url(path), FILE, tmp_path, Limits(timeout=30)).run(progress)
        timer.join()
        return time.monotonic() - asked[0]

    assert quickest(answered, 1.0) < 1.0
    assert 0 < part.stat().st_size < len(CONTENT) and part.read_bytes() == CONTENT[: part.stat().st_size]
    site.release.set()
    fetch(site, "good", tmp_path)
    assert site.ranges()[-1].startswith("bytes=")


STEPS = ["good", "cut", "silent_cut", "shifted", "blind", "unwilling", "down", "fresh", "wrong", "missing", "tag1", "tag2"]


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.lists(st.sampled_from(STEPS), max_size=8), cut=st.integers(1, 9999), part=st.binary(max_size=30))
def test_whatever_a_server_does_the_file_is_right_or_absent(site: Site, script: list[str], cut: int, part: bytes) -> None:
    content = CONTENT[:10_000]
    file = model_file(content=content)
    site.content, site.cut, site.script, site.etag = content, cut, list(script), '"zero"'
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if part:
            (folder / f"{file.sha256}.part").write_bytes(part)
        download = Download(site.url("scripted"), file, folder, Limits(tries=2, restarts=2, wait=0.001, timeout=10))
        try:
            download.run(Recorder())
        except UserError:
            assert not (folder / file.name).exists()
            # The next run, against a server that behaves, gets through whatever was left.
            Download(site.url("good"), file, folder, QUICK).run(Recorder())
        assert (folder / file.name).read_bytes() == content
        assert [path.name for path in folder.iterdir()] == [file.name]
