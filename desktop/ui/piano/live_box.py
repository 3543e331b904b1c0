"""The inspector's block for MIDI ports and practising."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QPaintEvent, QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QSpinBox,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QVBoxLayout,
    QWidget,
)

from desktop.piano.cover import PITCH_NAMES
from desktop.piano.live.links import Link, Status
from desktop.piano.live.system import System, find_system, title
from desktop.ui import theme
from desktop.ui.piano.live_ports import VIRTUAL
from desktop.ui.piano.live_practice import Hand
from desktop.ui.piano.live_session import Live
from desktop.ui.piano.song_state import SongState
from desktop.ui.player import Player
from desktop.ui.state import State
from desktop.ui.widgets.parts import Fact, Segments, label, line, restyle

TITLE = "Play out and practise"
"""For the section that this block stands in."""
DELAY = "Send later than the computer's own sound, or earlier when negative, until both sound together"
MODES = (
    ("off", "Off", "Only play"),
    ("wait", "Wait", "The song waits at each chord until you have played it (W)"),
    ("follow", "In time", "The song goes on; your keys are timed (Shift+W)"),
)
HANDS = (
    (Hand.RIGHT, "Right", "Practise the right hand (Alt+H for the next)"),
    (Hand.LEFT, "Left", "Practise the left hand (Alt+H for the next)"),
    (Hand.BOTH, "Both", "Practise both hands (Alt+H for the next)"),
)


class PortChoice(QComboBox):
    """Names of ports; asks for them anew when it opens.

    Signals:
        opened: its list is about to be seen.
    """

    opened = Signal()

    def __init__(self, name: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setToolTip(tip)
        self._tip = tip
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)

    def showPopup(self) -> None:
        self.opened.emit()
        super().showPopup()

    def paintEvent(self, event: QPaintEvent) -> None:
        # A name that is too long loses its middle; Qt would cut its end off.
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        painter, style = QStylePainter(self), self.style()
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        field = QStyle.SubControl.SC_ComboBoxEditField
        room = style.subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self).width() - 2
        option.currentText = self.fontMetrics().elidedText(self.currentText(), Qt.TextElideMode.ElideMiddle, room)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def offer(self, choices: Iterable[tuple[str, str]], chosen: str) -> None:
        """Show (text, value) of each; ``chosen`` is added when it is not among them."""
        wanted = list(choices)
        if chosen not in (value for _, value in wanted):
            wanted.append((title(chosen), chosen))
        now = [(self.itemText(n), self.itemData(n)) for n in range(self.count())]
        with QSignalBlocker(self):
            if now != wanted:
                self.clear()
                for text, value in wanted:
                    self.addItem(text, value)
            self.setCurrentIndex(self.findData(chosen))
        # Names of ports are long.
        self.setToolTip(f"{self.currentText()}\n{self._tip}" if chosen else self._tip)


class LiveBox(QWidget):
    """Chooses ports, starts practising, shows the score.

    Attributes:
        live: what it works on; connect ``lost``, ``back``, ``trouble`` and ``pressed_changed``, and close it at the end.
    """

    def __init__(
        self,
        song: SongState,
        player: Player,
        state: State,
        parent: QWidget | None = None,
        system: Callable[[], System] = find_system,
    ) -> None:
        super().__init__(parent)
        self.live = Live(song, player, state, self, system)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.S2)
        self._add_ports(column)
        column.addWidget(line())
        self._add_practice(column)
        self.live.changed.connect(self.refresh)
        self.live.ports.listed.connect(self.refresh)
        self.refresh()

    def _add_ports(self, column: QVBoxLayout) -> None:
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(theme.S2)
        grid.setVerticalSpacing(theme.S2)
        grid.setColumnStretch(1, 1)
        self.output = PortChoice("MIDI port to play on", "A digital piano, a synthesizer or a program that plays along")
        self.input = PortChoice("MIDI keyboard", "Where the keys that you press come from")
        self.delay = QSpinBox()
        self.delay.setRange(-200, 500)
        self.delay.setSingleStep(5)
        self.delay.lineEdit().setTextMargins(theme.S2 - 2, 0, 0, 0)
        self.delay.setSuffix(" ms")
        self.delay.setValue(self.live.delay)
        self.delay.setAccessibleName("Delay of the MIDI port")
        for row, (text, widget) in enumerate((("Play on", self.output), ("Keyboard", self.input), ("Delay", self.delay))):
            caption = label(text, tone="secondary")
            caption.setBuddy(widget)
            grid.addWidget(caption, row, 0)
            grid.addWidget(widget, row, 1)
        column.addLayout(grid)
        self.through = QCheckBox("Keyboard sounds on the port")
        self.through.setChecked(self.live.ports.through)
        self.through.toggled.connect(self.live.set_through)
        self.through.setToolTip("For keyboards without a sound of their own; their keys go to channel 3")
        column.addWidget(self.through)
        self.said = label(size=theme.CAPTION, tone="secondary", wrap=True)
        column.addWidget(self.said)
        self.output.activated.connect(lambda _n: self.live.choose_output(self.output.currentData()))
        self.input.activated.connect(lambda _n: self.live.choose_input(self.input.currentData()))
        for choice in (self.output, self.input):
            choice.opened.connect(self.live.ports.list_ports)
        self.delay.valueChanged.connect(self.live.set_delay)

    def _add_practice(self, column: QVBoxLayout) -> None:
        live = self.live
        self.mode = Segments("Practise", MODES)
        self.mode.chosen.connect(live.choose_mode)
        self.hand = Segments("Hand", HANDS)
        self.hand.chosen.connect(lambda value: live.choose_hand(Hand(value)))
        for text, widget in (("Practise", self.mode), ("Hand", self.hand)):
            column.addWidget(label(text, size=theme.CAPTION, tone="secondary"))
            column.addWidget(widget)
        self.octaves = QCheckBox("Any octave counts")
        self.octaves.setChecked(live.practising.octaves)
        self.octaves.toggled.connect(live.set_octaves)
        self.alone = QCheckBox("Do not send the hand I practise")
        self.alone.setChecked(live.alone)
        self.alone.toggled.connect(live.set_alone)
        column.addWidget(self.octaves)
        column.addWidget(self.alone)
        self.recording = QCheckBox("Record what I play")
        self.recording.setToolTip("What you play along becomes notes of the chosen hand when you pause; Ctrl+Z takes them back")
        self.recording.toggled.connect(live.set_recording)
        column.addWidget(self.recording)
        self.prompt = label(bold=True, wrap=True)
        column.addWidget(self.prompt)
        facts = QGridLayout()
        facts.setContentsMargins(0, theme.S1, 0, 0)
        facts.setHorizontalSpacing(theme.S3)
        facts.setVerticalSpacing(theme.S2)
        self.facts = {name: Fact(name) for name in ("Correct", "Missed", "Wrong", "Timing")}
        for number, fact in enumerate(self.facts.values()):
            facts.addWidget(fact, number // 2, number % 2)
        self._score = QWidget()
        self._score.setLayout(facts)
        column.addWidget(self._score)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.live.ports.list_ports()

    # What is shown

    def refresh(self) -> None:
        """Show ports and practice as they are."""
        live, ports = self.live, self.live.ports
        virtual = [] if ports.virtual_obstacle else [('Virtual port "Reprise"', VIRTUAL)]
        self.output.offer([("Nothing", ""), *virtual, *named(ports.outputs)], live.output)
        self.input.offer([("None", ""), *named(ports.inputs)], ports.input.name)
        for choice in (self.output, self.input):
            choice.setEnabled(not ports.busy)
        used = ports.output.link is not Link.NONE
        self.delay.setEnabled(used)
        self.through.setEnabled(used and ports.input.link is not Link.NONE)
        self.delay.setToolTip(DELAY if used else "Nothing is played on a port")
        self._say_ports()
        self.mode.set_value(live.mode)
        self.hand.set_value(live.practising.hand)
        for widget in (self.mode, self.hand):
            widget.setEnabled(live.has_cover)
            widget.setToolTip("" if live.has_cover else "There is no cover yet")
        both = live.practising.hand is Hand.BOTH
        self.alone.setEnabled(not both)
        self.alone.setToolTip(
            "Both hands are practised: nothing would be sent" if both else "The port plays the other hand alone"
        )
        with QSignalBlocker(self.recording):
            self.recording.setChecked(live.recording.on)
        self.recording.setEnabled(live.has_cover and ports.input.link is not Link.NONE)
        self._show_practice()

    def _say_ports(self) -> None:
        ports = self.live.ports
        gone = [status for status in (ports.output, ports.input) if status.link is Link.LOST]
        text, tone = "", "secondary"
        if gone:
            text, tone = " ".join(dict.fromkeys(map(_gone, gone))), "warning"
        elif ports.problem is not None:
            text = str(ports.problem)
        elif self.live.output == VIRTUAL:
            text = 'Choose "Reprise" as the MIDI input of a software piano.'
        elif ports.virtual_obstacle and not ports.outputs:
            text = f"{ports.virtual_obstacle}."
        self.said.setText(text)
        self.said.setVisible(bool(text))
        restyle(self.said, tone=tone)

    def _show_practice(self) -> None:
        live = self.live
        practice = live.practising.practice
        self._score.setVisible(practice is not None)
        prompt = ""
        if practice is not None:
            if live.ports.input.link is Link.NONE:
                prompt = "Choose your keyboard above."
            elif practice.holding:
                prompt = f"Waiting for {names(practice.expected)}"
            score = practice.score
            self.facts["Correct"].say(f"{score.hit}" if score.accuracy is None else f"{score.hit}, {score.accuracy:.0%}")
            self.facts["Missed"].say(str(score.missed))
            self.facts["Wrong"].say(str(score.wrong))
            tip = "Mean distance from the beat of the keys that were right; ahead means too early"
            self.facts["Timing"].say(_timing(score.offset_ms), tip=tip)
        self.prompt.setText(prompt)
        self.prompt.setVisible(bool(prompt))


def named(ports: Sequence[str]) -> list[tuple[str, str]]:
    """Ports with what they are called; in full where two would be called the same."""
    titles = [title(port) for port in ports]
    return [(port if titles.count(text) > 1 else text, port) for text, port in zip(titles, ports, strict=True)]


def names(pitches: Iterable[int]) -> str:
    """Keys as people call them: "C4 E4 G4"."""
    return " ".join(f"{PITCH_NAMES[pitch % 12]}{pitch // 12 - 1}" for pitch in sorted(pitches))


def _gone(status: Status) -> str:
    return f"{title(status.name)}: {status.reason}. It is used again when it is back."


def _timing(offset: float | None) -> str:
    if offset is None:
        return "–"
    if abs(offset) < 1:
        return "on the beat"
    return f"{abs(offset):.0f} ms {'ahead' if offset < 0 else 'behind'}"
