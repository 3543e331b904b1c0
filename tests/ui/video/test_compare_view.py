"""Before and after under one line: pixels, keys, mouse."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QAccessible, QHelpEvent, QImage, QPixmap, QWheelEvent
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from desktop.ui.widgets.compare_view import EDGE, CompareView, Mode
from desktop.ui.widgets.face_marks import FaceMark
from desktop.ui.widgets.picture import FULL_DIFFERENCE, Picture, difference, heat

RED, BLUE = (200, 30, 30), (30, 30, 200)


def plain(colour: tuple[int, int, int], width: int = 200, height: int = 100) -> Picture:
    return Picture.of(np.full((height, width, 3), colour, np.uint8))


def colour(image: QImage, x: float, y: float) -> tuple[int, int, int]:
    found = image.pixelColor(round(x), round(y))
    return (found.red(), found.green(), found.blue())


@pytest.fixture
def view(qapp: QApplication, qtbot: QtBot) -> Iterator[CompareView]:
    made = CompareView()
    made.resize(800, 400)
    made.set_size(200, 100)
    made.set_pictures(plain(RED), plain(BLUE, 400, 200))
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.close()
    made.deleteLater()


def shot(view: CompareView) -> QImage:
    pixmap = QPixmap(view.size())
    view.render(pixmap)
    return pixmap.toImage()


def test_the_line_divides_two_pictures_of_different_size(view: CompareView) -> None:
    for share in (0.25, 0.5, 0.75):
        view.set_split(share)
        for _ in range(3):  # drawn directly, then kept, then from what was kept
            image = shot(view)
            assert colour(image, view.line - 20, 60) == RED
            assert colour(image, view.line + 20, 60) == BLUE


def test_both_pictures_line_up_at_any_zoom(view: CompareView) -> None:
    rng = np.random.default_rng(1)
    small = rng.integers(0, 255, (100, 200, 3), np.uint8)
    view.set_pictures(Picture.of(small), Picture.of(small.repeat(2, 0).repeat(2, 1)))
    view.set_as_pixels(True)
    view.set_zoom(8.0)
    view.viewport.pan(37, -21)
    view.set_split(0.0)
    one = shot(view)
    view.set_split(1.0)
    other = shot(view)
    middle = slice(40, 760)
    first, second = (np.frombuffer(i.constBits(), np.uint8).reshape(400, 800, 4)[60:180, middle] for i in (one, other))
    assert (first == second).mean() > 0.999


def test_the_line_keeps_away_from_the_edges(view: CompareView) -> None:
    left, _, width, _ = view.viewport.visible()
    view.set_split(0.0)
    assert view.line == left + EDGE
    view.set_split(1.0)
    assert view.line == left + width - EDGE


def test_the_line_is_dragged_and_moved_by_keys(view: CompareView, qtbot: QtBot) -> None:
    start = QPoint(round(view.line), 60)
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(view, QPoint(300, 60))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(300, 60))
    assert view.line == pytest.approx(300, abs=2)
    handle = view.handle
    handle.setFocus()
    before = view.split
    qtbot.keyClick(handle, Qt.Key.Key_Right)
    coarse = view.split - before
    qtbot.keyClick(handle, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert 0 < view.split - before - coarse < coarse / 5
    qtbot.keyClick(handle, Qt.Key.Key_Home)
    assert view.split == 0
    qtbot.keyClick(handle, Qt.Key.Key_End)
    assert view.split == 1
    found = QAccessible.queryAccessibleInterface(handle)
    assert found.text(QAccessible.Text.Name) and found.valueInterface().currentValue() == 1000


def test_flip_side_by_side_and_difference(view: CompareView) -> None:
    view.set_flipped(True)
    image = shot(view)
    assert colour(image, view.line - 20, 60) == BLUE and colour(image, view.line + 20, 60) == RED
    view.set_flipped(False)
    view.set_mode(Mode.SIDE)
    image = shot(view)
    assert colour(image, 200, 180) == RED and colour(image, 600, 180) == BLUE
    assert not view.handle.isVisible()
    view.set_mode(Mode.DIFFERENCE)
    assert colour(shot(view), 400, 200) == tuple(heat()[255].tolist())
    view.set_pictures(plain(RED), plain(RED))
    assert colour(shot(view), 400, 200) == (0, 0, 0)


def test_the_wheel_zooms_about_the_cursor_and_dragging_pans(view: CompareView, qtbot: QtBot) -> None:
    at = QPointF(600, 100)
    before = view.viewport.at(at.x(), at.y())
    wheel = QWheelEvent(
        at,
        at,
        QPoint(),
        QPoint(0, 600),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    view.wheelEvent(wheel)
    assert view.viewport.scale > 4.0 and view.viewport.at(at.x(), at.y()) == pytest.approx(before, abs=0.3)
    place = (view.viewport.x, view.viewport.y)
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(600, 100))
    qtbot.mouseMove(view, QPoint(620, 110))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(620, 110))
    assert view.viewport.x < place[0] and view.viewport.y < place[1]
    view.fit()
    assert view.viewport.fitted
    with qtbot.waitSignal(view.full_asked):
        qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=QPoint(100, 60))


def test_pixels_have_a_grid_and_values_when_very_large(view: CompareView) -> None:
    view.set_zoom(64.0)
    image = shot(view)
    shades = {image.pixel(x, 20) for x in range(20, 380)}
    assert len(shades) >= 2
    inked = sum(image.pixelColor(x, y).green() > 170 for x in range(380) for y in range(200))
    assert inked > 50


def test_faces_are_outlined_and_say_why_one_was_left(view: CompareView, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = shot(view)
    view.set_marks(
        [FaceMark((20, 10, 60, 60), 3, 50.0), FaceMark((120, 20, 140, 45), 4, 24.0, "small", "24 px wide, 28 are needed")]
    )
    assert shot(view) != bare
    left, top = view.viewport.origin
    at = QPoint(round(left + 130 * view.viewport.scale), round(top + 30 * view.viewport.scale))
    qtbot.mouseMove(view, at)
    assert view._hovered is not None and view._hovered.title == "Face 4  ·  24 px"
    told: list[str] = []
    monkeypatch.setattr(QToolTip, "showText", lambda _at, text, _widget: told.append(text))
    QApplication.sendEvent(view, QHelpEvent(QEvent.Type.ToolTip, at, view.mapToGlobal(at)))
    assert "too small" in told[0] and "28 are needed" in told[0]
    view.set_show_marks(False)
    view.set_pictures(view.before, view.after)
    assert shot(view) == bare


def test_the_difference_is_amplified_and_takes_pictures_of_different_size() -> None:
    one = np.full((60, 80, 3), 100, np.uint8)
    other = one.copy()
    other[:30, :, 1] += 8
    found = difference(Picture.of(one), Picture.of(other.repeat(2, 0).repeat(2, 1)))
    assert (found.width, found.height) == (160, 120)
    pixels = found.array()
    assert (pixels[100:] == 0).all() and (pixels[:40] == heat()[8]).all()
    assert (heat()[FULL_DIFFERENCE] == heat()[255]).all() and (heat()[4] != heat()[8]).any()


def test_zooming_out_averages_instead_of_skipping() -> None:
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    level = Picture.of(stripes).level(0.25)
    assert level.width() == 64
    assert abs(level.pixelColor(20, 20).red() - 128) < 12
