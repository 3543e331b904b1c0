"""The queue's database under its methods: connection, transactions, and rows as they are read."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from desktop.errors import UserError
from desktop.jobs.events import Failed, Produced
from desktop.jobs.job import decode
from desktop.jobs.rows import Owner, Row
from desktop.jobs.schema import explained, open_database
from desktop.jobs.states import State
from desktop.malformed import MALFORMED
from desktop.paths import data_dir

COLUMNS = """id, job, state, owner_pid, owner_token, fraction, message, remaining,
    created, started, ended, error, result, device, priority, worker_pid, batch, node"""


class NotWritten(UserError):
    """The database lets nothing be written now: its disk is full, or another program holds it. Later it may."""


class Database:
    """A connection that all threads share; what is written is written in transactions.

    Attributes:
        path: the file.
        note: something the user should know about the opening, or "".
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or data_dir() / "queue.sqlite"
        self._lock = threading.RLock()
        self._connection, self.note = open_database(self.path)
        # SQLite's own functions know upper and lower case of ASCII only.
        self._connection.create_function("fold", 1, lambda text: (text or "").casefold(), deterministic=True)
        self._seen = self._version()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def changed(self) -> bool:
        """Whether another connection has written since the last call."""
        with self._lock:
            version = self._version()
            before, self._seen = self._seen, version
        return version != before

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def _find(self, condition: str, values: Sequence[object] = ()) -> list[Row]:
        """Jobs by what follows FROM jobs; those that this version cannot read are left out."""
        with self._lock:
            found = self._connection.execute(f"SELECT {COLUMNS} FROM jobs {condition}", values).fetchall()
            made = self._artifacts([number for number, *_ in found])
        return [row for one in found if (row := read_row(one, made)) is not None]

    def _artifacts(self, jobs: Sequence[int]) -> dict[int, list[Produced]]:
        made: dict[int, list[Produced]] = {}
        query = "SELECT job, kind, path, title FROM artifacts WHERE job IN (SELECT value FROM json_each(?)) ORDER BY rowid"
        for of, *values in self._connection.execute(query, (numbers(jobs),)) if jobs else ():
            made.setdefault(of, []).append(Produced(*values))
        return made

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction, part of the one around it if there is one; raises NotWritten when the disk does not let us."""
        with self._lock, transaction(self._connection, self.path, "The list of jobs") as db:
            yield db


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection, path: Path, what: str) -> Iterator[sqlite3.Connection]:
    """All of what is done with ``connection`` or nothing; part of the transaction around it if there is one.

    Args:
        path, what: the file, and what messages call it.

    Raises:
        NotWritten: the file cannot be written now.
    """
    if connection.in_transaction:
        yield connection
        return
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
    except sqlite3.Error as error:
        reason, remedy = explained(error)
        raise NotWritten(f"{what} cannot be written: {reason}", path=path, remedy=remedy) from error


def numbers(jobs: Iterable[int]) -> str:
    """Numbers of jobs as one value of a query: its ``json_each`` are they."""
    return msgspec.json.encode(list(jobs)).decode()


def read_row(values: Sequence[Any], made: dict[int, list[Produced]]) -> Row | None:
    """A job from ``COLUMNS``, with its files; None for one that this version cannot read."""
    number, job, state, pid, token, fraction, message, remaining, *rest = values
    created, started, ended, error, result, device, priority, worker, batch, node = rest
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
            batch=batch or 0,
            node=node,
        )
    except (UserError, *MALFORMED):
        return None
