"""What can be done with MIDI ports and practising, by menu and keys."""

from __future__ import annotations

from collections.abc import Callable

from desktop.piano.live.links import Link
from desktop.ui.actions import Action
from desktop.ui.piano.live_practice import Hand
from desktop.ui.piano.live_session import Live

HANDS_IN_TURN = (Hand.RIGHT, Hand.LEFT, Hand.BOTH)


def actions(live: Live, open_: Callable[[], str]) -> list[Action]:
    """Actions of a window's ``Live``; ``open_`` says why nothing can be done now, "" when a song is open."""

    def cover() -> str:
        return open_() or ("" if live.has_cover else "There is no cover yet")

    def port() -> str:
        return "" if live.ports.output.link is Link.OPEN else "No MIDI port is played on"

    def toggle(mode: str) -> Callable[[], None]:
        return lambda: live.choose_mode("off" if live.mode == mode else mode)

    def next_hand() -> None:
        live.choose_hand(HANDS_IN_TURN[(HANDS_IN_TURN.index(live.practising.hand) + 1) % len(HANDS_IN_TURN)])

    return [
        Action("live.wait", "Practise: wait for me", toggle("wait"), ("W",), "Play", cover, lambda: live.mode == "wait"),
        Action("live.follow", "Practise: in time", toggle("follow"), ("Shift+W",), "Play", cover, lambda: live.mode == "follow"),
        Action("live.hand", "Practise: other hand", next_hand, ("Alt+H",), "Play", cover),
        Action("live.silence", "Let go of all MIDI keys", live.ports.silence, ("Ctrl+Shift+.",), "Play", port),
    ]
