"""Rotary position embeddings (Su et al. 2021): the tables of cosines and sines, plain or stretched for longer texts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from desktop.errors import UserError
from desktop.models.export.weights import Floats


def tables(parameters: Mapping[str, Any], head: int, context: int) -> tuple[Floats, Floats]:
    """Cosines and sines [context, head / 2].

    Args:
        parameters: ``rope_parameters`` of the model's configuration: rope_type, rope_theta, ...

    Raises:
        UserError: a kind that is not known here.
    """
    kind = parameters.get("rope_type", "default")
    if parameters.get("partial_rotary_factor", 1.0) != 1.0 or kind not in ("default", "linear", "llama3"):
        what = "partial" if kind in ("default", "linear", "llama3") else kind
        raise UserError(f"Models with {what} rotary positions cannot be exported", remedy="Choose another model.")
    steps = np.arange(0, head, 2, dtype=np.float32) / np.float32(head)
    frequencies = 1.0 / np.power(np.float32(parameters["rope_theta"]), steps)
    if kind == "linear":
        frequencies = frequencies / np.float32(parameters["factor"])
    elif kind == "llama3":
        frequencies = _llama3(frequencies, parameters)
    angles = np.arange(context, dtype=np.float32)[:, None] * frequencies.astype(np.float32)
    return np.cos(angles), np.sin(angles)


def _llama3(frequencies: Floats, parameters: Mapping[str, Any]) -> Floats:
    """Slow frequencies divided, fast ones kept, those between in between (Llama 3.1's own scaling)."""
    factor, low, high = (float(parameters[key]) for key in ("factor", "low_freq_factor", "high_freq_factor"))
    window = float(parameters["original_max_position_embeddings"])
    length = 2 * math.pi / frequencies
    share = np.clip((window / length - low) / (high - low), 0.0, 1.0)
    result: Floats = ((1 - share) * frequencies / factor + share * frequencies).astype(np.float32)
    return result
