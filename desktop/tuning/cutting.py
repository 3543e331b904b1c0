"""Making a prompt fit: its longest values lose their ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tokenizers import Tokenizer

_TRIES = 8


def shortened(
    values: Mapping[str, str], room: int, tokenizer: Tokenizer, length: Callable[[Mapping[str, str]], int]
) -> dict[str, str]:
    """Values cut so that their prompt takes at most ``room`` tokens; the longest are cut first, to a common length.

    Args:
        length: tokens of the prompt that values make. It need not be the sum of theirs: neighbours may merge.
    """
    encodings = {name: tokenizer.encode(value, add_special_tokens=False) for name, value in values.items()}
    sizes = {name: len(encoding.ids) for name, encoding in encodings.items()}
    kept, target = dict(values), sum(sizes.values())
    for _ in range(_TRIES):
        excess = length(kept) - room
        if excess <= 0:
            break
        target = max(0, target - excess)
        bound = level(list(sizes.values()), target)
        left = target - sum(min(size, bound) for size in sizes.values())
        for name, encoding in encodings.items():
            # What the common length leaves of the room goes to the first values that are longer.
            size = min(sizes[name], bound + (1 if left > 0 and sizes[name] > bound else 0))
            left -= size - min(sizes[name], bound)
            end = encoding.offsets[size - 1][1] if size else 0
            kept[name] = values[name] if size == sizes[name] else values[name][:end]
    return kept


def level(sizes: list[int], total: int) -> int:
    """The greatest bound for which ``sizes``, each cut down to it, sum to at most ``total``."""
    left, bound = total, 0
    for index, size in enumerate(sorted(sizes)):
        share = left // (len(sizes) - index)
        if size > share:
            return share
        left, bound = left - size, size
    return bound
