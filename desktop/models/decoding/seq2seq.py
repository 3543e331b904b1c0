"""Encoder-decoder models (T5) as a search wants them: the encoder runs once a prompt, the decoder once a token."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from desktop.errors import UserError
from desktop.models import headroom
from desktop.models.decoding.search import Generator
from desktop.models.decoding.stepper import Floats, Ints, Prefix, Rows, Stepper
from desktop.models.session import Session, open_session

ENCODER, DECODER, REORDER = "encoder.onnx", "decoder.onnx", "reorder.onnx"
START, PAD = "start_token", "pad_token"
"""Keys of the decoder's metadata."""

# Rows and tokens of a batch: more make the processor no faster.
_ROWS = {"CPU": 64, "CUDA": 256}
_TOKENS = {"CPU": 8192, "CUDA": 1 << 16}
# Share of the free memory that the decoder's keys and values may take, which are copied as they grow.
_SHARE = 0.1


def open_seq2seq(folder: Path, *, device: str = "auto", threads: int | None = None, spin: bool = False) -> Generator:
    """The model whose graphs ``desktop.models.export.seq2seq`` wrote into ``folder``.

    Args:
        spin: see ``open_session``; for someone who waits for an answer.

    Raises:
        UserError: a graph is missing, damaged or not one of those, or the device cannot be had.
    """
    names = (ENCODER, DECODER, REORDER)
    encoder, decoder, reorder = (
        open_session(folder / name, device=device, threads=threads, spin=spin and name == DECODER) for name in names
    )
    return Generator(Seq2SeqStepper(encoder, decoder, reorder))


class Seq2SeqStepper(Stepper):
    """The three graphs of a model, open.

    Args:
        reorder: chooses rows of the decoder's caches.
    """

    context = None

    def __init__(self, encoder: Session, decoder: Session, reorder: Session) -> None:
        self.device, self.precision = decoder.device, decoder.precision
        self.encoder, self.decoder, self.reorder = encoder, decoder, reorder
        self.names = [port.name.removeprefix("past_") for port in decoder.inputs if port.name.startswith("past_")]
        notes = decoder.native.get_modelmeta().custom_metadata_map
        try:
            self.first, self.pad = int(notes[START]), int(notes[PAD])
            [logits] = [port for port in decoder.outputs if port.name == "logits"]
            [past] = [port for port in decoder.inputs if port.name == f"past_{self.names[0]}"]
            self.vocabulary, heads, width = (int(size) for size in (logits.shape[2], past.shape[1], past.shape[3]) if size)
        except (KeyError, IndexError, ValueError) as error:
            raise UserError(
                "This is no decoder of an encoder-decoder model", path=decoder.path, remedy="Export it again."
            ) from error
        self._empty = ((heads, 0, width), np.float16 if past.type == "tensor(float16)" else np.float32)

    def start(self, prompts: Sequence[Sequence[int]], room: int, *, prefix: Prefix | None = None) -> Rows:
        del room, prefix
        ids = np.full((len(prompts), max(len(prompt) for prompt in prompts)), self.pad, np.int64)
        mask = np.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, : len(prompt)] = prompt
            mask[row, : len(prompt)] = 1
        names = [f"cross_{name}" for name in self.names]
        cross = self.encoder.run_bound({"input_ids": ids, "attention_mask": mask}, names, names)
        shape, dtype = self._empty
        past = {name: np.empty((len(prompts), *shape), dtype) for name in self.names}
        rows = _Seq2SeqRows(self, mask, {name: cross[f"cross_{name}"] for name in self.names}, past)
        rows.step(np.full(len(prompts), self.first, np.int64))
        return rows

    def at_once(self, length: int) -> int:
        length = max(1, length)
        most = min(_ROWS[self.device], _TOKENS[self.device] // length)
        if (free := headroom.free_bytes(self.device)) is not None:
            (heads, _, width), dtype = self._empty
            # Of the prompt and of the answer, which together have so many tokens.
            row = len(self.names) * heads * width * np.dtype(dtype).itemsize * length
            most = min(most, int(_SHARE * free) // row)
        return max(1, most)


class _Seq2SeqRows(Rows):
    """A batch; ``owners`` are the prompts of the rows, equally many rows for each, in the order of the cross-attention's."""

    def __init__(self, model: Seq2SeqStepper, mask: Ints, cross: dict[str, Any], past: dict[str, Any]) -> None:
        self._model = model
        self._mask = mask
        self._cross = cross
        self._past = past
        self._owners = np.arange(len(mask))
        self._logits: Floats = np.empty((len(mask), 0), np.float32)

    @property
    def count(self) -> int:
        return len(self._owners)

    def best(self) -> tuple[Ints, Floats]:
        tokens = self._logits.argmax(axis=-1)
        highest = self._logits[np.arange(self.count), tokens]
        sums = np.exp(self._logits - highest[:, None]).sum(axis=-1)
        return tokens, -np.log(sums)

    def logits(self) -> Floats:
        return self._logits

    def step(self, tokens: Ints) -> None:
        feeds = {f"past_{name}": value for name, value in self._past.items()}
        feeds |= {f"cross_{name}": value for name, value in self._cross.items()}
        feeds |= {"input_ids": tokens[:, None], "attention_mask": self._mask}
        keep = [f"present_{name}" for name in self._past]
        found = self._model.decoder.run_bound(feeds, ["logits", *keep], keep)
        self._logits = found["logits"][:, -1]
        self._past = {name: found[f"present_{name}"] for name in self._past}

    def keep(self, rows: Ints) -> None:
        if np.array_equal(rows, np.arange(self.count)):
            return
        self._logits = self._logits[rows]
        self._past = self._chosen(self._past, rows)
        prompts = grouped(self._owners[rows])
        if not np.array_equal(prompts, np.arange(len(self._mask))):
            self._cross = self._chosen(self._cross, prompts)
            self._mask = self._mask[prompts]
        self._owners = np.repeat(np.arange(len(prompts)), len(rows) // max(1, len(prompts)))

    def _chosen(self, values: dict[str, Any], rows: Ints) -> dict[str, Any]:
        keep = [f"present_{name}" for name in values]
        feeds = {f"past_{name}": value for name, value in values.items()} | {"rows": rows}
        found = self._model.reorder.run_bound(feeds, keep, keep)
        return {name: found[f"present_{name}"] for name in values}


def grouped(owners: Ints) -> Ints:
    """Prompts, each of which has the same number of rows in turn, so that repeating them gives ``owners``; as few as possible."""
    starts = np.flatnonzero(np.diff(owners, prepend=-1))
    size = len(owners) // max(1, len(starts))
    prompts = owners[starts]
    return prompts if len(starts) and np.array_equal(np.repeat(prompts, size), owners) else owners
