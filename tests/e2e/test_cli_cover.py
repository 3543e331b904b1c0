"""Songs through the real command line: results, formats, input that will not do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import mido
import numpy as np
import pytest

from desktop.cli.covers import demo_song
from tests.e2e.command import Answer, files, reprise
from tests.e2e.media import BAD, ODD, tune, write_wav

pytestmark = pytest.mark.usefixtures("home_with_models")


@pytest.fixture(scope="module")
def covered(tmp_path_factory: pytest.TempPathFactory, machine_models: Path) -> tuple[Path, Answer]:
    """The demo song, covered once for several tests."""
    folder = tmp_path_factory.mktemp("covered")
    extra = {"REPRISE_HOME": str(tmp_path_factory.mktemp("home")), "REPRISE_MODELS": str(machine_models)}
    answer = reprise(
        "cover", demo_song(), "-o", folder / "new" / "out", "--name", "demo", "--audio", "--picture", "--json", extra=extra
    )
    return folder / "new" / "out", answer


def test_a_cover_is_made_and_told(covered: tuple[Path, Answer]) -> None:
    folder, answer = covered
    assert answer.code == 0, answer.err
    assert {"demo.mid", "demo.reprise", "demo.wav"} <= set(files(folder)) <= {"demo.mid", "demo.reprise", "demo.wav", "demo.png"}
    last = answer.events[-1]
    assert last["event"] == "done" and last["state"] == "done"
    result = last["result"]
    assert {
        "files",
        "title",
        "tempo",
        "meter",
        "key",
        "bars",
        "notes",
        "notes_per_second",
        "playability",
        "seconds",
    } <= result.keys()
    assert result["playability"]["violations"] == 0 and result["notes"] > 100
    assert all(Path(path).is_file() for path in result["files"].values())
    fractions = [event["fraction"] for event in answer.events if event["event"] == "progress"]
    assert fractions == sorted(fractions) and fractions[-1] == 1
    assert any(event.get("remaining_s") is not None for event in answer.events)
    assert [event["kind"] for event in answer.events if event["event"] == "artifact"] == ["midi", "project", "audio"]


def test_the_picture_is_drawn_or_its_absence_explained(covered: tuple[Path, Answer]) -> None:
    folder, answer = covered
    if (folder / "demo.png").exists():
        assert (folder / "demo.png").read_bytes().startswith(b"\x89PNG")
        assert answer.events[-1]["result"]["files"]["picture"] == str(folder / "demo.png")
    else:
        assert any("No picture of demo.reprise" in event.get("text", "") for event in answer.events)


def test_the_midi_has_two_hands(covered: tuple[Path, Answer]) -> None:
    midi = mido.MidiFile(covered[0] / "demo.mid")
    voices = [track for track in midi.tracks if any(message.type == "note_on" for message in track)]
    assert len(voices) == 2 and midi.length > 30


@pytest.mark.parametrize("ending", ["wav", "mp3"])
def test_a_cover_is_rendered(covered: tuple[Path, Answer], tmp_path: Path, ending: str) -> None:
    answer = reprise("render", covered[0] / "demo.reprise", "-o", tmp_path / f"song.{ending}")
    assert answer.code == 0, answer.err
    assert files(tmp_path) == [f"song.{ending}"] and (tmp_path / f"song.{ending}").stat().st_size > 100_000
    assert str(tmp_path / f"song.{ending}") in answer.out


def test_plain_lines_say_where_everything_is(tmp_path: Path) -> None:
    song = write_wav(tmp_path / "my song.wav", tune())
    answer = reprise("cover", song, "--style", "ballad", "--difficulty", "easy", cwd=tmp_path)
    assert answer.code == 0, answer.err
    assert files(tmp_path) == ["my song.mid", "my song.reprise", "my song.wav"]
    assert str(tmp_path / "my song.mid") in answer.out and "playable by two hands" in answer.out
    assert "my song.wav:" in answer.err and "%" in answer.err


def test_the_same_song_gives_the_same_cover(tmp_path: Path) -> None:
    song = write_wav(tmp_path / "song.wav", tune())
    made = []
    for folder in ("one", "two"):
        assert reprise("cover", song, "-o", tmp_path / folder).code == 0
        made.append((tmp_path / folder / "song.mid").read_bytes())
    assert made[0] == made[1]


def test_beats_from_a_file(tmp_path: Path) -> None:
    song = write_wav(tmp_path / "song.wav", tune())
    (tmp_path / "beats.txt").write_text("".join(f"{n * 0.5}\t{n % 4 + 1}\n" for n in range(24)))
    answer = reprise("cover", song, "-o", tmp_path / "out", "--beats", "beats.txt", "--json", cwd=tmp_path)
    assert answer.code == 0, answer.err
    assert answer.events[-1]["result"]["tempo"] == pytest.approx(120, abs=0.5)
    (tmp_path / "beats.txt").write_text("once upon a time")
    answer = reprise("cover", song, "-o", tmp_path / "bad", "--beats", "beats.txt", cwd=tmp_path)
    assert answer.code in (1, 2) and "beats.txt" in answer.err and files(tmp_path / "bad") == []


@pytest.mark.parametrize("make", BAD.values(), ids=BAD.keys())
def test_input_that_cannot_become_a_cover(make: Callable[[Path], Path], tmp_path: Path) -> None:
    song = make(tmp_path)
    before = files(tmp_path)
    answer = reprise("cover", song, "-o", tmp_path / "out", "--audio")
    assert (answer.code == 1 and answer.err.startswith("Error:")) or "\nError:" in answer.err
    assert song.name in answer.err and "Traceback" not in answer.err and "made an error" not in answer.err
    assert files(tmp_path / "out") == [] and set(files(tmp_path)) - {"out"} == set(before)


@pytest.mark.parametrize("make", ODD.values(), ids=ODD.keys())
def test_unusual_input_becomes_a_cover(make: Callable[[Path], Path], tmp_path: Path) -> None:
    song = make(tmp_path)
    answer = reprise("cover", song, "-o", tmp_path / "out")
    assert answer.code == 0, answer.err
    assert files(tmp_path / "out") == [f"{song.stem}.mid", f"{song.stem}.reprise"]


def test_noise_is_refused_or_covered_but_never_breaks(tmp_path: Path) -> None:
    song = write_wav(tmp_path / "noise.wav", np.random.default_rng(1).normal(size=22050 * 10) * 0.2)
    answer = reprise("cover", song, "-o", tmp_path / "out")
    assert answer.code in (0, 1) and "Traceback" not in answer.err and "made an error" not in answer.err
    assert files(tmp_path / "out") == ([] if answer.code else ["noise.mid", "noise.reprise"])


def test_one_bad_song_does_not_stop_the_others(tmp_path: Path) -> None:
    good, bad = write_wav(tmp_path / "good.wav", tune()), BAD["text"](tmp_path)
    answer = reprise("cover", bad, good, "-o", tmp_path / "out", "--json")
    assert answer.code == 1 and files(tmp_path / "out") == ["good.mid", "good.reprise"]
    assert answer.events[-1] == {"event": "summary", "done": 1, "failed": 1}
    listed = json.loads(reprise("queue", "list", "--json").out)
    assert [row["state"] for row in listed] == ["failed", "done"]


def test_a_soundfont_that_is_none(tmp_path: Path) -> None:
    song = write_wav(tmp_path / "song.wav", tune())
    (tmp_path / "piano.sf2").write_text("once upon a time")
    for soundfont in ("piano.sf2", "missing.sf2"):
        answer = reprise("cover", song, "-o", tmp_path / "out", "--audio", "--soundfont", tmp_path / soundfont)
        assert answer.code == 1 and soundfont in answer.err and "Traceback" not in answer.err
        assert files(tmp_path / "out") == []


def test_a_cover_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.reprise").write_text("once upon a time")
    for name in ("x.reprise", "missing.reprise"):
        answer = reprise("render", tmp_path / name, "-o", tmp_path / "x.wav")
        assert answer.code == 1 and name in answer.err and files(tmp_path) == ["x.reprise"]


def test_the_demo(tmp_path: Path) -> None:
    answer = reprise("demo", cwd=tmp_path)
    assert answer.code == 0, answer.err
    made = files(tmp_path / "reprise-demo")
    assert {Path(name).suffix for name in made} >= {".mid", ".reprise", ".wav"}
    assert all(name in answer.out for name in made)
    assert "playable by two hands" in answer.out and "beats a minute" in answer.out
