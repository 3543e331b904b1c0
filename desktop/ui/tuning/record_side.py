"""Beside the records: what the model sees of the chosen one, the template, how the file is read."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from desktop.ui import theme
from desktop.ui.icons import Button
from desktop.ui.state import State
from desktop.ui.tuning.draft import Draft
from desktop.ui.tuning.reading_box import ReadingBox
from desktop.ui.tuning.record_table import SPLITS
from desktop.ui.tuning.seen import Record
from desktop.ui.tuning.seen_view import SeenView
from desktop.ui.tuning.template_box import TemplateBox
from desktop.ui.widgets.elided import ElidedLabel
from desktop.ui.widgets.parts import Section, label

WIDTH = 320
NO_ROWS = "Choose a row to see it as the model does."


class RecordSide(QWidget):
    """Signals:
    base_asked: the user wants to choose the base whose tokens are shown.
    changed: fields of Records with their new values.
    """

    base_asked = Signal()
    changed = Signal(dict)

    def __init__(self, draft: Draft, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._draft = draft
        self.setFixedWidth(WIDTH)
        self.setProperty("surface", "window")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("What the model sees")
        scroll = QScrollArea(widgetResizable=True)
        scroll.setAccessibleName("What the model sees, template and reading")
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget()
        inner.setProperty("surface", "plain")
        scroll.setWidget(inner)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll)
        column = QVBoxLayout(inner)
        column.setContentsMargins(theme.S4, theme.S3, theme.S4, theme.S3)
        column.setSpacing(theme.S3)
        column.addWidget(self._make_seen(), 1)
        self.template, self.reading = TemplateBox(), ReadingBox()
        self.template.changed.connect(lambda text, system: self.changed.emit({"template": text, "system": system}))
        self.reading.changed.connect(self.changed)
        for name, title, body in (
            ("template", "Template", self.template),
            ("reading", "Reading and dividing", self.reading),
        ):
            section = Section(title, folds=True, folded=state.flag(f"tuning/{name}_folded", True))
            section.folded.connect(lambda folded, n=name: state.keep(f"tuning/{n}_folded", folded))
            section.body.addWidget(body)
            column.addWidget(section)

    def _make_seen(self) -> QWidget:
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.S1)
        head = QHBoxLayout()
        head.setSpacing(theme.S2)
        head.addWidget(label("What the model sees", bold=True))
        head.addStretch(1)
        self._where = label(size=theme.CAPTION, tone="secondary", tabular=True)
        head.addWidget(self._where)
        column.addLayout(head)
        self.seen = SeenView()
        column.addWidget(self.seen, 1)
        foot = QHBoxLayout()
        self._base = ElidedLabel(mode=Qt.TextElideMode.ElideMiddle)
        self._base.setProperty("tone", "secondary")
        self._base.setFont(theme.font(self._base, theme.CAPTION))
        other = Button("Change", kind="link")
        other.setProperty("tight", True)
        other.setToolTip("Choose another base model")
        other.setAccessibleName("Choose another base model")
        other.clicked.connect(lambda: self.base_asked.emit())
        foot.addWidget(self._base, 1)
        foot.addWidget(other)
        column.addLayout(foot)
        return box

    def show_record(self, record: Record | None) -> None:
        """Show a record of the draft."""
        draft = self._draft
        values = record.values if record is not None else {}
        prompt = "\n".join(values.get(name, "") for name in draft.inputs)
        self.seen.show_record(record, prompt, values.get(draft.output, ""))
        split = SPLITS.get(record.split, "") if record is not None else ""
        self._where.setText("  ·  ".join(part for part in (f"Line {record.line:,}" if record else "", split) if part))
        card = draft.bases.card(draft.recipe.base)
        if card is None:
            self._base.setText("No base model is chosen")
        elif draft.bases.blocked(draft.recipe.base):
            self._base.setText(f"Counts need {card.title}, which is not installed")
        else:
            self._base.setText(f"As {card.title} reads it")

    def refresh(self) -> None:
        """Show how the draft is read."""
        draft = self._draft
        if draft.records is None:
            return
        facts = draft.found.facts if draft.found is not None else None
        columns = draft.found.columns if draft.found is not None else []
        problem = draft.problem
        said = f"{problem.message}. {problem.remedy}".strip() if problem is not None and draft.found is not None else ""
        self.template.show_template(draft.records.template, draft.records.system, columns, draft.inputs, said)
        self.reading.show_records(draft.records, facts)
