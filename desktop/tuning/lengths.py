"""How many tokens prompts and answers take, by the rows' characters: an estimate before anything is tokenised. Nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.jobs.tuning_jobs import Recipe
from desktop.tuning.bases import Base

if TYPE_CHECKING:
    from desktop.tuning.records.facts import Facts

CHARS_PER_TOKEN = 3.0
"""Of English and code in the tokenizers that are known here: 3.2 to 4.7. The lower end, so that little is cut."""

# Tokens of a conversation's frame, with a default system message.
_FRAME_CHAT, _FRAME_PLAIN = 40, 8
_STEP = 32
_COVERED = 0.99
_MOST, _MOST_ENCODER = 1024, 512
_LEAST_ANSWER, _MOST_ANSWER = 8, 512
# A column's longest values are some times its mean.
_SPREAD = 4.0


def settled_lengths(base: Base, facts: Facts, recipe: Recipe) -> tuple[int, int]:
    """``max_tokens`` and ``max_answer`` of a recipe, those left open chosen so that 99 % of the rows are whole."""
    encoder = base.family == "encoder"
    answer = recipe.max_answer or (0 if encoder else _rounded(answer_tokens(facts), 8, _LEAST_ANSWER, _MOST_ANSWER))
    if recipe.max_tokens:
        bound = recipe.max_tokens if base.context is None else min(recipe.max_tokens, base.context)
        return bound, max(1, min(answer, bound)) if answer else answer
    frame = 2 if encoder else _FRAME_CHAT if base.has_chat else _FRAME_PLAIN
    prompt = int(quantile_chars(facts, _COVERED) / CHARS_PER_TOKEN) + frame
    whole = prompt + (answer if base.family == "decoder" else 0)
    most = min(_MOST_ENCODER if encoder else _MOST, base.context or _MOST)
    return min(_rounded(whole, _STEP, _STEP, most), most), answer


def quantile_chars(facts: Facts, share: float) -> int:
    """Characters that a share of the prompts' texts do not pass."""
    edges, counts = facts.chars.edges, facts.chars.counts
    wanted, seen = share * sum(counts), 0
    for upper, count in zip(edges[1:], counts, strict=False):
        seen += count
        if seen >= wanted and seen:
            return upper
    return edges[-1] if edges else 0


def mean_chars(facts: Facts) -> float:
    """Of the prompts' texts."""
    total = sum(facts.chars.counts)
    middles = ((low + high) / 2 for low, high in zip(facts.chars.edges, facts.chars.edges[1:], strict=False))
    return sum(middle * count for middle, count in zip(middles, facts.chars.counts, strict=False)) / total if total else 0.0


def answer_tokens(facts: Facts) -> int:
    """Tokens of a long answer, its end included."""
    if facts.classes:
        return int(max(len(label) for label in facts.classes) / 2) + 2
    column = facts.column(facts.output)
    return int((column.mean_chars if column else 0.0) * _SPREAD / CHARS_PER_TOKEN) + 2


def _rounded(value: int, step: int, least: int, most: int) -> int:
    return max(least, min(most, -(-value // step) * step))
