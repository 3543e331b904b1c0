"""Queue and history on disk, shared by all processes of the user: window, command lines, workers' parents."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import msgspec

from desktop.errors import UserError
from desktop.jobs.batch_store import BatchStore
from desktop.jobs.database import COLUMNS, read_row
from desktop.jobs.events import Failed, Logged, Measured, Produced
from desktop.jobs.job import AnyJob
from desktop.jobs.ledger_store import LedgerStore
from desktop.jobs.rows import Owner, Row
from desktop.jobs.states import State, advance

LOG_LINES = 200
"""Lines of log kept of each job."""


class Store(BatchStore, LedgerStore):
    """The database of jobs; every method is one transaction and may be called from any thread."""

    def add(self, job: AnyJob, owner: Owner, priority: int = 0) -> int:
        """Queue a job; returns its number."""
        with self._writing() as db:
            return self._insert(db, [job], owner, priority, 0)[0]

    def rows(self, *states: State) -> list[Row]:
        """All jobs (in one of ``states``, if any are given) by number; those that this version cannot read are left out."""
        marks = ", ".join("?" * len(states))
        return self._find(f"{f'WHERE state IN ({marks})' if states else ''} ORDER BY id", states)

    def single_rows(self) -> list[Row]:
        """Jobs that wait or run, by number, without the waiting ones of batches: of those there may be thousands."""
        find = "WHERE state IN (?, ?) OR (state = ? AND batch IS NULL) ORDER BY id"
        return self._find(find, (State.RUNNING, State.PAUSED, State.QUEUED))

    def row(self, job: int) -> Row:
        """One job; raises UserError when there is none with that number."""
        found = self._find("WHERE id = ?", (job,))
        if not found:
            raise UserError(f"There is no job number {job}", remedy="`reprise queue list` shows all.")
        return found[0]

    def candidates(self, owner: Owner, *, adopt: bool, limit: int = 64) -> list[Row]:
        """Queued jobs that ``owner`` may run, the next one first: its own, and with ``adopt`` those of dead processes.

        Those of paused batches are passed over.
        """
        find = f"""SELECT {COLUMNS} FROM jobs WHERE id IN (
            SELECT id FROM jobs WHERE state = ? AND owner_pid = ? AND owner_token = ?
            AND (batch IS NULL OR batch NOT IN (SELECT id FROM batches WHERE paused)) ORDER BY priority DESC, id LIMIT ?)"""
        found: list[Row] = []
        with self._lock:
            for one in self._queued_owners():
                if one == owner or (adopt and not one.is_alive):
                    values = (State.QUEUED, one.pid, one.token, limit)
                    found += [row for row in (read_row(it, {}) for it in self._connection.execute(find, values)) if row]
        return sorted(found, key=lambda row: (-row.priority, row.id))[:limit]

    def _queued_owners(self) -> list[Owner]:
        """Whose jobs wait; each is looked up from the one before, as SQLite would read all waiting jobs for a DISTINCT."""
        find = """SELECT owner_pid, owner_token FROM jobs WHERE state = ? AND (owner_pid, owner_token) > (?, ?)
            ORDER BY owner_pid, owner_token LIMIT 1"""
        found: list[Owner] = []
        last: tuple[int, str] = (-1, "")
        while (values := self._connection.execute(find, (State.QUEUED, *last)).fetchone()) is not None:
            last = (values[0], values[1])
            found.append(Owner(*last))
        return found

    def claim(self, job: int, owner: Owner) -> bool:
        """Take a queued job; False when another process was faster or it is not queued any more."""
        with self._writing() as db:
            cursor = db.execute(
                "UPDATE jobs SET state = ?, owner_pid = ?, owner_token = ?, started = ?, request = '' WHERE id = ? AND state = ?",
                (State.RUNNING, owner.pid, owner.token, time.time(), job, State.QUEUED),
            )
            return cursor.rowcount == 1

    def move(self, job: int, state: State, *, error: Failed | None = None, result: dict[str, Any] | None = None) -> None:
        """Bring a job into ``state``; raises InvalidTransition where that cannot be, UserError when there is no such job."""
        with self._writing() as db:
            row = self.row(job)
            advance(row.state, state)
            db.execute("UPDATE jobs SET state = ?, request = '' WHERE id = ?", (state, job))
            if state.is_over:
                db.execute(
                    "UPDATE jobs SET ended = ?, error = ?, result = ?, remaining = NULL, device = COALESCE(?, device) "
                    "WHERE id = ?",
                    (time.time(), _json(error), _json(result), _device(result), job),
                )
            if state is State.DONE:
                db.execute("UPDATE jobs SET fraction = 1 WHERE id = ?", (job,))
                self.note_made(row.job, result or {})

    def set_worker(self, job: int, pid: int, node: str = "") -> None:
        """Note the number of the worker process that has the job, and the computer where it is another one."""
        with self._writing() as db:
            db.execute("UPDATE jobs SET worker_pid = ?, node = ? WHERE id = ?", (pid, node, job))

    def requeue(self, job: int, owner: Owner) -> None:
        """Queue an ended job again as ``owner``'s; raises InvalidTransition for one that is done or not ended."""
        with self._writing() as db:
            self.move(job, State.QUEUED)
            self._requeue(db, [job], owner)

    def put_back(self, job: int, owner: Owner) -> None:
        """Queue a job again that could not be done where it was given to; nothing happens to one that is not at work."""
        with self._writing() as db:
            if self.row(job).state.is_active:
                self._requeue(db, [job], owner)

    def take_over(self, row: Row, owner: Owner) -> bool:
        """Make a queued job of a dead process ``owner``'s; False when it is not one (any more)."""
        if row.owner.is_alive:
            return False
        with self._writing() as db:
            cursor = db.execute(
                "UPDATE jobs SET owner_pid = ?, owner_token = ? WHERE id = ? AND state = ? AND owner_pid = ? AND owner_token = ?",
                (owner.pid, owner.token, row.id, State.QUEUED, row.owner.pid, row.owner.token),
            )
            return cursor.rowcount == 1

    def save_progress(self, job: int, fraction: float, message: str, remaining: float | None) -> None:
        """Note how far a job is, for other processes to see."""
        with self._writing() as db:
            db.execute(
                "UPDATE jobs SET fraction = ?, message = ?, remaining = ? WHERE id = ?", (fraction, message, remaining, job)
            )

    def record(self, job: int, event: Logged | Measured | Produced) -> None:
        """Keep a line of log (the last ``LOG_LINES`` stay), a number or a finished file."""
        now = time.time()
        with self._writing() as db:
            if isinstance(event, Logged):
                db.execute("INSERT INTO logs VALUES (?, ?, ?, ?)", (job, now, event.level, event.text))
                db.execute(
                    "DELETE FROM logs WHERE job = ?1 AND rowid <= "
                    "(SELECT rowid FROM logs WHERE job = ?1 ORDER BY rowid DESC LIMIT 1 OFFSET ?2)",
                    (job, LOG_LINES),
                )
            elif isinstance(event, Measured):
                db.execute("INSERT INTO metrics VALUES (?, ?, ?, ?, ?)", (job, event.name, event.value, event.step, now))
            else:
                db.execute("INSERT INTO artifacts VALUES (?, ?, ?, ?)", (job, event.kind, event.path, event.title))

    def logs(self, job: int) -> list[tuple[float, Logged]]:
        """The kept lines of log with their times, oldest first."""
        with self._lock:
            found = self._connection.execute("SELECT at, level, text FROM logs WHERE job = ? ORDER BY rowid", (job,)).fetchall()
        return [(at, Logged(level, text)) for at, level, text in found]

    def metrics(self, job: int) -> list[Measured]:
        """All numbers that the job reported, oldest first."""
        with self._lock:
            found = self._connection.execute(
                "SELECT name, value, step FROM metrics WHERE job = ? ORDER BY rowid", (job,)
            ).fetchall()
        return [Measured(*values) for values in found]

    def ask(self, job: int, request: str) -> None:
        """Leave a request ("cancel", "pause", "resume") for the process that has the job."""
        with self._writing() as db:
            db.execute("UPDATE jobs SET request = ? WHERE id = ?", (request, job))

    def take_requests(self, owner: Owner) -> list[tuple[int, str]]:
        """Requests of other processes about ``owner``'s jobs; each is given out once."""
        mine = (owner.pid, owner.token)
        with self._lock:
            find = "SELECT id, request FROM jobs WHERE request != '' AND owner_pid = ? AND owner_token = ?"
            if not self._connection.execute(find, mine).fetchall():
                return []
            with self._writing() as db:
                found = db.execute(find, mine).fetchall()
                db.execute("UPDATE jobs SET request = '' WHERE request != '' AND owner_pid = ? AND owner_token = ?", mine)
        return [(job, request) for job, request in found]

    def interrupt_dead(self) -> list[Row]:
        """Bring the jobs whose process died into the state interrupted; returns them."""
        dead = []
        for row in self.rows(State.RUNNING, State.PAUSED):
            if row.owner.is_alive:
                continue
            with self._writing(), contextlib.suppress(UserError):
                if self.row(row.id).owner == row.owner and self.row(row.id).state.is_active:
                    self.move(row.id, State.INTERRUPTED)
                    dead.append(self.row(row.id))
        return dead

    def delete(self, job: int) -> None:
        """Remove a job from the history; raises UserError while a worker has it."""
        with self._writing() as db:
            if self.row(job).state.is_active:
                raise UserError(f"Job {job} is running", remedy="Cancel it first.")
            db.execute("DELETE FROM jobs WHERE id = ?", (job,))

    def prune(self, days: float) -> int:
        """Remove what ended more than ``days`` days ago; returns how many."""
        over = [state for state in State if state.is_over]
        with self._writing() as db:
            self.forget_oldest()
            cursor = db.execute(
                f"DELETE FROM jobs WHERE ended < ? AND state IN ({', '.join('?' * len(over))})",
                (time.time() - days * 86400, *over),
            )
            db.execute(
                "DELETE FROM batches WHERE created < ? AND NOT EXISTS (SELECT 1 FROM jobs WHERE batch = batches.id)",
                (time.time() - days * 86400,),
            )
            return cursor.rowcount


def _json(value: Failed | dict[str, Any] | None) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _device(result: dict[str, Any] | None) -> str | None:
    device = (result or {}).get("device")
    return device if isinstance(device, str) and device else None
