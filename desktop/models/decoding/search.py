"""The searches over one open model, as evaluation, the playground and labelling use them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, overload

import numpy as np

from desktop.jobs.progress import Progress
from desktop.models.decoding.batches import batches
from desktop.models.decoding.beam import beam
from desktop.models.decoding.choose import choose
from desktop.models.decoding.greedy import OnToken, greedy
from desktop.models.decoding.stepper import Floats, Ints, Prefix, Stepper


class Generator:
    """Writes answers to prompts; lists of prompts may be of any length, and their prompts of different ones.

    Attributes:
        stepper: the model.
    """

    def __init__(self, stepper: Stepper) -> None:
        self.stepper = stepper

    @property
    def device(self) -> str:
        """ "CPU" or "CUDA"."""
        return self.stepper.device

    @property
    def precision(self) -> str:
        """Of most of the weights ("fp32", "fp16", "int8", "int4")."""
        return self.stepper.precision

    @property
    def context(self) -> int | None:
        """Most tokens of a prompt and its answer together; None where there is no bound."""
        return self.stepper.context

    def prefix(self, tokens: Sequence[int]) -> Prefix | None:
        """Read a start that many prompts share, once. Prompts that are given with it are what follows it.

        None where the model cannot make use of that: put the tokens before the prompts then.
        """
        return self.stepper.prefix(tokens) if tokens else None

    @overload
    def greedy(
        self,
        prompts: Sequence[Sequence[int]],
        max_new: int | Sequence[int],
        stop: Collection[int],
        *,
        prefix: Prefix | None = None,
        on_token: OnToken | None = None,
        progress: Progress | None = None,
        scores: Literal[False] = False,
    ) -> list[list[int]]: ...

    @overload
    def greedy(
        self,
        prompts: Sequence[Sequence[int]],
        max_new: int | Sequence[int],
        stop: Collection[int],
        *,
        prefix: Prefix | None = None,
        on_token: OnToken | None = None,
        progress: Progress | None = None,
        scores: Literal[True],
    ) -> tuple[list[list[int]], list[float]]: ...

    def greedy(
        self,
        prompts: Sequence[Sequence[int]],
        max_new: int | Sequence[int],
        stop: Collection[int],
        *,
        prefix: Prefix | None = None,
        on_token: OnToken | None = None,
        progress: Progress | None = None,
        scores: bool = False,
    ) -> list[list[int]] | tuple[list[list[int]], list[float]]:
        """The likeliest token, again and again, until one of ``stop`` (left out of the answer) or ``max_new`` tokens.

        Args:
            max_new: longest answer, for all prompts or for each.
            on_token: told the prompt's number and each token of its answer as it comes.
            scores: return the mean log-probability of each answer's tokens as well (the stop token counts).

        Raises:
            UsageError: a prompt and its answer do not fit into the model's window, or a prompt is empty.
        """
        most = [max_new] * len(prompts) if isinstance(max_new, int) else list(max_new)
        found = greedy(self.stepper, prompts, most, stop, prefix=prefix, on_token=on_token, progress=progress)
        return found if scores else found[0]

    def beam(
        self,
        prompts: Sequence[Sequence[int]],
        beams: int,
        max_new: int | Sequence[int],
        stop: Collection[int],
        *,
        prefix: Prefix | None = None,
        progress: Progress | None = None,
    ) -> list[list[int]]:
        """The best answer that beam search finds for each prompt, as ``greedy`` gives them; the settings are transformers' own.

        Raises:
            UsageError: as for ``greedy``.
        """
        most = [max_new] * len(prompts) if isinstance(max_new, int) else list(max_new)
        return beam(self.stepper, prompts, beams, most, stop, prefix=prefix, progress=progress)

    def choose(
        self,
        prompts: Sequence[Sequence[int]],
        choices: Sequence[Sequence[int]],
        *,
        prefix: Prefix | None = None,
        progress: Progress | None = None,
    ) -> tuple[Ints, Floats]:
        """The likeliest of the given answers to each prompt.

        Args:
            choices: tokens of the answers, with the token that ends them.

        Returns:
            Number of the best choice [prompts], and the log-probabilities of all, exact [prompts, choices].

        Raises:
            UsageError: a prompt with the longest choice does not fit into the model's window, or one of them is empty.
        """
        return choose(self.stepper, prompts, choices, prefix=prefix, progress=progress)

    def first(
        self,
        prompts: Sequence[Sequence[int]],
        tokens: Sequence[int],
        prefix: Prefix | None = None,
        progress: Progress | None = None,
    ) -> Floats:
        """Logits of ``tokens`` as the next token of each prompt [prompts, tokens]."""
        found = np.empty((len(prompts), len(tokens)), np.float32)
        for numbers in batches(self.stepper, prompts, [0] * len(prompts), prefix):
            if progress is not None:
                progress.checkpoint()
            rows = self.stepper.start([prompts[number] for number in numbers], 0, prefix=prefix)
            found[numbers] = rows.logits()[:, list(tokens)]
        return found
