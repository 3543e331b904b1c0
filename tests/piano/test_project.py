"""The `.reprise` file: what goes in comes out, and what is none is said to be none."""

from __future__ import annotations

import base64
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.errors import UserError
from desktop.piano import project
from desktop.piano.cover import NOTE, Chord, Cover, Grid, Key
from desktop.piano.engines import engine
from desktop.piano.project import load_project, save_project
from tests.piano.random_songs import make_song


@pytest.fixture(scope="module")
def cover() -> Cover:
    return engine("sketch")(make_song(3), style="pop", difficulty="medium", title="Über den Wölkchen – 雲")


@pytest.fixture
def saved(cover: Cover, tmp_path: Path) -> Path:
    path = tmp_path / "song.reprise"
    save_project(cover, path)
    return path


def same(a: Cover, b: Cover) -> bool:
    grids = np.array_equal(a.grid.times, b.grid.times) and (a.grid.downbeat, a.grid.meter) == (b.grid.downbeat, b.grid.meter)
    arrays = np.array_equal(a.notes, b.notes) and np.array_equal(a.pedals, b.pedals)
    return grids and arrays and (a.title, a.chords, a.key, a.duration) == (b.title, b.chords, b.key, b.duration)


def test_round_trip(cover: Cover, saved: Path) -> None:
    loaded = load_project(saved)
    assert same(loaded, cover) and loaded.info == cover.info
    loaded.notes["pitch"] += 1  # an editor can work on it


def test_empty_cover(cover: Cover, tmp_path: Path) -> None:
    empty = Cover("", cover.notes[:0], cover.pedals[:0], cover.grid, (), cover.key, 1.0)
    save_project(empty, tmp_path / "empty.reprise")
    assert same(load_project(tmp_path / "empty.reprise"), empty)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such project"):
        load_project(tmp_path / "none.reprise")
    with pytest.raises(UserError, match="cannot be read"):
        load_project(tmp_path)


