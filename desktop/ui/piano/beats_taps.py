"""Tapping along: taps come, and become beats when Enter is pressed or no more of them come."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from desktop.errors import UserError
from desktop.piano import tapping

REST_MS = 2500
"""No tap for so long, and the taps are taken over."""


class Taps(QObject):
    """Taps that are not beats yet.

    Attributes:
        seconds: of the song, in the order in which they came.

    Signals:
        changed: there is one more, or none any more.
        done: the taps in their order, to be made beats.
    """

    changed = Signal()
    done = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.seconds: list[float] = []
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self.finish)

    @property
    def tempo(self) -> float | None:
        """Beats a minute so far, None while no tempo can be made out."""
        try:
            return 60.0 / tapping.number(np.array(sorted(self.seconds))).gap
        except UserError:
            return None

    def add(self, second: float, speed: float = 1.0) -> None:
        """A tap was heard with this second of the song, played at a speed."""
        self.seconds.append(second)
        gaps = np.diff(np.sort(self.seconds)) / speed
        # Slow songs take their time from tap to tap.
        self._rest.start(max(REST_MS, round(2500 * float(np.median(gaps)))) if len(gaps) else REST_MS)
        self.changed.emit()

    def finish(self) -> None:
        """Make beats of them, if there are enough."""
        taps = sorted(self.seconds)
        self.drop()
        if len(taps) >= tapping.FEWEST:
            self.done.emit(taps)

    def drop(self) -> None:
        """Forget them."""
        self._rest.stop()
        if self.seconds:
            self.seconds = []
            self.changed.emit()
