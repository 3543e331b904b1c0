"""Pop2Piano with random weights, in the hub's layout."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import NormalDist

import torch
from torch import Tensor

from desktop.models.export.pop2piano_layout import TOKENS, layout
from desktop.models.export.t5 import T5Plan


def random_weights(plan: T5Plan, seed: int = 0, *, ending: float = 0.0, musical: bool = False) -> dict[str, Tensor]:
    """Random weights, of the sizes that a fresh network has, so that no layer drowns another.

    Args:
        ending: about the share of the tokens that are the end's; 0 for what chance gives.
        musical: tokens that real answers lack, and long shifts of time, are rare, so that the answers are notes.
    """
    random = torch.Generator().manual_seed(seed)
    found = {}
    for name, shape in layout(plan).items():
        if "norm" in name:
            found[name] = 1.0 + 0.1 * torch.randn(shape, generator=random)
        elif "embed" in name or "lm_head" in name:
            found[name] = torch.randn(shape, generator=random)
        elif "bias" in name:
            # Fresh ones tell positions apart by next to nothing.
            found[name] = 2.0 * torch.randn(shape, generator=random)
        else:
            found[name] = torch.randn(shape, generator=random) * shape[-1] ** -0.5
            if name.endswith("SelfAttention.q.weight"):
                found[name] *= plan.head**-0.5
            elif name.endswith("EncDecAttention.q.weight"):
                # Looks at some frames more than at others, so that each window has an answer of its own.
                found[name] *= 8 * plan.head**-0.5
    if musical:
        rows = found["lm_head.weight"]
        # All but: pitches of the middle of the keyboard, velocity on, shifts of none to two steps.
        rows[:4], rows[4:40], rows[100:133], rows[137:] = 0.2 * rows[:4], 0.2 * rows[4:40], 0.2 * rows[100:133], 0.2 * rows[137:]
        rows[133] *= 1.5
    if ending:
        # The largest of many normal numbers, beaten by one that is spread wider.
        found["lm_head.weight"][plan.end] /= found["lm_head.weight"][plan.end].std()
        place = NormalDist().inv_cdf
        found["lm_head.weight"][plan.end] *= place(1.0 - 0.5 / plan.vocabulary) / place(1.0 - ending)
    return found


def write_random(folder: Path, plan: T5Plan, seed: int = 0, *, ending: float = 0.0, musical: bool = False) -> Path:
    """A folder as the hub has it, with such weights."""
    weights = random_weights(plan, seed, ending=ending, musical=musical)
    tokens = weights[TOKENS]
    # All three names are there, as in the published file.
    aliases = {"shared.weight": tokens, "encoder.embed_tokens.weight": tokens}
    torch.save(weights | aliases, folder / "pytorch_model.bin")
    config = {"architectures": ["Pop2PianoForConditionalGeneration"], "d_model": plan.width, "vocab_size": plan.vocabulary}
    (folder / "config.json").write_text(json.dumps(config))
    return folder
