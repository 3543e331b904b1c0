"""Small sources of many kinds, made on the spot, and the jobs that are to be done with them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from desktop.jobs.job import AnyJob, CoverJob, LabelJob, RenderJob, RestoreJob, ScoreJob
from desktop.piano.project import save_project
from tests.e2e.clips import make_clip
from tests.e2e.media import tune, write_wav
from tests.piano.live.small import NOTES, small_cover

MIX = ("cover", "score", "restore", "cover", "render", "score", "cover", "restore", "label", "score")
"""Kinds of ten jobs in a row; the first restoration is an image's, the second a clip's."""
SHORT_MIX = ("cover", "score", "cover", "restore", "score", "cover")
_SONG_S = 3.0
_CLIP_FRAMES = 6
_ROWS = 30


class Maker:
    """Makes jobs with sources and places of their own.

    Attributes:
        head: exported folder of a small classifier; jobs that would label make scores where it is None.
    """

    def __init__(self, sources: Path, output: Path, head: Path | None = None) -> None:
        self._sources, self._output, self._head = sources, output, head
        self._song = tune(_SONG_S)
        self._image = np.zeros((64, 80, 3), np.uint8)

    def jobs(self, count: int, mix: tuple[str, ...]) -> list[AnyJob]:
        """So many jobs, each with a source of its own that no other one equals."""
        made: list[AnyJob] = []
        for number in range(count):
            kind = mix[number % len(mix)]
            kind = "score" if kind == "label" and self._head is None else kind
            is_clip = kind == "restore" and mix.index("restore") != number % len(mix)
            made.append(getattr(self, "_clip" if is_clip else f"_{kind}")(f"{number:03d}", number))
        return made

    def _place(self, kind: str, name: str) -> Path:
        """Where the result of a job goes, in a folder that is there."""
        folder = self._output / kind
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name

    def _source(self, name: str) -> Path:
        self._sources.mkdir(parents=True, exist_ok=True)
        return self._sources / name

    def _cover(self, name: str, number: int) -> CoverJob:
        # One sample that differs makes another song of it, for which no analysis is kept.
        song = self._song.copy()
        song[number] += 0.01
        source = write_wav(self._source(f"{name}.wav"), song * 0.9)
        return CoverJob(source=str(source), output=str(self._place("covers", "")), device="cpu")

    def _project(self, name: str, number: int) -> Path:
        source = self._source(f"{name}.reprise")
        start, end, pitch, velocity, hand = NOTES[-1]
        save_project(small_cover((*NOTES[:-1], (start, end, pitch + number % 12, velocity, hand))), source)
        return source

    def _score(self, name: str, number: int) -> ScoreJob:
        return ScoreJob(cover=str(self._project(name, number)), output=str(self._place("scores", f"{name}.musicxml")))

    def _render(self, name: str, number: int) -> RenderJob:
        return RenderJob(cover=str(self._project(name, number)), output=str(self._place("audio", f"{name}.wav")))

    def _restore(self, name: str, number: int) -> RestoreJob:
        y, x = np.mgrid[0:64, 0:80]
        done, data = cv2.imencode(".png", np.stack([x, y * 2, np.full_like(x, number)], -1).astype(np.uint8))
        assert done
        source = self._source(f"{name}.png")
        source.write_bytes(data.tobytes())
        return RestoreJob(source=str(source), output=str(self._place("images", f"{name}.png")), device="cpu")

    def _clip(self, name: str, number: int) -> RestoreJob:
        source = make_clip(self._source(f"{name}.mp4"), _CLIP_FRAMES + number % 5, sound=False)
        return RestoreJob(source=str(source), output=str(self._place("clips", f"{name}.mp4")), device="cpu")

    def _label(self, name: str, number: int) -> LabelJob:
        source, output = self._source(f"{name}.csv"), self._place("labels", f"{name}.csv")
        lines = [f"{number}-{line},bills{line % 12} word{number % 40} boats{line % 5}" for line in range(_ROWS)]
        source.write_text("\n".join(["id,text", *lines, ""]), encoding="utf-8")
        return LabelJob(model=str(self._head), source=str(source), output=str(output), device="cpu")


def source_of(job: AnyJob) -> Path:
    """The file that a job reads."""
    return Path(str(getattr(job, "source", "") or getattr(job, "cover", "")))


def results_of(job: AnyJob) -> list[Path]:
    """The files that a job leaves, by its words alone."""
    if isinstance(job, CoverJob):
        return [Path(job.output) / f"{job.stem}{ending}" for ending in (".mid", ".reprise")]
    return [Path(str(getattr(job, "output")))]  # noqa: B009 - not every kind has one


def write_anew(path: Path) -> None:
    """Change a source's content, so that it stays one."""
    data = path.read_bytes()
    if path.suffix == ".wav":
        data = data[:-1] + bytes([data[-1] ^ 1])
    elif path.suffix == ".csv":
        data = data.replace(b"word", b"ward")
    elif path.suffix == ".mp4":
        data += b"\0\0\0\x08free"
    else:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        done, encoded = cv2.imencode(".png", 255 - picture)
        assert done
        data = encoded.tobytes()
    path.write_bytes(data)
