"""``reprise play``."""

from __future__ import annotations

import signal
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import msgspec
import typer

from desktop.cli.terminal import steered
from desktop.errors import UsageError, UserError

Saved = Annotated[str, typer.Argument(metavar="COVER", help="A .reprise or MIDI file.", show_default=False)]
PortName = Annotated[
    str, typer.Option("--port", metavar="NAME", help="Port to play on; a part of its name will do.", show_default="the only one")
]
Virtual = Annotated[
    bool, typer.Option("--virtual", help="Make a port named Reprise that a software piano can listen to (not on Windows).")
]
List = Annotated[bool, typer.Option("--list", help="Print the ports that are there, and play nothing.")]
Speed = Annotated[float, typer.Option(metavar="FACTOR", help="How fast: 0.25 to 2, 1 is as written.")]
From = Annotated[int, typer.Option("--from", metavar="BAR", help="Bar to start at; 0 for the very beginning.")]
Hand = Annotated[str, typer.Option(metavar="HAND", help="Whose notes are sent: right, left or both.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object at the end instead of words.")]


def play(
    saved: Saved = "",
    port: PortName = "",
    virtual: Virtual = False,
    list_ports: List = False,
    speed: Speed = 1.0,
    bar: From = 0,
    hand: Hand = "both",
    json: Json = False,
) -> None:
    """Play a cover live on a MIDI port: a digital piano, a synthesizer, another program.

    The right hand goes to channel 1, the left hand to channel 2. Ctrl-C lets go of all keys and ends.
    """
    if list_ports:
        _print_ports(json=json)
        return
    if not saved:
        raise UsageError("COVER is missing", remedy="Name a .reprise or MIDI file, or ask for the ports with --list.")
    if port and virtual:
        raise UsageError("--port and --virtual exclude one another")
    if not 0.25 <= speed <= 2:
        raise UsageError(f"speed: {speed:g} is not between 0.25 and 2")
    if hand not in ("right", "left", "both"):
        raise UsageError(f"hand: '{hand}' is not one of right, left, both")
    _play(saved, port, virtual, speed, bar, hand, json=json)


def _play(saved: str, port: str, virtual: bool, speed: float, bar: int, hand: str, *, json: bool) -> None:
    from desktop.piano.cover import LEFT, RIGHT
    from desktop.piano.live.links import Link, Outlet, Status
    from desktop.piano.live.performance import bar_second, perform
    from desktop.piano.live.schedule import schedule
    from desktop.piano.open_cover import open_cover

    cover = open_cover(Path(saved))
    try:
        first = bar_second(cover.grid, bar) if bar else 0.0
    except ValueError as error:
        raise UsageError(f"--from: {error}") from error
    plan = schedule(cover, {"right": (RIGHT,), "left": (LEFT,), "both": (RIGHT, LEFT)}[hand])

    def changed(status: Status) -> None:
        if status.link is Link.LOST:
            print(f'\nThe MIDI port "{status.name}" is gone ({status.reason}); playing goes on.', file=sys.stderr, flush=True)
        elif status.link is Link.OPEN and lost.is_set():
            print(f'\nThe MIDI port "{status.name}" is back.', file=sys.stderr, flush=True)
        if status.link is Link.LOST:
            lost.set()

    lost = threading.Event()
    outlet = Outlet(changed)
    if virtual:
        outlet.choose_virtual()
    else:
        outlet.choose(port or _only(outlet))
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(outlet, over), daemon=True)
    watch.start()
    endings = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
    before = {number: signal.signal(number, _break_off) for number in endings}
    try:
        if virtual:
            _await_listener(json=json)
        done = perform(plan, outlet, first=first, speed=speed, tell=_tell(cover.duration, json=json))
    finally:
        over.set()
        gone = outlet.status.link is Link.LOST
        outlet.close()
        for number, handler in before.items():
            signal.signal(number, handler)
    _report(done, lost=gone, json=json)
    if gone:
        raise typer.Exit(1)


def _only(outlet: Any) -> str:
    """The port that is meant when none is named: the only one."""
    names: list[str] = outlet.names()
    if len(names) == 1:
        return names[0]
    if not names:
        raise UserError(
            "There is no MIDI port to play on", remedy="Connect a piano or start a software one, or make a port with --virtual."
        )
    known = ", ".join(f'"{name}"' for name in names)
    raise UserError("There are several MIDI ports", remedy=f"Choose one with --port: {known}.")


def _print_ports(*, json: bool) -> None:
    from desktop.piano.live.links import Inlet, Outlet

    outputs, inputs = Outlet().names(), Inlet(lambda _key: None).names()
    if json:
        print(msgspec.json.encode({"outputs": outputs, "inputs": inputs}).decode())
        return
    for title, names in (("To play on:", outputs), ("Keyboards:", inputs)):
        print(title)
        print("\n".join(f"  {name}" for name in names) or "  none")


def _await_listener(*, json: bool) -> None:
    """Let the user connect a listener to the port that was just made."""
    if json or not sys.stdin.isatty():
        return
    print('The port "Reprise" is there. Connect a software piano to it, then press Enter.', file=sys.stderr, flush=True)
    sys.stdin.readline()


def _watch(outlet: Any, over: threading.Event) -> None:
    from desktop.piano.live.links import WATCH_S

    while not over.wait(WATCH_S):
        outlet.look()


def _break_off(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _tell(duration: float, *, json: bool) -> Any:
    """Shows the time on a terminal."""
    if json or not sys.stderr.isatty():
        return lambda _second: None
    return lambda second: print(f"\r{_clock(second)} / {_clock(duration)} ", end="", file=steered(sys.stderr), flush=True)


def _clock(second: float) -> str:
    minutes, seconds = divmod(int(second), 60)
    return f"{minutes}:{seconds:02}"


def _report(done: Any, *, lost: bool, json: bool) -> None:
    if json:
        print(msgspec.json.encode({**asdict(done), "lost": lost}).decode())
        return
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(
        f"Played {done.messages} messages; they left {done.median_ms:.2f} ms late in the middle, "
        f"{done.p99_ms:.2f} ms at the 99th percentile, {done.worst_ms:.2f} ms at worst."
    )
