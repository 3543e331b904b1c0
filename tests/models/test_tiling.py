"""Tiles: the same picture as without them, of any size, in the memory that there is."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from desktop.jobs.progress import Cancelled, Progress
from desktop.models import headroom, tiling, upscaler_card
from desktop.models.export import upscaler
from desktop.models.session import open_session
from desktop.models.tiling import LEAST, Tiler
from tests.models.export import ncnn_nets

ROOT = Path(__file__).resolve().parents[2]


def picture(height: int, width: int) -> np.ndarray:
    image = upscaler.picture(1, height, width)[0].transpose(1, 2, 0)
    return np.ascontiguousarray((image * 255).astype(np.uint8))


@pytest.fixture(scope="module")
def compact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = ncnn_nets.srvgg().save(tmp_path_factory.mktemp("srvgg"))
    upscaler.export_ncnn(folder, Progress())
    return folder


def runner(folder: Path) -> tiling.Run:
    session = open_session(folder / upscaler.EXPORTED, device="cpu", threads=1)
    return lambda image: session.run({"image": image})[0]


def whole(run: tiling.Run, image: np.ndarray) -> np.ndarray:
    """The result without tiles, float, 0 to 255."""
    made = run(np.ascontiguousarray(image.transpose(2, 0, 1)[None].astype(np.float32) / 255))
    return np.clip(made[0].transpose(1, 2, 0) * 255, 0, 255)


class Recorder(Progress):
    def __init__(self, cancel_after: int = 10**6) -> None:
        self.fractions: list[float] = []
        self.logs: list[str] = []
        self._left = cancel_after

    def at(self, fraction: float, message: str = "") -> None:
        self.fractions.append(fraction)
        self.checkpoint()

    def checkpoint(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Cancelled

    def log(self, text: str, level: str = "info") -> None:
        self.logs.append(text)


@pytest.mark.parametrize(
    ("height", "width", "window"),
    [(16, 16, 64), (16, 16, 25), (1, 1, 64), (1, 90, 30), (61, 83, 40), (97, 45, 31), (100, 100, 27), (24, 24, 24), (25, 24, 24)],
)
def test_tiles_do_not_show(compact: Path, height: int, width: int, window: int) -> None:
    card, run = upscaler_card.read(compact), runner(compact)
    image = picture(height, width)
    tiler = Tiler(run, scale=4, reach=card.reach, margin=card.margin, bytes_per_pixel=card.bytes_per_pixel, window=window)
    made = tiler(image)
    assert made.shape == (4 * height, 4 * width, 3) and made.dtype == np.uint8
    # Half a level of rounding, and less than a thousandth beside it.
    assert np.abs(made - whole(run, image)).max() <= 0.5 + 0.255


def test_the_margin_is_as_wide_as_the_network_sees_and_no_wider(compact: Path) -> None:
    """One pixel less would show, so the margin that is computed from the layers is the right one."""
    card, run = upscaler_card.read(compact), runner(compact)
    image = np.zeros((1, 3, 41, 41), np.float32)
    before = run(image)
    image[:, :, 20, 20] = 1
    rows = np.flatnonzero(np.abs(run(image) - before).max(axis=(0, 1, 3)))
    assert (rows.min() // 4, rows.max() // 4) == (20 - card.reach, 20 + card.reach)


def test_published_networks_do_not_show_their_tiles(installed: Callable[[str], Path]) -> None:
    folder = installed("realesrgan-animevideov3")
    card, run = upscaler_card.read(folder), runner(folder)
    image = picture(90, 71)
    made = Tiler(run, scale=4, reach=card.reach, margin=card.margin, bytes_per_pixel=1, window=64)(image)
    assert np.abs(made - whole(run, image)).max() <= 0.5 + 0.255


def test_tiles_with_too_small_a_margin_fade_into_one_another() -> None:
    """Where the network sees further than the margin, no step is left at a seam."""
    reach = 24

    def far_sighted(image: np.ndarray) -> np.ndarray:
        """Half of what lies before it, black beyond the border: what tiles change most."""
        around = ndimage.uniform_filter(
            image, (0, 0, reach + 1, reach + 1), mode="constant", origin=(0, 0, reach // 2, reach // 2)
        )
        return np.asarray(0.5 * image + 0.5 * around, np.float32)

    image = picture(150, 130)
    truth = whole(far_sighted, image)

    def worst_step(margin: int, reach: int) -> float:
        """The largest step of the error from one column or row to the next."""
        error = Tiler(far_sighted, scale=1, reach=reach, margin=margin, bytes_per_pixel=1, window=72)(image) - truth
        return max(float(np.abs(np.diff(error, axis=axis)).max()) for axis in (0, 1))

    assert worst_step(12, 12) > 20
    for margin in (12, 20):
        assert worst_step(margin, reach) < worst_step(margin, margin) / 2
    assert worst_step(reach, reach) <= 1.1


def test_memory_that_runs_out_makes_tiles_smaller(compact: Path) -> None:
    card, run = upscaler_card.read(compact), runner(compact)
    sizes = []

    def scarce(image: np.ndarray) -> np.ndarray:
        sizes.append(image.shape[2] * image.shape[3])
        if sizes[-1] > 1600:
            raise MemoryError("CUDA out of memory")
        return run(image)

    image = picture(100, 130)
    recorder = Recorder()
    tiler = Tiler(scarce, scale=4, reach=card.reach, margin=card.margin, bytes_per_pixel=1.0, window=200)
    made = tiler(image, recorder)
    assert np.abs(made - whole(run, image)).max() <= 0.5 + 0.255
    failed = sum(size > 1600 for size in sizes)
    assert 1 <= failed <= 4 and len(recorder.logs) == failed and "smaller" in recorder.logs[0]
    sizes.clear()
    assert np.array_equal(tiler(image), made) and max(sizes) <= 1600


def test_a_tile_that_never_fits_and_other_errors_are_told(compact: Path) -> None:
    def full(image: np.ndarray) -> np.ndarray:
        raise MemoryError("no memory")

    def broken(image: np.ndarray) -> np.ndarray:
        raise RuntimeError("broken")

    for run, kind in ((full, MemoryError), (broken, RuntimeError)):
        with pytest.raises(kind):
            Tiler(run, scale=4, reach=4, margin=4, bytes_per_pixel=1.0, window=200)(picture(50, 60))


CHILD = """
import resource, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from desktop.models.session import open_session
from desktop.models.tiling import Tiler
session = open_session(Path(sys.argv[2]), device="cpu", threads=1)
session.run({"image": np.zeros((1, 3, 32, 32), np.float32)})
logs = []
class Told:
    def at(self, *_): pass
    def checkpoint(self): pass
    def log(self, text, *_): logs.append(text)
