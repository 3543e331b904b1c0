"""The history of fine-tuning runs: what was asked, how it goes, every point of its curves. Nothing heavy is imported here.

The database is shared by the worker that trains, the window and command lines. A run's files lie in its folder.
"""

from __future__ import annotations

import contextlib
import math
import re
import secrets
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from desktop.errors import UserError
from desktop.jobs.database import transaction
from desktop.jobs.rows import Owner
from desktop.jobs.schema import open_database
from desktop.jobs.tuning_jobs import Recipe, Records
from desktop.malformed import MALFORMED
from desktop.paths import data_dir, make_folder
from desktop.tuning.runs_schema import UPGRADES

FINISH = "finish"
"""Request to a running run: end now and keep the best so far."""

SPARKS = 48
"""Values of a sparkline."""

_WHAT = "The history of runs"
_ID = re.compile(r"^[0-9a-f]{10}$")
_COLUMNS = (
    "id, name, state, records, recipe, base, method, train_rows, total_steps, step, best_step, best_name, best_value, "
    "best_before, created, started, ended, seconds, tokens, error, note, resumed_from, device, facts, owner_pid, owner_token"
)
POINT_FIELDS = ("step", "loss", "rate", "norm", "tokens", "elapsed", "memory", "epoch")

if TYPE_CHECKING:
    import numpy.typing as npt


class RunState(StrEnum):
    """Where a run is; ``STOPPED`` can go on from its last checkpoint, as can ``FAILED``."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    DONE = "done"
    FAILED = "failed"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run as the database has it.

    Attributes:
        base: title or folder of the base model, for people; the recipe has its id.
        method: "head", "lora" or "full".
        train_rows: rows that it is trained on; 0 before they are known.
        total_steps, step: planned and done; 0 before they are known.
        best_name, best_value, best_step: the metric that decides which weights are best, and where that was; None before an
            evaluation.
        best_before: the same metric of the untuned base; None when it has none.
        seconds: spent training, without pauses.
        tokens: seen in training.
        error: why it failed, "" otherwise.
        note: the user's own words.
        facts: settled when it began (batch, learning rate, trainable parameters, ...), for showing and comparing.
    """

    id: str
    name: str
    state: RunState
    records: Records
    recipe: Recipe
    base: str
    method: str
    train_rows: int
    total_steps: int
    step: int
    best_step: int | None
    best_name: str
    best_value: float | None
    best_before: float | None
    created: float
    started: float | None
    ended: float | None
    seconds: float
    tokens: int
    error: str
    note: str
    resumed_from: str
    device: str
    facts: dict[str, Any]

    @property
    def is_over(self) -> bool:
        """Whether nobody works on it."""
        return self.state not in (RunState.RUNNING, RunState.PAUSED)

    @property
    def can_resume(self) -> bool:
        """Whether going on makes sense."""
        return self.state in (RunState.STOPPED, RunState.FAILED)


class Point(msgspec.Struct, frozen=True):
    """One step of the optimiser.

    Attributes:
        loss: mean over the step's answer tokens (rows for a classifier).
        rate: learning rate used. norm: of the gradient before clipping.
        tokens: seen since the run began. elapsed: s of training since it began.
        memory: bytes in use by the device's tensors, or by the process on a CPU.
    """

    step: int
    loss: float
    rate: float
    norm: float
    tokens: int
    elapsed: float
    memory: int
    epoch: float


class Sample(msgspec.Struct, frozen=True):
    """What the model answered to a held-out prompt at a step."""

    step: int
    number: int
    prompt: str
    expected: str
    answer: str


class Score(msgspec.Struct, frozen=True):
    """A value on the validation rows at a step; names: "loss", "accuracy", "macro_f1", "exact_match", "rouge_l"."""

    step: int
    name: str
    value: float


def new_id() -> str:
    """Id for a run; also the name of its folder."""
    return secrets.token_hex(5)


def runs_dir() -> Path:
    """The folder of all runs' folders."""
    return make_folder(data_dir() / "runs")


