"""What is kept of unfinished work: believed when whole, made again when not."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.video.identity import of_file, of_source
from desktop.video.restoration.ledger import Ledger, Segment
from desktop.video.restoration.segments import length, to_make

FACTS = {"clip": "one", "restorer": "a"}


def _finish(ledger: Ledger, number: int, content: bytes = b"pictures", state: bytes = b"") -> None:
    ledger.video(number).write_bytes(content)
    if state:
        ledger.state(number).write_bytes(state)
    ledger.add(
        Segment(
            number=number,
            first=number * 50,
            count=50,
            offset=number * 1000,
            digest=of_file(ledger.video(number)),
            state_digest=of_file(ledger.state(number)) if state else "",
            restored=(1, 4),
            left={"2": "small"},
        )
    )


def test_finished_segments_come_back(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, FACTS)
    assert ledger.changed == () and ledger.finished() == {}
    for number in (0, 1, 3):
        _finish(ledger, number, state=b"steady")
    again = Ledger(tmp_path, FACTS)
    found = again.finished()
    assert again.changed == () and sorted(found) == [0, 1, 3]
    assert found[3].restored == (1, 4) and found[3].left == {"2": "small"} and found[3].offset == 3000


@pytest.mark.parametrize("what", ["video gone", "video damaged", "state gone", "state damaged", "record torn", "record misnamed"])
def test_a_damaged_segment_is_not_believed(tmp_path: Path, what: str) -> None:
    ledger = Ledger(tmp_path, FACTS)
    for number in range(3):
        _finish(ledger, number, state=b"steady")
    record = tmp_path / "segments" / "00001.json"
    damage = {
        "video gone": ledger.video(1).unlink,
        "video damaged": lambda: ledger.video(1).write_bytes(b"picturez"),
        "state gone": ledger.state(1).unlink,
        "state damaged": lambda: ledger.state(1).write_bytes(b""),
        "record torn": lambda: record.write_bytes(record.read_bytes()[:-20]),
        "record misnamed": lambda: record.rename(record.with_name("00007.json")),
    }
    damage[what]()
    assert sorted(Ledger(tmp_path, FACTS).finished()) == [0, 2]
    assert not list((tmp_path / "segments").glob("00001.*")) and not list((tmp_path / "segments").glob("00007.*"))


def test_a_segment_in_progress_is_swept_away(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, FACTS)
    _finish(ledger, 0)
    ledger.video(1).write_bytes(b"half")
    (tmp_path / "segments" / ".00001.json.99999-00000000.part").write_bytes(b"{")
    assert sorted(Ledger(tmp_path, FACTS).finished()) == [0]
    assert sorted(path.name for path in (tmp_path / "segments").iterdir()) == ["00000.json", "00000.mov"]


def test_other_facts_start_anew_and_are_named(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, FACTS)
    _finish(ledger, 0)
    (tmp_path / "look.json").write_text("{}")
    other = Ledger(tmp_path, {**FACTS, "clip": "another"})
    assert other.changed == ("clip",) and other.finished() == {} and not (tmp_path / "look.json").exists()
    assert Ledger(tmp_path, {**FACTS, "clip": "another"}).changed == ()


def test_a_damaged_manifest_starts_anew(tmp_path: Path) -> None:
    _finish(Ledger(tmp_path, FACTS), 0)
    (tmp_path / "manifest.json").write_bytes(b"{")
    assert Ledger(tmp_path, FACTS).finished() == {}


def test_a_source_is_told_from_its_changes(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mpg"
    clip.write_bytes(bytes(5 << 20))
    before = of_source(clip)
    assert of_source(clip) == before
    content = bytearray(5 << 20)
    content[3 << 20] = 1
    stat = clip.stat()
    clip.write_bytes(content)
    import os

    os.utime(clip, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert of_source(clip) != before


@pytest.mark.parametrize(
    ("finished", "with_state", "runs"),
    [
        (set(), set(), [(0, 6)]),
        ({0, 1, 2, 3, 4, 5}, {0, 1, 2, 3, 4, 5}, []),
        ({0, 1}, {0, 1}, [(2, 6)]),
        ({0, 1, 3, 4, 5}, {0, 1, 3, 4, 5}, [(2, 3)]),
        ({0, 1, 3, 5}, {0, 1, 3, 5}, [(2, 3), (4, 5)]),
        ({0, 1, 2, 4}, {0, 4}, [(1, 4), (5, 6)]),
        ({0, 1, 2}, set(), [(0, 6)]),
        ({0, 1, 2}, None, [(3, 6)]),
    ],
)
def test_what_is_still_to_be_made(finished: set[int], with_state: set[int] | None, runs: list[tuple[int, int]]) -> None:
    assert to_make(6, finished, with_state) == runs


def test_segments_last_about_two_seconds() -> None:
    from fractions import Fraction

    assert length(Fraction(25)) == 50 and length(Fraction(30000, 1001)) == 60 and length(None) == 50
    assert length(Fraction(1, 2)) == 8 and length(Fraction(240)) == 120
