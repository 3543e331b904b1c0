"""Job kinds that turn a saved cover into a score or a video."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

from desktop.errors import UsageError
from desktop.jobs.base import Job, choose, require

SCORE_FORMATS = ("musicxml", "mxl", "pdf", "svg")
PAPERS = ("a4", "letter")
VIDEO_FORMATS = ("mp4", "mov", "webm", "mkv")
VIDEO_STYLES = ("night", "paper", "neon", "plain")
VIDEO_KEYS = ("auto", "all", "used")
FRAME_RATES = (24, 25, 30, 50, 60, 120)
_SIZE = re.compile(r"(\d{2,5})x(\d{2,5})")


class ScoreJob(Job, frozen=True, kw_only=True, tag="score"):
    """Write a saved cover (``.reprise``) as a piano score.

    ``output`` is one file; an ``.svg`` of several pages becomes ``NAME-1.svg``, ``NAME-2.svg``, ...

    Attributes:
        paper: size of PDF and SVG pages, one of ``PAPERS``.
        chords: whether chord symbols stand above the staves.
    """

    runner: ClassVar[str] = "desktop.piano.score.job:run_score"
    cover: str
    output: str
    paper: str = "a4"
    chords: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require("cover", self.cover)
        choose("output", Path(self.output).suffix.lstrip(".").lower(), SCORE_FORMATS)
        choose("paper", self.paper, PAPERS)

    @property
    def title(self) -> str:
        return f"Score of {Path(self.cover).stem}"

    @property
    def folders(self) -> tuple[Path, ...]:
        return (Path(self.output).parent,)


class PagesJob(Job, frozen=True, kw_only=True, tag="pages"):
    """Engrave a saved cover for the screen: pages as SVG and where each moment of the song stands on them.

    Attributes:
        folder: where ``page-1.svg``, ... and ``places.json`` go; made when absent.
        width, height: of a page in pixels at the zoom it is engraved for.
    """

    runner: ClassVar[str] = "desktop.piano.score.job:run_pages"
    cover: str
    folder: str
    width: int = 1000
    height: int = 1400
    chords: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require("cover", self.cover)
        require("folder", self.folder)
        if not (200 <= self.width <= 10_000 and 200 <= self.height <= 20_000):
            raise UsageError(f"width, height: a page of {self.width}×{self.height} cannot be engraved")

    @property
    def title(self) -> str:
        return f"Pages of {Path(self.cover).stem}"


class WaterfallJob(Job, frozen=True, kw_only=True, tag="waterfall"):
    """Make the falling-notes video of a saved cover (``.reprise``); its container comes from ``output``'s ending.

    Attributes:
        size: WIDTHxHEIGHT in pixels, even, 160x90 to 7680x4320.
        fps: frames a second, one of ``FRAME_RATES``.
        style: looks, one of ``VIDEO_STYLES``.
        caption: words at the start; none when empty.
        background: picture behind the notes; none when empty.
        transparent: nothing behind notes and keys: ProRes 4444 in a .mov, VP9 with alpha in a .webm.
        lead: seconds that a note falls before it sounds.
        keys: "all" 88, the octaves that are "used", or "auto": all where the picture is wider than high.
        chords: whether chord names fall along.
        sound: whether the cover is heard.
        first, last: seconds of the cover to show; ``last`` 0 for its end.
    """

    runner: ClassVar[str] = "desktop.piano.waterfall.job:run_waterfall"
    cover: str
    output: str
    size: str = "1920x1080"
    fps: int = 60
    style: str = "night"
    caption: str = ""
    background: str = ""
    transparent: bool = False
    lead: float = 3.0
    keys: str = "auto"
    chords: bool = False
    sound: bool = True
    soundfont: str = ""
    first: float = 0.0
    last: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require("cover", self.cover)
        ending = Path(self.output).suffix.lstrip(".").lower()
        choose("output", ending, VIDEO_FORMATS)
        choose("style", self.style, VIDEO_STYLES)
        choose("keys", self.keys, VIDEO_KEYS)
        width, height = self.pixels
        if width % 2 or height % 2 or not (160 <= width <= 7680 and 90 <= height <= 4320):
            raise UsageError(f"size: {self.size} must be even and between 160x90 and 7680x4320")
        if self.fps not in FRAME_RATES:
            raise UsageError(f"fps: {self.fps} is not one of {', '.join(map(str, FRAME_RATES))}")
        if not 0.5 <= self.lead <= 20:
            raise UsageError(f"lead: {self.lead:g} is not between 0.5 and 20 seconds")
        if self.first < 0 or (self.last and self.last <= self.first):
            raise UsageError("first, last: the end must come after the start")
        if self.transparent and ending not in ("mov", "webm"):
            raise UsageError("transparent: only .mov (ProRes 4444) and .webm (VP9) keep what lies behind visible")
        if self.transparent and self.background:
            raise UsageError("background: a transparent video has none")

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height."""
        found = _SIZE.fullmatch(self.size)
        if found is None:
            raise UsageError(f"size: '{self.size}' is not of the form 1920x1080")
        return int(found[1]), int(found[2])

    @property
    def title(self) -> str:
        return f"Falling notes of {Path(self.cover).stem}"

    @property
    def folders(self) -> tuple[Path, ...]:
        return (Path(self.output).parent,)
