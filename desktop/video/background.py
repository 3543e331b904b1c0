"""Networks that clean and enlarge whole pictures: what lies around the faces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from desktop.errors import UsageError, UserError
from desktop.jobs.failures import is_out_of_memory
from desktop.jobs.progress import Progress
from desktop.models import upscaler_card
from desktop.models.library import Library, Status
from desktop.models.session import Session, open_session
from desktop.models.tiling import Tiler

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

TASK = "upscaler"
SCALES = (1, 2, 4)
DENOISE = 0.5
_LOBES = 3
# Pixels of the result that a reduction looks at beyond its own place, so that tiles of reduced pictures meet without a seam.
_REDUCING_REACH = _LOBES


def upscaler_ids(library: Library) -> list[str]:
    """Ids of the upscalers that are installed and whole, in the library's order."""
    here = (Status.INSTALLED, Status.BUNDLED)
    return [entry.id for entry in library.entries() if entry.task == TASK and library.status(entry.id) in here]


def open_upscaler(
    library: Library, name: str, *, device: str = "auto", threads: int | None = None, denoise: float = DENOISE
) -> Upscaler:
    """An upscaler by its id in the library.

    Args:
        device: "auto" takes the GPU when there is one that works, "cuda" insists on it, "cpu" stays away from it.
        threads: threads of one operator; this process's share of the cores when None.
        denoise: 0 leaves noise, 1 removes it; only some models have the choice.

    Raises:
        UserError: unknown, not installed, damaged, no upscaler, or the device cannot be had.
    """
    entry = library.entry(name)
    if entry.task != TASK:
        known = ", ".join(each.id for each in library.entries() if each.task == TASK)
        raise UserError(f"{entry.title} does not enlarge pictures", remedy=f"Choose one of: {known}.")
    return Upscaler(name, library.folder(name), device=device, threads=threads, denoise=denoise)


class Upscaler:
    """Cleans and enlarges pictures of any size, in tiles. For one thread at once.

    Attributes:
        name: the model's id.
        scale: the result's size over the picture's.
        has_denoise: whether ``denoise`` makes a difference.
    """

    def __init__(self, name: str, folder: Path, *, device: str, threads: int | None, denoise: float) -> None:
        self.name = name
        self._card = upscaler_card.read(folder)
        self.scale, self.has_denoise = self._card.scale, bool(self._card.denoise)
        self._path, self._threads = folder / self._card.file_for(denoise), threads
        self._session = open_session(self._path, device=device, threads=threads)
        self._check(self._session)
        self._tilers: dict[int, Tiler] = {}

    @property
    def device(self) -> str:
        """Where it runs now: "CPU" or "CUDA"."""
        return self._session.device

    @property
    def precision(self) -> str:
        """Of its weights."""
        return self._session.precision

    def __call__(self, rgb: Bytes, progress: Progress | None = None) -> Bytes:
        """The picture, [height, width, 3] RGB, cleaned and ``scale`` times larger.

        Raises:
            MemoryError: not even a small tile fits into the memory.
            Cancelled: by ``progress``, between tiles.
        """
        return self.to(rgb, self.scale, progress)

    def to(self, rgb: Bytes, scale: int, progress: Progress | None = None) -> Bytes:
        """The picture cleaned, at 1, 2 or 4 times its size (or ``self.scale`` times); raises as a call does.

        What the network enlarges further is reduced by a Lanczos filter; what it enlarges less is enlarged by one.
        """
        if scale not in (*SCALES, self.scale):
            raise UsageError(f"scale: {scale} is not one of {', '.join(map(str, SCALES))}")
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or rgb.size == 0:
            raise ValueError(f"{rgb.shape} {rgb.dtype} is no RGB picture")
        progress = progress or Progress()
        try:
            return self._tiler(scale)(rgb, progress)
        except Exception as error:
            if self.device == "CPU" or not is_out_of_memory(error):
                raise
        progress.log("The memory of the device ran out; going on with the CPU, which is slower.", "warning")
        self._session = open_session(self._path, device="cpu", threads=self._threads)
        self._tilers.clear()
        return self._tiler(scale)(rgb, progress)

    def _tiler(self, scale: int) -> Tiler:
        if scale not in self._tilers:
            beyond = 0 if scale == self.scale else _REDUCING_REACH
            self._tilers[scale] = Tiler(
                lambda image: _resized(self._run(image), scale * image.shape[2], scale * image.shape[3]),
                scale=scale,
                reach=self._card.reach + beyond,
                margin=self._card.margin + beyond,
                bytes_per_pixel=self._card.bytes_per_pixel,
                device=self.device,
            )
        return self._tilers[scale]

    def _run(self, image: Floats) -> Floats:
        [made] = self._session.run({self._card.image: image}, [self._card.upscaled])
        result: Floats = made
        return result

    def _check(self, session: Session) -> None:
        names = [port.name for port in session.inputs], [port.name for port in session.outputs]
        if names != ([self._card.image], [self._card.upscaled]):
            raise UserError(
                "This is not the upscaler that its card describes", path=self._path, remedy="Install the model again."
            )


def _resized(image: Floats, height: int, width: int) -> Floats:
    """[1, 3, h, w] at another size: reduced behind a Lanczos low pass, so that nothing shimmers, or enlarged by Lanczos."""
    import cv2

    rows, columns = image.shape[2:]
    if (rows, columns) == (height, width):
        return image
    if rows < height:
        larger = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_LANCZOS4) for plane in image[0]]
        return np.stack(larger)[None]
    factor, rest = divmod(rows, height)
    if rest or factor % 2:
        return np.stack([cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA) for plane in image[0]])[None]
    kernel = _lanczos(factor)
    # The filter is of even length: with its anchor at half of it, the pixel at n·factor + factor/2 - 1 is centred on result n.
    anchor = (kernel.size // 2 - 1, kernel.size // 2 - 1)
    planes = [cv2.sepFilter2D(plane, -1, kernel, kernel, anchor=anchor, borderType=cv2.BORDER_REFLECT) for plane in image[0]]
    first = factor // 2 - 1
    return np.stack([plane[first::factor, first::factor] for plane in planes])[None]


def _lanczos(factor: int) -> Floats:
    """Taps of the Lanczos filter that halves or quarters: 2·3·factor of them, their sum 1 (Duchon 1979)."""
    at = (np.arange(2 * _LOBES * factor) - _LOBES * factor + 0.5) / factor
    taps = np.sinc(at) * np.sinc(at / _LOBES)
    normalised: Floats = (taps / taps.sum()).astype(np.float32)
    return normalised
