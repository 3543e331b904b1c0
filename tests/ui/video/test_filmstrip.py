"""The timeline of a clip, and times in words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.ui.widgets.filmstrip import RULER, STRIP, Filmstrip
from desktop.ui.widgets.picture import Picture
from desktop.ui.widgets.timecode import about, clock, timecode


@pytest.fixture
def strip(qapp: QApplication, qtbot: QtBot) -> Iterator[Filmstrip]:
    made = Filmstrip()
    made.resize(800, made.height())
    made.set_length(10.0, 25.0)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.close()
    made.deleteLater()


def test_thumbs_appear_as_they_come_and_the_nearest_is_found(strip: Filmstrip) -> None:
    empty = strip.grab().toImage()
    for second, shade in ((7.5, 200), (2.5, 90)):
        strip.add_thumb(second, Picture.of(np.full((60, 80, 3), shade, np.uint8)))
    assert strip.grab().toImage() != empty
    assert [second for second, _ in strip.thumbs] == [2.5, 7.5]
    assert strip.nearest(0.0) is strip.thumbs[0][1] and strip.nearest(9.0) is strip.thumbs[1][1]
    strip.set_shots([0.0, 5.0])
    image = strip.grab().toImage()
    assert image.pixelColor(round(strip.place(1.0)), RULER + 30).red() == 90
    assert image.pixelColor(round(strip.place(9.0)), RULER + 30).red() == 200


def test_clicking_and_dragging_scrubs(strip: Filmstrip, qtbot: QtBot) -> None:
    told: list[tuple[float, bool]] = []
    strip.scrubbed.connect(lambda second, dragging: told.append((second, dragging)))
    at = QPoint(round(strip.place(4.0)), RULER + 20)
    qtbot.mousePress(strip, Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseMove(strip, QPoint(round(strip.place(6.0)), RULER + 20))
    qtbot.mouseRelease(strip, Qt.MouseButton.LeftButton, pos=QPoint(5000, RULER + 20))
    assert [dragging for _, dragging in told] == [True, True, False]
    assert [second for second, _ in told] == [pytest.approx(4.0, abs=0.02), pytest.approx(6.0, abs=0.02), 10.0]


def test_the_ends_of_the_part_are_dragged_and_do_not_cross(strip: Filmstrip, qtbot: QtBot) -> None:
    told: list[tuple[float, float]] = []
    strip.part_changed.connect(lambda a, b: (told.append((a, b)), strip.set_part((a, b))))
    y = RULER + STRIP // 2
    qtbot.mousePress(strip, Qt.MouseButton.LeftButton, pos=QPoint(round(strip.place(0.0)) - 4, y))
    qtbot.mouseMove(strip, QPoint(round(strip.place(3.0)), y))
    qtbot.mouseRelease(strip, Qt.MouseButton.LeftButton, pos=QPoint(round(strip.place(3.0)), y))
    assert strip.part == (pytest.approx(3.0, abs=0.02), 10.0)
    qtbot.mousePress(strip, Qt.MouseButton.LeftButton, pos=QPoint(round(strip.place(10.0)) + 4, y))
    qtbot.mouseMove(strip, QPoint(round(strip.place(1.0)), y))
    qtbot.mouseRelease(strip, Qt.MouseButton.LeftButton, pos=QPoint(round(strip.place(1.0)), y))
    assert strip.part is not None and strip.part[1] == pytest.approx(strip.part[0] + 1 / 25)


def test_what_is_restored_is_filled(strip: Filmstrip) -> None:
    strip.set_done([(2.0, 5.0)])
    image = strip.grab().toImage()
    y = RULER + STRIP + 4
    inside, outside = image.pixelColor(round(strip.place(3.0)), y), image.pixelColor(round(strip.place(7.0)), y)
    assert inside != outside


@pytest.mark.parametrize(
    ("seconds", "rate", "text"),
    [
        (0.0, 25.0, "0:00:00.00"),
        (61.04, 25.0, "0:01:01.01"),
        (3723.96, 25.0, "1:02:03.24"),
        (0.999999, 25.0, "0:00:01.00"),
        (12.0 + 59 / 60, 60.0, "0:00:12.59"),
        (1001 / 30000 * 15, 30000 / 1001, "0:00:00.15"),
        (5.0, 0.0, "0:00:05.00"),
    ],
)
def test_time_code(seconds: float, rate: float, text: str) -> None:
    assert timecode(seconds, rate) == text


def test_every_frame_of_a_second_has_its_own_number() -> None:
    for rate in (23.976, 25.0, 29.97, 50.0, 59.94):
        codes = [timecode(n / rate, rate) for n in range(int(rate * 3))]
        assert len(set(codes)) == len(codes)


def test_times_in_words() -> None:
    assert (clock(62.4), clock(3723)) == ("1:02", "1:02:03")
    assert about(3.2) == "about 3 s" and about(240) == "about 4 min" and about(5400) == "about 1 h 30 min"
    assert about(200_000) == "about 2.3 days"
