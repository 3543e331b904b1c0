"""Random numbers: each step has its own, which depend on the seed and the step alone.

So a step that is done again, after a pause, a lack of memory or a crash, drops out the same.
"""

from __future__ import annotations

import random

import numpy as np
import torch


def seed_all(seed: int, step: int = 0, process: int = 0) -> None:
    """Seed torch (all devices), numpy and Python for a step; processes of one training draw different numbers."""
    wide, narrow = np.random.SeedSequence([seed, step, process]).generate_state(2, np.uint64).tolist()
    torch.manual_seed(wide >> 1)
    np.random.seed(narrow >> 32)
    random.seed(narrow)
