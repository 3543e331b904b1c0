"""Databases that others wrote over: a list of jobs or of runs is opened, put aside or refused, and never lost."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import strategies as st

from desktop.jobs.job import DoctorJob
from desktop.jobs.rows import Owner
from desktop.jobs.schema import UPGRADES
from desktop.jobs.store import Store
from desktop.tuning.runs import Runs
from tests.fuzz.mutating import NESTED, broken, how_many, odd_values, refuses, tried


def foreign(script: str) -> Callable[[Path], None]:
    """A database of somebody else."""

    def make(path: Path) -> None:
        with sqlite3.connect(path) as db:
            db.executescript(script)
        db.close()

    return make


FOREIGN = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_bytes(b"hello\n" * 2_000),
    "head alone": lambda path: path.write_bytes(b"SQLite format 3\0" + bytes(84)),
    "other tables": foreign("CREATE TABLE jobs (x); INSERT INTO jobs VALUES (1)"),
    "other tables of our version": foreign(
        f"CREATE TABLE jobs (x); INSERT INTO jobs VALUES (1); PRAGMA user_version = {len(UPGRADES)}"
    ),
    "no tables of our version": foreign(f"CREATE TABLE y (x); PRAGMA user_version = {len(UPGRADES)}"),
    "later": foreign("PRAGMA user_version = 999"),
    "before the first": foreign("PRAGMA user_version = -1"),
    "view for a table": foreign(f"CREATE VIEW jobs AS SELECT 1; PRAGMA user_version = {len(UPGRADES)}"),
    "trigger": foreign("CREATE TABLE jobs (id); CREATE TRIGGER t AFTER INSERT ON jobs BEGIN DELETE FROM jobs; END"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_database_of_somebody_else(tmp_path: Path, kind: str) -> None:
    for read in (use_jobs, use_runs):
        path = tmp_path / f"{read.__name__}.sqlite"
        FOREIGN[kind](path)
        said = refuses(lambda read=read, path=path: read(path))  # type: ignore[misc]
        assert not said or str(path) in said
        if kind.startswith("other"):
            assert rows_of(path) == [(1,)] or any(map(rows_of, tmp_path.glob(f"{path.name}.broken-*"))), "nothing is lost"


def rows_of(path: Path) -> list[tuple[int]]:
    """What the stranger had in it."""
    with sqlite3.connect(path) as db:
        found: list[tuple[int]] = db.execute("SELECT x FROM jobs").fetchall()
    db.close()
    return found


def use_jobs(path: Path) -> None:
    """What every start does: open, look, add, close."""
    store = Store(path)
    try:
        store.rows()
        store.add(DoctorJob(), Owner(1, "t"))
        store.interrupt_dead()
    finally:
        store.close()


def use_runs(path: Path) -> None:
    """Likewise."""
    runs = Runs(path)
    try:
        runs.all()
    finally:
        runs.close()


@how_many
def test_damaged_databases(tmp_path: Path, examples: int) -> None:
    path = tmp_path / "queue.sqlite"
    use_jobs(path)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    whole = path.read_bytes()

    def check(data: bytes) -> None:
        for old in tmp_path.iterdir():
            old.unlink()
        path.write_bytes(data)
        refuses(lambda: use_jobs(path))

    check(whole)
    tried(check, broken([whole]), max(5, examples // 5))


COLUMNS = ["job", "state", "fraction", "message", "remaining", "created", "error", "result", "device", "priority", "owner_token"]


@how_many
def test_values_that_no_version_wrote(tmp_path: Path, examples: int) -> None:
    path = tmp_path / "queue.sqlite"
    use_jobs(path)

    def check(case: tuple[str, object]) -> None:
        column, value = case
        plain = value if isinstance(value, str | bytes | float | None) else msgspec.json.encode(value)
        with sqlite3.connect(path) as db:
            db.execute("DELETE FROM jobs")
        db.close()
        store = Store(path)
        number = store.add(DoctorJob(), Owner(1, "t"))
        store.close()
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
            try:
                db.execute(f"UPDATE jobs SET {column} = ? WHERE id = ?", (plain, number))
            except (sqlite3.Error, OverflowError, UnicodeEncodeError):
                return
        refuses(lambda: use_jobs(path))

    cases = st.tuples(st.sampled_from(COLUMNS), odd_values() | broken([b'{"kind":"doctor"}', b'{"message":"no"}']))
    known = [(column, nested) for column in ("job", "error", "result") for nested in (NESTED[0], NESTED[1].decode(), b"\xff")]
    tried(check, cases, max(5, examples // 5), known)
