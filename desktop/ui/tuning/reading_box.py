"""How the file is read and divided."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QGridLayout, QVBoxLayout, QWidget

from desktop.jobs.job import Records
from desktop.tuning.records.facts import Facts
from desktop.ui import theme
from desktop.ui.tuning.fields import Choice, FileField, Whole, captioned

ENCODINGS = ("utf-8", "utf-16", "cp1252", "latin-1", "cp1251", "gb18030", "shift_jis", "euc_kr")
DELIMITERS = ((",", "Comma"), (";", "Semicolon"), ("\t", "Tab"), ("|", "Pipe"))
MOST_SEED = 2**31 - 1


class ReadingBox(QWidget):
    """Signals:
    changed: fields of Records with their new values.
    """

    changed = Signal(dict)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.S2)
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.S2)
        grid.setVerticalSpacing(theme.S2)
        self.validation, self.test = Whole(0, 50, unit=" %"), Whole(0, 50, unit=" %")
        self.limit, self.seed = Whole(0, 100_000_000, step=1000, word="All"), Whole(0, MOST_SEED)
        self.encoding, self.delimiter = Choice("Encoding"), Choice("Delimiter")
        held = "Share of the rows, chosen by the seed and each row's content"
        for number, (caption, field, tip) in enumerate(
            (
                ("Validation", self.validation, f"{held}; decides which weights are best"),
                ("Test", self.test, f"{held}; for the evaluation at the end"),
                ("Rows at most", self.limit, "Train on a part of the file"),
                ("Seed", self.seed, "Another seed divides the rows another way"),
                ("Encoding", self.encoding, "How the file writes its letters"),
                ("Delimiter", self.delimiter, "What stands between the columns of a CSV file"),
            )
        ):
            grid.addWidget(captioned(caption, field, tip), number // 2, number % 2)
        column.addLayout(grid)
        self.validation_file = FileField("Validation file", "A share of the rows")
        self.test_file = FileField("Test file", "A share of the rows")
        column.addWidget(captioned("Validation file", self.validation_file))
        column.addWidget(captioned("Test file", self.test_file))
        self.duplicates = QCheckBox("Keep duplicate rows")
        self.strict = QCheckBox("Stop at the first bad row")
        column.addWidget(self.duplicates)
        column.addWidget(self.strict)
        self._connect()

    def _connect(self) -> None:
        self.validation.chosen.connect(lambda value: self.changed.emit({"validation": value / 100}))
        self.test.chosen.connect(lambda value: self.changed.emit({"test": value / 100}))
        self.limit.chosen.connect(lambda value: self.changed.emit({"limit": value}))
        self.seed.chosen.connect(lambda value: self.changed.emit({"seed": value}))
        self.encoding.chosen.connect(lambda value: self.changed.emit({"encoding": value}))
        self.delimiter.chosen.connect(lambda value: self.changed.emit({"delimiter": value}))
        self.validation_file.chosen.connect(lambda path: self.changed.emit({"validation_file": path}))
        self.test_file.chosen.connect(lambda path: self.changed.emit({"test_file": path}))
        self.duplicates.clicked.connect(lambda on: self.changed.emit({"keep_duplicates": on}))
        self.strict.clicked.connect(lambda on: self.changed.emit({"strict": on}))

    def show_records(self, records: Records, facts: Facts | None) -> None:
        """Show how the file is read; ``facts``: what was found where that is automatic."""
        self.validation.set_value(round(records.validation * 100))
        self.test.set_value(round(records.test * 100))
        self.validation.setEnabled(not records.validation_file)
        self.test.setEnabled(not records.test_file)
        self.limit.set_value(records.limit)
        self.seed.set_value(records.seed)
        found = facts.encoding.upper() if facts is not None and facts.encoding else ""
        self.encoding.set_choices(
            [("auto", f"Auto: {found}" if found else "Automatic"), *((name, name.upper()) for name in ENCODINGS)]
        )
        self.encoding.set_value(records.encoding)
        mark = dict(DELIMITERS).get(facts.delimiter, facts.delimiter) if facts is not None else ""
        self.delimiter.set_choices([("auto", f"Auto: {mark}" if mark else "Automatic"), *DELIMITERS])
        self.delimiter.set_value(records.delimiter)
        self.encoding.setEnabled(facts is None or facts.format != "parquet")
        self.delimiter.setEnabled(facts is None or facts.format == "csv")
        self.validation_file.set_value(records.validation_file)
        self.test_file.set_value(records.test_file)
        self.duplicates.setChecked(records.keep_duplicates)
        self.strict.setChecked(records.strict)
