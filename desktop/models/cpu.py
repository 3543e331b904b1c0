"""Processors that this process may use."""

from __future__ import annotations

import os
import sys

from desktop.jobs.cores import allowed, cores, granted

__all__ = ["allowed", "cores", "granted", "spin_less"]


def spin_less() -> None:
    """Let torch's threads wait for work in a loop for a short time only: on a busy computer that loop costs many times the work.

    Takes effect when torch is loaded for the first time (GNU OpenMP).
    """
    if "torch" not in sys.modules:
        os.environ.setdefault("GOMP_SPINCOUNT", "20000")