used = int(Path("/proc/self/statm").read_text().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (used + (96 << 20),) * 2)
image = np.random.default_rng(0).integers(0, 255, (600, 500, 3), np.uint8)
tiler = Tiler(lambda x: session.run({"image": x})[0], scale=4, reach=4, margin=4, bytes_per_pixel=1.0, window=1024)
made = tiler(image, Told())
print(made.shape, len(logs), tiler.window)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory as Linux does")
def test_a_process_short_of_memory_still_finishes(compact: Path) -> None:
    command = [sys.executable, "-c", CHILD, str(ROOT), str(compact / upscaler.EXPORTED)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("(2400, 2000, 3)")
    logs, window = done.stdout.split(")")[1].split()
    assert int(logs) >= 1 and int(window) < 1024


def test_cancelling_takes_effect_between_tiles(compact: Path) -> None:
    run, calls = runner(compact), []

    def counted(image: np.ndarray) -> np.ndarray:
        calls.append(image.shape)
        return run(image)

    with pytest.raises(Cancelled):
        Tiler(counted, scale=4, reach=4, margin=4, bytes_per_pixel=1.0, window=32)(picture(100, 100), Recorder(cancel_after=3))
    assert len(calls) == 3
    recorder = Recorder()
    Tiler(counted, scale=4, reach=4, margin=4, bytes_per_pixel=1.0, window=32)(picture(60, 60), recorder)
    assert recorder.fractions == sorted(recorder.fractions) and len(recorder.fractions) > 3


def test_the_largest_pictures_take_no_more_than_a_tile_beside_themselves() -> None:
    image = np.zeros((4320, 7680, 3), np.uint8)
    image[::2] = 200
    tiler = Tiler(lambda x: x, scale=1, reach=8, margin=8, bytes_per_pixel=1000.0)
    tracemalloc.start()
    try:
        made = tiler(image)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert np.array_equal(made, image)
    assert tiler.window <= 1024 and peak < made.nbytes + 80 * 1024**2


def test_tiles_are_as_large_as_the_free_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    def window(free: int | None, device: str = "CPU", need: float = 1000.0) -> int:
        monkeypatch.setattr(headroom, "free_bytes", lambda _device: free)
        tiler = Tiler(lambda x: x, scale=1, reach=18, margin=18, bytes_per_pixel=need, device=device)
        tiler(np.zeros((8, 8, 3), np.uint8))
        return tiler.window

    assert window(200 << 20) < window(1 << 30) < window(8 << 30) == 1024
    assert window(1 << 20) == LEAST + 36
    assert window(200 << 30, need=10_000.0) < window(200 << 30, "CUDA", need=10_000.0) == 1024
    assert 36 < window(None) <= 1024
    assert window(200 << 20) ** 2 * 1000 <= 100 << 20


def test_what_is_free_is_known_here() -> None:
    free = headroom.free_bytes()
    if sys.platform in ("linux", "win32"):
        assert free is not None and (1 << 20) < free < (1 << 50)
    gpu = headroom.free_bytes("CUDA")
    assert gpu is None or gpu > 0


MEASURE = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from desktop.models.session import open_session
session = open_session(Path(sys.argv[2]), device="cpu", threads=1)
def used():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
session.run({"image": np.full((1, 3, 32, 32), 0.5, np.float32)})
before = used()
session.run({"image": np.full((1, 3, 160, 160), 0.5, np.float32)})
print((used() - before) / (160 * 160 - 32 * 32))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux tells it")
@pytest.mark.parametrize("model", ["realesrgan-animevideov3", "clearreality-v1"])
def test_the_memory_that_a_card_names_is_what_is_taken(installed: Callable[[str], Path], model: str) -> None:
    folder = installed(model)
    card = upscaler_card.read(folder)
    command = [sys.executable, "-c", MEASURE, str(ROOT), str(folder / card.file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    assert 0.6 * card.bytes_per_pixel < float(done.stdout) < 1.15 * card.bytes_per_pixel
