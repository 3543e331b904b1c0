"""Networks that restore a face, by their id in the library: aligned faces in, restored faces out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from desktop.errors import UserError
from desktop.jobs.memory import Batches
from desktop.jobs.progress import Progress
from desktop.models import sidecar
from desktop.models.library import Library, Status
from desktop.models.session import Session, open_session
from desktop.models.sidecar import FaceNetwork

Floats = npt.NDArray[np.float32]
Face = tuple[Floats, float]

TASK = "face-restorer"
_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
# Faces at a time. One after the other keeps a CPU's caches warm; a GPU wants many, and its memory grows with their area.
_CPU_PIXELS, _GPU_PIXELS, _MOST = 4 << 16, 4 << 18, 32


def restorer_ids(library: Library) -> list[str]:
    """Ids of the face restorers that are installed and whole, in the library's order."""
    here = (Status.INSTALLED, Status.BUNDLED)
    return [entry.id for entry in library.entries() if entry.task == TASK and library.status(entry.id) in here]


def open_restorer(
    library: Library, name: str, *, device: str = "auto", threads: int | None = None, progress: Progress | None = None
) -> Restorer:
    """A face restorer, warmed up.

    Args:
        device: "auto" takes the GPU when there is one that works, "cuda" insists on it, "cpu" stays away from it.
        threads: threads of one operator; this process's share of the cores when None.
        progress: is told when memory or numbers run out; a checkpoint before every batch.

    Raises:
        UserError: unknown, not installed, damaged, no face restorer, or the device cannot be had.
    """
    entry = library.entry(name)
    if entry.task != TASK:
        known = ", ".join(each.id for each in library.entries() if each.task == TASK)
        raise UserError(f"{entry.title} does not restore faces", remedy=f"Choose one of: {known}.")
    folder = library.folder(name)
    restorer = Restorer(name, entry.title, folder, device=device, threads=threads, progress=progress or Progress())
    restorer.warm_up()
    return restorer


class Restorer:
    """Restores aligned faces, several at a time; when memory runs out fewer at a time, then on the CPU. For one thread at once.

    Attributes:
        name, title: the model's id and title.
        size: pixels of a face's side.
        template: where its features lie ("ffhq", ...).
        has_fidelity: whether ``fidelity`` makes a difference.
    """

    def __init__(self, name: str, title: str, folder: Path, *, device: str, threads: int | None, progress: Progress) -> None:
        self.name, self.title = name, title
        self._card = sidecar.read(folder)
        self.size, self.template, self.has_fidelity = self._card.size, self._card.template, self._card.has_fidelity
        self._path, self._threads, self._progress = folder / self._card.file, threads, progress
        self._session = open_session(self._path, device=device, threads=threads)
        _check(self._card, self._session)
        self._batches: Batches[Face, Floats] = Batches(
            self._run,
            size=_batch_size(self._card, self._session),
            fallback=self._on_cpu if self._session.device != "CPU" else None,
            progress=progress,
        )
        self._told = False

    @property
    def device(self) -> str:
        """Where it runs now: "CPU" or "CUDA"."""
        return self._session.device

    @property
    def precision(self) -> str:
        """What it computes in: "fp32", "fp16", ..."""
        stored = self._session.precision
        # ONNX Runtime has no half-precision convolutions for the CPU and computes them in single precision.
        return self._card.precision or ("fp32" if self.device == "CPU" and stored == "fp16" else stored)

    @property
    def note(self) -> str:
        """Why it runs on the CPU although a GPU was there; empty otherwise."""
        return self._session.note

    @property
    def max_batch(self) -> int:
        """Faces that are restored at a time; becomes smaller when memory runs out."""
        return self._batches.size

    def __call__(self, crops: Floats, fidelity: Floats | float = 0.5) -> Floats:
        """Restored faces.

        Args:
            crops: [n, size, size, 3] aligned faces, RGB, 0..1.
            fidelity: 0 (as good as it can look) to 1 (as close to the crop as it can be), for all faces or [n] for each.

        Returns:
            [n, size, size, 3] RGB, 0..1. A face for which the network gives values that are not numbers comes back as it was.

        Raises:
            ValueError: the shapes do not fit.
            UserError: the network failed.
        """
        crops = np.asarray(crops, np.float32)
        if crops.ndim != 4 or crops.shape[1:] != (self.size, self.size, 3):
            raise ValueError(f"{self.name} wants [n, {self.size}, {self.size}, 3], got {list(crops.shape)}")
        weights = np.broadcast_to(np.asarray(fidelity, np.float32), (len(crops),))
        if not len(crops):
            return crops.copy()
        if not (np.isfinite(weights).all() and weights.min() >= 0 and weights.max() <= 1):
            raise ValueError(f"fidelity: {weights.tolist()} is not between 0 and 1")
        return np.stack(self._batches([(crop, float(weight)) for crop, weight in zip(crops, weights, strict=True)]))

    def warm_up(self) -> None:
        """Run once on a grey face, so that the first real one does not wait for memory and kernels."""
        self(np.full((1, self.size, self.size, 3), 0.5, np.float32))

    def _run(self, faces: Sequence[Face]) -> Sequence[Floats]:
        card, types = self._card, {port.name: _TYPES[port.type] for port in self._session.inputs}
        crops = np.stack([crop for crop, _ in faces])
        feeds = {card.image: to_network(crops, card).astype(types[card.image], copy=False)}
        if card.fidelity:
            feeds[card.fidelity] = self._weights(faces).astype(types[card.fidelity])
        restored = from_network(self._session.run(feeds, [card.restored])[0], card)
        good = np.isfinite(restored).all(axis=(1, 2, 3))
        if not good.all():
            restored[~good] = crops[~good]
            if not self._told:
                self._told = True
                self._progress.log(f"{self.title} failed on a face; such faces stay as they were.", "warning")
        np.clip(restored, 0.0, 1.0, out=restored)
        return list(restored)

    def _weights(self, faces: Sequence[Face]) -> Floats:
        port = next(port for port in self._session.inputs if port.name == self._card.fidelity)
        weights = np.array([weight for _, weight in faces], np.float32)
        return weights if len(port.shape) == 1 else weights.reshape((-1, *[1] * (len(port.shape) - 1)) if port.shape else ())

    def _on_cpu(self) -> Callable[[Sequence[Face]], Sequence[Floats]]:
        self._session = open_session(self._path, device="cpu", threads=self._threads)
        return self._run


