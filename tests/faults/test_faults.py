"""Faults in the middle of real work: some of them with short queues in each run of the tests, all of them with `slow`.

``python -m tests.faults`` tries them on queues of 200 jobs and prints a table.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.sources import SHORT_MIX
from tests.faults.suite import FAULTS, obstacle, run
from tests.faults.world import MODELS

ORDINARY = ("worker kill -9", "window kill -9", "source changed", "database locked")
"""Those that show the most in the least time."""
_JOBS = 14


def _case(name: str) -> object:
    return pytest.param(name, marks=() if name in ORDINARY else pytest.mark.slow)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", [_case(name) for name in FAULTS])
def test_nothing_is_lost_repeated_or_half_done(name: str, machine_models: Path, installed: Callable[[str], Path]) -> None:
    if why := obstacle(name):
        pytest.skip(why)
    for model in MODELS:
        installed(model)
    line = run(name, machine_models, _JOBS, mix=SHORT_MIX)
    assert line.is_good, line.failure
