"""The keeper of a queue: looks at the computer every few seconds, holds the queue and lets it go on."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from desktop.errors import UserError
from desktop.jobs.guards import after, battery, space
from desktop.jobs.guards.after import Action
from desktop.jobs.guards.battery import Charge
from desktop.jobs.guards.hours import Hours
from desktop.jobs.guards.rules import Facts, Guard, Limits, holds
from desktop.jobs.guards.sleep import Awake
from desktop.jobs.job import AnyJob, EvaluateJob, TuneJob
from desktop.jobs.rows import Owner, Row, Update
from desktop.jobs.states import State

if TYPE_CHECKING:
    from desktop.jobs.queue import Queue
    from desktop.jobs.store import Store

PERIOD_S = 3.0
_GRACE_PERIOD_S = 0.5
_TELL_SLEEP_AFTER_S = 60.0
_LOOK_AHEAD = 8

_log = logging.getLogger(__name__)


class Wishes(Protocol):
    """The settings that matter here; see ``desktop.settings``."""

    @property
    def free_space(self) -> int: ...
    @property
    def battery(self) -> int: ...
    @property
    def quiet_hours(self) -> str: ...
    @property
    def keep_awake(self) -> bool: ...
    @property
    def when_done(self) -> str: ...
    @property
    def done_command(self) -> str: ...
    @property
    def grace(self) -> int: ...


@dataclass(frozen=True)
class Notice:
    """Something for the user.

    Attributes:
        call_off: stops what the text announces; None when there is nothing to stop.
        is_warning: it needs the user's attention.
        guard: who holds the queue, where that is what it says.
    """

    text: str
    remedy: str = ""
    call_off: Callable[[], None] | None = None
    is_warning: bool = False
    guard: Guard | None = None


Tell = Callable[[Notice], None]


@dataclass
class _Due:
    """What happens when all stays done until ``at`` (of ``monotonic``)."""

    action: Action
    command: str
    ended: Mapping[State, int]
    at: float
    called_off: threading.Event


class Keeper:
    """Watches over a queue in a thread of its own until it is closed.

    Args:
        queue: what is held; jobs with a priority above 0, for which somebody waits at the screen, run all the same.
        settings: gives the user's settings as they are now.
        store: the store of the queue.
        tell: called with what the user should know, on the keeper's thread or, at the start, the caller's.
        acts: does what the user wants when all is done; without it the caller does, with ``finish``.
        charge: reads the battery.
        period_s: seconds between two looks.
    """

    def __init__(
        self,
        queue: Queue,
        settings: Callable[[], Wishes],
        *,
        store: Store,
        tell: Tell,
        acts: bool = True,
        charge: Callable[[], Charge | None] = battery.charge,
        period_s: float = PERIOD_S,
    ) -> None:
        self._queue, self._settings, self._store, self._tell = queue, settings, store, tell
        self._acts, self._charge, self._period_s = acts, charge, period_s
        self._me = Owner.me()
        self._held: dict[Guard, str] = {}
        self._overruled: set[Guard] = set()
        self._told: set[Guard] = set()
        self._awake = Awake()
        self._sleepy_since: float | None = None
        self._told_sleep = False
        self._ended: Counter[State] = Counter()
        self._due: _Due | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._unsubscribe = queue.subscribe(self._heard)
        # Once before anything can start.
        self._step(self._hold)
        self._thread = threading.Thread(target=self._watch, name="keeper", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Watch no more; the computer may sleep again, and nothing that was announced happens."""
        self._unsubscribe()
        self._stop.set()
        self._thread.join(10.0)

    def overrule(self, guard: Guard) -> None:
        """Let the work go on all the same, until what ``guard`` warns of has passed and comes again."""
        with self._lock:
            self._overruled.add(guard)
        self._queue.release(guard)

    def finish(self, ended: Mapping[State, int]) -> None:
        """Do what the user wants when all is done, after the time to call it off; Ctrl-C in that time calls it off."""
        settings = self._settings()
        action = Action(settings.when_done)
        if not _is_worth(action, ended):
            return
        try:
            if action.waits and settings.grace:
                self._tell(Notice(f"In {settings.grace} s {action.words}. Ctrl-C calls it off."))
                if self._stop.wait(settings.grace):
                    return
        except KeyboardInterrupt:
            self._tell(Notice("Called off."))
            return
        self._perform(action, settings.done_command, ended)

    # On the keeper's thread from here on, but for the first look.

    def _watch(self) -> None:
        while not self._stop.wait(_GRACE_PERIOD_S if self._due else self._period_s):
            self._step(self._look)
        self._awake.release()

    def _step(self, task: Callable[[], None]) -> None:
        """Nothing that goes wrong in one look may end the watch."""
        try:
            task()
        except UserError as error:
            _log.warning("%s", error)
        except Exception:
            _log.exception("the keeper could not look")

    def _look(self) -> None:
        self._hold()
        active = [row for row in self._store.rows(State.RUNNING, State.PAUSED) if row.owner.is_alive]
        waiting = self._waiting()
        self._stay_awake(active, bool(waiting))
        if self._acts:
            self._consider_end(bool(active or waiting))

    def _waiting(self) -> list[Row]:
        return self._store.candidates(self._me, adopt=self._acts, limit=_LOOK_AHEAD)

    def _hold(self) -> None:
        settings = self._settings()
        work = [row for row in (*self._store.rows(State.RUNNING, State.PAUSED), *self._waiting()) if _is_work(row)]
        limits = Limits(settings.free_space * space.GB, settings.battery, Hours.parse(settings.quiet_hours))
        disks = space.disks(row.job for row in work) if limits.free else ()
        facts = Facts(datetime.now(), self._charge() if limits.charge else None, disks)
        found = holds(facts, limits, self._held)
        with self._lock:
            self._overruled &= found.keys()
            overruled = frozenset(self._overruled)
        found = {guard: reason for guard, reason in found.items() if guard not in overruled}
        for guard in self._held.keys() - found.keys():
            self._queue.release(guard)
            if guard in self._told:
                self._told.discard(guard)
                self._tell(Notice("The work goes on."))
        for guard in found.keys() - self._held.keys():
            self._queue.hold(guard, found[guard], pause_running=True)
        self._held = found
        if work:
            for guard in found.keys() - self._told:
                self._told.add(guard)
                self._tell(Notice(f"The work stands still: {found[guard]}", _REMEDIES[guard], is_warning=True, guard=guard))

    def _stay_awake(self, active: list[Row], waits: bool) -> None:
        # Nobody wakes the computer when the quiet hours end; for a disk or a battery somebody has to come anyway.
        goes_on = not self._held or set(self._held) == {Guard.HOURS}
        needed = any(row.state is State.RUNNING for row in active) or ((active or waits) and goes_on)
        if not (needed and self._settings().keep_awake):
            self._awake.release()
            self._sleepy_since = None
        elif not self._awake.keep("Work is running"):
            self._sleepy_since = self._sleepy_since or monotonic()
            if not self._told_sleep and monotonic() - self._sleepy_since > _TELL_SLEEP_AFTER_S:
                self._told_sleep = True
                self._tell(Notice("The computer may go to sleep before the work is done", f"({self._awake.problem}.)"))

    def _heard(self, update: Update) -> None:
        """Called by the queue: count what ended of ours."""
        row = update.row
        if row.state.is_over and not update.removed and row.owner == self._me and _is_work(row):
            with self._lock:
                self._ended[row.state] += 1

    def _consider_end(self, is_busy: bool) -> None:
        due = self._due
        if is_busy:
            self._due = None
            if due is not None:
                self._tell(Notice(f"There is new work; not yet: {due.action.words}."))
        elif due is not None:
            if due.called_off.is_set():
                self._due = None
            elif monotonic() >= due.at:
                self._due = None
                self._begin(due)
        else:
            self._announce()

    def _announce(self) -> None:
        with self._lock:
            ended, self._ended = self._ended, Counter()
        settings = self._settings()
        action = Action(settings.when_done)
        if not _is_worth(action, ended):
            return
        wait = settings.grace if action.waits else 0
        called_off = threading.Event()
        due = _Due(action, settings.done_command, ended, monotonic() + wait, called_off)
        if not wait:
            self._begin(due)
            return
        self._due = due
        self._tell(
            Notice(f"All is done: {after.summary(ended)}. In {wait} s {action.words}.", call_off=called_off.set, is_warning=True)
        )

    def _begin(self, due: _Due) -> None:
        # Sleep is what the user wants now.
        self._awake.release()
        task = threading.Thread(target=self._perform, args=(due.action, due.command, due.ended), name="when done", daemon=True)
        task.start()

    def _perform(self, action: Action, command: str, ended: Mapping[State, int]) -> None:
        try:
            after.perform(action, command, ended)
        except UserError as error:
            self._tell(Notice(error.message, error.remedy, is_warning=True))


_REMEDIES = {
    Guard.DISK: "It goes on by itself when there is space; the limit is in the preferences.",
    Guard.BATTERY: "It goes on by itself on mains; the limit is in the preferences.",
    Guard.HOURS: "They are set in the preferences.",
}


def is_work(job: AnyJob) -> bool:
    """Whether a job takes its time and leaves something behind, unlike a look at a file."""
    return bool(job.folders) or isinstance(job, TuneJob | EvaluateJob)


def _is_work(row: Row) -> bool:
    """Whether a job is work that nobody at the screen waits for."""
    return row.priority <= 0 and is_work(row.job)


def _is_worth(action: Action, ended: Mapping[State, int]) -> bool:
    """Whether something is to happen: not after work that the user called off, as he is there."""
    return action is not Action.NOTHING and bool(ended.get(State.DONE) or ended.get(State.FAILED))
