"""Whole pictures cleaned and enlarged, to the size that is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from desktop.errors import UsageError, UserError
from desktop.jobs.progress import Cancelled, Progress
from desktop.models import upscaler_card
from desktop.models.export import upscaler
from desktop.models.library import Library
from desktop.video import background
from desktop.video.background import Upscaler, open_upscaler
from tests.models.export import ncnn_nets


def opened(folder: Path) -> Upscaler:
    return Upscaler("made", folder, device="cpu", threads=1, denoise=0.5)


def made(folder: Path, scale: int) -> Upscaler:
    upscaler.export_ncnn(ncnn_nets.srvgg(scale=scale).save(folder), Progress())
    return opened(folder)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("scale", [2, 4])
def test_every_size_can_be_had(scale: int, tmp_path: Path) -> None:
    enlarge = made(tmp_path, scale)
    assert enlarge.scale == scale and enlarge.device == "CPU" and enlarge.precision == "fp32" and not enlarge.has_denoise
    for height, width in ((16, 16), (33, 7), (1, 1)):
        assert enlarge(noise(height, width)).shape == (scale * height, scale * width, 3)
        for asked in (1, 2, 4):
            assert enlarge.to(noise(height, width), asked).shape == (asked * height, asked * width, 3)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_tiles_do_not_show_at_any_size(scale: int, tmp_path: Path) -> None:
    """Reducing looks at neighbours, too, so it happens before a tile's margin is thrown away."""
    enlarge = made(tmp_path, 4)
    image = cv2.GaussianBlur(noise(70, 90), (0, 0), 1.5)
    whole = enlarge.to(image, scale)
    tiler = enlarge._tiler(scale)
    tiler.window = 40
    assert np.abs(enlarge.to(image, scale).astype(int) - whole).max() <= 1


def test_reducing_keeps_brightness_place_and_detail() -> None:
    """A Lanczos filter: flat stays flat, a wave that fits stays, one that does not fit goes, and nothing moves."""
    x = np.arange(256)
    flat = np.full((1, 3, 64, 256), 0.3, np.float32)
    assert np.allclose(background._resized(flat, 16, 64), 0.3, atol=1e-6)
    for period, kept in ((64, 1.0), (16, 0.9), (6, 0.0)):
        wave = np.broadcast_to(np.sin(2 * np.pi * (x + 0.5) / period), (1, 3, 64, 256)).astype(np.float32)
        found = background._resized(wave, 16, 64)[0, 0, 8, 8:-8]
        wanted = np.sin(2 * np.pi * 4 * (np.arange(64) + 0.5) / period)[8:-8]
        assert np.abs(found - kept * wanted).max() < 0.12
        if kept == 0:
            assert np.abs(found).max() < 0.1


def test_a_bad_request_is_refused(tmp_path: Path) -> None:
    enlarge = made(tmp_path, 4)
    with pytest.raises(UsageError, match="scale: 3"):
        enlarge.to(noise(8, 8), 3)
    for wrong in (noise(8, 8)[..., :1], noise(8, 8).astype(np.float32), noise(0, 8), noise(8, 8)[0]):
        with pytest.raises(ValueError, match="no RGB picture"):
            enlarge(wrong)


def test_a_damaged_card_is_told(tmp_path: Path) -> None:
    made(tmp_path, 4)
    card = tmp_path / upscaler_card.NAME
    good = card.read_text()
    for text, message in (
        ("{", "not valid"),
        (good.replace('"scale": 4', '"scale": 400'), "not valid: .*scale"),
        (good.replace("upscaler.onnx", "../x.onnx"), "not a plain name"),
        (good.replace('"format"', '"wrong"'), "not valid"),
    ):
        card.write_text(text)
        with pytest.raises(UserError, match=message):
            opened(tmp_path)
    card.unlink()
    with pytest.raises(UserError, match="cannot be read"):
        opened(tmp_path)


def test_only_upscalers_are_opened(home: Path) -> None:
    library = Library()
    with pytest.raises(UserError, match=r"does not enlarge pictures.*realesrgan-animevideov3"):
        open_upscaler(library, "niqe")
    with pytest.raises(UserError, match="not installed"):
        open_upscaler(library, "realesrgan-animevideov3")
    assert background.upscaler_ids(library) == []


def test_cancelling_is_heard(tmp_path: Path) -> None:
    class Impatient(Progress):
        def at(self, fraction: float, message: str = "") -> None:
            raise Cancelled

    with pytest.raises(Cancelled):
        made(tmp_path, 4)(noise(8, 8), Impatient())


def test_a_gpu_without_enough_memory_gives_way_to_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class SmallGpu:
        """A session on a GPU whose memory holds not even the smallest tile."""

        device, precision = "CUDA", "fp32"

        def run(self, feeds: dict[str, np.ndarray], outputs: list[str]) -> list[np.ndarray]:
            raise MemoryError("Failed to allocate memory for requested buffer of size 4096")

    class Listener(Progress):
        def log(self, text: str, level: str = "info") -> None:
            told.append(text)

    told: list[str] = []
    enlarge = made(tmp_path, 4)
    image = noise(40, 50)
    wanted = enlarge(image)
    enlarge._tilers.clear()
    monkeypatch.setattr(enlarge, "_session", SmallGpu())
    assert enlarge.device == "CUDA"
    assert np.array_equal(enlarge(image, Listener()), wanted)
    assert enlarge.device == "CPU" and "going on with the CPU" in told[-1]


def test_a_compressed_picture_becomes_cleaner(installed: Callable[[str], Path], machine_models: Path, carphone: Path) -> None:
    """Blocks and noise go: closer to the truth in structure, though nothing is known of it."""
    installed("realesrgan-animevideov3")
    library = Library(machine_models)
    assert "realesrgan-animevideov3" in background.upscaler_ids(library)
    enlarge = open_upscaler(library, "realesrgan-animevideov3", device="cpu")
    with av.open(str(carphone / "carphone_pristine.mp4")) as clip:
        truth = next(clip.decode(video=0)).to_ndarray(format="rgb24")
    noisy = np.clip(truth + np.random.default_rng(0).normal(0, 6, truth.shape), 0, 255).astype(np.uint8)
    source = cv2.imdecode(cv2.imencode(".jpg", noisy[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 45])[1], cv2.IMREAD_COLOR)[..., ::-1]
    source = np.ascontiguousarray(source)
    cleaned = enlarge.to(source, 1)
    assert cleaned.shape == source.shape
    assert structure(cleaned, truth) > structure(source, truth) + 0.01


def structure(image: np.ndarray, truth: np.ndarray) -> float:
    """Mean structural similarity of the luma (Wang et al. 2004)."""
    x, y = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY).astype(np.float64) for each in (image, truth))

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(values, (11, 11), 1.5)

    mx, my = mean(x), mean(y)
    vx, vy, both = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    return float(np.mean((2 * mx * my + 6.5) * (2 * both + 58.5) / ((mx * mx + my * my + 6.5) * (vx + vy + 58.5))))
