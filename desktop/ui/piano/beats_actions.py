"""What can be done with beats and practice playback, by menu and keys."""

from __future__ import annotations

from collections.abc import Callable

from desktop.ui.actions import Action
from desktop.ui.piano.beats_desk import BeatsDesk
from desktop.ui.piano.transport import Transport


def actions(desk: BeatsDesk, transport: Transport, open_: Callable[[], str], second: Callable[[], float]) -> list[Action]:
    """Actions of a window's beats.

    Args:
        open_: why nothing can be done now, "" when a song is open.
        second: where the playhead is.
    """

    def beats() -> str:
        return open_() or desk.blocked

    def tap() -> str:
        return open_() or desk.tap_blocked

    def by(step: int) -> Callable[[], None]:
        return lambda: transport.speed.step(step)

    speed, metronome = transport.speed, transport.metronome
    return [
        Action("beats.tap", "Tap the beat along", desk.tap, ("T",), "Piano", tap),
        Action("beats.insert", "Insert a beat at the playhead", lambda: desk.insert(second()), ("Shift+T",), "Piano", beats),
        Action("beats.remove", "Remove the beat at the playhead", lambda: desk.remove_at(second()), ("Ctrl+T",), "Piano", beats),
        Action("beats.steady", "One tempo from start to end", desk.make_steady, ("Alt+T",), "Piano", beats),
        Action("play.metronome", "Metronome", metronome.toggle, ("K",), "Play", open_, lambda: metronome.on),
        Action("play.count_in", "Count one bar in", metronome.toggle_count_in, ("Shift+K",), "Play", open_,
               lambda: metronome.counts_in),
        Action("play.slower", "Slower", by(-1), (",",), "Play", open_),
        Action("play.faster", "Faster", by(1), (".",), "Play", open_),
        Action("play.full_speed", "Full speed", lambda: speed.choose(100), ("Alt+.",), "Play", open_),
    ]  # fmt: skip
