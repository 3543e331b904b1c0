"""A head on a frozen encoder: softmax regression over all rows at once, from a strong penalty to weaker ones.

Each penalty starts where the one before ended. The weights of the lowest validation loss are kept, and when a weaker penalty
brings no lower one, training ends. That takes seconds: nearly all of the time goes into reading the rows with the encoder, once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from time import monotonic
from typing import Any

import msgspec
import numpy as np

from desktop.jobs.progress import Cancelled
from desktop.models.headroom import taken_bytes
from desktop.tuning.context import Context, Outcome, Stopped
from desktop.tuning.head import data as rows
from desktop.tuning.head import saved
from desktop.tuning.head.curve import Curve
from desktop.tuning.head.data import Data
from desktop.tuning.head.embedding import Embedder
from desktop.tuning.head.finish import finished, place_head, plain
from desktop.tuning.head.lbfgs import Lbfgs, Vector
from desktop.tuning.head.saved import Position
from desktop.tuning.head.scores import scores_of
from desktop.tuning.head.softmax import Objective
from desktop.tuning.runs import Point

PENALTIES = (100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1)
"""Divided by the number of rows."""

_UNJUDGED = 2
"""The penalty to end at when there are no validation rows."""

METRIC = "loss"
_STEPS = 40
"""At each penalty."""

_LEAST_GAIN = 3e-4
"""Share of the loss; less than that in a step, and the next penalty's turn has come."""
_EVERY = 5
_SAVE_EVERY_S = 5.0
_BEGIN, _END = 0.65, 0.85


def train_head(context: Context) -> Outcome:
    """Train a head, or go on; see ``desktop.tuning.head.train``."""
    embedder = Embedder(context, context.progress.part(0.0, 0.05))
    data = rows.embedded(context, embedder)
    training = _Training(context, data, embedder.identity)
    outcome = training.run()
    embedder.remove()
    return outcome


