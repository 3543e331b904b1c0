"""``reprise batch``."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from desktop.cli.covers import Beats, Composer, Difficulty, Engine, Style, absolute, beats_choice
from desktop.cli.options import Device, Json, SoundFont
from desktop.cli.running import exit_code, run_jobs, settings
from desktop.cli.show import Display, display
from desktop.errors import UserError
from desktop.jobs.job import CoverJob
from desktop.jobs.rows import Row, Update
from desktop.settings import Settings

if TYPE_CHECKING:
    from desktop.piano.batch.summary import Line


def batch(
    songs: Annotated[
        list[str],
        typer.Argument(
            metavar="SONG|FOLDER|LIST",
            help="Songs, folders with songs (searched to the bottom), or lists: .txt and .m3u with a file a line, .csv with a "
            "column 'song' and, for what is to differ, style, difficulty, engine, composer, beats, name, output, audio, also.",
        ),
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="DIR", help="Folder for the results.", show_default="each song's")
    ] = "",
    style: Style = "",
    difficulty: Difficulty = "",
    engine: Engine = "sketch",
    composer: Composer = 1,
    beats: Beats = "auto",
    name: Annotated[
        str,
        typer.Option(
            metavar="TEMPLATE",
            help="Names of the results: {title}, {number}, {style}, {difficulty}, {engine}, {composer}, {folder} are filled in.",
        ),
    ] = "{title}",
    audio: Annotated[bool, typer.Option("--audio", help="Also play each cover into a WAV.")] = False,
    also: Annotated[str, typer.Option(metavar="ENDINGS", help="Also write musicxml, pdf, mp4; several with commas.")] = "",
    soundfont: SoundFont = "",
    again: Annotated[bool, typer.Option("--again", help="Also make what is there already.")] = False,
    summary: Annotated[
        str, typer.Option(metavar="FILE", help="The table, without ending.", show_default="covers in the results' folder")
    ] = "",
    jobs_at_once: Annotated[
        int, typer.Option("--jobs", metavar="N", min=0, max=16, help="Songs at a time; 0 for one a core on the CPU.")
    ] = 0,
    device: Device = "",
    json: Json = False,
) -> None:
    """Cover many songs, one after the other or several at a time, and write a table of them.

    A song that fails does not stop the rest. What is done is left alone when the command is given again. The table (CSV and JSON:
    tempo, key, notes, playability, time, what went wrong) is kept up to date while the songs are made.
    """
    from desktop.piano.batch.naming import make_jobs
    from desktop.piano.batch.songs import Entry, extras, gather

    chosen = settings()
    common = Entry(
        style=style or chosen.style,
        difficulty=difficulty or chosen.difficulty,
        engine=engine,
        composer=composer,
        beats=beats_choice(beats),
        name=name,
        audio=audio,
        also=extras(also),
    )
    entries = gather([Path(song) for song in songs], common)
    jobs = make_jobs(
        entries,
        output or chosen.output,
        soundfont=absolute(soundfont or chosen.soundfont),
        device=device or chosen.device,
    )
    table = _Table(jobs, _summary_path(summary, output or chosen.output, songs), again=again)
    table.write()
    rows = []
    if table.waiting:
        show = _Shown(display(json=json), table)
        rows = run_jobs(table.waiting, show, chosen=_workers(chosen, jobs_at_once, len(table.waiting)))
    table.close(rows)
    if not json:
        print("\n".join(table.words()))
    raise typer.Exit(exit_code(rows))


def _summary_path(given: str, output: str, songs: Sequence[str]) -> Path:
    if given:
        path = Path(given)
        return path.with_suffix("") if path.suffix.lower() in (".csv", ".json") else path
    first = Path(songs[0])
    return Path(output or (first if first.is_dir() else first.parent)) / "covers"


def _workers(chosen: Settings, wanted: int, songs: int) -> Settings:
    """A song uses several cores only while it is listened to: on the CPU as many songs as cores are quicker."""
    count = wanted or max(chosen.workers, (os.cpu_count() or 1) if chosen.device != "cuda" else 1)
    return replace(chosen, workers=max(1, min(count, songs, 16)))


class _Table:
    """The lines of all songs, those that were done before among them, and the files they go to."""

    def __init__(self, jobs: Sequence[CoverJob], path: Path, *, again: bool) -> None:
        from desktop.piano.batch.done import finished, result_files
        from desktop.piano.batch.summary import line_of_cover, waiting_line

        self._path = path
        self._lines: dict[tuple[str, str], Line] = {}
        self.waiting: list[CoverJob] = []
        for job in jobs:
            cover = None if again else finished(job)
            if cover is None:
                self.waiting.append(job)
                self._lines[_place(job)] = waiting_line(job)
            else:
                self._lines[_place(job)] = line_of_cover(job, cover, result_files(job)["project"])

    def take(self, row: Row) -> None:
        """Note how a song ended."""
        from desktop.piano.batch.summary import line_of_row

        assert isinstance(row.job, CoverJob)
        self._lines[_place(row.job)] = line_of_row(row)
        self.write()

    def write(self) -> None:
        """Write the files as things stand."""
        from desktop.paths import make_folder
        from desktop.piano.batch.summary import write_summary

        make_folder(self._path.parent)
        write_summary(list(self._lines.values()), self._path)

    def close(self, rows: Sequence[Row]) -> None:
        """Note how everything ended."""
        for row in rows:
            self.take(row)

    def words(self) -> list[str]:
        """How many songs ended how, and where the table is."""
        counts: dict[str, int] = {}
        for line in self._lines.values():
            counts[line.state] = counts.get(line.state, 0) + 1
        said = ", ".join(f"{count} {'already there' if state == 'skipped' else state}" for state, count in counts.items())
        return [f"{'Songs':<10}{len(self._lines)}: {said}", f"{'Table':<10}{self._path}.csv, {self._path.name}.json"]


def _place(job: CoverJob) -> tuple[str, str]:
    return job.output, job.name


class _Shown:
    """Shows the songs and keeps the table up to date."""

    def __init__(self, inner: Display, table: _Table) -> None:
        self._inner, self._table = inner, table
        self.say: Callable[[str], None] = inner.say

    def update(self, update: Update) -> None:
        self._inner.update(update)
        if update.row.state.is_over:
            try:
                self._table.take(update.row)
            except UserError as error:
                # The table must not stop the songs; it is written again at the end.
                self.say(str(error))

    def close(self, rows: list[Row]) -> None:
        self._inner.close(rows)
