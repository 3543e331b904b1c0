"""An encoder and its head as one network, for the training loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoModel

from desktop.errors import UserError
from desktop.models.encoding import batches_of, padded
from desktop.tuning.head.classes import Codes
from desktop.tuning.head.softmax import Floats, Linear
from desktop.tuning.training.network import Network
from desktop.tuning.training.tokens import Array, Pair, TokenFacts, Tokens

HEAD = ("head.weight", "head.bias")
"""The head's names among the network's weights."""

_LEAST = -1e4
_READ_TOKENS = 4096


class LabelledTokens(Tokens):
    """Rows' tokens, each with its label's code for an answer.

    Args:
        rows: which of ``tokens``.
    """

    def __init__(self, tokens: Tokens, codes: Codes, rows: Array) -> None:
        self.facts: TokenFacts = tokens.facts
        self._tokens, self._codes, self._rows = tokens, codes, rows
        self.lengths: Array = tokens.lengths[rows]
        self.answers: Array = np.ones(len(rows), np.int64)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, row: int) -> Pair:
        place = int(self._rows[row])
        return Pair(self._tokens[place].prompt, self._codes[place : place + 1])


class TextBatch(NamedTuple):
    """Texts: token ids and mask [B, S], codes of their labels [B], tokens in all."""

    ids: Tensor
    mask: Tensor
    codes: Tensor
    tokens: int


class Module(nn.Module):
    """Encoder, pooling of several layers, linear head.

    Args:
        features: see ``HeadFacts``; the embedding is their ``pooling`` of the last layer.
    """

    def __init__(self, encoder: nn.Module, head: nn.Linear, features: Sequence[str], pooling: str) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head
        self._features = [(kind, int(layer)) for kind, _, layer in (feature.partition(":") for feature in features)]
        self._pooling = pooling

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [B, labels] and embeddings [B, width], of length 1."""
        layers = self.encoder(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
        read = torch.cat([_pooled(layers[layer], mask, kind) for kind, layer in self._features], dim=1)
        return self.head(read), nn.functional.normalize(_pooled(layers[-1], mask, self._pooling), dim=1)


class Classifying(Network):
    """A network that gives labels. Of what it inherits, only watching between layers is used as it is."""

    def __init__(self, module: Module, device: torch.device, autocast: torch.dtype | None, pad: int) -> None:
        self.module = module.to(device)
        self.model = self.module
        self.device, self.autocast = device, autocast
        self.trainable = {name: part for name, part in module.named_parameters() if part.requires_grad}
        self._pad = pad
        self._watch: Callable[[], None] = lambda: None
        for name, part in module.encoder.named_modules():
            if name.rpartition(".")[2].isdigit():
                part.register_forward_hook(self._pass)

    def _pass(self, *_: object) -> None:
        self._watch()

    @property
    def is_adapted(self) -> bool:
        return False

    def batch(self, pairs: Sequence[Pair]) -> TextBatch:  # type: ignore[override]
        ids, mask = padded([pair.prompt.tolist() for pair in pairs], self._pad)
        codes = torch.tensor([int(pair.answer[0]) for pair in pairs])
        device = self.device
        return TextBatch(torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device), codes.to(device), int(mask.sum()))

    def loss(self, batch: TextBatch, scale: float) -> Tensor:  # type: ignore[override]
        with self._precision():
            logits, _ = self.module(batch.ids, batch.mask)
        return nn.functional.cross_entropy(logits.float(), batch.codes, reduction="sum") * scale

    def weights(self) -> dict[str, Tensor]:
        """The encoder's, by the names of transformers, and the head's."""
        encoder = dict(self.module.encoder.state_dict())
        return {**encoder, **dict(zip(HEAD, (self.module.head.weight.data, self.module.head.bias.data), strict=True))}

    def load(self, weights: Mapping[str, Tensor], source: Path) -> None:
        own = self.weights()
        if own.keys() != weights.keys() or any(own[name].shape != weights[name].shape for name in own):
            raise UserError("The weights do not fit the base and its labels", path=source)
        for name, value in own.items():
            value.copy_(weights[name])

    @torch.no_grad()
    def read(self, texts: Sequence[Sequence[int]], watch: Callable[[], None]) -> tuple[Floats, Floats]:
        """Logits [N, labels] and embeddings [N, width] of texts' token ids, in their order."""
        self.module.eval()
        logits: Floats = np.empty((len(texts), self.module.head.out_features), np.float32)
        embedding: Floats | None = None
        lengths = np.array([len(text) for text in texts], np.int64)
        with self.watched(watch):
            for rows in batches_of(lengths, _READ_TOKENS, 256):
                ids, mask = (
                    torch.from_numpy(values).to(self.device) for values in padded([texts[row] for row in rows], self._pad)
                )
                with self._precision():
                    found, unit = (value.float().cpu().numpy() for value in self.module(ids, mask))
                embedding = np.empty((len(texts), unit.shape[1]), np.float32) if embedding is None else embedding
                logits[rows], embedding[rows] = found, unit
        assert embedding is not None
        return logits, embedding


def open_classifying(
    folder: Path, linear: Linear, features: Sequence[str], pooling: str, *, device: str, half: bool, pad: int, checkpointing: bool
) -> Classifying:
    """A folder's encoder with a head.

    Raises:
        UserError: the folder cannot be read.
    """
    try:
        encoder = AutoModel.from_pretrained(str(folder), dtype=torch.float32, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(f"The encoder cannot be read: {error}", path=folder) from error
    # What nothing reads has no gradient.
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None
    if checkpointing:
        encoder.gradient_checkpointing_enable({"use_reentrant": False})
    head = nn.Linear(linear.weight.shape[1], linear.weight.shape[0])
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(linear.weight))
        head.bias.copy_(torch.from_numpy(linear.bias))
    module = Module(encoder, head, features, pooling)
    return Classifying(module, torch.device(device), torch.bfloat16 if half else None, pad)


def _pooled(values: Tensor, mask: Tensor, kind: str) -> Tensor:
    """As ``desktop.models.export.encoder.pool``."""
    if kind == "first":
        return values[:, 0]
    seen = mask[..., None]
    if kind == "max":
        return values.masked_fill(seen == 0, _LEAST).amax(dim=1)
    return (values * seen).sum(dim=1) / seen.sum(dim=1).clamp(min=1)