def to_network(crops: Floats, card: FaceNetwork) -> Floats:
    """[n, h, w, 3] RGB 0..1 as the network wants it: [n, 3, h, w] in its order and range."""
    black, white = card.range
    if card.channels == "bgr":
        crops = crops[..., ::-1]
    planes = np.ascontiguousarray(crops.transpose(0, 3, 1, 2))
    if (black, white) != (0.0, 1.0):
        planes = planes * np.float32(white - black) + np.float32(black)
    return planes


def from_network(planes: npt.NDArray[np.floating], card: FaceNetwork) -> Floats:
    """What the network gave, [n, 3, h, w], as [n, h, w, 3] RGB with black at 0 and white at 1."""
    black, white = card.range_out
    values = planes.astype(np.float32, copy=False)
    if (black, white) != (0.0, 1.0):
        values = (values - np.float32(black)) / np.float32(white - black)
    if card.channels == "bgr":
        values = values[:, ::-1]
    return np.ascontiguousarray(values.transpose(0, 2, 3, 1))


def _batch_size(card: FaceNetwork, session: Session) -> int:
    """Faces at a time to begin with; 1 for a graph that takes no more."""
    if card.most == 1 or any(port.shape == () or isinstance(port.shape[0], int) for port in session.inputs):
        return 1
    budget = _GPU_PIXELS if session.device == "CUDA" else _CPU_PIXELS
    return max(1, min(card.most or _MOST, budget // card.size**2))


def _check(card: FaceNetwork, session: Session) -> None:
    """Raise UserError unless the graph has what the card says."""
    inputs, outputs = {port.name: port for port in session.inputs}, {port.name for port in session.outputs}
    wanted = {name for name in (card.image, card.fidelity) if name}
    if set(inputs) != wanted or card.restored not in outputs or any(port.type not in _TYPES for port in session.inputs):
        raise UserError(
            f"The restorer's inputs are {', '.join(inputs)}, its card says {', '.join(sorted(wanted))}",
            path=session.path,
            remedy="Import it again.",
        )
