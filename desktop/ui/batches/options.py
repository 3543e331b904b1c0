"""In which order a batch is done, and what a file that fails means for the rest."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QWidget

from desktop.batch.order import Order
from desktop.jobs.batches import OnError
from desktop.ui.state import State

ORDERS = {
    Order.GIVEN: "As listed",
    Order.NAME: "By name",
    Order.SIZE: "Smallest first",
    Order.SHORTEST: "Shortest first",
    Order.NEWEST: "Newest first",
    Order.OLDEST: "Oldest first",
    Order.RANDOM: "At random",
}
FAILING = {OnError.CONTINUE: "Go on", OnError.STOP: "Stop the batch"}


class BatchChoices(QWidget):
    """Two lists to choose from, remembered for a panel; whoever owns them puts ``order`` and ``failing`` into a layout.

    Signals:
        chosen: one of them has changed.
    """

    chosen = Signal()

    def __init__(self, state: State, panel: str, *, timed: bool = True, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state, self._key = state, panel
        self.order, self.failing = QComboBox(), QComboBox()
        for value, text in ORDERS.items():
            if timed or value is not Order.SHORTEST:
                self.order.addItem(text, value)
        for way, text in FAILING.items():
            self.failing.addItem(text, way)
        self.order.setAccessibleName("Order of the files")
        self.order.setToolTip("Which file comes first")
        self.failing.setAccessibleName("When a file fails")
        self.failing.setToolTip("Whether the other files are done when one cannot be")
        for name, box in (("order", self.order), ("failing", self.failing)):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            kept = state.text(f"{panel}/batch_{name}")
            box.setCurrentIndex(max(0, next((n for n in range(box.count()) if str(box.itemData(n)) == kept), 0)))
            box.activated.connect(lambda _n, name=name, box=box: self._changed(name, box))
        self.hide()

    @property
    def order_now(self) -> Order:
        """The order."""
        return Order(self.order.currentData())

    @property
    def failing_now(self) -> OnError:
        """What happens to the rest when one fails."""
        return OnError(self.failing.currentData())

    def _changed(self, name: str, box: QComboBox) -> None:
        self._state.keep(f"{self._key}/batch_{name}", str(box.currentData()))
        self.chosen.emit()
