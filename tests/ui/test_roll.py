"""The piano roll: what it finds, what it draws."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPixmap
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from desktop.piano.cover import LEFT, NOTE, RIGHT, Chord, Grid, Notes
from desktop.ui import theme
from desktop.ui.widgets.piano_roll import CHORDS, PianoRoll
from desktop.ui.widgets.roll_data import LEVELS, RollData, from_notes
from desktop.ui.widgets.timeline import GUTTER, Timeline
from desktop.ui.widgets.waveform import RULER, Waveform


def notes(count: int = 400, seed: int = 0) -> Notes:
    """Random notes in beats."""
    rng = np.random.default_rng(seed)
    made = np.zeros(count, NOTE)
    made["start"] = np.sort(rng.uniform(0, 60, count))
    made["end"] = made["start"] + rng.choice([0.25, 0.5, 1, 4], count)
    made["pitch"] = rng.integers(36, 90, count)
    made["velocity"] = rng.integers(1, 128, count)
    made["hand"] = made["pitch"] < 60
    return made


GRID = Grid(np.arange(70) * 0.5 + 0.2, downbeat=1, meter=4)


@pytest.fixture
def roll(qtbot: QtBot) -> PianoRoll:
    line = Timeline()
    made = PianoRoll(line)
    made._line = line  # type: ignore[attr-defined]  # keeps it alive
    qtbot.addWidget(made)
    made.resize(GUTTER + 1000, CHORDS + 480)
    made.show()
    line.set_duration(35.0)
    return made


@given(first=st.floats(-5, 40), length=st.floats(0, 20), seed=st.integers(0, 5))
def test_visible_notes_are_those_that_sound(first: float, length: float, seed: int) -> None:
    data = from_notes(notes(seed=seed), GRID)
    last = first + length
    found = np.arange(len(data.start))[data.visible(first, last)]
    wanted = np.flatnonzero((data.start < last) & (data.end >= first))
    assert found.tolist() == wanted.tolist()


@given(second=st.floats(0, 35), pitch=st.integers(30, 95), seed=st.integers(0, 5))
def test_hit_test_and_sounding_keys_agree(second: float, pitch: int, seed: int) -> None:
    data = from_notes(notes(seed=seed), GRID)
    hit = data.at(second, pitch)
    assert (hit is not None) == (pitch in data.sounding(second))
    if hit is not None:
        assert data.start[hit] <= second < data.end[hit] and data.notes["pitch"][hit] == pitch


def one_note(pitch: int = 60, velocity: int = 80, hand: int = RIGHT) -> RollData:
    made = np.zeros(1, NOTE)
    made[0] = (8.0, 12.0, pitch, velocity, hand)
    return from_notes(made, GRID, (Chord(8, 12, 0, "maj", 0),))


@pytest.mark.parametrize(("hand", "velocity"), [(RIGHT, 1), (RIGHT, 127), (LEFT, 40), (LEFT, 100)])
def test_a_note_has_the_colour_of_its_hand_and_velocity(qapp: QApplication, roll: PianoRoll, hand: int, velocity: int) -> None:
    data = one_note(velocity=velocity, hand=hand)
    roll.set_data(data)
    rect = roll.note_rect(0)
    image = roll.grab().toImage()
    level = int(data.group[0]) % LEVELS
    wanted = theme.levels(theme.tokens(), hand)[level]
    assert image.pixelColor(rect.center().toPoint()).name() == wanted.name()
    outside = image.pixelColor(int(rect.right()) + 20, int(rect.center().y()))
    assert outside != wanted


def test_tooltip_says_what_a_note_is(roll: PianoRoll) -> None:
    roll.set_data(one_note(pitch=61, velocity=77, hand=LEFT))
    assert roll.note_at(roll.note_rect(0).center()) == 0
    assert roll.note_at(QPointF(GUTTER + 1, CHORDS + 1)) == -1
    assert roll.describe(0) == "C♯4 · bar 2.4.1 · velocity 77 · left hand"


def test_click_seeks_and_drag_pans(qtbot: QtBot, roll: PianoRoll) -> None:
    roll.set_data(from_notes(notes(), GRID))
    line = roll.timeline
    line.show_range(5, 15)
    with qtbot.waitSignal(roll.seek) as seek:
        qtbot.mouseClick(roll, Qt.MouseButton.LeftButton, pos=QPointF(GUTTER + 500, 200).toPoint())
    assert seek.args[0] == pytest.approx(10.0, abs=0.02)
    before = line.start
    qtbot.mousePress(roll, Qt.MouseButton.LeftButton, pos=QPointF(GUTTER + 500, 200).toPoint())
    for x in (480, 440, 400):
        qtbot.mouseMove(roll, QPointF(GUTTER + x, 200).toPoint())
    qtbot.mouseRelease(roll, Qt.MouseButton.LeftButton, pos=QPointF(GUTTER + 400, 200).toPoint())
    assert line.start > before


def test_scrolling_shows_the_same_as_drawing_anew(roll: PianoRoll) -> None:
    roll.set_data(from_notes(notes(2000), GRID))
    line = roll.timeline
    line.show_range(5, 12)
    roll.grab()
    for _ in range(5):
        line.pan(37)
        moved = roll.grab().toImage()
        roll.invalidate()
        assert moved == roll.grab().toImage()


def test_dense_views_lose_no_note(roll: PianoRoll) -> None:
    rng = np.random.default_rng(3)
    made = np.zeros(20000, NOTE)
    made["start"] = np.sort(rng.uniform(0, 60, 20000))
    made["end"] = made["start"] + 0.1
    made["pitch"], made["velocity"] = rng.integers(60, 64, 20000), 80
    roll.set_data(from_notes(made, GRID))
    image = roll.grab().toImage()
    canvas = QColor(theme.tokens().canvas)
    row = roll.note_rect(0).center().y()
    covered = sum(image.pixelColor(x, int(row)) != canvas for x in range(GUTTER + 10, GUTTER + 800))
    assert covered > 700


def test_pitch_zoom_keeps_88_keys_at_most(roll: PianoRoll) -> None:
    roll.set_data(from_notes(notes(), GRID))
    for _ in range(30):
        roll.zoom_pitch(0.5, 250)
    assert (roll.low, roll.high) == (21, 108)
    for _ in range(30):
        roll.zoom_pitch(2.0, 250)
    assert roll.high - roll.low + 1 == 12
    roll.fit_pitch()
    assert roll.low <= 36 and roll.high >= 89


def test_waveform_draws_the_peaks_and_takes_a_downbeat(qtbot: QtBot) -> None:
    line = Timeline()
    wave = Waveform(line)
    qtbot.addWidget(wave)
    wave.resize(GUTTER + 1000, 88)
    wave.show()
    line.set_duration(10.0)
    peaks = np.zeros((1000, 2), np.float32)
    peaks[500:] = (-0.9, 0.9)
    wave.set_peaks(peaks, 10.0)
    wave.set_grid(Grid(np.arange(20) * 0.5))
    image = wave.grab().toImage()
    high = (RULER + 88) // 2 - 15
    assert image.pixelColor(GUTTER + 201, high) == QColor(theme.tokens().canvas)
    assert image.pixelColor(GUTTER + 700, high) != QColor(theme.tokens().canvas)
    with qtbot.waitSignal(wave.downbeat) as found:
        at = QPointF(line.x(2.6), 60).toPoint()
        qtbot.mouseClick(wave, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.AltModifier, at)
    assert found.args == [5]
    drawn: list[tuple[float, float]] = []
    wave.loop_drawn.connect(lambda start, end: drawn.append((start, end)))
    drag(qtbot, wave, line.x(2), line.x(3), line.x(4))
    assert drawn[-1] == pytest.approx((2.0, 4.0), abs=0.05)
    wave.set_loop((2.0, 4.0), True)
    drag(qtbot, wave, line.x(2) + 2, line.x(2.5), line.x(3))
    assert drawn[-1] == pytest.approx((3.0, 4.0), abs=0.05)


def drag(qtbot: QtBot, widget: QWidget, *places: float) -> None:
    """Press at the first place, let go at the last."""
    qtbot.mousePress(widget, Qt.MouseButton.LeftButton, pos=QPointF(places[0], 60).toPoint())
    for x in places[1:]:
        qtbot.mouseMove(widget, QPointF(x, 60).toPoint())
    qtbot.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=QPointF(places[-1], 60).toPoint())


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None is immortal from Python 3.12 on")
def test_drawing_keeps_the_references_to_none(qapp: QApplication) -> None:
    """PySide6 6.12.0 drops one with each call and aborts the interpreter before long."""
    pixmap = QPixmap(50, 50)
    painter = QPainter(pixmap)
    rects = [QRectF(1, 1, 5, 5), QRectF(9, 9, 5, 5)]
    calls = [
        lambda: painter.setPen(Qt.PenStyle.NoPen),
        lambda: painter.setPen(QColor("red")),
        lambda: painter.setBrush(QColor("red")),
        lambda: painter.drawRect(QRectF(1, 1, 5, 5)),
        lambda: painter.drawRects(rects),
        lambda: painter.drawRoundedRect(QRectF(1, 1, 5, 5), 2, 2),
        lambda: painter.fillRect(QRectF(1, 1, 5, 5), QColor("red")),
        lambda: painter.setClipRect(QRectF(1, 1, 40, 40)),
        lambda: painter.drawText(QPointF(10, 10), "A"),
    ]
    for call in calls:
        call()
        before = sys.getrefcount(None)
        for _ in range(1000):
            call()
        assert abs(sys.getrefcount(None) - before) <= 20
    painter.end()
