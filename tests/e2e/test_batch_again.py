"""Batches given again through the real command line: what is done stays, whatever its source is called now."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from desktop.paths import resources
from tests.e2e.command import files, reprise
from tests.e2e.media import tune, write_wav
from tests.e2e.pictures import draw


def states(path: Path) -> dict[str, str]:
    """How each file ended, by the table."""
    return {Path(line["source"]).name: line["state"] for line in json.loads(path.read_text(encoding="utf-8"))}


@pytest.mark.usefixtures("home_with_models")
def test_covers(tmp_path: Path) -> None:
    songs, moved, out = tmp_path / "songs", tmp_path / "elsewhere", tmp_path / "out"
    songs.mkdir()
    for number, name in enumerate("abcd"):
        write_wav(songs / f"{name}.wav", tune(4.0 + number))

    def again(folder: Path, *more: str) -> str:
        answer = reprise("batch", "cover", folder, "-o", out, "--workers", "1", *more)
        assert answer.code == 0, answer.err
        return " ".join(states(out / "covers.json").values())

    assert again(songs) == "done done done done"
    songs.rename(moved)
    os.utime(moved / "a.wav", (5, 5))
    write_wav(moved / "b.wav", tune(9.0))
    (out / "c.mid").write_bytes(b"my own")
    (out / "d.mid").unlink()
    assert reprise("queue", "clear").code == 0
    assert again(moved) == "skipped done done done"
    assert (out / "c.mid").read_bytes() == b"my own" and (out / "d.mid").read_bytes().startswith(b"MThd")
    assert [name for name in files(out) if name.endswith(".mid")] == ["a.mid", "b.mid", "c 2.mid", "c.mid", "d.mid"]
    made = {path: path.stat().st_mtime_ns for path in out.glob("*.reprise")}
    assert again(moved, "--also", "musicxml") == "done done done done" and (out / "c 2.musicxml").is_file()
    assert {path: path.stat().st_mtime_ns for path in made} == made, "made of what was there"
    assert again(moved) == "skipped skipped skipped skipped"


def test_restorations(tmp_path: Path, home: Path, machine_models: Path, installed: Callable[[str], Path]) -> None:
    installed("mtcnn")
    shutil.copytree(machine_models / "mtcnn", home / "data" / "models" / "mtcnn")
    own = tmp_path / "own.onnx"
    shutil.copy(resources() / "models" / "face-restorer-2" / "face-restorer.onnx", own)
    draw(tmp_path / "in" / "a.png", 1)
    out = tmp_path / "out"

    def again(*more: str) -> str:
        answer = reprise("batch", "restore", tmp_path / "in", "-o", out, "--workers", "1", "--restorer", "own", *more)
        assert answer.code == 0, answer.err
        return " ".join(states(out / "restored.json").values())

    def bring() -> None:
        answer = reprise("models", "import", own, "--as", "own", "--template", "ffhq", "--range=-1,1")
        assert answer.code == 0, answer.err

    bring()
    assert again() == "done"
    os.utime(tmp_path / "in" / "a.png", (5, 5))
    assert again() == "skipped"
    assert again("--fidelity", "0.9") == "done"
    # A word more in what the file says of itself makes it another revision.
    with own.open("ab") as file:
        file.write(b"\x72\x06\x0a\x04more")
    bring()
    assert again("--fidelity", "0.9") == "done"
