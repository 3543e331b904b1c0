"""The head of the Run page: where the run is, its numbers, what would be kept, what can be done with it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from desktop.jobs.rows import Row
from desktop.jobs.states import State
from desktop.tuning.runs import Run
from desktop.ui import theme
from desktop.ui.icons import Button, IconLabel
from desktop.ui.tuning import run_said
from desktop.ui.widgets.curve_run import RunCurves
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import Fact, label, restyle

FACTS = ("Loss", "Best so far", "Best", "Untuned", "Tokens/s", "Memory", "Time", "Device")
BUTTONS = (
    ("resume", "Go on", "play", "primary"),
    ("evaluate", "Evaluate", "", "primary"),
    ("pause", "Pause", "pause", "plain"),
    ("finish", "Stop and keep", "done", "plain"),
    ("cancel", "Cancel", "close", "plain"),
)


class RunHead(QWidget):
    """Signals:
    asked: "resume", "pause", "finish", "cancel" or "evaluate".
    """

    asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(theme.S2)
        top = QHBoxLayout()
        top.setSpacing(theme.S2)
        self._mark = IconLabel("waiting")
        self._state = label(size=theme.SECTION, bold=True)
        self._detail = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._detail.setFont(theme.font(self._detail, tabular=True))
        self._detail.setProperty("tone", "secondary")
        top.addWidget(self._mark)
        top.addWidget(self._state)
        top.addWidget(self._detail, 1)
        self.buttons: dict[str, Button] = {}
        for what, text, icon, kind in BUTTONS:
            button = Button(text, kind=kind, icon_name=icon)
            button.clicked.connect(lambda _on=False, w=what: self.asked.emit(w))
            self.buttons[what] = button
            top.addWidget(button)
        whole.addLayout(top)
        self.bar = QProgressBar(maximum=1000, textVisible=False)
        self.bar.setAccessibleName("Progress of the run")
        whole.addWidget(self.bar)
        self._row = QWidget()
        row = QHBoxLayout(self._row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.S6)
        self.facts = {caption: Fact(caption) for caption in FACTS}
        for fact in self.facts.values():
            row.addWidget(fact)
        row.addStretch(1)
        whole.addWidget(self._row)
        self.keeps = label(size=theme.CAPTION, tone="secondary", wrap=True)
        whole.addWidget(self.keeps)

    def show_run(self, run: Run | None, row: Row | None, curves: RunCurves) -> None:
        """Show where a run is."""
        said = run_said.headline(run, row)
        self._mark.show_icon(said.icon, said.tone)
        self._state.setText(said.text)
        self._detail.setText(said.detail)
        active = row.state.is_active if row is not None else run_said.going(run, row)
        # The job knows better than the steps: training may end early.
        fraction = row.fraction if row is not None else run.step / run.total_steps if run is not None and run.total_steps else 0.0
        self.bar.setVisible(active)
        self.bar.setValue(round(1000 * fraction))
        restyle(self.bar, state="paused" if row is not None and row.state is State.PAUSED else "")
        values = run_said.facts(run, curves, row) if run is not None else {}
        for caption, fact in self.facts.items():
            fact.setVisible(caption in values)
            if caption in values:
                fact.say(values[caption][0], tip=values[caption][1])
        self._row.setVisible(bool(values))
        self.keeps.setText(run_said.keeps(run, row))
        self.keeps.setVisible(bool(self.keeps.text()))
        self._show_buttons(run, row)

    def _show_buttons(self, run: Run | None, row: Row | None) -> None:
        going = run_said.going(run, row)
        state = row.state if row is not None else None
        over = not going and run is not None and (run.is_over or row is not None)
        shown = {
            "resume": state is State.PAUSED or (over and run is not None and run.can_resume),
            "evaluate": over and run is not None and not run.can_resume and run.best_step is not None,
            "pause": state is State.RUNNING,
            "finish": going and state is not State.QUEUED and run is not None and run.step > 0,
            "cancel": going and row is not None,
        }
        for what, button in self.buttons.items():
            button.setVisible(bool(shown[what]))
        self.buttons["resume"].setText("Resume" if state is State.PAUSED else "Go on")
        kept = f" (step {run.best_step:,})" if run is not None and run.best_step is not None else ""
        tips = {
            "resume": "Let it go on" if state is State.PAUSED else "Go on from its last checkpoint",
            "evaluate": "Score it on rows that it has not seen",
            "pause": "Let it stand still; it can go on at any time (Ctrl+P)",
            "finish": f"End training and keep the best weights so far{kept} (Ctrl+Shift+F)",
            "cancel": "Take it out of the queue"
            if state is State.QUEUED
            else "End it now; it can go on later from its last checkpoint (Ctrl+.)",
        }
        for what, tip in tips.items():
            self.buttons[what].setToolTip(tip)