class Runs:
    """The database; every method is one transaction and may be called from any thread.

    Attributes:
        path: the file.
        note: something the user should know about the opening, or "".
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or data_dir() / "runs.sqlite"
        self._lock = threading.RLock()
        self._db, self.note = open_database(self.path, _WHAT, UPGRADES)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def folder(self, run: str) -> Path:
        """The run's folder, made if need be: records, checkpoints, best and last weights, exports."""
        if not _ID.match(run):
            raise UserError(f"'{run}' is no run's id", remedy="`reprise tune list` shows all.")
        return make_folder(self.path.parent / "runs" / run)

    def create(
        self, run: str, *, name: str, records: Records, recipe: Recipe, base: str, method: str, resumed_from: str = ""
    ) -> Run:
        """Begin a run, as this process's; raises UserError when the id is used."""
        if not _ID.match(run):
            raise UserError(f"'{run}' is no id for a run")
        owner = Owner.me()
        row = (
            run,
            name,
            RunState.RUNNING,
            _json(records),
            _json(recipe),
            base,
            method,
            time.time(),
            resumed_from,
            owner.pid,
            owner.token,
        )
        with self._writing() as db:
            try:
                db.execute(
                    "INSERT INTO runs (id, name, state, records, recipe, base, method, created, resumed_from, owner_pid, "
                    "owner_token) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    row,
                )
            except sqlite3.IntegrityError as error:
                raise UserError(f"There is a run '{run}' already") from error
        return self.get(run)

    def all(self) -> list[Run]:
        """All runs, newest first."""
        with self._lock:
            found = self._db.execute(f"SELECT {_COLUMNS} FROM runs ORDER BY created DESC, id").fetchall()
        return [run for values in found if (run := _run(values)) is not None]

    def get(self, run: str) -> Run:
        """One run.

        Raises:
            UserError: there is none with that id.
        """
        with self._lock:
            values = self._db.execute(f"SELECT {_COLUMNS} FROM runs WHERE id = ?", (run,)).fetchone()
        found = _run(values) if values else None
        if found is None:
            raise UserError(f"There is no run '{run}'", remedy="`reprise tune list` shows all.")
        return found

    def find(self, word: str) -> Run | None:
        """The run that a user means: by id, by the beginning of one, or by name (the newest of equal names); None for no run's.

        Raises:
            UserError: it is the beginning of several ids.
        """
        runs = self.all()
        exact = [run for run in runs if word in (run.id, run.name)]
        if exact:
            return exact[0]
        begun = [run for run in runs if len(word) >= 3 and run.id.startswith(word)]
        if len(begun) > 1:
            raise UserError(f"'{word}' may be {', '.join(run.id for run in begun)}", remedy="Give more of the id.")
        return begun[0] if begun else None

    def update(self, run: str, **fields: Any) -> None:
        """Set fields of ``Run``; a state that is over sets ``ended``, a running one makes this process its owner."""
        if "facts" in fields:
            fields["facts"] = _json(fields["facts"])
        state = fields.get("state")
        if state == RunState.RUNNING:
            owner = Owner.me()
            fields |= {"owner_pid": owner.pid, "owner_token": owner.token, "ended": None, "error": fields.get("error", "")}
        elif state is not None and state != RunState.PAUSED:
            fields.setdefault("ended", time.time())
        known = {name.strip() for name in _COLUMNS.split(",")}
        if unknown := set(fields) - known:
            raise KeyError(f"no field of a run: {', '.join(sorted(unknown))}")
        marks = ", ".join(f"{name} = ?" for name in fields)
        with self._writing() as db:
            db.execute(f"UPDATE runs SET {marks} WHERE id = ?", (*fields.values(), run))

    def ask(self, run: str, request: str) -> None:
        """Leave a request for whoever trains (``FINISH``)."""
        with self._writing() as db:
            db.execute("UPDATE runs SET request = ? WHERE id = ?", (request, run))

    def take_request(self, run: str) -> str:
        """The request that waits, taken away; "" for none. Costs one read when there is none."""
        with self._lock:
            found = self._db.execute("SELECT request FROM runs WHERE id = ?", (run,)).fetchone()
        if not found or not found[0]:
            return ""
        with self._writing() as db:
            db.execute("UPDATE runs SET request = '' WHERE id = ?", (run,))
        return str(found[0])

    def add_points(self, run: str, points: Sequence[Point]) -> None:
        """Add steps; one that is there already is replaced."""
        rows = [(run, *(_finite(value) for value in msgspec.structs.astuple(point))) for point in points]
        with self._writing() as db:
            db.executemany("INSERT OR REPLACE INTO points VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def points(self, run: str, after: int = 0) -> dict[str, npt.NDArray[Any]]:
        """Steps beyond ``after``: an array for each of ``POINT_FIELDS`` (step int64, the others float64, NaN where unknown)."""
        with self._lock:
            found = self._db.execute(
                f"SELECT {', '.join(POINT_FIELDS)} FROM points WHERE run = ? AND step > ? ORDER BY step", (run, after)
            ).fetchall()
        import numpy as np

        columns = np.array(found, np.float64).reshape(-1, len(POINT_FIELDS)).T
        return {
            name: column.astype(np.int64) if name == "step" else column
            for name, column in zip(POINT_FIELDS, columns, strict=True)
        }

    def sparkline(self, run: str) -> list[float]:
        """At most ``SPARKS`` mean losses over equal parts of the run."""
        with self._lock:
            found = self._db.execute(
                "SELECT AVG(loss) FROM points, (SELECT MAX(step) AS last FROM points WHERE run = ?) "
                "WHERE run = ? AND loss IS NOT NULL GROUP BY (step - 1) * ? / MAX(last, ?) ORDER BY step",
                (run, run, SPARKS, SPARKS),
            ).fetchall()
        return [float(value) for (value,) in found]

    def add_scores(self, run: str, step: int, scores: Mapping[str, float]) -> None:
        """Add values on the validation rows."""
        with self._writing() as db:
            rows = [(run, step, name, _finite(value)) for name, value in scores.items()]
            db.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?)", rows)

    def scores(self, run: str) -> list[Score]:
        """All values on the validation rows, by step."""
        with self._lock:
            found = self._db.execute("SELECT step, name, value FROM scores WHERE run = ? ORDER BY step, name", (run,)).fetchall()
        return [Score(step, name, float("nan") if value is None else value) for step, name, value in found]

    def add_samples(self, run: str, samples: Sequence[Sample]) -> None:
        """Add answers to held-out prompts."""
        with self._writing() as db:
            rows = [(run, *msgspec.structs.astuple(sample)) for sample in samples]
            db.executemany("INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?, ?, ?)", rows)

    def samples(self, run: str) -> list[Sample]:
        """All of them, by step and number."""
        with self._lock:
            found = self._db.execute(
                "SELECT step, number, prompt, expected, answer FROM samples WHERE run = ? ORDER BY step, number", (run,)
            ).fetchall()
        return [Sample(*values) for values in found]

    def drop_after(self, run: str, step: int) -> None:
        """Forget points, scores and samples beyond ``step``: the run goes on from there."""
        with self._writing() as db:
            for table in ("points", "scores", "samples"):
                db.execute(f"DELETE FROM {table} WHERE run = ? AND step > ?", (run, step))

    def add_evaluation(self, model: str, report: Mapping[str, Any]) -> int:
        """Keep an evaluation's result (plain data) under a run's id, or under an export's or base's name; returns its number."""
        with self._writing() as db:
            cursor = db.execute(
                "INSERT INTO evaluations (model, made, report) VALUES (?, ?, ?)", (model, time.time(), _json(report))
            )
            return int(cursor.lastrowid or 0)

    def evaluations(self, model: str = "") -> list[dict[str, Any]]:
        """Results of ``model`` (of all when ""), newest first, each with "id", "model" and "made" (s since 1970)."""
        where, values = ("WHERE model = ?", (model,)) if model else ("", ())
        with self._lock:
            found = self._db.execute(
                f"SELECT id, model, made, report FROM evaluations {where} ORDER BY id DESC", values
            ).fetchall()
        return [
            {**msgspec.json.decode(report), "id": number, "model": name, "made": made} for number, name, made, report in found
        ]

    def delete(self, run: str) -> None:
        """Remove a run with its files; raises UserError while it is running."""
        found = self.get(run)
        if not found.is_over:
            raise UserError(f"The run {found.name or run} is running", remedy="Stop it first.")
        folder = self.folder(run)
        aside = folder.with_name(f".{run}.removed-{secrets.token_hex(4)}")
        with contextlib.suppress(FileNotFoundError):
            folder.replace(aside)
        with self._writing() as db:
            db.execute("DELETE FROM evaluations WHERE model = ?", (run,))
            db.execute("DELETE FROM runs WHERE id = ?", (run,))
        shutil.rmtree(aside, ignore_errors=True)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, transaction(self._db, self.path, _WHAT) as db:
            yield db


def _run(values: Sequence[Any]) -> Run | None:
    """Run of a row; None for one that this version cannot read. One whose process is gone is stopped, whatever the row says."""
    fields = dict(zip((name.strip() for name in _COLUMNS.split(",")), values, strict=True))
    owner = Owner(fields.pop("owner_pid"), fields.pop("owner_token"))
    try:
        fields["state"] = RunState(fields["state"])
        fields["records"] = msgspec.json.decode(fields["records"], type=Records)
        fields["recipe"] = msgspec.json.decode(fields["recipe"], type=Recipe)
        fields["facts"] = msgspec.json.decode(fields["facts"])
    except MALFORMED:
        return None
    run = Run(**fields)
    return run if run.is_over or owner.is_alive else msgspec.structs.replace(run, state=RunState.STOPPED)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _finite(value: float) -> float | None:
    """SQLite knows no NaN."""
    return value if math.isfinite(value) else None