class _Training:
    def __init__(self, context: Context, data: Data, identity: str) -> None:
        self._context, self._data = context, data
        self._scales = data.train.scales()
        recipe = context.recipe
        self._total = min(recipe.max_steps or _STEPS * len(PENALTIES), _STEPS * len(PENALTIES))
        self._curve = Curve(context, self._total)
        settings = f"{identity} {recipe.max_steps} {data.classes.labels}"
        self._position = Position(identity=hashlib.sha256(settings.encode()).hexdigest())
        self._objective = self._of_phase(0)
        self._best: Vector | None = None
        self._solver: Lbfgs | None = None
        self._saved_at = monotonic()

    def run(self) -> Outcome:
        """Train to the end."""
        self._take_up()
        self._begin()
        stopped = Stopped.FINISHED
        try:
            while not self._position.is_over:
                if self._context.wants_finish():
                    stopped = Stopped.ASKED
                    break
                self._step()
                self._keep()
            self._save()
            return self._finish(stopped)
        except Cancelled:
            self._save()
            raise
        finally:
            self._curve.flush()

    def _of_phase(self, phase: int) -> Objective:
        data = self._data
        penalty = PENALTIES[phase] / len(data.train)
        return Objective(data.train, len(data.classes.labels), self._scales, penalty)

    def _take_up(self) -> None:
        found = saved.load(self._context.checkpoints, self._position.identity)
        if found is None:
            self._solver = Lbfgs(self._objective.start(), self._objective)
            return
        self._position, arrays = found
        self._objective = self._of_phase(self._position.phase)
        self._best = arrays["best"] if len(arrays["best"]) else None
        self._solver = Lbfgs.restored(arrays)

    def _begin(self) -> None:
        context, data, position = self._context, self._data, self._position
        facts = {
            "labels": len(data.classes.labels),
            "features": data.train.width,
            "read": list(data.read),
            "batch": len(data.train),
            "trainable": len(data.classes.labels) * (data.train.width + 1),
            "parameters": context.base.parameters,
            "tokens_per_epoch": data.tokens,
            "validation_rows": len(data.validation) if data.validation else 0,
            "outside_rows": len(data.outside) if data.outside else 0,
        }
        context.runs.drop_after(context.run, position.step)
        known = context.runs.get(context.run).facts
        self._curve.update(
            total_steps=self._total,
            train_rows=len(data.train),
            step=position.step,
            best_step=position.best_step,
            best_name=METRIC if position.best_step is not None else "",
            best_value=position.best_value,
            facts={**known, **facts},
        )

    @property
    def _now(self) -> Lbfgs:
        assert self._solver is not None
        return self._solver

    def _step(self) -> None:
        began = monotonic()
        position, solver = self._position, self._now
        gained = solver.step(self._objective)
        step, inner = position.step + 1, position.inner + 1
        self._position = msgspec.structs.replace(position, step=step, inner=inner)
        at_rest = gained <= _LEAST_GAIN * max(solver.value, 1e-3) or inner >= _STEPS
        if self._data.validation is not None and (at_rest or inner % _EVERY == 0):
            self._evaluate(samples=at_rest)
        if at_rest:
            self._weaken()
        if step >= self._total:
            self._position = msgspec.structs.replace(self._position, is_over=True)
        elapsed = position.elapsed + monotonic() - began
        self._position = msgspec.structs.replace(self._position, elapsed=elapsed)
        point = Point(
            step=step,
            loss=solver.value,
            rate=solver.length,
            norm=solver.norm,
            tokens=self._data.tokens,
            elapsed=elapsed,
            memory=taken_bytes() or 0,
            epoch=float(step),
        )
        if self._context.progress.will_stop():
            self._save()
        self._curve.point(point, _BEGIN + (_END - _BEGIN) * step / self._total)

    def _evaluate(self, *, samples: bool) -> None:
        held, position = self._data.validation, self._position
        assert held is not None
        logits = self._objective.head(self._now.point).logits(held.features)
        found = scores_of(logits, held.codes)
        self._curve.scores(position.step, found)
        if samples:
            self._curve.samples(rows.samples(self._context, self._data, logits, position.step))
        lowest = min(found.loss, position.phase_value if position.phase_value is not None else found.loss)
        self._position = msgspec.structs.replace(position, phase_value=lowest)
        if position.best_value is None or found.loss < position.best_value:
            self._best = self._now.point.copy()
            fields: dict[str, Any] = {"best_value": found.loss, "best_step": position.step, "best_phase": position.phase}
            self._position = msgspec.structs.replace(self._position, **fields)
            self._curve.update(best_name=METRIC, best_value=found.loss, best_step=position.step)

    def _weaken(self) -> None:
        """Go on with the next penalty, or end."""
        position = self._position
        worse = position.best_phase < position.phase
        last = _UNJUDGED if self._data.validation is None else len(PENALTIES) - 1
        if position.phase >= last or (self._data.validation is not None and worse):
            self._position = msgspec.structs.replace(position, is_over=True)
            return
        self._position = msgspec.structs.replace(position, phase=position.phase + 1, inner=0, phase_value=None)
        self._objective = self._of_phase(self._position.phase)
        self._solver = Lbfgs(self._now.point, self._objective)

    def _keep(self) -> None:
        if monotonic() - self._saved_at > _SAVE_EVERY_S:
            self._save()

    def _save(self) -> None:
        """Write where it is, and a head that can be used if nothing more comes."""
        self._curve.flush()
        self._saved_at = monotonic()
        best = self._best if self._best is not None else np.empty(0)
        saved.save(self._context.checkpoints, self._position, {**self._now.state(), "best": best})
        place_head(self._context.best, plain(self._data, self._objective.head(self._chosen())), self._position.best_step)

    def _chosen(self) -> Vector:
        return self._best if self._best is not None else self._now.point

    def _finish(self, stopped: Stopped) -> Outcome:
        context, position = self._context, self._position
        best, last = self._objective.head(self._chosen()), self._objective.head(self._now.point)
        penalty = PENALTIES[position.best_phase if position.best_step is not None else position.phase]
        progress = context.progress.part(_END, 1.0)
        head = finished(self._data, best, self._scales, penalty / len(self._data.train), context.recipe.seed, progress)
        place_head(context.best, head, position.best_step)
        place_head(context.last, plain(self._data, last), position.step)
        facts: Mapping[str, Any] = {
            "penalty": penalty,
            "temperature": round(head.facts.temperature, 4),
            "threshold": head.facts.threshold,
            "threshold_chosen": head.facts.chosen,
        }
        known = context.runs.get(context.run).facts
        self._curve.update(total_steps=position.step, seconds=position.elapsed, facts={**known, **facts})
        return Outcome(
            steps=position.step,
            seconds=position.elapsed,
            stopped=stopped,
            best_step=position.best_step,
            best_name=METRIC if position.best_step is not None else "",
            best_value=position.best_value,
        )
