"""The `.reprise` file: what goes in comes out, and what is none is said to be none."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.errors import UserError
from desktop.piano import project
from desktop.piano.cover import Cover
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


def test_newer_version(saved: Path) -> None:
    data = bytearray(saved.read_bytes())
    struct.pack_into("<I", data, 8, project.VERSION + 1)
    saved.write_bytes(data)
    with pytest.raises(UserError, match="newer Reprise"):
        load_project(saved)


def test_older_version_is_upgraded(saved: Path, cover: Cover, monkeypatch: pytest.MonkeyPatch) -> None:
    def upgrade(tree: dict[str, Any]) -> dict[str, Any]:
        return {**tree, "title": tree["title"].upper()}

    monkeypatch.setattr(project, "VERSION", 2)
    monkeypatch.setitem(project.UPGRADES, 1, upgrade)
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
