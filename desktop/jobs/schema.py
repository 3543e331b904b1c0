"""Database files: opening one, bringing an old one up to date, putting a broken one aside; and the queue's tables."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from desktop.errors import UserError

BUSY_MS = 5000

UPGRADES: tuple[str, ...] = (
    """
    CREATE TABLE jobs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        job TEXT NOT NULL,
        state TEXT NOT NULL,
        priority INTEGER NOT NULL DEFAULT 0,
        owner_pid INTEGER NOT NULL,
        owner_token TEXT NOT NULL,
        worker_pid INTEGER NOT NULL DEFAULT 0,
        request TEXT NOT NULL DEFAULT '',
        fraction REAL NOT NULL DEFAULT 0,
        message TEXT NOT NULL DEFAULT '',
        remaining REAL,
        device TEXT NOT NULL DEFAULT '',
        created REAL NOT NULL,
        started REAL,
        ended REAL,
        error TEXT,
        result TEXT
    );
    CREATE INDEX jobs_by_state ON jobs (state, priority DESC, id);
    CREATE TABLE logs (
        job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
        at REAL NOT NULL, level TEXT NOT NULL, text TEXT NOT NULL
    );
    CREATE INDEX logs_by_job ON logs (job);
    CREATE TABLE metrics (
        job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
        name TEXT NOT NULL, value REAL NOT NULL, step INTEGER, at REAL NOT NULL
    );
    CREATE INDEX metrics_by_job ON metrics (job, name);
    CREATE TABLE artifacts (
        job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
        kind TEXT NOT NULL, path TEXT NOT NULL, title TEXT NOT NULL
    );
    CREATE INDEX artifacts_by_job ON artifacts (job);
    """,
    """
    CREATE TABLE batches (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        spec TEXT NOT NULL,
        created REAL NOT NULL,
        skipped INTEGER NOT NULL DEFAULT 0,
        paused INTEGER NOT NULL DEFAULT 0
    );
    ALTER TABLE jobs ADD COLUMN batch INTEGER REFERENCES batches ON DELETE CASCADE;
    ALTER TABLE jobs ADD COLUMN node TEXT NOT NULL DEFAULT '';
    ALTER TABLE jobs ADD COLUMN kind TEXT NOT NULL DEFAULT '';
    ALTER TABLE jobs ADD COLUMN words TEXT NOT NULL DEFAULT '';
    UPDATE jobs SET
        kind = COALESCE(json_extract(job, '$.kind'), ''),
        words = COALESCE((SELECT group_concat(atom, char(10)) FROM json_tree(jobs.job) WHERE type = 'text'), '')
        WHERE json_valid(job);
    DROP INDEX jobs_by_state;
    CREATE INDEX jobs_by_owner ON jobs (state, owner_pid, owner_token, priority DESC, id, batch);
    CREATE INDEX jobs_by_batch ON jobs (batch, state, kind);
    CREATE INDEX jobs_by_end ON jobs (batch, ended);
    CREATE TABLE ledger (
        key TEXT PRIMARY KEY,
        files TEXT NOT NULL,
        at REAL NOT NULL
    )
    """,
    """
    DROP TABLE ledger;
    CREATE TABLE made (
        place TEXT PRIMARY KEY,
        facts TEXT NOT NULL,
        at REAL NOT NULL
    );
    CREATE TABLE hashes (
        path TEXT PRIMARY KEY,
        stamp TEXT NOT NULL,
        sha256 TEXT NOT NULL
    )
    """,
)
"""One script a version: script n brings version n to n + 1. Never change one that was released; add the next."""

_CHECK = "Check the disk, and the folder's permissions."
_REASONS = {
    sqlite3.SQLITE_BUSY: ("another program holds it", "End the program that uses it, then try again."),
    sqlite3.SQLITE_FULL: ("the disk is full", "Free some space, then try again."),
    sqlite3.SQLITE_READONLY: ("there is no permission to write it", "Change the permissions of the file and its folder."),
    sqlite3.SQLITE_CANTOPEN: (
        "its file, or one beside it, cannot be opened",
        "Check the folder and its permissions.",
    ),
}
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def open_database(
    path: Path, what: str = "The list of jobs", upgrades: Sequence[str] | None = None
) -> tuple[sqlite3.Connection, str]:
    """Open or make the database at ``path``, which messages call ``what``.

    ``upgrades`` bring it up to date; the queue's when None.

    Returns:
        The connection (autocommit, any thread, write-ahead log) and a note for the user, "" when all was well.

    Raises:
        UserError: it cannot be opened, a later version of Reprise made it, or something else.
    """
    note = ""
    upgrades = UPGRADES if upgrades is None else upgrades
    try:
        connection = _connect(path)
        if not _is_sound(connection):
            connection.close()
            note = put_aside(path, f"{what} was damaged")
            connection = _connect(path)
            _is_sound(connection)
        _upgrade(connection, path, what, upgrades)
        if not _columns(connection) >= _expected(tuple(upgrades)):
            connection.close()
            remedy = "Move the file away; a new one is begun then."
            raise UserError(f"{what} is a database of something else", path=path, remedy=remedy)
    except (sqlite3.Error, OSError) as error:
        reason, remedy = explained(error)
        raise UserError(f"{what} cannot be opened: {reason}", path=path, remedy=remedy) from error
    return connection, note


@cache
def _expected(upgrades: tuple[str, ...]) -> frozenset[tuple[str, str]]:
    """Tables and their columns as these upgrades make them."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        for script in upgrades:
            connection.executescript(script)
        return _columns(connection)


def _columns(connection: sqlite3.Connection) -> frozenset[tuple[str, str]]:
    query = "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'"
    return frozenset(connection.execute(query))


def explained(error: sqlite3.Error | OSError) -> tuple[str, str]:
    """Why a database cannot be opened or written, and what to do."""
    code = getattr(error, "sqlite_errorcode", None)
    return _REASONS.get(code & 0xFF, (str(error), _CHECK)) if code is not None else (str(error), _CHECK)


def put_aside(path: Path, what: str) -> str:
    """Rename a broken file, and what belongs to it, so that nothing is lost; returns the note for the user."""
    aside = path.with_name(f"{path.name}.broken-{time.strftime('%Y%m%d-%H%M%S')}")
    path.replace(aside)
    for ending in ("-wal", "-shm"):
        with contextlib.suppress(OSError):
            path.with_name(path.name + ending).replace(aside.with_name(aside.name + ending))
    return f"{what} and was put aside as {aside}; a new one was begun."


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False)


def _is_sound(connection: sqlite3.Connection) -> bool:
    """Set the connection up; False when the file is damaged or no database."""
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF in _BROKEN:
            return False
        raise


def _upgrade(connection: sqlite3.Connection, path: Path, what: str, upgrades: Sequence[str]) -> None:
    if connection.execute("PRAGMA user_version").fetchone()[0] == len(upgrades):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(upgrades):
            raise UserError(f"{what} was made by a later version of Reprise", path=path, remedy="Update Reprise.")
        for script in upgrades[version:]:
            for statement in script.split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(upgrades)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        connection.close()
        raise
