"""Classifiers out of sentence encoders: a head on a frozen encoder, or encoder and head together. torch is imported inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from desktop.tuning.context import Context, Outcome


def train(context: Context) -> Outcome:
    """Train a classifier by the recipe's method, "head" or "full", or go on with a run that has checkpoints.

    Raises:
        UserError: the rows cannot be trained on, memory or disk do not suffice, or it diverged.
        Cancelled: the user ended it; what was done is kept.
    """
    if context.recipe.method == "full":
        from desktop.tuning.head.full import train_all

        return train_all(context)
    from desktop.tuning.head.frozen import train_head

    return train_head(context)
