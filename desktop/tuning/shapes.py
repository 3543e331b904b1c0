"""The sizes of a base model's parts, from its configuration and the heads of its weights' files. Nothing heavy is imported."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from desktop.models import hub_folder, safetensors_head
from desktop.tuning.bases import Base

LORA_TARGETS = {
    "llama": ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
    "bloom": ("query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"),
    "t5": ("q", "k", "v", "o", "wi", "wi_0", "wi_1", "wo"),
    "bert": ("query", "key", "value", "dense"),
}
"""Ends of the names of the matrices that get adapters: all but the embeddings and the head."""


class Shape(NamedTuple):
    """Sizes of a transformer.

    Attributes:
        layers: of the decoder, or of the encoder where there is no decoder. encoder_layers: of a seq2seq's encoder.
        hidden, inner: width, and width inside the feed-forward part. attention: heads times their width.
        gated: the feed-forward part has two matrices of that width.
        parameters: in all. embedding: of the embeddings, which no multiplication reads (a tied head does).
    """

    layers: int
    encoder_layers: int
    hidden: int
    inner: int
    heads: int
    attention: int
    gated: bool
    vocabulary: int
    parameters: int
    embedding: int


def targets_of(base: Base) -> tuple[str, ...]:
    """The usual adapters' places, of which a base has some."""
    usual = LORA_TARGETS.get(base.architecture, LORA_TARGETS["llama"])
    there = {name.rsplit(".", 1)[-1] for name, _ in _matrices(base.folder)}
    return tuple(name for name in usual if name in there) or usual


def shape_of(base: Base) -> Shape:
    """Sizes of a base model's parts; raises UserError when its folder is damaged."""
    config = hub_folder.read(base.folder).config

    def said(*names: str, default: int = 0) -> int:
        return next((int(config[name]) for name in names if isinstance(config.get(name), int)), default)

    hidden = base.hidden
    head = said("head_dim", "d_kv", default=hidden // max(1, base.heads))
    gated = base.architecture in ("llama", "mistral", "qwen2") or "gated" in str(config.get("feed_forward_proj", ""))
    return Shape(
        layers=said("num_decoder_layers", default=base.layers),
        encoder_layers=base.layers if base.family == "seq2seq" else 0,
        hidden=hidden,
        inner=said("intermediate_size", "d_ff", "n_inner", default=4 * hidden),
        heads=base.heads,
        attention=base.heads * head,
        gated=gated,
        vocabulary=base.vocabulary,
        parameters=base.parameters,
        embedding=base.vocabulary * hidden,
    )


def lora_parameters(base: Base, rank: int, targets: Sequence[str]) -> int:
    """Numbers in the adapters: ``rank`` times rows and columns of every matrix whose name ends in a target."""
    wanted = tuple(targets) or targets_of(base)
    return sum(rank * sum(shape) for name, shape in _matrices(base.folder) if name.rsplit(".", 1)[-1] in wanted)


@functools.lru_cache(maxsize=8)
def _matrices(folder: Path) -> list[tuple[str, tuple[int, ...]]]:
    """Name (without ``.weight``) and shape of every matrix."""
    found: list[tuple[str, tuple[int, ...]]] = []
    for path in hub_folder.read(folder).weights:
        for name, tensor in safetensors_head.read(path).items():
            if len(tensor.shape) == 2 and name.endswith(".weight"):
                found.append((name.removesuffix(".weight"), tensor.shape))
    return found
