"""Pop2Piano's graphs as a loop wants them: windows of a song in, tokens of each window out, all windows a step at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models import headroom
from desktop.models.decoding.caches import Caches, DeviceCaches, HostCaches, bound, shape_of
from desktop.models.decoding.greedy import closed_up
from desktop.models.decoding.stepper import Floats, Ints
from desktop.models.session import Binding, Session, open_session

START, END = 0, 1
"""Tokens that begin a window's answer and end it."""
LONGEST = 255
"""Most tokens of a window's answer: 256 with the one that begins it, as the model was trained."""
MOVER = "mover.onnx"

# Room is made for so many tokens at a time: attention looks at all of it, used or not.
_ROOM = 32
# Windows of a batch. More make the processor no faster.
_WINDOWS = {"CPU": 128, "CUDA": 512}
# Share of the free memory that keys and values may take.
_SHARE = 0.25
# On a GPU all caches are copied when rows go, so some must have gathered.
_GONE = 0.25

OnStep = Callable[[int, int], None]
Scores = npt.NDArray[np.float32]


def graph_names(activation: str) -> tuple[str, str]:
    """Names of encoder and decoder for an activation ("gelu_new", "relu")."""
    return f"encoder-{activation}.onnx", f"decoder-{activation}.onnx"


class Pop2Piano:
    """The graphs that ``desktop.models.export.pop2piano`` wrote into ``folder``, open.

    Args:
        spin: see ``open_session``; for someone who waits for an answer.
        keep_on_device: move caches by a graph even where they lie in the computer's memory.

    Attributes:
        device: "CPU" or "CUDA".
        width: values of a frame of the encoder's input.
        on_device: whether caches are kept by the device.

    Raises:
        UserError: a graph is missing, damaged or not one of those, or the device cannot be had.
    """

    def __init__(
        self,
        folder: Path,
        activation: str,
        *,
        device: str = "auto",
        threads: int | None = None,
        spin: bool = False,
        keep_on_device: bool | None = None,
    ) -> None:
        names = graph_names(activation)
        self.encoder, self.decoder = (open_session(folder / name, device=device, threads=threads, spin=spin) for name in names)
        self.device = self.decoder.device
        self.on_device = self.device != "CPU" if keep_on_device is None else keep_on_device
        self._mover: Session | None = None
        if self.on_device:
            self._mover = open_session(folder / MOVER, device=self.device.lower(), threads=threads)
        try:
            self._shape = shape_of(self.decoder)
            [mel] = [port for port in self.encoder.inputs if port.name == "mel"]
            [logits] = [port for port in self.decoder.outputs if port.name == "logits"]
            self.width, self.vocabulary = int(mel.shape[2] or 0), int(logits.shape[1] or 0)
        except (IndexError, ValueError) as error:
            raise UserError(f"This is no Pop2Piano: {error}", path=self.decoder.path, remedy="Install it again.") from error

    def at_once(self, frames: int, most: int = LONGEST) -> int:
        """How many windows of so many frames one batch should have at most."""
        found = _WINDOWS[self.device]
        if (free := headroom.free_bytes(self.device)) is not None:
            found = min(found, int(_SHARE * free) // (self._shape.bytes_per_token * (frames + 1 + most)))
        return max(1, found)

    def greedy(
        self,
        mel: Floats,
        composers: Ints,
        most: int = LONGEST,
        *,
        stop: int | None = END,
        progress: Progress | None = None,
        on_step: OnStep | None = None,
    ) -> list[list[int]]:
        """The likeliest token of each window, again and again, until ``stop`` (left out of the answer) or ``most`` tokens.

        Args:
            mel: [windows, frames, width]; all of them become one batch (see ``at_once``).
            composers: of each window, from 0.
            stop: None for answers that are all of ``most`` tokens.
            on_step: told the number of tokens so far and of the windows that go on.
        """
        answers = np.zeros((len(mel), most), np.int64)
        lengths = np.full(len(mel), most)
        batch = _Batch(self, mel, composers)
        for place in range(most):
            if progress is not None:
                progress.checkpoint()
            tokens = batch.step()
            answers[batch.windows, place] = tokens
            if stop is not None:
                ended = tokens == stop
                lengths[batch.windows[ended]] = np.minimum(lengths[batch.windows[ended]], place)
                batch.end(ended)
            if on_step is not None:
                on_step(place + 1, batch.going)
            if not batch.going:
                break
        return [row[:length].tolist() for row, length in zip(answers, lengths, strict=True)]

    def scored(self, mel: Floats, composers: Ints, tokens: Ints) -> Scores:
        """Logits of each step when these tokens are written [windows, tokens + 1, vocabulary]."""
        batch = _Batch(self, mel, composers)
        found = []
        for place in range(tokens.shape[1] + 1):
            batch.step()
            found.append(batch.logits.copy())
            if place < tokens.shape[1]:
                batch.write(tokens[:, place])
        return np.stack(found, axis=1)

    def caches(self, count: int, room: int) -> Caches:
        """Empty caches where the decoder runs."""
        if self._mover is None:
            return HostCaches(self._shape, count, room)
        return DeviceCaches(self._shape, self._mover, count, room)


class _Batch:
    """Windows under way.

    Attributes:
        windows: number of the window of each row.
        logits: of the last step [rows, vocabulary].
    """

    def __init__(self, model: Pop2Piano, mel: Floats, composers: Ints) -> None:
        count = len(mel)
        self._model = model
        self._cross = model.caches(count, mel.shape[1] + 1)
        self._past = model.caches(count, _ROOM)
        inputs = {"mel": np.ascontiguousarray(mel, np.float32), "composer": np.ascontiguousarray(composers, np.int64)}
        model.encoder.bind(inputs, *bound(self._cross.values(), ("cross",))).run()
        self.windows = np.arange(count)
        self._ended = np.zeros(count, np.bool_)
        self._token = np.full(count, START, np.int64)
        self._next = np.empty(count, np.int64)
        self.logits = np.empty((count, model.vocabulary), np.float32)
        self._position = np.zeros(1, np.int64)
        self._binding: Binding | None = None

    @property
    def going(self) -> int:
        """Windows that have not ended."""
        return int(np.count_nonzero(~self._ended))

    def step(self) -> Ints:
        """Add a token to each row; the likeliest next ones, which the next step adds."""
        if self._position[0] == self._past.room:
            self._past.grow(self._past.room + _ROOM)
            self._binding = None
        if self._binding is None or self._model.on_device:
            self._binding = self._bound()
        self._binding.run()
        self._position += 1
        self._token[:] = self._next
        return self._next.copy()

    def write(self, tokens: Ints) -> None:
        """Make these the tokens that the next step adds."""
        self._token[:] = tokens

    def end(self, ended: npt.NDArray[np.bool_]) -> None:
        """Drop the rows that have come to their end, at once or when it is worth it."""
        self._ended |= ended
        gone = int(np.count_nonzero(self._ended))
        if not gone or gone == len(self._ended) or (self._model.on_device and gone < _GONE * len(self._ended)):
            return
        rows = closed_up(~self._ended)
        for caches, end in ((self._past, int(self._position[0])), (self._cross, self._cross.room)):
            caches.take(rows, np.zeros(len(rows), np.int64), end)
        self.windows = self.windows[rows]
        self._token, self._next, self.logits = self._token[rows], self._next[rows], self.logits[rows]
        self._ended = np.zeros(len(rows), np.bool_)
        self._binding = None

    def _bound(self) -> Binding:
        past, present = bound(self._past.values(), ("past", "present"))
        [cross] = bound(self._cross.values(), ("cross",))
        inputs = {"token": self._token, "position": self._position}
        outputs = {"next": self._next, "logits": self.logits}
        return self._model.decoder.bind(inputs | past | cross, outputs | present)
