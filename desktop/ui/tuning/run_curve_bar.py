"""How curves are shown: axis, smoothing, scale, and where they can be saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QSlider, QToolButton, QWidget

from desktop.ui import theme
from desktop.ui.background import Op
from desktop.ui.files import show_in_folder
from desktop.ui.icons import IconButton
from desktop.ui.notify import Note, Severity, from_error
from desktop.ui.panels import Services
from desktop.ui.widgets.curve_axes import Axis
from desktop.ui.widgets.curve_export import table, write_csv, write_picture
from desktop.ui.widgets.curve_plot import CurvePlot
from desktop.ui.widgets.curve_run import SPANS
from desktop.ui.widgets.parts import Segments, label

AXES = (
    (Axis.STEP.value, "Steps", "Over the steps of the optimiser"),
    (Axis.TIME.value, "Time", "Over the time spent training"),
    (Axis.EPOCH.value, "Epochs", "Over passes through the rows"),
)


class CurveBar(QWidget):
    """Drives a plot; what is chosen is remembered for the next run.

    Args:
        file_name: what a saved file is called, without its ending.
    """

    def __init__(self, services: Services, plot: CurvePlot, file_name: Callable[[], str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services, self._plot, self._file_name = services, plot, file_name
        state = services.state
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.S2)
        self.axis = Segments("Horizontal axis", AXES)
        self.axis.chosen.connect(self._choose_axis)
        self.axis.set_value(state.text("tuning/curve_axis", Axis.STEP.value, tuple(Axis)))
        row.addWidget(self.axis)
        self.smoothing = QSlider(Qt.Orientation.Horizontal)
        self.smoothing.setRange(0, len(SPANS))
        self.smoothing.setPageStep(1)
        self.smoothing.setMinimumWidth(48)
        self.smoothing.setMaximumWidth(96)
        self.smoothing.setAccessibleName("Smoothing of the loss")
        self.smoothing.setValue(int(min(len(SPANS), max(0.0, state.number("tuning/curve_smoothing", 0)))))
        self.smoothing.valueChanged.connect(self._choose_span)
        row.addWidget(self.smoothing, 2)
        self._words = label(size=theme.CAPTION, tone="secondary", tabular=True)
        self._words.setMinimumWidth(self._words.fontMetrics().horizontalAdvance("Auto: 1,000 steps"))
        row.addWidget(self._words)
        row.addStretch(3)
        self.log = _toggle("Log scale", "Show the loss on a logarithmic scale")
        self.log.setChecked(state.flag("tuning/curve_log"))
        self.log.toggled.connect(self._choose_log)
        row.addWidget(self.log)
        self.details = _toggle("Details", "Show learning rate, tokens a second and memory below, where there is room")
        self.details.setChecked(state.flag("tuning/curve_details", True))
        self.details.toggled.connect(self._choose_details)
        row.addWidget(self.details)
        self.fit = IconButton("fit", "Show all of it (0 in the plot, or a double click)")
        self.fit.clicked.connect(lambda: plot.fit())
        row.addWidget(self.fit)
        self.save = IconButton("export", "Save the curves")
        self.save.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.save)
        menu.addAction("Copy as picture", self.copy_picture)
        menu.addAction("Save as picture…", self.ask_picture)
        menu.addAction("Save numbers (CSV)…", self.ask_numbers)
        self.save.setMenu(menu)
        row.addWidget(self.save)
        plot.view_changed.connect(self._show_fit)
        plot.set_axis(Axis(self.axis.value))
        plot.set_log(self.log.isChecked())
        plot.set_details(self.details.isChecked())
        plot.set_span(self._span)
        self.refresh()

    def refresh(self) -> None:
        """The plot shows other runs, or more of them."""
        runs = self._plot.scene.runs
        # A run that lasted no time, or has no points, has nothing to show over time.
        with QSignalBlocker(self.axis):
            self.axis.setEnabled(bool(runs))
        span = self._plot.span
        steps = f"{span:,} steps" if span > 1 else "off"
        self._words.setText(f"Auto: {steps}" if not self._span else steps.capitalize() if span == 1 else steps)
        self.smoothing.setToolTip(f"Smoothing of the loss: {'chosen by the number of steps' if not self._span else steps}")
        self.save.setEnabled(any(len(run) for run in runs))
        self._show_fit()

    def copy_picture(self) -> None:
        """Put the plot on the clipboard."""
        QGuiApplication.clipboard().setImage(self._plot.image())
        self._services.say(Note(Severity.INFO, "The picture of the curves is on the clipboard"))

    def ask_picture(self) -> None:
        """Choose where the plot is saved as a picture."""
        if path := self._ask("Save the curves as a picture", ".png", "Pictures (*.png)"):
            self.save_picture(path)

    def ask_numbers(self) -> None:
        """Choose where the points are saved."""
        if path := self._ask("Save the curves' numbers", ".csv", "Tables (*.csv)"):
            self.save_numbers(path)

    def save_picture(self, path: Path) -> None:
        """Write the plot as a PNG."""
        image = self._plot.image()
        self._write(path, lambda: write_picture(path, image))

    def save_numbers(self, path: Path) -> None:
        """Write the points and scores as CSV."""
        tables = [table(run) for run in self._plot.scene.runs if len(run)]
        self._write(path, lambda: write_csv(path, tables))

    @property
    def _span(self) -> int:
        """Steps to smooth over, 0 for as many as suit the run."""
        place = self.smoothing.value()
        return SPANS[place - 1] if place else 0

    def _choose_axis(self, value: str) -> None:
        self._plot.set_axis(Axis(value))
        self._services.state.keep("tuning/curve_axis", value)

    def _choose_span(self, value: int) -> None:
        self._plot.set_span(self._span)
        self._services.state.keep("tuning/curve_smoothing", value)
        self.refresh()

    def _choose_log(self, on: bool) -> None:
        self._plot.set_log(on)
        self._services.state.keep("tuning/curve_log", on)

    def _choose_details(self, on: bool) -> None:
        self._plot.set_details(on)
        self._services.state.keep("tuning/curve_details", on)

    def _show_fit(self) -> None:
        scene = self._plot.scene
        self.fit.setEnabled(not scene.view.whole or scene.heights is not None)

    def _ask(self, title: str, suffix: str, kinds: str) -> Path | None:
        folder = Path(self._services.state.text("tuning/curve_folder", str(Path.home())))
        chosen, _ = QFileDialog.getSaveFileName(self, title, str(folder / f"{self._file_name()}{suffix}"), kinds)
        if not chosen:
            return None
        path = Path(chosen)
        self._services.state.keep("tuning/curve_folder", str(path.parent))
        return path if path.suffix else path.with_suffix(suffix)

    def _write(self, path: Path, work: Callable[[], None]) -> None:
        def done(_nothing: object) -> None:
            actions = [("Show in folder", lambda: show_in_folder(path))]
            self._services.say(Note(Severity.GOOD, f"Saved {path.name}", actions=actions))

        Op(self, work).success(done).failure(lambda error: self._services.say(from_error(error))).start()


def _toggle(text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setCheckable(True)
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setProperty("kind", "segment")
    button.setProperty("place", "alone")
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
