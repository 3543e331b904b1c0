"""When memory runs out: smaller batches, then the CPU, and never a lost job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from desktop.jobs.failures import is_out_of_memory
from desktop.jobs.progress import Progress

_Item = TypeVar("_Item")
_Out = TypeVar("_Out")


class Batches(Generic[_Item, _Out]):
    """Runs items in batches; when memory runs out the batch is halved, down to one item, then another device takes over.

    What was learnt stays: later calls begin with the size and the device that worked.

    Args:
        run: items to results, one each, in order.
        size: items in a batch at first, at least 1.
        fallback: makes the ``run`` that uses the CPU; called once, when it is needed. None when there is nothing to fall back to.
        progress: is told of every change.
    """

    def __init__(
        self,
        run: Callable[[Sequence[_Item]], Sequence[_Out]],
        *,
        size: int,
        fallback: Callable[[], Callable[[Sequence[_Item]], Sequence[_Out]]] | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.size = max(1, size)
        self.fell_back = False
        self._run = run
        self._fallback = fallback
        self._progress = progress or Progress()

    def __call__(self, items: Sequence[_Item]) -> list[_Out]:
        """Results of all ``items``; raises what ``run`` raises, and its out-of-memory error when nothing is left to try."""
        results: list[_Out] = []
        while len(results) < len(items):
            self._progress.checkpoint()
            batch = items[len(results) : len(results) + self.size]
            try:
                made = self._run(batch)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                problem = error
            else:
                if len(made) != len(batch):
                    raise ValueError(f"{len(batch)} items gave {len(made)} results")
                results.extend(made)
                continue
            # Outside of the handler, so that the failed call's frames and what they hold are gone before the next try.
            problem = problem.with_traceback(None)
            self._yield_to(problem, len(batch))
        return results

    def _yield_to(self, problem: Exception, tried: int) -> None:
        """Make the next try smaller than ``tried`` items; raise ``problem`` when that cannot be."""
        if tried > 1:
            self.size = tried // 2
            self._progress.log(f"The memory ran out with {tried} at a time; going on with {self.size}.", "warning")
        elif self._fallback is not None and not self.fell_back:
            self.fell_back = True
            self._progress.log("The memory of the device ran out; going on with the CPU, which is slower.", "warning")
            self._run = self._fallback()
        else:
            raise problem
