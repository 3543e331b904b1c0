"""What T5's configuration and weights say about its graphs: sizes, and the bias of each distance between two positions.

Raffel et al. 2020, with the changes of version 1.1 (gated feed-forward layers, output weights of its own) where the configuration
says so. The bias by relative position is a row of a table for each bucket of distances; here it becomes a table of every distance
that has a bias of its own, so that the graphs look it up for sequences of any length.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.errors import UserError

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

FUTURE = np.float32(-1e9)
"""Bias of what a decoder must not see yet."""


class Activation(StrEnum):
    """Of the feed-forward layers, as configurations call them."""

    RELU = "relu"
    GELU = "gelu"
    GELU_TANH = "gelu_new"
    SILU = "silu"


@dataclass(frozen=True)
class T5Plan:
    """What T5's ``config.json`` says about its graphs.

    Attributes:
        width: of the residual stream. inner: of a feed-forward layer.
        layers, decoder_layers: blocks. heads, head: attention heads and the width of each.
        buckets, distance: of the relative positions.
        activation: of the feed-forward layers; ``gated``: it is multiplied with a second projection.
        scale: factor before the output weights.
        start, end, pad: tokens that begin an answer, end it, and fill up prompts.
    """

    width: int
    inner: int
    layers: int
    decoder_layers: int
    heads: int
    head: int
    buckets: int
    distance: int
    vocabulary: int
    epsilon: float
    activation: Activation
    gated: bool
    scale: float
    start: int
    end: int
    pad: int


def plan_of(config: Mapping[str, Any]) -> T5Plan:
    """Plan of a configuration, whichever version of transformers wrote it.

    Version 4 tells the older models, whose outputs are scaled, by ``tie_word_embeddings``; version 5 always writes true there and
    tells them by ``scale_decoder_outputs``.

    Raises:
        UserError: the configuration lacks a size, or names an unknown kind of feed-forward layers.
    """
    if not isinstance(config, dict):
        raise UserError("T5's configuration is not complete: it is no table of settings")
    kind = str(config.get("feed_forward_proj", "relu"))
    named = "gelu_new" if kind == "gated-gelu" else kind.removeprefix("gated-").replace("swish", "silu")
    if named not in Activation.__members__.values():
        raise UserError(f"T5 with feed_forward_proj '{kind}' is not supported")
    try:
        return _plan(config, Activation(named), kind.startswith("gated-"))
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise UserError(f"T5's configuration is not complete: {error}") from error


def _plan(config: Mapping[str, Any], activation: Activation, gated: bool) -> T5Plan:
    width, layers = int(config["d_model"]), int(config["num_layers"])
    scaled = config.get("scale_decoder_outputs", config.get("tie_word_embeddings") is not False)
    pad = int(config.get("pad_token_id") or 0)
    start = config.get("decoder_start_token_id")
    end = config.get("eos_token_id")
    return T5Plan(
        width=width,
        inner=int(config["d_ff"]),
        layers=layers,
        decoder_layers=int(config.get("num_decoder_layers") or layers),
        heads=int(config["num_heads"]),
        head=int(config["d_kv"]),
        buckets=int(config.get("relative_attention_num_buckets", 32)),
        distance=int(config.get("relative_attention_max_distance", 128)),
        vocabulary=int(config["vocab_size"]),
        epsilon=float(config.get("layer_norm_epsilon", 1e-6)),
        activation=activation,
        gated=gated,
        scale=width**-0.5 if scaled else 1.0,
        pad=pad,
        start=pad if start is None else int(start),
        end=int(end[0] if isinstance(end, list) else 1 if end is None else end),
    )


def buckets(distances: Ints, plan: T5Plan, *, both: bool) -> Ints:
    """Bucket of each distance (position attended to minus own): exact near by, logarithmic up to ``plan.distance``, then one.

    Args:
        both: later positions are seen too and have half of the buckets (encoder).
    """
    count = plan.buckets // 2 if both else plan.buckets
    first = np.where(distances > 0, count, 0) if both else np.zeros_like(distances)
    away = np.abs(distances) if both else np.maximum(-distances, 0)
    exact = count // 2
    # In single precision, as the models were trained: at the borders a rounding decides.
    ratio = np.log(np.maximum(away, 1).astype(np.float32) / np.float32(exact)) / np.float32(math.log(plan.distance / exact))
    far = exact + (ratio * np.float32(count - exact)).astype(np.int64)
    result: Ints = first + np.where(away < exact, away, np.minimum(far, count - 1))
    return result


def bias_table(rows: Floats, plan: T5Plan, *, both: bool) -> Floats:
    """Bias of each distance for each head [heads, distances], from -``plan.distance`` on, to +``plan.distance`` when ``both``.

    A decoder's ends with the distance +1, which stands for all that it must not see.

    Args:
        rows: of the buckets [buckets, heads].
    """
    distances = np.arange(-plan.distance, plan.distance + 1 if both else 1)
    table = rows[buckets(distances, plan, both=both)].T
    return table if both else np.concatenate([table, np.full((plan.heads, 1), FUTURE, np.float32)], axis=1)
