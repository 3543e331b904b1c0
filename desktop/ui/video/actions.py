"""What can be done in the Video panel, with its keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from desktop.ui.actions import Action
from desktop.ui.widgets.compare_view import Mode

if TYPE_CHECKING:
    from desktop.ui.video.panel import VideoPanel

ZOOM = 2**0.5
Reason = Callable[[], str]


def actions_of(panel: VideoPanel) -> list[Action]:
    """All actions of the panel."""
    return [*_playing(panel), *_viewing(panel), *_working(panel)]


def _reasons(panel: VideoPanel) -> tuple[Reason, Reason, Reason]:
    clip = panel.clip

    def open_() -> str:
        return "" if clip.is_open and clip.error is None else "Open a clip first"

    def timed() -> str:
        return open_() or ("" if clip.is_timed else "An image has no time")

    def pair() -> str:
        return open_() or ("" if panel.canvas.view.compares else "There is nothing to compare with yet")

    return open_, timed, pair


def _seconds(panel: VideoPanel, count: float) -> None:
    panel.clip.seek(panel.clip.shown.time + count)


def _playing(panel: VideoPanel) -> list[Action]:
    clip, menu = panel.clip, "Play"
    open_, timed, _ = _reasons(panel)
    return [
        Action("video.play", "Play or pause", clip.toggle_play, ("Space",), menu, timed, soft=True),
        Action("video.back", "One frame back", lambda: clip.step(-1), ("Left",), menu, open_, soft=True),
        Action("video.on", "One frame on", lambda: clip.step(1), ("Right",), menu, open_, soft=True),
        Action("video.second_back", "One second back", partial(_seconds, panel, -1.0), ("Shift+Left",), menu, timed, soft=True),
        Action("video.second_on", "One second on", partial(_seconds, panel, 1.0), ("Shift+Right",), menu, timed, soft=True),
        Action("video.start", "To the start", lambda: clip.seek(0.0), ("Home",), menu, timed, soft=True),
        Action("video.end", "To the end", lambda: clip.seek(clip.look.duration), ("End",), menu, timed, soft=True),
        Action("video.shot_back", "To the shot before", lambda: clip.shot(-1), ("PgUp",), menu, timed, soft=True),
        Action("video.shot_on", "To the next shot", lambda: clip.shot(1), ("PgDown",), menu, timed, soft=True),
        Action("video.mute", "Mute", panel.mute, ("M",), menu, timed),
    ]  # fmt: skip


def _viewing(panel: VideoPanel) -> list[Action]:
    view, menu = panel.canvas.view, "View"
    open_, _, pair = _reasons(panel)

    def mode(wanted: Mode) -> None:
        view.set_mode(Mode.SPLIT if view.mode is wanted else wanted)

    return [
        Action("video.flip", "Swap before and after while held", panel.flip, ("X",), menu, pair, soft=True),
        Action("video.split", "Split", lambda: view.set_mode(Mode.SPLIT), ("W",), menu, pair, lambda: view.mode is Mode.SPLIT),
        Action("video.side", "Side by side", lambda: mode(Mode.SIDE), ("S",), menu, pair, lambda: view.mode is Mode.SIDE),
        Action("video.difference", "Difference", lambda: mode(Mode.DIFFERENCE), ("D",), menu, pair,
               lambda: view.mode is Mode.DIFFERENCE),
        Action("video.faces", "Outline the faces", lambda: view.set_show_marks(not view.show_marks), ("T",), menu, open_,
               lambda: view.show_marks),
        Action("video.pixels", "Enlarged pixels as squares", lambda: view.set_as_pixels(not view.as_pixels), ("N",), menu, open_,
               lambda: view.as_pixels),
        Action("video.zoom_in", "Zoom in", lambda: view.zoom_by(ZOOM), ("+", "="), menu, open_),
        Action("video.zoom_out", "Zoom out", lambda: view.zoom_by(1 / ZOOM), ("-",), menu, open_),
        Action("video.fit", "Show the whole picture", view.fit, ("F",), menu, open_),
        Action("video.actual", "One to one", lambda: view.set_zoom(1.0), ("1",), menu, open_),
        Action("video.double", "Twice as large", lambda: view.set_zoom(2.0), ("2",), menu, open_),
        Action("video.full", "Picture on all of the screen", lambda: panel.show_alone(not panel.alone), ("Ctrl+F",), menu, open_,
               lambda: panel.alone),
        Action("video.leave_full", "Back to the window", lambda: panel.show_alone(False), ("Esc",), menu,
               lambda: "" if panel.alone else "The window is there", soft=True),
    ]  # fmt: skip


def _working(panel: VideoPanel) -> list[Action]:
    clip, menu = panel.clip, "Video"
    open_, timed, _ = _reasons(panel)

    def runnable() -> str:
        return open_() or ("It is being restored" if clip.running is not None else panel.inspector.blocked)

    def all_() -> str:
        return panel.batch.blocked or panel.inspector.blocked

    def running() -> str:
        return "" if clip.running is not None else "Nothing is being restored"

    return [
        Action("video.run", "Restore the clip", panel.run, ("Ctrl+R",), menu, runnable),
        Action("video.run_all", "Restore all clips", panel.run_all, ("Ctrl+Shift+R",), menu, all_),
        Action("video.same", "Same choices for all clips", panel.choose_for_all, ("Ctrl+Shift+A",), menu, open_),
        Action("video.folder", "Add a folder of clips…", panel.ask_folder, ("Ctrl+Alt+O",), "File"),
        Action("video.cancel", "Stop restoring", panel.cancel, ("Ctrl+.",), menu, running),
        Action("video.follow", "Show what is being restored", lambda: clip.follow(not clip.following), ("G",), menu, running,
               lambda: clip.following),
        Action("video.in", "The part begins here", lambda: panel.mark(False), ("I",), menu, timed),
        Action("video.out", "The part ends here", lambda: panel.mark(True), ("O",), menu, timed),
        Action("video.whole", "Restore all of it", panel.choose_all, ("Shift+I",), menu, timed),
        Action("video.place", "Choose where the result goes…", panel.ask_place, ("Ctrl+E",), "File", open_),
        Action("video.compare", "Compare with another file…", panel.ask_compare, ("Ctrl+Shift+O",), "File", timed),
        Action("video.demo", "Open the demo clip", panel.open_demo, ("Ctrl+Shift+D",), "File"),
        Action("video.close", "Close the clip", panel.close_clip, ("Ctrl+W",), "File", open_),
    ]  # fmt: skip
