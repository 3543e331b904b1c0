"""Rows of tokens to the tensors of a batch: padded on the right, no further than its longest row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from desktop.tuning.training.batches import Array
from desktop.tuning.training.tokens import Pair

_WORTHWHILE = 8
"""Tokens: fewer shared ones are read with each row."""


@dataclass(frozen=True)
class Batch:
    """What a network reads of some rows.

    Attributes:
        ids: int64 [B, S]: prompt and answer of a decoder, the prompt alone for an encoder-decoder.
        shared: int64 [1, P], what all rows begin with, left out of ``ids``; None when that is nothing or of no use.
        mask: bool [B, S], true at tokens; None where it is not needed: causal attention never looks at what pads the right.
        answer_ids: int64 [B, T], what the decoder of an encoder-decoder reads: start, then the answer but its last token.
        places: int64 [N], positions in the flattened states that predict ``labels``, int64 [N].
        tokens: read by the network, without padding.
    """

    ids: Tensor
    shared: Tensor | None
    mask: Tensor | None
    answer_ids: Tensor | None
    places: Tensor
    labels: Tensor
    tokens: int

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        if device.type == "cpu":
            return self

        def moved(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.to(device, non_blocking=True)

        ids, places, labels = (tensor.to(device, non_blocking=True) for tensor in (self.ids, self.places, self.labels))
        return Batch(ids, moved(self.shared), moved(self.mask), moved(self.answer_ids), places, labels, self.tokens)


def decoder_batch(pairs: Sequence[Pair], pad: int, *, share: bool = False) -> Batch:
    """Rows for a decoder; the last token of an answer is predicted but never read.

    Args:
        share: put what all prompts begin with (the frame of a conversation, a template's text) aside, to be read once.
    """
    tokens = sum(len(pair.prompt) + len(pair.answer) - 1 for pair in pairs)
    shared = _common([pair.prompt for pair in pairs]) if share and len(pairs) > 1 else pairs[0].prompt[:0]
    pairs = [Pair(pair.prompt[len(shared) :], pair.answer) for pair in pairs]
    sizes = [len(pair.prompt) + len(pair.answer) - 1 for pair in pairs]
    width = max(sizes)
    ids = np.full((len(pairs), width), pad, np.int64)
    places, labels = [], []
    for row, (pair, size) in enumerate(zip(pairs, sizes, strict=True)):
        ids[row, :size] = np.concatenate([pair.prompt, pair.answer[:-1]])
        places.append(row * width + np.arange(len(pair.prompt) - 1, size))
        labels.append(pair.answer)
    aside = torch.from_numpy(shared.astype(np.int64))[None] if len(shared) else None
    return Batch(torch.from_numpy(ids), aside, None, None, _joined(places), _joined(labels), tokens)


def seq2seq_batch(pairs: Sequence[Pair], pad: int, start: int) -> Batch:
    """Rows for an encoder-decoder."""
    read, width = max(len(pair.prompt) for pair in pairs), max(len(pair.answer) for pair in pairs)
    ids = np.full((len(pairs), read), pad, np.int64)
    mask = np.zeros((len(pairs), read), np.bool_)
    answers = np.full((len(pairs), width), pad, np.int64)
    places, labels = [], []
    for row, pair in enumerate(pairs):
        ids[row, : len(pair.prompt)] = pair.prompt
        mask[row, : len(pair.prompt)] = True
        answers[row, 0] = start
        answers[row, 1 : len(pair.answer)] = pair.answer[:-1]
        places.append(row * width + np.arange(len(pair.answer)))
        labels.append(pair.answer)
    tokens = sum(len(pair.prompt) + len(pair.answer) for pair in pairs)
    return Batch(
        torch.from_numpy(ids), None, torch.from_numpy(mask), torch.from_numpy(answers), _joined(places), _joined(labels), tokens
    )


def prompts_batch(prompts: Sequence[Sequence[int]], pad: int, *, left: bool) -> tuple[Tensor, Tensor]:
    """Prompts to go on from: ids and mask int64 [B, S], padded on the left for a decoder."""
    width = max(len(prompt) for prompt in prompts)
    ids = np.full((len(prompts), width), pad, np.int64)
    mask = np.zeros((len(prompts), width), np.int64)
    for row, prompt in enumerate(prompts):
        place = slice(width - len(prompt), width) if left else slice(0, len(prompt))
        ids[row, place], mask[row, place] = prompt, 1
    return torch.from_numpy(ids), torch.from_numpy(mask)


def _common(prompts: Sequence[Array]) -> Array:
    """What all begin with, but for the last token of the shortest, which predicts its answer; nothing when it is short."""
    first, most = prompts[0], min(len(prompt) for prompt in prompts) - 1
    same = np.logical_and.reduce([prompt[:most] == first[:most] for prompt in prompts])
    count = most if same.all() else int(same.argmin())
    return first[: count if count >= _WORTHWHILE else 0]


def _joined(parts: Sequence[Array]) -> Tensor:
    return torch.from_numpy(np.concatenate(parts).astype(np.int64))