@pytest.mark.parametrize("content", [b"", b"RIFF0000WAVE", b"{}", b"MThd\0\0\0\6", b"REPRISE?" + bytes(40)])
def test_not_a_project(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.reprise"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"not a Reprise project|cut short") as caught:
        load_project(path)
    assert caught.value.path == str(path)


def test_every_truncation_is_noticed(saved: Path) -> None:
    data = saved.read_bytes()
    for length in [1, 7, 8, 19, 20, 21, len(data) // 2, len(data) - 1]:
        saved.write_bytes(data[:length])
        with pytest.raises(UserError, match="cut short"):
            load_project(saved)


@given(place=st.integers(20, 10**9), mask=st.integers(1, 255))
@settings(max_examples=40, deadline=None)
def test_a_changed_byte_is_noticed(tmp_path_factory: pytest.TempPathFactory, place: int, mask: int) -> None:
    path = tmp_path_factory.mktemp("project") / "x.reprise"
    save_project(engine("sketch")(make_song(1, bars=2), style="pop", difficulty="easy", title=""), path)
    data = bytearray(path.read_bytes())
    data[20 + place % (len(data) - 20)] ^= mask
    path.write_bytes(data)
    with pytest.raises(UserError, match="damaged"):
        load_project(path)


VERSION_1 = base64.b64decode(
    "UkVQUklTRQoBAAAAEAEAAAAAAADI+erki6V0aXRsZahPbGQgc29uZ6Vub3Rlc8Q5AAAAAAAAAAAAAAAAAAAAQChGAQAAAAAAAAAAAAAAAAAA8D88UAAAAAAA"
    "AAD4PwAAAAAAAABAQFoApnBlZGFsc8QQAAAAAAAAAAAAAAAAAAAAQKViZWF0c8QgAAAAAAAA4D8AAAAAAADwPwAAAAAAAPg/AAAAAAAAAECoZG93bmJlYXQB"
    "pW1ldGVyA6pjb25maWRlbmNlyz/oAAAAAAAApmNob3Jkc5GVAAIJpG1pbjcEo2tleZIJpW1pbm9yqGR1cmF0aW9uy0AEAAAAAAAApGluZm+DpmVuZ2luZaZz"
    "a2V0Y2ilYmVhdHOkYXV0b6VzdHlsZaNwb3A="
)
"""A project as the first version of the format wrote it."""


def test_a_file_of_version_1_opens_with_its_beats_as_those_that_were_found(tmp_path: Path) -> None:
    old = tmp_path / "old.reprise"
    old.write_bytes(VERSION_1)
    loaded = load_project(old)
    notes = np.array([(0, 2, 40, 70, 1), (0, 1, 60, 80, 0), (1.5, 2, 64, 90, 0)], NOTE)
    grid = Grid(np.array([0.5, 1.0, 1.5, 2.0]), 1, 3, 0.75)
    assert loaded.title == "Old song" and loaded.notes.tolist() == notes.tolist() and loaded.pedals.tolist() == [(0, 2)]
    assert loaded.chords == (Chord(0, 2, 9, "min7", 4),) and loaded.key == Key(9, "minor") and loaded.duration == 2.5
    for beats in (loaded.grid, loaded.found):
        assert beats is not None and beats.times.tolist() == grid.times.tolist()
        assert (beats.downbeat, beats.meter, beats.confidence) == (1, 3, 0.75)
    save_project(loaded, old)
    assert old.read_bytes()[8] == project.VERSION and same(load_project(old), loaded)
    for length in (25, len(VERSION_1) - 1):
        old.write_bytes(VERSION_1[:length])
        with pytest.raises(UserError, match="cut short"):
            load_project(old)


def test_found_beats_of_a_corrected_old_file_are_unknown() -> None:
    tree = {"info": {"beats": "x2"}, "beats": b"", "downbeat": 0, "meter": 4, "confidence": 1.0}
    assert project.UPGRADES[1](tree)["found"] is None


def test_found_beats_are_kept(cover: Cover, tmp_path: Path) -> None:
    found = Grid(np.array([0.1, 0.7, 1.4]), 2, 3, 0.5)
    save_project(replace(cover, found=found), tmp_path / "found.reprise")
    loaded = load_project(tmp_path / "found.reprise").found
    assert loaded is not None and loaded.times.tolist() == found.times.tolist()
    assert (loaded.downbeat, loaded.meter, loaded.confidence) == (2, 3, 0.5)


def test_newer_version(saved: Path) -> None:
    data = bytearray(saved.read_bytes())
    struct.pack_into("<I", data, 8, project.VERSION + 1)
    saved.write_bytes(data)
    with pytest.raises(UserError, match="newer Reprise"):
        load_project(saved)


def test_older_version_is_upgraded(saved: Path, cover: Cover, monkeypatch: pytest.MonkeyPatch) -> None:
    def upgrade(tree: dict[str, Any]) -> dict[str, Any]:
        return {**tree, "title": tree["title"].upper()}

    newer = project.VERSION + 1
    monkeypatch.setattr(project, "VERSION", newer)
    monkeypatch.setitem(project.UPGRADES, newer - 1, upgrade)
    assert load_project(saved).title == cover.title.upper()


@pytest.mark.parametrize(
    "broken",
    [{"notes": b"123"}, {"beats": bytes(8)}, {"key": (12, "major")}, {"chords": [(0.0, 1.0, 0, "maj13", 0)]}, {"title": 7}],
    ids=lambda broken: next(iter(broken)),
)
def test_wrong_content(
    saved: Path, cover: Cover, broken: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    monkeypatch.setattr(project, "_Document", lambda **fields: {**fields, **broken})
    save_project(cover, saved)
    monkeypatch.undo()
    with pytest.raises(UserError, match="damaged"):
        load_project(saved)


def test_no_folder_to_write_to(cover: Cover, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        save_project(cover, tmp_path / "none" / "x.reprise")
