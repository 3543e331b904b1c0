"""A song in the real window: real worker processes, real queue, real sound files."""

from __future__ import annotations

import os
import signal
import sys
import wave
from pathlib import Path

import mido
import numpy as np
import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.jobs.job import CoverJob
from desktop.jobs.states import State
from desktop.ui import app as application
from desktop.ui.app import Parts
from desktop.ui.notify import Severity
from desktop.ui.piano.panel import PianoPanel
from tests.e2e.media import tune, write_wav

PATIENCE = 90_000


@pytest.fixture
def panel(parts: Parts) -> PianoPanel:
    panel = parts.window.panel_of("piano")
    assert isinstance(panel, PianoPanel)
    return panel


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "a little song.wav", tune(12.0))


def finished(panel: PianoPanel) -> bool:
    song = panel.song
    assert song.error is None, song.error
    return song.cover is not None and song.covering is None and song.sound is not None and song.original is not None


def info(panel: PianoPanel, key: str) -> str:
    return str(panel.song.cover.info.get(key, "")) if panel.song.cover else ""


def analysed(panel: PianoPanel) -> float:
    """Seconds that the last cover's analysis took."""
    return float(sum(v for k, v in panel.song.result["seconds"].items() if k.startswith("analysis.")))


def test_a_song_becomes_a_cover_that_is_seen_heard_changed_and_exported(
    parts: Parts, panel: PianoPanel, song: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    window = parts.window
    window.open_path(song)
    assert panel.canvas.isVisible() and panel.song.covering is not None
    qtbot.waitUntil(lambda: finished(panel), timeout=PATIENCE)
    model = panel.song
    analysis = analysed(panel)
    assert len(model.roll.notes) > 20 and len(model.roll.chords) > 0
    assert model.original is not None and model.original.duration == pytest.approx(12.0, abs=0.2)
    assert model.sound is not None and model.sound.duration > 10
    assert np.abs(model.peaks).max() > 0.3
    assert window.topbar.facts.text().startswith("0:1") and "BPM" in window.topbar.facts.text()
    assert parts.window.panel.inspector.facts["Key"].value != "–"  # type: ignore[attr-defined]
    assert window.topbar.device.text()

    # Another style: new notes, soon, from the kept analysis.
    before = model.roll.notes.copy()
    panel.inspector.styles.cards["chorale"].click()
    qtbot.waitUntil(lambda: model.covering is not None)
    assert panel.canvas.roll.stale
    qtbot.waitUntil(lambda: finished(panel) and info(panel, "style") == "chorale", timeout=PATIENCE)
    assert not np.array_equal(before, model.roll.notes) and not panel.canvas.roll.stale
    assert analysed(panel) < 0.5 * analysis

    # Beats corrected twice, without a run; the notes stay where they are heard until the cover is made again on these beats.
    assert model.cover is not None
    tempo, heard = model.cover.grid.tempo, model.cover.note_seconds()[0]
    for name in ("half", "shift"):
        panel.inspector.beats[name].click()
        assert model.cover.grid.tempo == pytest.approx(tempo / 2, rel=0.1) and model.covering is None
        assert np.allclose(np.sort(model.cover.note_seconds()[0]), heard, atol=1e-5)
    panel._do("piano.run")
    qtbot.waitUntil(lambda: finished(panel) and info(panel, "beats").endswith(".txt"), timeout=PATIENCE)
    assert model.cover.grid.tempo == pytest.approx(tempo / 2, rel=0.1)

    # Exports.
    midi = tmp_path / "out.mid"
    panel.export_to(midi, "midi")
    qtbot.waitUntil(midi.exists)
    assert sum(m.type == "note_on" and m.velocity > 0 for t in mido.MidiFile(midi).tracks for m in t) == len(model.roll.notes)
    sound = tmp_path / "out.wav"
    panel.export_to(sound, "wav")
    qtbot.waitUntil(lambda: any(n.text == "Exported out.wav" for n in window.notes()), timeout=PATIENCE)
    with wave.open(str(sound)) as file:
        assert file.getnframes() / file.getframerate() > 10

    # A finished cover opens again, with its song.
    project = model.project
    assert project is not None
    window.open_path(project)
    qtbot.waitUntil(lambda: finished(panel), timeout=PATIENCE)
    assert model.source == song and len(model.roll.notes) > 20


def test_the_worker_dies_and_the_window_lives(parts: Parts, panel: PianoPanel, song: Path, qtbot: QtBot) -> None:
    if sys.platform == "win32":
        pytest.skip("there is no SIGKILL on Windows")
    window = parts.window
    window.open_path(song)
    qtbot.waitUntil(lambda: panel.song.covering is not None and panel.song.covering.state is State.RUNNING, timeout=PATIENCE)
    row = panel.song.covering
    assert row is not None
    qtbot.waitUntil(lambda: parts.queue.row(row.id).worker_pid > 0)
    os.kill(parts.queue.row(row.id).worker_pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: panel.song.error is not None and panel.failed_page.isVisible(), timeout=PATIENCE)
    failed = parts.queue.row(row.id)
    assert failed.state is State.FAILED and failed.error is not None and failed.error.message
    assert isinstance(failed.job, CoverJob)
    assert not [p for p in Path(failed.job.output).iterdir() if p.suffix in (".mid", ".reprise", ".part")]
    panel.failed_page.retry_asked.emit()
    qtbot.waitUntil(lambda: finished(panel), timeout=PATIENCE)
    assert panel.canvas.isVisible() and len(panel.song.roll.notes) > 20


def test_a_job_is_cancelled_and_retried_in_the_dock(parts: Parts, song: Path, tmp_path: Path, qtbot: QtBot) -> None:
    window = parts.window
    window.dock.open()
    number = parts.bridge.submit(CoverJob(source=str(song), output=str(tmp_path / "covers")))
    qtbot.waitUntil(lambda: number in window.dock.view.jobs)
    row = window.dock.view.jobs[number]
    row.asked.emit("cancel")
    qtbot.waitUntil(lambda: window.dock.rows[number].state is State.CANCELLED)
    assert row._buttons["retry"].isVisible() and not row._buttons["cancel"].isVisible()
    row._buttons["retry"].click()
    qtbot.waitUntil(lambda: window.dock.rows[number].state is State.DONE, timeout=PATIENCE)
    assert row._buttons["folder"].isVisible()
    assert list((tmp_path / "covers").glob("*.mid"))
    row._buttons["remove"].click()
    qtbot.waitUntil(lambda: number not in window.dock.view.jobs)


def test_a_song_that_is_none_is_explained(parts: Parts, panel: PianoPanel, tmp_path: Path, qtbot: QtBot) -> None:
    text = tmp_path / "not a song.mp3"
    text.write_text("This is text.")
    parts.window.open_path(text)
    qtbot.waitUntil(lambda: panel.song.error is not None and panel.failed_page.isVisible(), timeout=PATIENCE)
    assert panel.song.error is not None and panel.song.error.path == str(text)
    assert panel.failed_page._text.text() and not panel.inspector.isVisible()
    assert not [n for n in parts.window.notes() if n.severity is Severity.ERROR]


def test_an_interrupted_job_is_offered_at_the_next_start(
    qapp: QApplication, qtbot: QtBot, home_with_models: Path, song: Path, tmp_path: Path
) -> None:
    first = application.build(qapp)
    first.window.show()
    number = first.bridge.submit(CoverJob(source=str(song), output=str(tmp_path)))
    qtbot.waitUntil(lambda: first.queue.row(number).state is State.RUNNING, timeout=PATIENCE)
    first.window.asks_before_closing = False
    first.window.close()
    first.close()
    first.window.deleteLater()
    second = application.build(qapp)
    try:
        second.window.show()
        second.window.dock.load()
        assert second.window.dock.rows[number].state is State.INTERRUPTED
        note = next(n for n in second.window.notes() if "interrupted" in n.text)
        assert [text for text, _ in note.actions] == ["Try again", "Show the queue"]
        note.actions[0][1]()
        qtbot.waitUntil(lambda: second.window.dock.rows[number].state is State.DONE, timeout=PATIENCE)
    finally:
        second.window.asks_before_closing = False
        second.window.close()
        second.window.deleteLater()
        second.close()


def test_without_its_model_the_song_waits_and_the_library_is_offered(
    qapp: QApplication, qtbot: QtBot, home: Path, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPRISE_OFFLINE", "1")
    made = application.build(qapp)
    try:
        made.window.show()
        panel = made.window.panel_of("piano")
        assert isinstance(panel, PianoPanel)
        made.window.open_path(song)
        qtbot.waitUntil(lambda: panel.song.error is not None and panel.failed_page.isVisible(), timeout=PATIENCE)
        assert panel.failed_page._library.isVisible()
        panel.failed_page._library.click()
        assert made.window.panel.objectName() == "library"
    finally:
        made.window.asks_before_closing = False
        made.window.close()
        made.window.deleteLater()
        made.close()
