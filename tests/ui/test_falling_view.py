"""The falling notes in the window."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from desktop.piano.cover import LEFT, RIGHT, Cover, Grid
from desktop.piano.waterfall.looks import PAPER, PLAYED
from desktop.ui import theme
from desktop.ui.piano.falling_clock import GAP, Glide
from desktop.ui.piano.falling_letters import letters
from desktop.ui.piano.falling_view import FallingView
from desktop.ui.state import State
from desktop.ui.widgets.roll_data import RollData, empty, from_cover
from tests.piano.waterfall.songs import cover, second


@dataclass
class Open:
    """What the view looks at of a song."""

    roll: RollData
    cover: Cover | None = None
    covering: None = None

    @property
    def grid(self) -> Grid | None:
        return self.roll.grid


@pytest.fixture
def song() -> Open:
    made = cover()
    return Open(from_cover(made), made)


@pytest.fixture
def view(qtbot: QtBot, song: Open) -> FallingView:
    made = FallingView(song)  # type: ignore[arg-type]
    qtbot.addWidget(made)
    made.resize(900, 500)
    made.show()
    made.set_active(True)
    return made


@pytest.fixture
def themed(qapp: QApplication) -> Iterator[theme.Themer]:
    made = theme.Themer(qapp, "light")
    yield made
    made.choose("light")


def picture(view: QWidget) -> QImage:
    return view.grab().toImage()


def key(view: FallingView, pitch: int) -> QPoint:
    view.grab()
    renderer = view._renderer
    assert renderer is not None
    return QPointF(renderer.keys.centre(pitch), renderer.fall + 0.82 * renderer.board).toPoint()


def close_to(colour: QColor, wanted: tuple[float, float, float], by: float = 0.12) -> bool:
    got = colour.getRgbF()[:3]  # type: ignore[index]
    return all(abs(a - b) < by for a, b in zip(got, wanted, strict=True))


def test_keys_are_lit_where_the_playhead_is_also_when_paused(view: FallingView, themed: theme.Themer) -> None:
    for beat, pitch, hand in ((0.5, 60, RIGHT), (1.5, 48, LEFT)):
        view.set_playhead(second(beat))
        assert close_to(picture(view).pixelColor(key(view, pitch)), PAPER.hands[hand])
        assert not close_to(picture(view).pixelColor(key(view, 72)), PAPER.hands[hand])


def test_it_follows_the_theme_unless_a_look_is_chosen(view: FallingView, themed: theme.Themer) -> None:
    themed.choose("light")
    assert view.style_now == "paper" and picture(view).pixelColor(5, 250).lightness() > 200
    themed.choose("dark")
    assert view.style_now == "night" and picture(view).pixelColor(5, 250).lightness() < 60
    view.choose_style("paper")
    assert picture(view).pixelColor(5, 250).lightness() > 200


def test_choices_are_remembered(qtbot: QtBot, song: Open, tmp_path: Path) -> None:
    services = SimpleNamespace(state=State(tmp_path / "window.json"))
    first = FallingView(song, services)  # type: ignore[arg-type]
    qtbot.addWidget(first)
    titles = [action.text() for action in first.menu().actions()]
    assert titles[:3] == ["Look", "Keys", "Chord names"]
    first.choose_style("neon")
    first.choose_keys("used")
    first.set_lead(1.7)
    first.show_chords(True)
    other = FallingView(song, services)  # type: ignore[arg-type]
    qtbot.addWidget(other)
    assert (other.style_now, other.keys_choice, other.lead) == ("neon", "used", pytest.approx(1.7))
    assert other.chords


def test_a_click_goes_to_the_note(qtbot: QtBot, view: FallingView) -> None:
    view.set_playhead(second(0))
    key(view, 60)
    renderer = view._renderer
    assert renderer is not None
    y = round(renderer.fall - (second(2) - second(0)) * renderer.pace.speed)
    with qtbot.waitSignal(view.seek) as seek:
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(100, y))
    assert seek.args[0] == pytest.approx(second(2), abs=0.02)
    with qtbot.assertNotEmitted(view.seek):
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(100, view.height() - 4))


def test_the_wheel_changes_how_fast_notes_fall(view: FallingView) -> None:
    before = view.lead
    view.grab()
    for _ in range(3):
        event = QWheelEvent(
            QPointF(10, 10), QPointF(10, 10), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(view, event)
    assert view.lead < 0.7 * before
    renderer = view._renderer
    assert renderer is not None and renderer.lead == pytest.approx(view.lead, rel=0.1)


def test_keys_of_a_midi_keyboard_are_lit(view: FallingView, themed: theme.Themer) -> None:
    at = key(view, 76)
    before = picture(view).pixelColor(at)
    view.set_pressed({76: PLAYED})
    assert close_to(picture(view).pixelColor(at), PAPER.hands[PLAYED])
    view.set_pressed({})
    assert picture(view).pixelColor(at) == before


def test_it_is_empty_without_notes_and_shows_those_that_come(qtbot: QtBot, song: Open) -> None:
    full, song.roll, song.cover = song.roll, empty(), None
    view = FallingView(song)  # type: ignore[arg-type]
    qtbot.addWidget(view)
    view.resize(600, 400)
    view.show()
    view.set_active(True)
    view.show_song()
    assert picture(view).pixelColor(3, 3) == QColor(theme.tokens().canvas) and view._renderer is None
    song.roll = full
    view.show_song()
    view.grab()
    assert view._renderer is not None and len(view._renderer.scene.start) == 5
    song.roll = empty()
    view.show_song()
    assert picture(view).pixelColor(3, 3) == QColor(theme.tokens().canvas)


def test_what_is_not_in_front_costs_nothing(view: FallingView) -> None:
    view.grab()
    view.set_active(False)
    assert view._renderer is None and view._frame is None
    view.set_playhead(1.0)
    view.set_playhead(1.02)
    assert not view._clock.isActive()
    view.set_active(True)
    view.set_playhead(second(0.5))
    assert view.grab() is not None and view._renderer is not None


@pytest.mark.parametrize("size", [(1, 1), (60, 300), (900, 170), (3000, 1800)])
def test_it_takes_every_size(qtbot: QtBot, view: FallingView, size: tuple[int, int]) -> None:
    view.setMinimumHeight(0)
    view.resize(*size)
    view._renew()
    image = picture(view)
    assert (image.width(), image.height()) == size


def test_the_clock_runs_evenly_between_uneven_reports() -> None:
    rng = np.random.default_rng(0)
    glide, steps, last = Glide(), [], None
    for tick in range(300):
        now = tick / 60
        # A device that tells what it played every 20 ms or so, in whole buffers.
        glide.tell(np.floor((now + rng.uniform(0, 0.004)) / 0.02) * 0.02 * 0.5 + 3.0, now)
        at = glide.at(now)
        if tick > 90:
            steps.append(at - last)
        last = at
    assert np.mean(steps) == pytest.approx(0.5 / 60, rel=0.02)
    assert np.min(steps) > 0.5 * 0.5 / 60 and np.max(steps) < 1.6 * 0.5 / 60
    glide.tell(40.0, 5.0)
    assert glide.at(5.0) == 40.0 and glide.at(5.0 + GAP + 1) == 40.0
    assert not glide.moving(6.0)


def test_letters_are_drawn(qapp: QApplication) -> None:
    ink = letters("C♯m7", 20)
    assert ink.dtype == np.float32 and ink.max() > 0.8 and ink[:, 0].max() < 0.5


def test_it_draws_fast_enough(view: FallingView) -> None:
    view.resize(1100, 600)
    view._renew()
    view.grab()
    renderer = view._renderer
    assert renderer is not None
    began = time.process_time()
    for number in range(30):
        renderer.frame(1.0 + number / 60)
    assert (time.process_time() - began) / 30 < 0.012
