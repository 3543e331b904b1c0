"""About Reprise: version, what it stands on, and under which terms."""

from __future__ import annotations

import platform
import re
from html import escape
from importlib import metadata
from typing import Any

from PySide6.QtCore import Qt, qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLabel, QTextBrowser, QVBoxLayout, QWidget

from desktop import __version__, paths
from desktop.ui import icons, theme
from desktop.ui.background import Op
from desktop.ui.dialogs import _Dialog
from desktop.ui.icons import Button
from desktop.ui.widgets.parts import label

QT_NOTICE = (
    "Reprise uses Qt through PySide6, under the GNU Lesser General Public License, version 3. Qt is Copyright The Qt Company "
    "Ltd. "
    "and other contributors. You may replace Qt's libraries by versions of your own: they are separate files in PySide6. "
    "The licence's text comes with the package and is at gnu.org/licenses/lgpl-3.0; Qt's source code is at code.qt.io."
)


def packages() -> list[tuple[str, str, str]]:
    """(name, version, licence) of what Reprise needs, directly or through others, as installed here."""
    waiting, seen = ["reprise-studio"], {}
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in seen:
            continue
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        seen[name] = (str(found.metadata["Name"]), found.version, _licence(found.metadata))
        waiting += [_bare(r) for r in found.requires or () if "extra ==" not in r]
    seen.pop("reprise-studio", None)
    return sorted(seen.values(), key=lambda one: one[0].lower())


def notice() -> str:
    """Whose work Reprise holds, and whose data its models learned from: the file NOTICE of the checkout or of the package."""
    beside = paths.resources().parent / "NOTICE"
    if beside.is_file():
        return beside.read_text(encoding="utf-8")
    try:
        own = metadata.distribution("reprise-studio")
    except metadata.PackageNotFoundError:
        return ""
    return own.read_text("licenses/NOTICE") or own.read_text("NOTICE") or ""


def _bare(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    return found[0] if found else ""


def _licence(data: Any) -> str:
    """The licence's short name: the expression, a classifier, or the first line of the text."""
    if expression := data.get("License-Expression"):
        return str(expression)
    classifiers = [c.split("::")[-1].strip() for c in data.get_all("Classifier") or () if c.startswith("License")]
    if classifiers:
        return ", ".join(classifiers)
    first = str(data.get("License") or "").strip().split("\n")[0]
    return first[:60] or "see the package"


class AboutDialog(_Dialog):
    """Version, notices, packages."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Reprise", parent, 720, 600)
        head = QHBoxLayout()
        head.setSpacing(theme.S4)
        mark = QLabel()
        mark.setPixmap(icons.pixmap("reprise", "", 56, self.devicePixelRatioF()))
        words = QVBoxLayout()
        words.setSpacing(theme.S1)
        self._versions = f"Reprise {__version__} · Python {platform.python_version()} · Qt {qVersion()} · {platform.platform()}"
        words.addWidget(label("Piano covers of songs and restored faces in old video, made on your own machine."))
        versions = label(self._versions, size=theme.CAPTION, tone="secondary", wrap=True)
        versions.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        words.addWidget(versions)
        words.addWidget(label("Licensed under the Apache License, Version 2.0.", size=theme.CAPTION, tone="secondary"))
        head.addWidget(mark)
        head.addLayout(words, 1)
        self.body.addLayout(head)
        self._view = QTextBrowser(openExternalLinks=False)
        self._view.setAccessibleName("Licences of the packages")
        self._view.setPlainText("Reading the licences…")
        self.body.addWidget(self._view, 1)
        copy = Button("Copy versions", icon_name="copy")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._versions))
        self.add_foot(copy)
        Op(self, lambda: (packages(), notice())).success(self._fill).start()

    def _fill(self, answer: tuple[list[tuple[str, str, str]], str]) -> None:
        found, words = answer
        lines = "".join(f"<tr><td>{n}&nbsp;&nbsp;</td><td>{v}&nbsp;&nbsp;</td><td>{licence}</td></tr>" for n, v, licence in found)
        self._view.setHtml(
            f"<p><b>Notices</b></p>{_paragraphs(words)}"
            f"<p><b>Qt</b></p><p>{QT_NOTICE}</p><p><b>Packages</b></p><table cellspacing='0' cellpadding='2'>{lines}</table>"
        )


def _paragraphs(text: str) -> str:
    """Plain text as HTML: an empty line ends a paragraph, a dash begins a line of its own."""
    blocks = [escape(block.strip()) for block in text.split("\n\n") if block.strip()]
    listed = [block.replace("\n- ", "<br>- ") for block in blocks]
    return "".join(f"<p>{block}</p>" for block in listed)
