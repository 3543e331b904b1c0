"""What the user wants as a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.batch.order import Order
from desktop.jobs.batches import OnError

Plan = Callable[[], Sequence[Any]]
"""Gives the jobs of a batch, all of one kind; called in a thread, touches no widget, may raise UserError."""


@dataclass(frozen=True)
class Ask:
    """What the user wants as a batch.

    Attributes:
        kind: "cover", "restore" or "label".
        given: files and folders as they were named, for the title.
        plan: gives the jobs.
        output: folder of the results, "" for one beside each source.
        watch: folder whose new files join. more: gives the jobs of all that is in it; called as ``plan`` is.
    """

    kind: str
    given: Sequence[Path]
    plan: Plan
    output: str = ""
    order: Order = Order.GIVEN
    on_error: OnError = OnError.CONTINUE
    watch: str = ""
    more: Plan | None = None
