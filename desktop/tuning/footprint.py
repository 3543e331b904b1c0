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

# The libraries' code, their working memory, and on a GPU the context of its driver.
_LIBRARIES_CPU, _LIBRARIES_CUDA = 450 << 20, 1400 << 20
# Adam keeps two numbers for each that is trained; all of them, and the gradients, are 32-bit.
_GRADIENT, _OPTIMISER = 4, 8
# Numbers kept for each token of a layer, in units of its width: what norms, projections and sums need again.
_KEPT_WIDTHS, _KEPT_INNER, _KEPT_INNER_GATED = 6.0, 2.0, 4.0
# Copies of the logits: they, their logarithms, and the gradient of both.
_LOGITS = 4
# What is allocated for a moment in the backward pass, and the holes that the allocator leaves between what is kept.
_SLACK_CPU, _SLACK_CUDA = 1.5, 1.15


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
    # Frozen weights are held as they are computed with; trained ones are 32-bit.
    weights = base.parameters * (2 if half and recipe.method == "lora" else 4)
    adapters = 4 * (trained if recipe.method == "lora" else head)
    kept = _kept(recipe, shape, tokens or recipe.max_tokens, answer or recipe.max_answer, base.family)
    slack = _SLACK_CUDA if device == "cuda" else _SLACK_CPU
    number = 2 if half else 4
    return Footprint(
        weights=weights,
        adapters=adapters,
        gradients=_GRADIENT * (trained + head),
        optimiser=_OPTIMISER * (trained + head),
        activations=int(recipe.batch * kept * number * slack) if recipe.method != "head" else 0,
        overhead=_LIBRARIES_CUDA if device == "cuda" else _LIBRARIES_CPU,
    )


def _kept(recipe: Recipe, shape: Shape, tokens: int, answer: int, family: str) -> float:
    """Numbers kept of one row."""
    inner = shape.inner * (_KEPT_INNER_GATED if shape.gated else _KEPT_INNER)
    layer = _KEPT_WIDTHS * shape.hidden + 4 * shape.attention + inner
    sequences = [(shape.encoder_layers, tokens), (shape.layers, answer)] if family == "seq2seq" else [(shape.layers, tokens)]
    kept = 0.0
    for layers, length in sequences:
        # Attention's weights of a T5 are kept whole, because of what is added to them.
        squares = 2 * shape.heads * length if family == "seq2seq" else 0
        if recipe.gradient_checkpointing:
            kept += length * (layers * shape.hidden + layer + squares)
        else:
            kept += length * layers * (layer + squares)
    if family == "seq2seq":
        kept += answer * shape.layers * (_KEPT_WIDTHS * shape.hidden / 3 + 2 * shape.heads * tokens)
    if family != "encoder":
        kept += _LOGITS * shape.vocabulary * (answer if family == "seq2seq" else tokens)
    return kept


def operations(recipe: Recipe, base: Base, shape: Shape, tokens: float, answer: float = 0.0) -> float:
    """Floating-point operations for one row forth and back (Kaplan et al. 2020, section 2.1: two for each weight and token).

    Weights that are not trained need no gradient of their own: two thirds of the work remain.
    """
    back = 2.0 if recipe.method == "full" else 1.0
    return forward(base, shape, tokens, answer) * (1.0 + back) * (4 / 3 if recipe.gradient_checkpointing else 1.0)


def forward(base: Base, shape: Shape, tokens: float, answer: float = 0.0) -> float:
    """Floating-point operations for one row, forth only."""
    body = max(0, shape.parameters - shape.embedding)
    squares = 4.0 * shape.attention
    if base.family == "seq2seq":
        layers = max(1, shape.layers + shape.encoder_layers)
        early, late = body * shape.encoder_layers / layers, body * shape.layers / layers
        head = 2.0 * shape.embedding * answer
        attention = squares * (shape.encoder_layers * tokens**2 + shape.layers * answer * tokens)
        return 2.0 * (early * tokens + late * answer) + attention + head
    head = 2.0 * shape.embedding * tokens if base.family == "decoder" else 0.0
    return 2.0 * body * tokens + squares * shape.layers * tokens**2 + head
