"""The recipe of the cover model: what it is shown belongs together, and what is trained is what the product runs."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "packaging/training"))

torch = pytest.importorskip("torch")

from cover_model import data, train  # noqa: E402
from cover_model.hearing import grid_of  # noqa: E402
from cover_model.settings import DataSettings, NetworkSettings, TrainSettings  # noqa: E402

from desktop.models.session import open_session  # noqa: E402
from desktop.piano.songbook.network import STRUCK, Songbook  # noqa: E402
from desktop.piano.songbook.view import BEATS_TOLD, CURVES, KEYS, PLAYED, SHEETS, View  # noqa: E402

SMALL = NetworkSettings(near=4, width=32, layers=1, heads=2, inner=32, far=2, drawn=4, dropout=0.0)
LOWEST = 21
STEPS = 192


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tensors of this size are faster on one thread, by far on a busy computer."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def piece(seed: int) -> data.Piece:
    """A song whose cover strikes exactly what is heard to begin."""
    rng = np.random.default_rng(seed)
    keys = np.zeros((2, STEPS, KEYS), np.uint8)
    for step, column in zip(rng.integers(0, STEPS - 8, 200), rng.integers(20, 60, 200), strict=True):
        keys[0, step, column] = 1
        keys[1, step : step + 4, column] = 1
    sheets = np.zeros((SHEETS, STEPS, KEYS), np.uint8)
    sheets[1] = 255 * keys[0]
    places = View(sheets.astype(np.float32), np.zeros((CURVES, STEPS), np.float32), 1, 4).places(np.arange(STEPS))
    return data.Piece(sheets, np.zeros((CURVES, STEPS), np.float32), places, keys, 2)


def test_sheets_and_keys_stay_together() -> None:
    pool = data.Pool(Path(), DataSettings(gain=0.0, noise=0.0, no_tune=0.0, no_chords=0.0), [piece(1), piece(2)])
    batch = data.draw(pool, np.random.default_rng(0), 16)
    assert batch.keys[:, 0].sum() > 100
    np.testing.assert_allclose(batch.sheets[:, 1], batch.keys[:, 0], atol=1e-6)
    assert (batch.keys[:, 1] >= batch.keys[:, 0]).all()
    assert set(np.unique(batch.density)) == {0, 2}
    assert (batch.places[:, 0, 0] == 0).all(), "windows begin on beats"


def test_what_is_shown_of_the_answer_does_not_count() -> None:
    pool = data.Pool(Path(), DataSettings(begun=0.5, missed=0.0, wrong=0.0), [piece(1), piece(2)])
    batch = data.draw(pool, np.random.default_rng(0), 16)
    known = batch.open[:, None, :, None] == 0
    np.testing.assert_array_equal(batch.played[:, :2], batch.keys * known)
    np.testing.assert_array_equal(batch.played[:, 2:], np.broadcast_to(known, batch.played[:, 2:].shape))
    begun = np.array([0 in row for row in batch.open])
    assert 0 < begun.sum() < 16 and batch.open.max(axis=1).all()
    flawed = data.draw(data.Pool(Path(), DataSettings(begun=1.0), pool.pieces), np.random.default_rng(0), 16)
    before = flawed.keys[:, 0] * (flawed.open[:, :, None] == 0)
    assert (flawed.played[:, 0] < before).sum() > 10 and (flawed.played[:, 0] > before).sum() > 10


def test_a_key_moved_beyond_the_keyboard_is_gone() -> None:
    keys = np.eye(KEYS, dtype=np.uint8)
    up, down = data.transposed(keys, 5), data.transposed(keys, -5)
    assert up[10, 15] == 1 and down[10, 5] == 1
    assert up[-5:].sum() == 0 and down[:5].sum() == 0


def test_bars_are_found_from_numbered_beats() -> None:
    numbers = np.array([3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2])
    grid = grid_of(np.arange(12) * 0.5, numbers)
    assert (grid.meter, grid.downbeat) == (4, 2)
    waltz = grid_of(np.arange(10) * 0.5, np.array([1, 2, 3, 1, 2, 3, 1, 2, 3, 1]))
    assert (waltz.meter, waltz.downbeat) == (3, 0)


def test_it_learns_stops_and_goes_on(tmp_path: Path) -> None:
    torch.manual_seed(0)
    settings = TrainSettings(batch=4, warm=5, rate=1e-2)
    pool = data.Pool(tmp_path, DataSettings(), [piece(1), piece(2)])
    rng = np.random.default_rng(0)
    course = train.begin(SMALL, settings, "cpu")
    found = [train.learn(course, data.draw(pool, rng, 4), settings, 1.0) for _ in range(60)]
    assert found[-1][0] < 0.6 * found[0][0] and found[-1][1] < 0.9 * found[0][1], (found[0], found[-1])
    batch = data.draw(pool, rng, 4)
    spoilt = replace(batch, sheets=batch.sheets * np.float32(np.nan))
    before = [weight.detach().clone() for weight in course.network.parameters()]
    assert train.learn(course, spoilt, settings, 1.0) is None
    assert course.skipped == 1
    assert all(torch.equal(old, new) for old, new in zip(before, course.network.parameters(), strict=True))
    train.save(course, tmp_path)
    course.stop(signal.SIGTERM, None)
    train.save(course, tmp_path)
    (tmp_path / train.KEPT[0]).write_bytes(b"cut off")
    other = train.begin(SMALL, settings, "cpu")
    assert train.resume(other, tmp_path)
    assert (other.step, other.skipped) == (60, 1)
    figures = train.check(other, pool)
    assert figures["F1"] > 0.3 and figures["held struck"] < 0.2


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_what_is_exported_is_what_the_product_runs(tmp_path: Path) -> None:
    from cover_model.export import largest_error, to_onnx
    from cover_model.network import CoverNetwork

    torch.manual_seed(1)
    network = CoverNetwork(SMALL).eval()
    with torch.no_grad():
        network.out.bias.fill_(-1.0)
        for weight in network.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
            weight.copy_(weight.half().float())
    graph = to_onnx(network)
    assert largest_error(graph, network) < 1e-4
    (tmp_path / "songbook.onnx").write_bytes(graph)
    songbook = Songbook(open_session(tmp_path / "songbook.onnx", device="cpu"))
    rng = np.random.default_rng(0)
    view = View(rng.random((SHEETS, 128, KEYS), np.float32), rng.random((CURVES, 128), np.float32), 0, 4)
    played = songbook.play(view, 2)
    assert played.struck.any() and not played.struck.all()
    # The last of eight bars saw the four before it as they had been played.
    shown = np.zeros((1, PLAYED, 128, KEYS), np.float32)
    shown[0, 0, :64], shown[0, 1, :64], shown[0, 2, :64] = played.struck[48:112], played.down[48:112], 1
    sheets, curves = np.zeros((1, SHEETS, 128, KEYS), np.float32), np.zeros((1, CURVES, 128), np.float32)
    sheets[0, :, :80], curves[0, :, :80] = view.sheets[:, 48:], view.curves[:, 48:]
    places = view.places(np.arange(48, 176))[None]
    assert places[0, 1].max() == 3 < BEATS_TOLD
    with torch.no_grad():
        parts = map(torch.from_numpy, (sheets, shown, curves, places))
        wanted = torch.sigmoid(network(*parts, torch.tensor([2]))).numpy()[0, 0, 64:80]
    sure = np.abs(wanted - STRUCK) > 1e-3
    np.testing.assert_array_equal(played.struck[112:][sure], (wanted > STRUCK)[sure])
