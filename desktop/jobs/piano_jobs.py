"""The piano's job kinds."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import msgspec

from desktop.errors import UsageError
from desktop.jobs.base import Job, choose, require
from desktop.names import file_stem

STYLES = ("pop", "ballad", "arpeggio", "stride", "rock", "chorale")
DIFFICULTIES = ("easy", "medium", "full")
BEAT_CHANGES = ("auto", "x2", "half", "shift")
AUDIO_FORMATS = ("wav", "flac", "ogg", "mp3")
ENGINES = ("sketch", "songbook", "pop2piano")
COMPOSERS = range(1, 22)
"""Arrangers that Pop2Piano has learnt from."""


EXTRAS = ("musicxml", "pdf", "mp4")
KINDS = {"musicxml": "score", "pdf": "pdf", "mp4": "video"}
"""What the file of each of ``EXTRAS`` is called among a cover's results."""
ENDINGS = {"midi": "mid", "project": "reprise", "audio": "wav", **{kind: ending for ending, kind in KINDS.items()}}
"""Ending of a result's file, by what it is called."""


def check_composer(composer: int) -> None:
    """Raise UsageError unless there is such a composer."""
    if composer not in COMPOSERS:
        raise UsageError(f"composer: {composer} is not between {COMPOSERS[0]} and {COMPOSERS[-1]}")


class CoverJob(Job, frozen=True, kw_only=True, tag="cover"):
    """Turn a song into a piano cover.

    Writes ``NAME.mid`` and ``NAME.reprise`` into ``output``, and ``NAME.wav`` when ``audio`` is set.

    Attributes:
        source: audio or video file.
        output: folder for the results; made when absent.
        name: stem of the results; the source's stem when empty.
        beats: a correction of the found grid (``BEAT_CHANGES``) or a file of beats (seconds, tab, number in the bar).
        soundfont: SF2 or SF3 file for the audio; the default one when empty.
        composer: whose manner Pop2Piano takes, one of ``COMPOSERS``; other engines have no use for it.
        also: further results, each ``NAME`` with that ending (``EXTRAS``).
        project: the ``NAME.reprise`` that an earlier run of this very job left: only what is missing beside it is made, of it.
    """

    runner: ClassVar[str] = "desktop.piano.job:run_cover"
    is_remembered: ClassVar[bool] = True
    source_noun: ClassVar[str] = "song"
    incidental: ClassVar[frozenset[str]] = frozenset({"output", "name", "device", "audio", "soundfont", "also", "project"})
    source: str
    output: str
    name: str = ""
    engine: str = "sketch"
    style: str = "pop"
    difficulty: str = "medium"
    beats: str = "auto"
    audio: bool = False
    soundfont: str = ""
    composer: int = 1
    also: tuple[str, ...] = ()
    project: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        require("source", self.source)
        require("output", self.output)
        choose("engine", self.engine, ENGINES)
        check_composer(self.composer)
        for ending in self.also:
            choose("also", ending, EXTRAS)
        choose("style", self.style, STYLES)
        choose("difficulty", self.difficulty, DIFFICULTIES)
        # A file is looked for when the job runs: an old job stays readable after its file has gone.
        if self.beats not in BEAT_CHANGES and not Path(self.beats).is_absolute() and not Path(self.beats).is_file():
            raise UsageError(f"beats: '{self.beats}' is neither a file nor one of {', '.join(BEAT_CHANGES)}")
        if Path(self.name).name != self.name:
            raise UsageError(f"name: '{self.name}' must be a plain file name without folders")

    @property
    def stem(self) -> str:
        """File name of the results, without extension."""
        return self.name or Path(self.source).stem

    @property
    def title(self) -> str:
        return Path(self.source).name

    @property
    def sources(self) -> tuple[Path, ...]:
        beats = () if self.beats in BEAT_CHANGES else (Path(self.beats),)
        return (Path(self.source), *beats)

    @property
    def folders(self) -> tuple[Path, ...]:
        return (Path(self.output),)

    @property
    def place(self) -> str:
        return str(Path(self.output).absolute() / file_stem(self.stem))

    @property
    def results(self) -> dict[str, Path]:
        wanted = ("midi", "project", *(("audio",) if self.audio else ()), *(KINDS[ending] for ending in self.also))
        place = self.place
        return {kind: Path(f"{place}.{ENDINGS[kind]}") for kind in wanted}

    @property
    def manners(self) -> dict[str, str]:
        return {"audio": self.soundfont, "video": self.soundfont}

    def elsewhere(self, number: int) -> CoverJob:
        return msgspec.structs.replace(self, name=f"{self.stem} {number}")


class ListenJob(Job, frozen=True, kw_only=True, tag="listen"):
    """Decode a song for playback: 44.1 kHz stereo PCM WAV and waveform peaks in the cache folder."""

    runner: ClassVar[str] = "desktop.piano.job:run_listen"
    source: str

    def __post_init__(self) -> None:
        super().__post_init__()
        require("source", self.source)

    @property
    def title(self) -> str:
        return f"Listen to {Path(self.source).name}"


class RenderJob(Job, frozen=True, kw_only=True, tag="render"):
    """Play a saved cover (``.reprise``) into an audio file (format by its extension).

    Attributes:
        soundfont: SF2 or SF3 file; the default one when empty.
        instrument: VST3 instrument that plays instead of a SoundFont; needs the ``vst`` extra.
    """

    runner: ClassVar[str] = "desktop.piano.job:run_render"
    cover: str
    output: str
    soundfont: str = ""
    instrument: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        require("cover", self.cover)
        choose("output", Path(self.output).suffix.lstrip(".").lower(), AUDIO_FORMATS)

    @property
    def title(self) -> str:
        return f"Audio of {Path(self.cover).stem}"

    @property
    def folders(self) -> tuple[Path, ...]:
        return (Path(self.output).parent,)
