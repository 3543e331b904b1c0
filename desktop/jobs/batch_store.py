"""Batches in the queue's database: many jobs written, counted, searched and queued again at once."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Sequence

import msgspec

from desktop.errors import UserError
from desktop.jobs.batches import STOPPED, Batch, BatchSpec, FailureGroup, group_failures, merged, summary
from desktop.jobs.database import Database, numbers
from desktop.jobs.events import Failed
from desktop.jobs.job import AnyJob, encode
from desktop.jobs.rows import Owner, Row
from desktop.jobs.states import State

RECENT_JOBS = 50
"""Ended jobs that a batch's rate is taken from."""

_INSERT = """INSERT INTO jobs (job, kind, words, state, priority, owner_pid, owner_token, created, batch)
    VALUES (?1, json_extract(?1, '$.kind'), (SELECT group_concat(atom, char(10)) FROM json_tree(?1) WHERE type = 'text'),
    ?2, ?3, ?4, ?5, ?6, ?7)"""
_REQUEUE = """UPDATE jobs SET state = ?, owner_pid = ?, owner_token = ?, fraction = 0, message = '', remaining = NULL,
    started = NULL, ended = NULL, error = NULL, result = NULL, device = '', node = '', request = ''"""


class BatchStore(Database):
    """What the database does with many jobs at once; every method is one transaction."""

    def add_batch(self, spec: BatchSpec, jobs: Sequence[AnyJob], owner: Owner, priority: int = 0, skipped: int = 0) -> int:
        """Queue many jobs together, in their order; returns the batch's number.

        ``skipped`` counts what was asked for too but had been done before.
        """
        with self._writing() as db:
            cursor = db.execute(
                "INSERT INTO batches (spec, created, skipped) VALUES (?, ?, ?)",
                (msgspec.json.encode(spec).decode(), time.time(), skipped),
            )
            batch = int(cursor.lastrowid or 0)
            self._insert(db, jobs, owner, priority, batch)
            return batch

    def extend_batch(self, batch: int, jobs: Sequence[AnyJob], owner: Owner, priority: int = 0) -> list[int]:
        """Queue more jobs of a batch; returns their numbers. Raises UserError when there is no such batch."""
        with self._writing() as db:
            self._spec(batch)
            return self._insert(db, jobs, owner, priority, batch)

    def batches(self, limit: int = 200) -> list[Batch]:
        """The newest batches, newest first; those that this version cannot read are left out."""
        with self._lock:
            found = self._connection.execute("SELECT id FROM batches ORDER BY id DESC LIMIT ?", (limit,)).fetchall()
            made = []
            for (number,) in found:
                try:
                    made.append(self.batch(number))
                except UserError:
                    continue
        return made

    def batch(self, number: int) -> Batch:
        """One batch; raises UserError when there is none with that number."""
        with self._lock:
            db = self._connection
            spec, created, skipped, paused = self._spec(number)
            counts = dict(db.execute("SELECT state, COUNT(*) FROM jobs WHERE batch = ? GROUP BY state", (number,)).fetchall())
            active = (number, State.RUNNING, State.PAUSED)
            (begun,) = db.execute("SELECT TOTAL(fraction) FROM jobs WHERE batch = ? AND state IN (?, ?)", active).fetchone()
            (ended,) = db.execute("SELECT MAX(ended) FROM jobs WHERE batch = ?", (number,)).fetchone()
            recent = db.execute(
                "SELECT COUNT(*), MIN(started), MAX(ended) FROM (SELECT started, ended, state FROM jobs WHERE batch = ? "
                "AND ended IS NOT NULL ORDER BY ended DESC LIMIT ?) WHERE started IS NOT NULL AND state IN (?, ?)",
                (number, RECENT_JOBS, State.DONE, State.FAILED),
            ).fetchone()
        took = max(0.0, recent[2] - recent[1]) if recent[0] else 0.0
        return summary(
            number,
            spec,
            created,
            merged(counts),
            skipped=skipped,
            paused=bool(paused),
            begun=begun,
            recent=(recent[0], took),
            ended=ended,
        )

    def page(
        self,
        *,
        batch: int | None = None,
        states: Collection[State] = (),
        search: str = "",
        kinds: Collection[str] = (),
        jobs: Sequence[int] | None = None,
        without: Collection[int] = (),
        newest_first: bool = True,
        next_first: bool = False,
        offset: int = 0,
        limit: int = 200,
    ) -> list[Row]:
        """Part of the jobs.

        Args:
            batch: of this batch only; 0 for those of no batch.
            states: in one of these states only.
            search: words that all must be found in what the job says (files, options) or why it failed, in any case.
            kinds: of these kinds only.
            jobs: of these numbers only. without: of none of these.
            newest_first: from the largest number to the smallest; otherwise the other way.
            next_first: in the order in which they will begin, instead.
            offset, limit: which of those found.
        """
        where, values = _filter(batch, states, search, kinds, jobs, without)
        order = "priority DESC, id" if next_first else f"id {'DESC' if newest_first else 'ASC'}"
        # Only numbers are sorted and skipped, not the jobs with all they hold.
        chosen = f"SELECT id FROM jobs {where} ORDER BY {order} LIMIT ? OFFSET ?"
        return self._find(f"WHERE id IN ({chosen}) ORDER BY {order}", (*values, limit, offset))

    def count(
        self,
        *,
        batch: int | None = None,
        states: Collection[State] = (),
        search: str = "",
        kinds: Collection[str] = (),
        jobs: Sequence[int] | None = None,
        without: Collection[int] = (),
    ) -> int:
        """How many jobs ``page`` would find in all."""
        where, values = _filter(batch, states, search, kinds, jobs, without)
        with self._lock:
            return int(self._connection.execute(f"SELECT COUNT(*) FROM jobs {where}", values).fetchone()[0])

    def made_at(self, *, states: Collection[State], kinds: Collection[str] = (), without: Collection[int] = ()) -> list[float]:
        """When the jobs of no batch in ``states`` (and of ``kinds``) were queued, from the last one to the first."""
        where, values = _filter(0, states, "", kinds, None, without)
        with self._lock:
            found = self._connection.execute(f"SELECT created FROM jobs {where} ORDER BY id DESC", values)
            return [created for (created,) in found]

    def failure_groups(self, batch: int) -> list[FailureGroup]:
        """Why jobs of a batch failed, the most frequent reason first."""
        find = "SELECT id, error FROM jobs WHERE batch = ? AND state = ? AND error IS NOT NULL ORDER BY id"
        with self._lock:
            found = self._connection.execute(find, (batch, State.FAILED)).fetchall()
        return group_failures((number, msgspec.json.decode(error, type=Failed)) for number, error in found)

    def retry_failed(self, batch: int, owner: Owner, jobs: Sequence[int] | None = None) -> list[int]:
        """Queue ended jobs of a batch again as ``owner``'s; returns their numbers.

        Those that failed, were interrupted or not begun because of an error; with ``jobs`` those of them that can be retried.
        """
        condition: str
        values: tuple[str, ...]
        if jobs is None:
            condition, values = (
                "(state IN (?, ?) OR (state = ? AND message = ?))",
                (State.FAILED, State.INTERRUPTED, State.CANCELLED, STOPPED),
            )
        else:
            again = [state for state in State if state.can_retry]
            condition = f"state IN ({_marks(again)}) AND id IN (SELECT value FROM json_each(?))"
            values = (*again, numbers(jobs))
        with self._writing() as db:
            self._spec(batch)
            found = db.execute(f"SELECT id FROM jobs WHERE batch = ? AND {condition} ORDER BY id", (batch, *values)).fetchall()
            chosen = [number for (number,) in found]
            self._requeue(db, chosen, owner)
            return chosen

    def cancel_queued(self, batch: int, message: str) -> int:
        """Cancel the jobs of a batch that wait, saying why; returns how many."""
        with self._writing() as db:
            cursor = db.execute(
                "UPDATE jobs SET state = ?, message = ?, ended = ?, request = '' WHERE batch = ? AND state = ?",
                (State.CANCELLED, message, time.time(), batch, State.QUEUED),
            )
            return cursor.rowcount

    def pause_batch(self, batch: int, paused: bool) -> None:
        """Say whether the waiting jobs of a batch are passed over."""
        with self._writing() as db:
            self._spec(batch)
            db.execute("UPDATE batches SET paused = ? WHERE id = ?", (int(paused), batch))

    def put(self, *, first: bool, batch: int = 0, job: int = 0) -> None:
        """Let the waiting jobs of a batch, or one job, begin before or after all others that wait unattended.

        Work stays work: no priority goes above 0, which is for jobs that somebody waits for at the screen.
        """
        chosen, number = ("batch IS NOT ?", batch) if batch else ("id != ?", job)
        mine = "batch = ?" if batch else "id = ?"
        waits = "state = ? AND priority <= 0"
        with self._writing() as db:
            if first:
                db.execute(f"UPDATE jobs SET priority = priority - 1 WHERE {waits} AND {chosen}", (State.QUEUED, number))
                db.execute(f"UPDATE jobs SET priority = 0 WHERE {waits} AND {mine}", (State.QUEUED, number))
                return
            find = f"SELECT COALESCE(MIN(priority), 0) FROM jobs WHERE {waits} AND {chosen}"
            (last,) = db.execute(find, (State.QUEUED, number)).fetchone()
            db.execute(f"UPDATE jobs SET priority = ? WHERE {waits} AND {mine}", (last - 1, State.QUEUED, number))

    def delete_jobs(self, jobs: Sequence[int]) -> list[Row]:
        """Remove those of ``jobs`` from the history that no worker has; returns them as they were."""
        with self._writing() as db:
            gone = self.page(jobs=jobs, states=[state for state in State if not state.is_active], limit=len(jobs))
            db.execute("DELETE FROM jobs WHERE id IN (SELECT value FROM json_each(?))", (numbers([row.id for row in gone]),))
            return gone

    def delete_batch(self, batch: int) -> list[int]:
        """Remove a batch and its jobs from the history; returns their numbers. Raises UserError while workers have some."""
        with self._writing() as db:
            self._spec(batch)
            if self.count(batch=batch, states=(State.RUNNING, State.PAUSED)):
                raise UserError(f"Batch {batch} is running", remedy="Cancel it first.")
            found = db.execute("SELECT id FROM jobs WHERE batch = ? ORDER BY id", (batch,)).fetchall()
            db.execute("DELETE FROM batches WHERE id = ?", (batch,))
            return [number for (number,) in found]

    def open_batches(self) -> list[int]:
        """Batches of which jobs wait or run."""
        unfinished = [state for state in State if not state.is_over]
        find = f"""SELECT id FROM batches WHERE EXISTS (
            SELECT 1 FROM jobs WHERE jobs.batch = batches.id AND state IN ({_marks(unfinished)})) ORDER BY id"""
        with self._lock:
            return [number for (number,) in self._connection.execute(find, unfinished)]

    def batches_after(self, number: int) -> list[int]:
        """Batches that were made after batch ``number``."""
        with self._lock:
            find = "SELECT id FROM batches WHERE id > ? ORDER BY id"
            return [made for (made,) in self._connection.execute(find, (number,))]

    def _insert(self, db: sqlite3.Connection, jobs: Sequence[AnyJob], owner: Owner, priority: int, batch: int) -> list[int]:
        now, made = time.time(), []
        for job in jobs:
            values = (encode(job).decode(), State.QUEUED, priority, owner.pid, owner.token, now, batch or None)
            made.append(int(db.execute(_INSERT, values).lastrowid or 0))
        return made

    def _requeue(self, db: sqlite3.Connection, jobs: Sequence[int], owner: Owner) -> None:
        """Queue jobs again and forget what their last try said."""
        chosen = numbers(jobs)
        db.execute(f"{_REQUEUE} WHERE id IN (SELECT value FROM json_each(?))", (State.QUEUED, owner.pid, owner.token, chosen))
        for table in ("artifacts", "metrics"):
            db.execute(f"DELETE FROM {table} WHERE job IN (SELECT value FROM json_each(?))", (chosen,))

    def _spec(self, batch: int) -> tuple[BatchSpec, float, int, int]:
        find = "SELECT spec, created, skipped, paused FROM batches WHERE id = ?"
        found = self._connection.execute(find, (batch,)).fetchone()
        if found is None:
            raise UserError(f"There is no batch number {batch}", remedy="`reprise batch list` shows all.")
        try:
            return (msgspec.json.decode(found[0], type=BatchSpec), *found[1:])
        except msgspec.MsgspecError as error:
            raise UserError(f"Batch {batch} was made by a later version of Reprise", remedy="Update Reprise.") from error


def _filter(
    batch: int | None,
    states: Collection[State],
    search: str,
    kinds: Collection[str],
    jobs: Sequence[int] | None,
    without: Collection[int],
) -> tuple[str, tuple[str | int, ...]]:
    parts: list[str] = []
    values: list[str | int] = []
    if batch is not None:
        parts.append("batch = ?" if batch else "batch IS NULL")
        values += [batch] if batch else []
    for column, chosen in (("state", states), ("kind", kinds)):
        if chosen:
            parts.append(f"{column} IN ({_marks(chosen)})")
            values += chosen
    if jobs is not None:
        parts.append("id IN (SELECT value FROM json_each(?))")
        values.append(numbers(jobs))
    if without:
        parts.append("id NOT IN (SELECT value FROM json_each(?))")
        values.append(numbers(without))
    for word in search.casefold().split():
        parts.append("instr(fold(words || char(10) || COALESCE(json_extract(error, '$.message'), '')), ?) > 0")
        values.append(word)
    return (f"WHERE {' AND '.join(parts)}" if parts else ""), tuple(values)


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))
