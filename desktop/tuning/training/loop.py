"""A training from its first step, or its last checkpoint, to its end: when to step, judge, save, hold and stop."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import msgspec
import torch

from desktop.errors import UserError
from desktop.models.headroom import taken_bytes
from desktop.tuning.context import Context, Outcome, Stopped
from desktop.tuning.reporter import Reporter
from desktop.tuning.runs import Point, RunState
from desktop.tuning.training import checkpoints, weights
from desktop.tuning.training.checkpoints import Loaded, State
from desktop.tuning.training.helpers import Helpers, Step
from desktop.tuning.training.judge import Judge
from desktop.tuning.training.optimiser import rate_at
from desktop.tuning.training.setup import Setup
from desktop.tuning.training.steps import Diverged, Interrupted, Made, Stepper, TooLarge
from desktop.tuning.training.weights import Mark

METRIC = "loss"


class Loop:
    """Runs a training.

    Args:
        judge: None when there are no validation rows.
        crew: the other processes, if any.
        loaded: the checkpoint that the stepper has taken up.
    """

    def __init__(
        self,
        context: Context,
        setup: Setup,
        stepper: Stepper,
        judge: Judge | None,
        crew: Helpers | None = None,
        loaded: Loaded | None = None,
    ) -> None:
        self._context, self._setup, self._stepper, self._judge, self._crew = context, setup, stepper, judge, crew
        self._recipe = setup.recipe
        self._reporter = Reporter(context, setup.steps)
        self._finishing = False
        self._state = (
            loaded.state
            if loaded
            else State(
                identity=setup.identity,
                step=0,
                batch=setup.recipe.batch,
                evaluated=-1,
                best_value=None,
                best_step=None,
                bad=0,
                tokens=0,
                elapsed=0.0,
            )
        )
        self._saved = self._state if loaded else None
        stepper.watch = self._watch

    def run(self) -> Outcome:
        """Train to the end.

        Raises:
            Cancelled: the user ended it; a checkpoint was saved first.
            UserError: it diverged, memory or disk do not suffice, a process was lost.
        """
        try:
            stopped = self._go()
            self._finish()
        finally:
            self._reporter.flush()
        mark = weights.mark_of(self._context.best)
        state = self._state
        best = (mark.step, mark.name, mark.value) if mark is not None and mark.name else (None, "", None)
        return Outcome(state.step, state.elapsed, stopped, *best)

    def _go(self) -> Stopped:
        while True:
            if self._context.progress.will_stop():
                self._hold()
            self._finishing = self._finishing or self._context.wants_finish()
            try:
                if self._is_due:
                    self._evaluate()
                elif (stopped := self._end()) is not None:
                    return stopped
                else:
                    self._step()
            except Interrupted:
                continue
            step = self._state.step
            if step and step % self._recipe.checkpoint_every == 0 and not self._is_due:
                self._save()

    @property
    def _is_due(self) -> bool:
        """Whether an evaluation comes before anything else."""
        state = self._state
        if self._judge is None or state.evaluated == state.step:
            return False
        return self._finishing or state.step in (0, self._setup.steps) or state.step % self._recipe.eval_every == 0

    def _end(self) -> Stopped | None:
        if self._state.step >= self._setup.steps:
            return Stopped.FINISHED
        if self._finishing:
            return Stopped.ASKED
        patience = self._recipe.patience
        return Stopped.EARLY if patience and self._state.bad >= patience else None

    def _watch(self) -> None:
        if self._context.progress.will_stop():
            raise Interrupted

    def _hold(self) -> None:
        """Save what a pause or an end must not cost, then obey."""
        if self._state.step:
            self._save()
        self._reporter.update(state=RunState.PAUSED)
        self._context.progress.checkpoint()
        self._reporter.update(state=RunState.RUNNING)
        self._reporter.rest()

    def _step(self) -> None:
        number = self._state.step + 1
        rate = rate_at(number, self._setup.steps, self._recipe)
        began = monotonic()
        try:
            made = self._made(number, rate)
        except TooLarge:
            self._smaller()
            return
        state = self._set(step=number, tokens=self._state.tokens + made.tokens, elapsed=self._state.elapsed + monotonic() - began)
        epoch = number / self._stepper.plan.steps_per_epoch
        self._reporter.point(
            Point(number, made.loss, rate, made.norm, state.tokens, round(state.elapsed, 3), self._memory(), epoch)
        )

    def _made(self, number: int, rate: float) -> Made:
        if self._crew is None:
            return self._stepper.step(number, self._state.batch, rate)
        self._crew.tell(Step(number, self._state.batch, rate))
        try:
            return self._stepper.step(number, self._state.batch, rate)
        except RuntimeError as error:
            if self._crew.any_lost():
                raise self._crew.lost() from error
            raise

    def _smaller(self) -> None:
        """Go on with half the rows at once."""
        batch, recipe = self._state.batch, self._recipe
        if batch == 1:
            raise UserError(
                f"The memory of the {self._setup.device.upper()} does not hold a single row of {recipe.max_tokens} tokens",
                remedy="Use a smaller max_tokens, gradient checkpointing, LoRA instead of full tuning, or a smaller base.",
            )
        batch = -(-batch // 2)
        passes = math.ceil(self._setup.step_rows / (batch * recipe.gpus))
        self._set(batch=batch)
        self._context.warn(
            f"The memory ran out: from now on {batch} rows at once and {passes} passes a step, to the same effect."
        )
        run = self._context.runs.get(self._context.run)
        self._reporter.update(facts={**run.facts, "batch": batch, "accumulation": passes})

    def _evaluate(self) -> None:
        judge, state, network = self._judge, self._state, self._stepper.network
        assert judge is not None
        self._reporter.say(state.step, f"Step {state.step:,} of {self._setup.steps:,} · validating")
        began = monotonic()
        with self._base_at_first():
            try:
                value = judge.loss(network, state.batch, self._watch)
            except MemoryError as error:
                raise UserError(
                    "The memory does not hold a single validation row", remedy="Use a smaller max_tokens, or a smaller base."
                ) from error
            samples = judge.samples(network, state.step, self._watch)
        if not math.isfinite(value):
            raise Diverged("The validation loss", state.step, self._recipe)
        self._reporter.scores(state.step, {METRIC: value})
        self._reporter.samples(samples)
        self._set(evaluated=state.step, elapsed=state.elapsed + monotonic() - began)
        if state.step == 0:
            self._reporter.update(best_before=value)
        else:
            self._compare(value)

    @contextmanager
    def _base_at_first(self) -> Iterator[None]:
        """Before the first step it is the base that is judged, even where the training starts from other adapters."""
        if self._state.step == 0 and self._stepper.network.is_adapted:
            with self._stepper.network.as_base():
                yield
        else:
            yield

    def _compare(self, value: float) -> None:
        state = self._state
        if state.best_value is not None and value >= state.best_value:
            self._set(bad=state.bad + 1)
            return
        weights.save_weights(
            self._context.best, self._stepper.network, self._context.base.folder, Mark(step=state.step, name=METRIC, value=value)
        )
        self._set(best_value=value, best_step=state.step, bad=0)
        self._reporter.update(best_name=METRIC, best_value=value, best_step=state.step)

    def _save(self) -> None:
        """Write a checkpoint, unless this state has one."""
        state, network = self._state, self._stepper.network
        if self._saved == state:
            return
        if not all(bool(parameter.isfinite().all()) for parameter in network.trainable.values()):
            raise Diverged("A weight", state.step, self._recipe)
        self._reporter.flush()
        made = checkpoints.save(
            self._context.checkpoints,
            state,
            weights=lambda folder: weights.write_weights(folder, network, self._context.base.folder),
            optimiser=self._stepper.optimiser.state(),
        )
        weights.place_weights(made / checkpoints.WEIGHTS, self._context.last, Mark(step=state.step))
        self._saved = state

    def _finish(self) -> None:
        """Save the last weights; without validation rows they are the best, too."""
        self._save()
        if weights.mark_of(self._context.best) is None:
            weights.place_weights(
                checkpoints.newest(self._context.checkpoints) / checkpoints.WEIGHTS,
                self._context.best,
                Mark(step=self._state.step),
            )
        checkpoints.keep(self._context.checkpoints, 1)
        self._reporter.update(seconds=round(self._state.elapsed, 3))

    def _memory(self) -> int:
        if self._setup.device == "cuda":
            peak = torch.cuda.max_memory_allocated()
            torch.cuda.reset_peak_memory_stats()
            return peak
        return taken_bytes() or 0

    def _set(self, **fields: object) -> State:
        self._state = msgspec.structs.replace(self._state, **fields)
        return self._state
