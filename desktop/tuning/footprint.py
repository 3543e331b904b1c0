"""What a training needs: bytes of memory, and floating-point operations, from sizes alone. Nothing heavy is imported.

The activations are what PyTorch keeps of each token for the backward pass, counted layer by layer; the factors are fitted to
measured peaks of training SmolLM2 and T5 on a processor (see tests/tuning/test_estimate.py).
"""

from __future__ import annotations

import functools
from typing import NamedTuple

from desktop.jobs.tuning_jobs import Recipe
from desktop.tuning.bases import Base
from desktop.tuning.shapes import Shape, lora_parameters, shape_of

_MIB = 1 << 20
# The libraries' code and working memory, and the bounded piece of logits that the loss works on; on a GPU its driver's context.
_LIBRARIES_CPU, _LIBRARIES_CUDA = 510 * _MIB, 1400 * _MIB
# Adam keeps two numbers for each that is trained; they, and the gradients, are 32-bit.
_GRADIENT, _OPTIMISER = 4, 8
# Numbers that a layer keeps of each token, in units of its width: of norms and sums, more of them when its weights are trained.
_KEPT_FROZEN, _KEPT_TRAINED = 2.5, 4.5
# Of attention: queries, keys, values, result. Of a seq2seq's for each head and pair of tokens: weights before and after dropout.
_KEPT_ATTENTION, _KEPT_PAIRS = 4.0, 3.5
# A decoder's layer of a seq2seq has attention twice.
_TWICE = 1.4
# Of the feed-forward part, in units of its inner width: with a gate, and without.
_KEPT_INNER = {"encoder": (4.0, 4.0), "decoder": (4.0, 2.8), "seq2seq": (10.0, 4.0)}
# What the allocator loses between what is kept, and what is needed for a moment.
_SLACK = {"encoder": 1.9, "decoder": 1.9, "seq2seq": 1.55}
_SLACK_CUDA = 1.15
# Layers at once when activations are computed again.
_AGAIN = 8.0
# Bytes of a number with 16-bit arithmetic: sums and norms stay at 32.
_MIXED = 3.0
# Tables as large as the vocabulary's that the backward pass holds beside the gradients; the share of the gradients that takes
# the place of activations that are gone by then.
_TABLES, _REUSED = 2.5, 0.8


class Footprint(NamedTuple):
    """Bytes of a training, at its peak.

    Attributes:
        weights: of the base. adapters: LoRA's, or a head's. optimiser: its moments. overhead: libraries and driver.
    """

    weights: int
    adapters: int
    gradients: int
    optimiser: int
    activations: int
    overhead: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self)


@functools.lru_cache(maxsize=64)
def trainable(recipe: Recipe, base: Base) -> int:
    """How many numbers are trained; of a head none, as it depends on the labels."""
    if recipe.method == "lora":
        return lora_parameters(base, recipe.lora_rank, recipe.lora_targets)
    return base.parameters if recipe.method == "full" else 0


def memory(
    recipe: Recipe, base: Base, shape: Shape | None = None, *, device: str, tokens: int = 0, answer: int = 0, classes: int = 0
) -> Footprint:
    """Bytes that a settled recipe takes.

    Args:
        tokens: of the longest rows, prompt and answer together (of a seq2seq the prompt alone); 0 takes the recipe's bound.
        answer: tokens of a seq2seq's longest answers; 0 takes the recipe's bound.
        classes: labels of a classifier.
    """
    shape = shape or shape_of(base)
    trained = trainable(recipe, base)
    head = classes * (shape.hidden + 1) if base.family == "encoder" else 0
    half = recipe.precision == "bf16"
    # Frozen weights are held as they are computed with on a GPU; trained ones are 32-bit.
    weights = base.parameters * (2 if half and recipe.method == "lora" and device == "cuda" else 4)
    return Footprint(
        weights=weights,
        adapters=4 * (trained if recipe.method == "lora" else head),
        gradients=_GRADIENT * (trained + head),
        optimiser=_OPTIMISER * (trained + head),
        activations=_activations(recipe, base, shape, device, tokens or recipe.max_tokens, answer or recipe.max_answer),
        overhead=_LIBRARIES_CUDA if device == "cuda" else _LIBRARIES_CPU,
    )


def _activations(recipe: Recipe, base: Base, shape: Shape, device: str, tokens: int, answer: int) -> int:
    """Bytes at the peak beyond weights, gradients and the optimiser's numbers."""
    if recipe.method == "head":
        return 0
    kept = recipe.batch * _kept(recipe, shape, tokens, answer, base.family)
    slack = _SLACK_CUDA if device == "cuda" else _SLACK[base.family]
    found = kept * slack * (_MIXED if recipe.precision == "bf16" else 4.0)
    if recipe.method == "full":
        found = max(found - _REUSED * _GRADIENT * base.parameters, _TABLES * _GRADIENT * shape.embedding)
    return int(found)


def _kept(recipe: Recipe, shape: Shape, tokens: int, answer: int, family: str) -> float:
    """Numbers kept of one row."""
    widths = _KEPT_TRAINED if recipe.method == "full" else _KEPT_FROZEN
    inner = _KEPT_INNER[family][0 if shape.gated else 1]
    layer = widths * shape.hidden + _KEPT_ATTENTION * shape.attention + inner * shape.inner
    if family != "seq2seq":
        return tokens * _stacked(recipe, shape.layers, shape.hidden, layer)
    pairs = _KEPT_PAIRS * shape.heads
    read = tokens * _stacked(recipe, shape.encoder_layers, shape.hidden, layer + pairs * tokens)
    return read + answer * _stacked(recipe, shape.layers, shape.hidden, _TWICE * layer + pairs * (tokens + answer))


def _stacked(recipe: Recipe, layers: int, hidden: int, layer: float) -> float:
    """Numbers that ``layers`` keep of a token, when each keeps ``layer``, or its input only and then some at a time."""
    return layers * hidden + min(layers, _AGAIN) * layer if recipe.gradient_checkpointing else layers * layer


def operations(recipe: Recipe, base: Base, shape: Shape, tokens: float, answer: float = 0.0) -> float:
    """Floating-point operations for one row forth and back (Kaplan et al. 2020, section 2.1: two for each weight and token).

    Weights that are not trained need no gradient of their own: two thirds of the work remain.
    """
    back = 2.0 if recipe.method == "full" else 1.0
    return forward(base, shape, tokens, answer) * (1.0 + back) * (4 / 3 if recipe.gradient_checkpointing else 1.0)


def forward(base: Base, shape: Shape, tokens: float, answer: float = 0.0) -> float:
    """Floating-point operations for one row, forth only; logits are made of the answer's tokens alone.

    Args:
        tokens: of prompt and answer together, of a seq2seq the prompt alone.
    """
    body = max(0, shape.parameters - shape.embedding)
    squares = 4.0 * shape.attention
    if base.family == "seq2seq":
        layers = max(1, shape.layers + shape.encoder_layers)
        early, late = body * shape.encoder_layers / layers, body * shape.layers / layers
        head = 2.0 * shape.embedding * answer
        attention = squares * (shape.encoder_layers * tokens**2 + shape.layers * answer * tokens)
        return 2.0 * (early * tokens + late * answer) + attention + head
    head = 2.0 * shape.embedding * answer if base.family == "decoder" else 0.0
    return 2.0 * body * tokens + squares * shape.layers * tokens**2 + head
