"""The recipe of the cover model: its language, its ear, and that what is trained is what the exporter and the product run."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "packaging/training"))

torch = pytest.importorskip("torch")

from cover_model import data, tokens  # noqa: E402
from cover_model.compose import compose, joined  # noqa: E402
from cover_model.export import ACTIVATION, export  # noqa: E402
from cover_model.features import Ears, heard  # noqa: E402
from cover_model.settings import EarSettings, GridSettings, NetworkSettings, TrainSettings  # noqa: E402
from cover_model.train import KEPT, begin, learn, resume, save  # noqa: E402

from desktop.models.decoding.pop2piano import Pop2Piano  # noqa: E402
from desktop.models.library import Library  # noqa: E402
from desktop.piano.pop2piano import tokens as original  # noqa: E402

GRID, EAR = GridSettings(), EarSettings()
LOWEST = 21
SMALL = NetworkSettings(inner=32, layers=1, decoder_layers=1, heads=1, dropout=0.0)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tensors of this size are faster on one thread, by far on a busy computer."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def some_notes(rng: np.random.Generator, steps: int, count: int) -> np.ndarray:
    """Notes that do not overlap on one key."""
    onsets = rng.integers(0, steps - 1, count)
    rows = {(int(onset), int(pitch)) for onset, pitch in zip(onsets, rng.integers(40, 80, count), strict=True)}
    out = []
    for onset, pitch in rows:
        later = [at for at, key in rows if key == pitch and at > onset]
        out.append((onset, min([onset + int(rng.integers(1, 9)), *later]), pitch))
    return np.array(sorted(out), tokens.STRUCK)


def test_what_is_decoded_is_what_was_encoded() -> None:
    for seed in range(20):
        notes = some_notes(np.random.default_rng(seed), GRID.steps, 24)
        found = tokens.decode(tokens.encode(notes, GRID), GRID)
        wanted = sorted(notes.tolist(), key=lambda note: (note[0], note[1], note[2]))
        assert found.tolist() == wanted


def test_the_published_language_says_the_same() -> None:
    notes = some_notes(np.random.default_rng(1), original.STEPS, 12)
    notes = notes[notes["offset"] <= original.STEPS + original.BEYOND]
    struck = original.decode_window(tokens.published(tokens.encode(notes, GRID)), 0)
    assert sorted((int(n["onset"]), int(n["pitch"])) for n in struck) == sorted((n[0], n[2]) for n in notes.tolist())


def test_a_tone_is_heard_in_its_step_and_while_it_sounds(machine_models: Path) -> None:
    rate, beats = 22050, np.arange(9) * 0.5
    time = np.arange(4 * rate) / rate
    tone = sum(np.sin(2 * np.pi * 440 * n * time) / n for n in range(1, 6))
    sound = 0.2 * tone * (time >= 2) + 1e-4 * np.random.default_rng(0).standard_normal(len(time))
    found = heard(sound, beats, Ears.open(Library(machine_models)), GRID)
    assert found.shape == (8 * GRID.steps_per_beat, EAR.bands)
    note, onset = found[:, 69 - LOWEST], found[:, 88 + 69 - LOWEST]
    assert note[17:-1].min() > 128 > 60 > note[:15].max()
    assert onset.argmax() == 16 and onset[16] > 100


def piece(seed: int) -> data.Piece:
    """A song of a few bars whose frames show its notes."""
    rng = np.random.default_rng(seed)
    beats = 24
    notes = some_notes(rng, beats * GRID.steps_per_beat, 80)
    bands = np.full((beats * GRID.steps_per_beat, EAR.bands), 10, np.uint8)
    for onset, offset, pitch in notes.tolist():
        bands[onset:offset, pitch - LOWEST] = 220
        bands[onset, 88 + pitch - LOWEST] = 220
    return data.Piece(bands, notes, np.arange(beats + 1) % 4 + 1, 2)


def test_transposed_frames_and_notes_stay_together() -> None:
    song = piece(3)
    start = GRID.context * GRID.steps_per_beat
    for shift in (5, -5):
        bands = data.transpose(data.listened(song, 4), shift)
        for onset, _, pitch in data.written(song, 4, shift).tolist():
            assert bands[start + onset, pitch - LOWEST] > 0.8
            assert bands[start + onset, 88 + pitch - LOWEST] > 0.8
    assert not bands[:, [87, 175, 236, 297]].any(), "what is moved in is silent"


def test_the_keys_are_those_of_the_tokens() -> None:
    song = piece(3)
    down = data.keys(song, 4, 5)
    inside = down[GRID.context * GRID.steps_per_beat :][: GRID.steps, 0]
    struck = {(onset, pitch) for onset, _, pitch in data.written(song, 4, 5).tolist()}
    assert struck and {(int(step), int(key) + 21) for step, key in np.argwhere(inside)} == struck
    assert (down[:, 1] >= down[:, 0]).all() and down[:, 1].sum() > down[:, 0].sum()


def test_it_learns_stops_goes_on_and_runs_in_the_product(tmp_path: Path) -> None:
    torch.manual_seed(0)
    train = TrainSettings(batch=4, warm=5, rate=3e-3)
    pool = data.Pool(tmp_path, [piece(1), piece(2)])
    rng = np.random.default_rng(0)
    course = begin(SMALL, train, "cpu", "fp32")
    batch = data.draw(pool, rng, train, SMALL)
    losses = [learn(course, batch, train) for _ in range(25)]
    assert all(last < 0.8 * first for first, last in zip(losses[0], losses[-1], strict=True))
    spoilt = data.Batch(batch.heard * np.float32(np.nan), batch.density, batch.tokens, batch.keys)
    before = [weight.detach().clone() for weight in course.network.parameters()]
    assert learn(course, spoilt, train) is None
    assert course.skipped == 1
    assert all(torch.equal(old, new) for old, new in zip(before, course.network.parameters(), strict=True))
    save(course, tmp_path)
    course.stop(signal.SIGTERM, None)
    save(course, tmp_path)
    (tmp_path / KEPT[0]).write_bytes(b"cut off")
    other = begin(SMALL, train, "cpu", "fp32")
    assert resume(other, tmp_path)
    assert (other.step, other.skipped) == (25, 1)
    save(other, tmp_path)
    found = export(tmp_path / KEPT[0], tmp_path / "out", SMALL)
    assert found[ACTIVATION]["largest"] < 2e-4
    model = Pop2Piano(tmp_path / "out", ACTIVATION, device="cpu", threads=1)
    song = piece(1)
    wanted = course_scores(other, batch)
    scored = model.scored(batch.heard, batch.density, batch.tokens[:, :6])
    np.testing.assert_allclose(scored[:, :6], wanted[:, :6], atol=2e-3)
    assert compose(model, song.bands, song.in_bar).dtype == tokens.STRUCK


def course_scores(course: object, batch: data.Batch) -> np.ndarray:
    """Scores of the averaged weights."""
    from cover_model.train import losses

    with torch.no_grad():
        return losses(course.average, batch, course)[2].numpy()


def test_a_key_struck_again_in_the_next_window_is_lifted_first() -> None:
    row = [tokens.FIRST_TIME + 12, tokens.ON, tokens.FIRST_PITCH + 60]
    notes = joined([row, [tokens.FIRST_TIME + 2, tokens.ON, tokens.FIRST_PITCH + 60]])
    assert notes.tolist() == [(12, 18, 60), (18, 40, 60)]
