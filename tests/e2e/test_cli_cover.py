"""Songs through the real command line: results, formats, input that will not do."""

from __future__ import annotations

import json
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
    """The demo, run once for several tests."""
    folder = tmp_path_factory.mktemp("covered") / "new" / "out"
    extra = {"REPRISE_HOME": str(tmp_path_factory.mktemp("home")), "REPRISE_MODELS": str(machine_models)}
    return folder, reprise("demo", "-o", folder, "--json", extra=extra)


def test_the_demo_is_made_and_told(covered: tuple[Path, Answer]) -> None:
    folder, answer = covered
    assert answer.code == 0, answer.err
    name = demo_song().stem
    wanted = {f"{name}.mid", f"{name}.reprise", f"{name}.wav"}
    assert wanted <= set(files(folder)) <= wanted | {f"{name}.png"}
    last = answer.events[-1]
    assert last["event"] == "done" and last["state"] == "done"
    result = last["result"]
    told = {"files", "title", "tempo", "meter", "key", "bars", "notes", "notes_per_second", "playability", "seconds", "device"}
    assert told <= result.keys()
    assert result["playability"]["violations"] == 0 and result["notes"] > 100
    assert all(Path(path).is_file() for path in result["files"].values())
    fractions = [event["fraction"] for event in answer.events if event["event"] == "progress"]
    assert fractions == sorted(fractions) and fractions[-1] == 1
    assert [event["kind"] for event in answer.events if event["event"] == "artifact"] == ["midi", "project", "audio"]


def test_the_picture_is_drawn_or_its_absence_explained(covered: tuple[Path, Answer]) -> None:
    folder, answer = covered
    picture = folder / f"{demo_song().stem}.png"
    if picture.exists():
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert answer.events[-1]["result"]["files"]["picture"] == str(picture)
    else:
        assert any("No picture of" in event.get("text", "") for event in answer.events)


def test_the_midi_has_two_hands(covered: tuple[Path, Answer]) -> None:
    midi = mido.MidiFile(covered[0] / f"{demo_song().stem}.mid")
    voices = [track for track in midi.tracks if any(message.type == "note_on" for message in track)]
    assert len(voices) == 2 and midi.length > 30


def test_a_cover_is_rendered(covered: tuple[Path, Answer], tmp_path: Path) -> None:
    answer = reprise("render", covered[0] / f"{demo_song().stem}.reprise", "-o", tmp_path / "song.flac")
    assert answer.code == 0, answer.err
    assert files(tmp_path) == ["song.flac"] and (tmp_path / "song.flac").stat().st_size > 100_000
    assert str(tmp_path / "song.flac") in answer.out


def test_plain_lines_say_where_everything_is(tmp_path: Path) -> None:
    song = write_wav(tmp_path / "my song.wav", tune())
    answer = reprise("cover", song, "--style", "ballad", "--difficulty", "easy", cwd=tmp_path)
    assert answer.code == 0, answer.err
    assert files(tmp_path) == ["my song.mid", "my song.reprise", "my song.wav"]
    assert str(tmp_path / "my song.mid") in answer.out and "playable by two hands" in answer.out
    assert "my song.wav:" in answer.err and "%" in answer.err


def test_songbook_is_there_without_an_installation(tmp_path: Path) -> None:
    song = write_wav(tmp_path / "song.wav", tune())
    answer = reprise("cover", song, "--engine", "songbook", "--difficulty", "full", "-o", tmp_path / "out", "--json")
    assert answer.code == 0, answer.err
    assert files(tmp_path / "out") == ["song.mid", "song.reprise"]
    result = answer.events[-1]["result"]
    assert (result["engine"], result["difficulty"], result["playability"]["violations"]) == ("songbook", "full", 0)
    assert result["notes"] > 20 and result["models"]["songbook"]


def test_beats_from_a_file(tmp_path: Path) -> None:
    song = write_wav(tmp_path / "song.wav", tune())
    (tmp_path / "beats.txt").write_text("".join(f"{n * 0.5}\t{n % 4 + 1}\n" for n in range(24)))
    answer = reprise("cover", song, "-o", tmp_path / "out", "--beats", "beats.txt", "--json", cwd=tmp_path)
    assert answer.code == 0, answer.err
    assert answer.events[-1]["result"]["tempo"] == pytest.approx(120, abs=0.5)
    (tmp_path / "beats.txt").write_text("once upon a time")
    answer = reprise("cover", song, "-o", tmp_path / "bad", "--beats", "beats.txt", cwd=tmp_path)
    assert answer.code in (1, 2) and "beats.txt" in answer.err and files(tmp_path / "bad") == []


def test_input_that_cannot_become_a_cover(tmp_path: Path) -> None:
    """One command, so that one worker meets all of it."""
    songs = {name: make(tmp_path) for name, make in BAD.items()}
    before = files(tmp_path)
    answer = reprise("cover", *songs.values(), "-o", tmp_path / "out", "--audio", "--json")
    assert answer.code == 1
    *ends, last = [event for event in answer.events if event["event"] in ("done", "failed", "summary")]
    assert last == {"event": "summary", "failed": len(songs)}
    for (name, song), end in zip(songs.items(), ends, strict=True):
        assert end["event"] == "failed" and end["path"] == str(song), (name, end)
        assert "made an error" not in end["message"] and end.get("remedy"), (name, end)
    assert files(tmp_path) == before, "no folder is left for results that were not made"


def test_an_error_says_what_happened_to_which_file(tmp_path: Path) -> None:
    song = BAD["text"](tmp_path)
    answer = reprise("cover", song, "-o", tmp_path / "out")
    assert answer.code == 1 and answer.out == ""
    error = answer.err[answer.err.index("Error: ") :].splitlines()
    assert len(error) == 3 and error[1] == f"  File: {song}" and "Traceback" not in answer.err


def test_unusual_input_becomes_a_cover(tmp_path: Path) -> None:
    songs = [make(tmp_path) for make in ODD.values()]
    answer = reprise("cover", *songs, "-o", tmp_path / "out")
    assert answer.code == 0, answer.err
    assert files(tmp_path / "out") == sorted(f"{song.stem}{ending}" for song in songs for ending in (".mid", ".reprise"))


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
