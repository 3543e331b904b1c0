"""What can be done in the Piano panel, by menu and keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from desktop.jobs.job import DIFFICULTIES
from desktop.ui.actions import Action
from desktop.ui.piano import export
from desktop.ui.piano.beats_actions import actions as beats_actions
from desktop.ui.piano.edit_actions import actions as edit_actions
from desktop.ui.piano.live_actions import actions as live_actions

if TYPE_CHECKING:
    from desktop.ui.piano.panel import PianoPanel


def actions(panel: PianoPanel) -> list[Action]:
    """All of them."""
    canvas, song = panel.canvas, panel.song

    def open_() -> str:
        return "" if panel.isVisible() and song.is_open and not panel.in_batch else "Open a song first"

    def export_() -> str:
        return open_() or export.blocked(song)

    return [
        *_playing(panel, open_),
        *_making(panel, open_),
        *edit_actions(canvas, panel.desk),
        *beats_actions(canvas.beats, canvas.transport, open_, lambda: canvas.second),
        *live_actions(panel.inspector.live.live, open_),
        *_views(panel, open_),
        Action("file.export", "Export…", lambda: panel.export(""), ("Ctrl+E",), "File", export_),
        Action("file.demo", "Open the demo song", panel.open_demo, ("Ctrl+Shift+D",), "File"),
        Action(
            "piano.batch",
            "Batch of songs",
            lambda: panel.show_batch(not panel.in_batch),
            ("Ctrl+B",),
            "Piano",
            checked=lambda: panel.in_batch,
        ),
        Action("file.close", "Close the song", song.close, ("Ctrl+W",), "File", open_),
        *_choices(panel),
    ]


def _playing(panel: PianoPanel, open_: Callable[[], str]) -> list[Action]:
    canvas = panel.canvas

    def playable() -> str:
        return open_() or canvas.transport.reason

    return [
        Action("play.toggle", "Play or pause", panel.toggle_play, ("Space",), "Play", playable, soft=True),
        Action("play.stop", "Stop", panel.player.stop, ("Shift+Space",), "Play", playable),
        Action("play.start", "Back to the start", lambda: canvas.seek(0.0), ("Home",), "Play", open_, soft=True),
        Action("play.end", "To the end", lambda: canvas.seek(canvas.timeline.duration), ("End",), "Play", open_, soft=True),
        Action("play.loop", "Loop", canvas.toggle_loop, ("L",), "Play", open_, lambda: canvas.loop_on),
        Action("play.loop_start", "Loop starts here", lambda: canvas.set_loop_end(False), ("[",), "Play", open_),
        Action("play.loop_end", "Loop ends here", lambda: canvas.set_loop_end(True), ("]",), "Play", open_),
        Action("play.flip", "Original or cover", panel.flip, ("C",), "Play", playable),
        Action("play.mute", "Mute", panel.mute, ("M",), "Play", playable),
    ]


def _making(panel: PianoPanel, open_: Callable[[], str]) -> list[Action]:
    song = panel.song

    def grid() -> str:
        return open_() or ("" if song.grid is not None else "No beats have been found yet")

    def source() -> str:
        return open_() or ("" if song.source is not None else "The original is not there")

    def covering() -> str:
        return "" if song.covering else "Nothing is being made"

    def take() -> str:
        return open_() or panel.bars.blocked

    return [
        Action("piano.run", "Make the cover again", song.run, ("Ctrl+R",), "Piano", source),
        Action("piano.cancel", "Stop making the cover", song.cancel, ("Ctrl+.",), "Piano", covering),
        Action("piano.take", "Write the chosen bars again", panel.take_again, ("R",), "Piano", take),
        Action("piano.double", "Beats: twice as many", lambda: song.correct("x2"), ("Ctrl+Up",), "Piano", grid),
        Action("piano.half", "Beats: half as many", lambda: song.correct("half"), ("Ctrl+Down",), "Piano", grid),
        Action("piano.shift", "Beats: half a beat later", lambda: song.correct("shift"), ("Ctrl+Right",), "Piano", grid),
        Action("piano.downbeat", "A bar starts at the playhead", panel.downbeat_here, ("D",), "Piano", grid),
        Action("piano.auto", "Beats: as they were found", lambda: song.correct("auto"), ("Ctrl+0",), "Piano", grid),
    ]


def _views(panel: PianoPanel, open_: Callable[[], str]) -> list[Action]:
    canvas = panel.canvas

    def shown(view: str) -> bool:
        return canvas.view == view

    found = [
        Action("view.zoom_in", "Zoom in", lambda: canvas.zoom(1.5), ("+", "="), "View", open_),
        Action("view.zoom_out", "Zoom out", lambda: canvas.zoom(1 / 1.5), ("-",), "View", open_),
        Action("view.fit", "Show the whole song", canvas.fit, ("F",), "View", open_),
    ]
    for number, (view, title) in enumerate(canvas.views.items(), 1):
        run = partial(canvas.show_view, view)
        found.append(Action(f"view.{view}", f"View: {title}", run, (str(number),), "View", open_, partial(shown, view)))
    return found


def _choices(panel: PianoPanel) -> list[Action]:
    found = []
    for number, (style, card) in enumerate(panel.inspector.styles.cards.items(), 1):
        run = partial(panel.choose_style, style)
        found.append(Action(f"piano.style_{style}", f"Style: {card.text()}", run, (f"Alt+{number}",), "Piano"))
    for key, level in zip("890", DIFFICULTIES, strict=True):
        run = partial(panel.choose_difficulty, level)
        found.append(Action(f"piano.{level}", f"Difficulty: {level.capitalize()}", run, (f"Alt+{key}",), "Piano"))
    return found
