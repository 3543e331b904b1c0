"""Queue and history on disk, shared by all processes of the user: window, command lines, workers' parents."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from desktop.errors import UserError
from desktop.jobs.events import Failed, Logged, Measured, Produced
from desktop.jobs.job import AnyJob, decode, encode
from desktop.jobs.rows import Owner, Row
from desktop.jobs.schema import open_database
from desktop.jobs.states import State, advance
from desktop.paths import data_dir

LOG_LINES = 200
"""Lines of log kept of each job."""

_COLUMNS = """id, job, state, owner_pid, owner_token, fraction, message, remaining,
    created, started, ended, error, result, device, priority, worker_pid"""


class Store:
    """The database of jobs; every method is one transaction and may be called from any thread.

    Attributes:
        path: the file.
        note: something the user should know about the opening, or "".
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or data_dir() / "queue.sqlite"
        self._lock = threading.RLock()
        self._connection, self.note = open_database(self.path)
        self._seen = self._version()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def add(self, job: AnyJob, owner: Owner, priority: int = 0) -> int:
        """Queue a job; returns its number."""
        with self._writing() as db:
            cursor = db.execute(
                "INSERT INTO jobs (job, state, priority, owner_pid, owner_token, created) VALUES (?, ?, ?, ?, ?, ?)",
                (encode(job).decode(), State.QUEUED, priority, owner.pid, owner.token, time.time()),
            )
            return int(cursor.lastrowid or 0)

    def rows(self, *states: State) -> list[Row]:
        """All jobs (in one of ``states``, if any are given) by number; those that this version cannot read are left out."""
        marks = ", ".join("?" * len(states))
        where = f"WHERE state IN ({marks})" if states else ""
        with self._lock:
            found = self._connection.execute(f"SELECT {_COLUMNS} FROM jobs {where} ORDER BY id", states).fetchall()
            made = self._artifacts()
        return [row for values in found if (row := _row(values, made)) is not None]

    def row(self, job: int) -> Row:
        """One job; raises UserError when there is none with that number."""
        with self._lock:
            values = self._connection.execute(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", (job,)).fetchone()
            made = self._artifacts(job)
        row = _row(values, made) if values else None
        if row is None:
            raise UserError(f"There is no job number {job}", remedy="`reprise queue list` shows all.")
        return row

    def candidates(self, owner: Owner, *, adopt: bool, limit: int = 64) -> list[Row]:
        """Queued jobs that ``owner`` may run, the next one first: its own, and with ``adopt`` those of dead processes."""
        with self._lock:
            asked = "SELECT DISTINCT owner_pid, owner_token FROM jobs WHERE state = ?"
            owners = [Owner(*values) for values in self._connection.execute(asked, (State.QUEUED,))]
            suited = [one for one in owners if one == owner or (adopt and not one.is_alive)]
            if not suited:
                return []
            # Numbers alone suffice here: two processes with one number never live at the same time.
            marks = ", ".join("?" * len(suited))
            find = f"SELECT {_COLUMNS} FROM jobs WHERE state = ? AND owner_pid IN ({marks}) ORDER BY priority DESC, id LIMIT ?"
            found = self._connection.execute(find, (State.QUEUED, *(one.pid for one in suited), limit)).fetchall()
        return [row for values in found if (row := _row(values, {})) is not None]

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
            advance(self.row(job).state, state)
            db.execute("UPDATE jobs SET state = ?, request = '' WHERE id = ?", (state, job))
            if state.is_over:
                db.execute(
                    "UPDATE jobs SET ended = ?, error = ?, result = ?, remaining = NULL, device = COALESCE(?, device) "
                    "WHERE id = ?",
                    (time.time(), _json(error), _json(result), _device(result), job),
                )
            if state is State.DONE:
                db.execute("UPDATE jobs SET fraction = 1 WHERE id = ?", (job,))

    def set_worker(self, job: int, pid: int) -> None:
        """Note the number of the worker process that has the job."""
        with self._writing() as db:
            db.execute("UPDATE jobs SET worker_pid = ? WHERE id = ?", (pid, job))

    def requeue(self, job: int, owner: Owner) -> None:
        """Queue an ended job again as ``owner``'s; raises InvalidTransition for one that is done or not ended."""
        with self._writing() as db:
            self.move(job, State.QUEUED)
            db.execute(
                "UPDATE jobs SET owner_pid = ?, owner_token = ?, fraction = 0, message = '', remaining = NULL, started = NULL, "
                "ended = NULL, error = NULL, result = NULL, device = '' WHERE id = ?",
                (owner.pid, owner.token, job),
            )
            for table in ("artifacts", "metrics"):
                db.execute(f"DELETE FROM {table} WHERE job = ?", (job,))

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
            cursor = db.execute(
                f"DELETE FROM jobs WHERE ended < ? AND state IN ({', '.join('?' * len(over))})",
                (time.time() - days * 86400, *over),
            )
            return cursor.rowcount

    def changed(self) -> bool:
        """Whether another connection has written since the last call."""
        with self._lock:
            version = self._version()
            before, self._seen = self._seen, version
        return version != before

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def _artifacts(self, job: int | None = None) -> dict[int, list[Produced]]:
        where, values = ("", ()) if job is None else ("WHERE job = ?", (job,))
        made: dict[int, list[Produced]] = {}
        for of, *values_of in self._connection.execute(
            f"SELECT job, kind, path, title FROM artifacts {where} ORDER BY rowid", values
        ):
            made.setdefault(of, []).append(Produced(*values_of))
        return made

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction, part of the one around it if there is one; raises UserError when the disk does not let us."""
        with self._lock:
            db = self._connection
            if db.in_transaction:
                yield db
                return
            try:
                db.execute("BEGIN IMMEDIATE")
                try:
                    yield db
                    db.execute("COMMIT")
                except BaseException:
                    with contextlib.suppress(sqlite3.Error):
                        db.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise UserError(
                    f"The list of jobs cannot be written: {error}", path=self.path, remedy="Check the disk."
                ) from error


def _json(value: Failed | dict[str, Any] | None) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _device(result: dict[str, Any] | None) -> str | None:
    device = (result or {}).get("device")
    return device if isinstance(device, str) and device else None


def _row(values: tuple[Any, ...], made: dict[int, list[Produced]]) -> Row | None:
    number, job, state, pid, token, fraction, message, remaining, *rest = values
    created, started, ended, error, result, device, priority, worker = rest
    try:
        return Row(
            id=number,
            job=decode(job),
            state=State(state),
            owner=Owner(pid, token),
            fraction=fraction,
            message=message,
            remaining_s=remaining,
            created=created,
            started=started,
            ended=ended,
            error=msgspec.json.decode(error, type=Failed) if error else None,
            result=msgspec.json.decode(result) if result else None,
            artifacts=made.get(number, []),
            device=device,
            priority=priority,
            worker_pid=worker,
        )
    except (UserError, msgspec.MsgspecError, ValueError):
        return None
