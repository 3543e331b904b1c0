"""What a batch is made of, and what its results are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.errors import UsageError, UserError
from desktop.piano.batch.naming import make_jobs
from desktop.piano.batch.songs import Entry, gather

COMMON = Entry(style="rock", difficulty="easy")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("b.mp3", "a.flac", "a.mp3", "disc 2/a.mp3", "notes.txt", ".hidden/c.mp3"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_a_folder_is_searched_to_the_bottom(tree: Path) -> None:
    found = gather([tree], COMMON)
    assert [str(entry.source.relative_to(tree)) for entry in found] == ["a.flac", "a.mp3", "b.mp3", "disc 2/a.mp3"]
    assert all(entry.style == "rock" and entry.difficulty == "easy" for entry in found)


def test_results_keep_apart(tree: Path, tmp_path: Path) -> None:
    jobs = make_jobs(gather([tree, tree / "b.mp3"], COMMON), str(tmp_path / "out"))
    assert [str(Path(job.output, job.stem).relative_to(tmp_path / "out")) for job in jobs] == [
        "a (flac)",
        "a (mp3)",
        "b",
        "disc 2/a",
    ]
    beside = make_jobs(gather([tree / "disc 2" / "a.mp3"], COMMON), "")
    assert beside[0].output == str(tree / "disc 2")


def test_a_template_names_the_results(tree: Path) -> None:
    entries = gather([tree], Entry(name="{number:02} {title} [{style} {composer}] {folder}"))
    assert [job.stem for job in make_jobs(entries, "out")][2:] == [
        f"03 b [pop 1] {tree.name}",
        "04 a [pop 1] disc 2",
    ]
    assert [job.stem for job in make_jobs(gather([tree], Entry(name="same/name")), "out")] == [
        "same_name (flac)",
        "same_name (mp3)",
        "same_name (mp3) 2",
        "same_name",
    ]
    for template in ("{artist}", "{title", "{title.__class__}", "{number:x y}"):
        with pytest.raises(UsageError, match="name: "):
            make_jobs(gather([tree], Entry(name=template)), "out")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_list_has_settings_of_its_own(tree: Path, delimiter: str) -> None:
    rows = [
        ["Song", "STYLE", "composer", "beats", "also", "output", "audio"],
        ["a.mp3", "ballad", "", "x2", "pdf mp4", "", "yes"],
        ["disc 2/a.mp3", "", "7", "taps.txt", "", "elsewhere", ""],
        ["not there.mp3", "", "", "", "", "", ""],
    ]
    path = tree / "list.csv"
    path.write_bytes("\n".join(delimiter.join(row) for row in rows).encode("utf-8-sig"))
    one, two, three = gather([path], COMMON)
    assert (one.source, one.style, one.beats, one.also, one.audio) == (tree / "a.mp3", "ballad", "x2", ("pdf", "mp4"), True)
    assert (two.style, two.composer, two.beats) == ("rock", 7, str(tree / "taps.txt"))
    assert two.output == str(tree / "elsewhere") and one.output == ""
    # What is missing is told by its own job: it must not keep the others from being made.
    assert three.source == tree / "not there.mp3"


def test_plain_lists(tree: Path) -> None:
    path = tree / "tape.m3u"
    path.write_bytes("#EXTM3U\n#EXTINF:12,Übung\nb.mp3\n\ndisc 2/a.mp3\n".encode("cp1252"))
    assert [entry.source.name for entry in gather([path], COMMON)] == ["b.mp3", "a.mp3"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("song,styel\na.mp3,pop", "line 1: there is no column 'styel'"),
        ("style\npop", "line 1: no column is called 'song'"),
        ("song,style\na.mp3,pop\nb.mp3,polka", "line 3: style: 'polka'"),
        ("song,composer\na.mp3,22", "line 2: composer: 22"),
        ("song,composer\na.mp3,two", "line 2: composer: 'two'"),
        ("song,also\na.mp3,gif", "line 2: also: 'gif'"),
        ("song,style\n,pop", "line 2: the song is missing"),
    ],
)
def test_lists_that_will_not_do(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(UsageError, match=said):
        gather([tmp_path / "list.csv"], COMMON)


def test_nothing_to_cover(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no songs"):
        gather([tmp_path], COMMON)
    with pytest.raises(UserError, match="cannot be read"):
        gather([tmp_path / "list.csv"], COMMON)
