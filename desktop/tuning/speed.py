"""How fast this computer multiplies matrices of the sizes that matter, measured for a moment and remembered for some days."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import msgspec

from desktop.jobs.tuning_jobs import Recipe
from desktop.malformed import MALFORMED
from desktop.models import headroom
from desktop.paths import atomic_write, cache_dir
from desktop.tuning.shapes import Shape

_NAME = "speed.json"
_VALID_S = 7 * 86400.0
_MEASURE_S = 0.4
# Of the speed of large matrices, what a training reaches: the rest goes to memory, small operations and padding.
_REACHED = {"cpu": 0.6, "cuda": 0.4}
_ROWS = 512


class _Known(msgspec.Struct):
    """A measurement: operations a second, and when it was made (s since the epoch)."""

    rate: float
    when: float


def device() -> str:
    """Where a training runs: "cuda" when there is a GPU that PyTorch can use, else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def available() -> int | None:
    """Bytes that a training may take there; None where the system does not tell."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    free = headroom.free_bytes("CPU")
    return None if free is None else free + (headroom.taken_bytes() or 0)


def operations_per_second(shape: Shape, recipe: Recipe, where: str) -> float:
    """Floating-point operations a second that a training of this shape reaches, by a short measurement."""
    import torch

    name = torch.cuda.get_device_name() if where == "cuda" else f"{torch.get_num_threads()} threads"
    key = f"{where}, {name}, torch {torch.__version__}, {recipe.precision}, {shape.hidden} x {shape.inner}"
    path = cache_dir() / _NAME
    known = _read(path)
    found = known.get(key)
    if found is None or not 0 <= time.time() - found.when < _VALID_S:
        found = _Known(_measured(shape, recipe, where), time.time())
        with contextlib.suppress(Exception), atomic_write(path) as out:
            # Only a later estimate is slower when this cannot be kept.
            out.write(msgspec.json.encode({**known, key: found}))
    return found.rate * _REACHED[where]


def _measured(shape: Shape, recipe: Recipe, where: str) -> float:
    import torch

    half = recipe.precision == "bf16"
    options: dict[str, Any] = {"device": where, "dtype": torch.bfloat16 if half else torch.float32}
    left, right = torch.randn(_ROWS, shape.hidden, **options), torch.randn(shape.hidden, shape.inner, **options)
    torch.mm(left, right)
    best, until = float("inf"), time.perf_counter() + _MEASURE_S
    while time.perf_counter() < until:
        began = time.perf_counter()
        for _ in range(8):
            torch.mm(left, right)
        if where == "cuda":
            torch.cuda.synchronize()
        best = min(best, (time.perf_counter() - began) / 8)
    return 2.0 * _ROWS * shape.hidden * shape.inner / best


def _read(path: Path) -> dict[str, _Known]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, _Known])
    except (OSError, *MALFORMED):
        return {}
