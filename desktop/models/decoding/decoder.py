"""Decoders (Llama-like, BLOOM) as a search wants them: caches of fixed size, changed in place, one call a token."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from desktop.errors import UserError
from desktop.models import headroom
from desktop.models.decoding.caches import CacheShape, DeviceCaches, HostCaches, shape_of
from desktop.models.decoding.decoder_rows import DecoderRows, Graphs
from desktop.models.decoding.search import Generator
from desktop.models.decoding.stepper import Prefix, Rows, Stepper
from desktop.models.session import open_session

EXPORTED, MOVER = "decoder.onnx", "mover.onnx"

# Rows and tokens of a batch: more make the processor no faster, but wait longer for what is shown first.
_ROWS = {"CPU": 64, "CUDA": 256}
_TOKENS = {"CPU": 4096, "CUDA": 1 << 16}
# Share of the free memory that caches may take.
_SHARE = 0.25


def open_decoder(folder: Path, *, device: str = "auto", threads: int | None = None, spin: bool = False) -> Generator:
    """The model whose graph ``desktop.models.export.decoder`` wrote into ``folder``.

    Args:
        spin: see ``open_session``; for someone who waits for an answer.

    Raises:
        UserError: the graph is missing, damaged or not one of those, or the device cannot be had.
    """
    return Generator(DecoderStepper(folder, device=device, threads=threads, spin=spin))


class _DecoderPrefix(Prefix):
    def __init__(self, tokens: Sequence[int], caches: Any) -> None:
        super().__init__(tokens)
        self.caches = caches


class DecoderStepper(Stepper):
    """A decoder's graph, open.

    Args:
        keep_on_device: move caches by a graph even where they lie in the computer's memory.
    """

    context: int
    reads_trees = True

    def __init__(
        self,
        folder: Path,
        *,
        device: str = "auto",
        threads: int | None = None,
        spin: bool = False,
        keep_on_device: bool | None = None,
    ) -> None:
        session = open_session(folder / EXPORTED, device=device, threads=threads, spin=spin)
        self.device, self.precision = session.device, session.precision
        on_device = session.device != "CPU" if keep_on_device is None else keep_on_device
        mover = open_session(folder / MOVER, device=session.device.lower(), threads=threads) if on_device else None
        try:
            self._shape: CacheShape = shape_of(session)
            [logits] = [port for port in session.outputs if port.name == "logits"]
            notes = session.native.get_modelmeta().custom_metadata_map
            self.context, heads = int(notes["context"]), int(notes["heads"])
            self.vocabulary = int(logits.shape[1] or 0)
        except (KeyError, IndexError, ValueError) as error:
            raise UserError(f"This is no decoder: {error}", path=session.path, remedy="Export it again.") from error
        self._graphs = Graphs(session, mover, self._shape, self.vocabulary, heads)

    def start(self, prompts: Sequence[Sequence[int]], room: int, *, prefix: Prefix | None = None) -> Rows:
        before = len(prefix.tokens) if prefix else 0
        whole = before + max(len(prompt) for prompt in prompts) + room
        caches = self._caches(len(prompts), whole, prefix)
        return DecoderRows(self._graphs, caches, prompts, before)

    def at_once(self, length: int) -> int:
        length = max(1, length)
        most = min(_ROWS[self.device], _TOKENS[self.device] // length)
        if (free := headroom.free_bytes(self.device)) is not None:
            most = min(most, int(_SHARE * free) // (self._shape.bytes_per_token * length))
        return max(1, most)

    def prefix(self, tokens: Sequence[int]) -> Prefix:
        caches = self._caches(1, len(tokens), None)
        DecoderRows(self._graphs, caches, [tokens], 0)
        return _DecoderPrefix(tokens, caches.first_row() if isinstance(caches, HostCaches) else caches.values())

    def _caches(self, count: int, room: int, prefix: Prefix | None) -> HostCaches | DeviceCaches:
        given = prefix.caches if isinstance(prefix, _DecoderPrefix) else None
        if self._graphs.mover is None:
            return HostCaches(self._shape, count, room, given)
        return DeviceCaches(self._shape, self._graphs.mover, count, room, given)
