"""Pop2Piano's network (Choi and Lee 2022): its sizes, the names and shapes of its weights, and reading them from published files.

A T5 whose encoder reads a log-mel spectrogram as it is, behind the embedding of an arranger, with output weights of its own.
Published are the authors' Lightning checkpoint and its conversion for transformers; tuned ones are often safetensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from desktop.errors import UserError
from desktop.models.export import checkpoint
from desktop.models.export.t5 import Activation, T5Plan
from desktop.models.export.weights import Weights

COMPOSERS = 21
"""Arrangers whose manner was learnt."""

PUBLISHED = T5Plan(
    width=512,
    inner=2048,
    layers=6,
    decoder_layers=6,
    heads=8,
    head=64,
    buckets=32,
    distance=128,
    vocabulary=2400,
    epsilon=1e-6,
    activation=Activation.GELU_TANH,
    gated=True,
    scale=1.0,
    start=0,
    end=1,
    pad=0,
)
"""Of the published weights. The activation is that of the authors' program, see ``with_activation``."""

TOKENS, COMPOSER = "decoder.embed_tokens.weight", "mel_conditioner.embedding.weight"
_SHARED, _ENCODER = "shared.weight", "encoder.embed_tokens.weight"
_ALIASES = (_SHARED, _ENCODER, TOKENS)
_LIGHTNING = "transformer."
_SETTINGS = (
    "omegaconf.dictconfig.DictConfig",
    "omegaconf.listconfig.ListConfig",
    "omegaconf.base.ContainerMetadata",
    "omegaconf.base.Metadata",
    "omegaconf.nodes.AnyNode",
    "typing.Any",
)
"""What the settings of a training are made of that Lightning may keep beside the weights."""


def with_activation(plan: T5Plan, activation: str) -> T5Plan:
    """The plan with another activation of its gated layers.

    The weights do not tell it: the program that trained them used ``gelu_new``, and transformers' later port runs the same
    weights with ``relu``, for want of an entry in the published configuration.
    """
    return replace(plan, activation=Activation(activation))


def layout(plan: T5Plan) -> dict[str, tuple[int, ...]]:
    """Name and shape of each weight; the two aliases of the tokens' embeddings are left out."""
    inner = plan.heads * plan.head
    found: dict[str, tuple[int, ...]] = {
        TOKENS: (plan.vocabulary, plan.width),
        "lm_head.weight": (plan.vocabulary, plan.width),
        COMPOSER: (COMPOSERS, plan.width),
    }
    for side, layers in (("encoder", plan.layers), ("decoder", plan.decoder_layers)):
        found[f"{side}.final_layer_norm.weight"] = (plan.width,)
        found[f"{side}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"] = (plan.buckets, plan.heads)
        attentions = ["SelfAttention"] if side == "encoder" else ["SelfAttention", "EncDecAttention"]
        for number in range(layers):
            block = f"{side}.block.{number}.layer"
            for place, attention in enumerate(attentions):
                found[f"{block}.{place}.layer_norm.weight"] = (plan.width,)
                found |= {f"{block}.{place}.{attention}.{part}.weight": (inner, plan.width) for part in "qkv"}
                found[f"{block}.{place}.{attention}.o.weight"] = (plan.width, inner)
            last = f"{block}.{len(attentions)}"
            found[f"{last}.layer_norm.weight"] = (plan.width,)
            found |= {f"{last}.DenseReluDense.{part}.weight": (plan.inner, plan.width) for part in ("wi_0", "wi_1")}
            found[f"{last}.DenseReluDense.wo.weight"] = (plan.width, plan.inner)
    return found


def read(path: Path, plan: T5Plan) -> dict[str, Tensor]:
    """The weights of a file (PyTorch or Lightning checkpoint, or safetensors), under the names of ``layout``, as float32.

    Raises:
        UserError: not such a file, dangerous, damaged, of another vocabulary, or not this network.
    """
    found = _plain(_content(path))
    found = _one_embedding(found, path)
    tokens = found.get(TOKENS)
    if tokens is not None and tokens.ndim == 2 and tokens.shape[0] != plan.vocabulary:
        raise UserError(
            f"This checkpoint has a vocabulary of {tokens.shape[0]} tokens where Pop2Piano's has {plan.vocabulary}: "
            "its notes would be read wrongly",
            path=path,
            remedy="Only models that were tuned without changing the vocabulary can be used.",
        )
    wanted = {name: torch.empty(shape, device="meta") for name, shape in layout(plan).items()}
    return checkpoint.match(found, wanted, "Pop2Piano", path)


def _content(path: Path) -> dict[str, Tensor]:
    """Whatever the file's name is: libraries and browsers rename."""
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise UserError(f"The weights cannot be read: {error.strerror}", path=path) from error
    if len(start) == 9 and start[8:] == b"{":
        weights = Weights(path)
        return {name: torch.from_numpy(weights.read(name).copy()) for name in weights}
    return checkpoint.read(path, _SETTINGS)


def _plain(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Without the prefix of the authors' own checkpoint, and without the spectrogram's filters, which it has, too."""
    if not any(name.startswith(_LIGHTNING) for name in weights):
        return dict(weights)
    return {
        name.removeprefix(_LIGHTNING): value for name, value in weights.items() if name.startswith(_LIGHTNING) or name == COMPOSER
    }


def _one_embedding(weights: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """With the tokens' embeddings under one name, after making sure that all names they have mean the same.

    Files written by programs that leave duplicates out have one of the names only, and some releases of transformers then fill
    the others with random numbers.
    """
    there = [weights[name] for name in _ALIASES if name in weights]
    if any(other.shape != there[0].shape or not torch.equal(other, there[0]) for other in there[1:]):
        raise UserError(
            "The checkpoint is damaged: its copies of the tokens' embeddings differ",
            path=path,
            remedy="It was saved by a program that lost them; use the file it was made from.",
        )
    rest = {name: value for name, value in weights.items() if name not in _ALIASES}
    return rest | ({TOKENS: there[0]} if there else {})
