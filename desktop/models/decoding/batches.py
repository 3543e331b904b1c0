"""Prompts of different lengths in batches of like ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from desktop.errors import UsageError
from desktop.models.decoding.stepper import Prefix, Stepper


def batches(
    stepper: Stepper,
    prompts: Sequence[Sequence[int]],
    rooms: Sequence[int],
    prefix: Prefix | None,
    *,
    copies: int = 1,
    most: int = 1 << 30,
) -> Iterator[list[int]]:
    """Numbers of the prompts of each batch, long ones first: what does not fit into memory shows at once.

    Args:
        rooms: tokens that will be added to each prompt.
        copies: rows that a prompt becomes (beams).
        most: prompts of a batch.

    Raises:
        UsageError: a prompt with its room is longer than the model's window, or empty without a prefix.
    """
    before = len(prefix.tokens) if prefix else 0
    lengths = [before + len(prompt) + room for prompt, room in zip(prompts, rooms, strict=True)]
    for number, prompt in enumerate(prompts):
        if not prompt:
            raise UsageError(f"Prompt {number + 1} has no tokens")
        if stepper.context is not None and lengths[number] > stepper.context:
            raise UsageError(
                f"Prompt {number + 1} has {before + len(prompt):,} tokens and its answer may have {rooms[number]:,} more; "
                f"the model's window is {stepper.context:,} tokens",
                remedy="Shorten the prompt, or allow a shorter answer.",
            )
    order = sorted(range(len(prompts)), key=lambda number: (lengths[number], len(prompts[number])), reverse=True)
    start = 0
    while start < len(order):
        size = max(1, min(most, stepper.at_once(lengths[order[start]]) // copies))
        yield order[start : start + size]
        start += size
