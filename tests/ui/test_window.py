"""The window as a whole: names, keys, files, what it remembers."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAccessible, QDragEnterEvent, QDragLeaveEvent, QDropEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QMessageBox,
    QProgressBar,
    QScrollBar,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from desktop import paths
from desktop.jobs.job import CoverJob
from desktop.ui import crash, theme
from desktop.ui.app import Parts
from desktop.ui.main_window import MainWindow
from desktop.ui.notify import Note, Severity
from desktop.ui.piano.panel import PianoPanel
from desktop.ui.widgets.lane import Lane
from desktop.ui.widgets.waveform import Waveform
from tests.e2e.media import tune, write_wav
from tests.ui.conftest import Opener, close

INTERACTIVE = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit, QProgressBar, QAbstractScrollArea, Lane)
MIDI = paths.resources() / "demo" / "six-oclock-ferry.mid"


def widgets(window: QWidget) -> Iterator[QWidget]:
    """Everything in a window that can be used or read off, without the insides of other widgets."""
    for widget in window.findChildren(QWidget):
        inside = isinstance(widget, QScrollBar) and isinstance(widget.parent().parent(), QAbstractScrollArea)
        within = isinstance(widget.parent(), (QComboBox, QAbstractSpinBox)) or widget.objectName().startswith("qt_")
        popup = any(isinstance(p, QWidget) and p.inherits("QComboBoxPrivateContainer") for p in ancestors(widget))
        if isinstance(widget, INTERACTIVE) and not (inside or within or popup):
            yield widget


def ancestors(widget: QWidget) -> Iterator[QWidget]:
    parent = widget
    while isinstance(parent, QWidget):
        yield parent
        parent = parent.parent()  # type: ignore[assignment]


def panel_of(window: MainWindow) -> PianoPanel:
    panel = window.panel_of("piano")
    assert isinstance(panel, PianoPanel)
    return panel


@pytest.fixture
def full(parts: Parts, qtbot: QtBot) -> MainWindow:
    """A window with all panels made and a cover open."""
    window = parts.window
    for name in ("library", "video", "tuning", "preferences", "piano"):
        window.go(name)
    window.open_path(MIDI)
    qtbot.waitUntil(lambda: panel_of(window).song.cover is not None)
    window.dock.open()
    return window


def test_everything_has_an_accessible_name(full: MainWindow) -> None:
    full.say(Note(Severity.ERROR, "Something", "/a/file", "Do this", "details", [("Again", lambda: None)]))
    nameless = []
    for widget in widgets(full):
        found = QAccessible.queryAccessibleInterface(widget)
        if not found.text(QAccessible.Text.Name):
            nameless.append(f"{type(widget).__name__} in {[type(p).__name__ for p in ancestors(widget)][1:4]}")
    assert not nameless


def test_buttons_without_text_have_tooltips(full: MainWindow) -> None:
    bare = [
        b for b in full.findChildren(QToolButton) if not b.text() and not b.toolTip() and not b.objectName().startswith("qt_")
    ]
    assert not [f"{b.accessibleName()} in {type(b.parent()).__name__}" for b in bare]


def test_the_tab_key_reaches_everything_that_can_be_used(full: MainWindow, qtbot: QtBot) -> None:
    full.go("piano")
    full.setFocus()
    reached: dict[QWidget, int] = {}
    for _ in range(200):
        qtbot.keyClick(full.focusWidget() or full, Qt.Key.Key_Tab)
        widget = QApplication.focusWidget()
        if widget in reached:
            break
        reached[widget] = len(reached)
    skipped = (QProgressBar, QScrollBar, QAbstractScrollArea, Waveform)
    usable = [w for w in widgets(full) if w.isVisible() and w.isEnabled() and not isinstance(w, skipped)]
    missed = [w.accessibleName() or w.text() for w in usable if not ({w, *group(w)} & reached.keys())]  # type: ignore[attr-defined]
    assert not missed
    assert len(reached) >= 15
    places = {"top": full.topbar, "rail": full.rail, "panel": full.panel, "dock": full.dock}
    path = [name for w in reached for name, place in places.items() if place.isAncestorOf(w)]
    assert [name for n, name in enumerate(path) if n == 0 or path[n - 1] != name] == ["top", "rail", "panel", "dock"]


def group(widget: QWidget) -> list[QAbstractButton]:
    """The other buttons of an exclusive group: arrow keys move between them."""
    found = widget.group() if isinstance(widget, QAbstractButton) else None
    return found.buttons() if found is not None and found.exclusive() else []


def test_every_action_has_a_shortcut_and_no_two_share_one(full: MainWindow) -> None:
    seen: dict[tuple[str, str], str] = {}
    for action in full.book.all():
        assert action.keys, action.id
        for key in action.keys:
            text = QKeySequence(key).toString()
            assert text, f"{action.id}: {key}"
            # Two panels may use the same key; only one of them is in front.
            scope = full.book._scopes[action.id]
            rivals = (
                [seen.get((text, other)) for other in ("", scope)] if scope else [n for (k, _), n in seen.items() if k == text]
            )
            assert not any(rivals), f"{action.id} and {rivals}"
            seen[text, scope] = action.id


def test_shortcuts_move_between_panels_and_open_dialogs(full: MainWindow, qtbot: QtBot) -> None:
    for number, name in enumerate(("piano", "video", "tuning", "library", "preferences"), 1):
        qtbot.keyClick(full, getattr(Qt.Key, f"Key_{number}"), Qt.KeyboardModifier.ControlModifier)
        qtbot.waitUntil(lambda n=name: full.panel.objectName() == n)
    for action in ("help.shortcuts", "help.about"):
        full.book[action].trigger()
        dialog = next(w for w in QApplication.topLevelWidgets() if w.isVisible() and w.parent() is full and w.windowTitle())
        qtbot.wait(50)
        assert not [w for w in widgets(dialog) if not QAccessible.queryAccessibleInterface(w).text(QAccessible.Text.Name)]
        dialog.close()


def test_space_belongs_to_the_focused_button_and_else_plays(full: MainWindow, qtbot: QtBot) -> None:
    full.go("piano")
    panel = panel_of(full)
    button = panel.inspector.difficulty._buttons["easy"]
    panel.inspector.difficulty.setEnabled(True)
    button.setFocus(Qt.FocusReason.TabFocusReason)
    played = []
    panel.player.playing_changed.connect(played.append)
    qtbot.keyClick(button, Qt.Key.Key_Space)
    assert button.isChecked() and not played
    panel.canvas.roll.setFocus()
    before = panel.canvas.second
    qtbot.keyClick(panel.canvas.roll, Qt.Key.Key_Right)
    assert panel.canvas.second > before
    qtbot.keyClick(panel.canvas.roll, Qt.Key.Key_BracketLeft)
    qtbot.keyClick(panel.canvas.roll, Qt.Key.Key_L)
    assert panel.canvas.loop is not None and not panel.canvas.loop_on


@pytest.mark.parametrize("size", [(1100, 700), (1440, 900)])
@pytest.mark.parametrize("choice", ["light", "dark"])
def test_nothing_is_clipped(full: MainWindow, qtbot: QtBot, size: tuple[int, int], choice: str) -> None:
    full.services.prefs.change(theme=choice)
    full.resize(*size)
    full.dock.toggle()
    for name in ("piano", "video", "tuning", "library", "preferences"):
        full.go(name)
        qtbot.wait(60)
        qtbot.waitUntil(lambda: (full.width(), full.height()) == size and not clipped(full.panel))


def clipped(part: QWidget) -> list[str]:
    """Labels that have no room for their text and no tooltip either."""
    found = []
    for label in part.findChildren(QLabel):
        if label.isVisible() and not label.wordWrap() and not label.toolTip() and label.text() and label.pixmap().isNull():
            needed = label.fontMetrics().horizontalAdvance(label.text())
            if needed > label.contentsRect().width() + 1:
                found.append(f"{label.text()}: {needed} in {label.width()}")
    return found


def test_text_stays_readable_in_both_themes(full: MainWindow) -> None:
    full.go("piano")
    for choice in ("dark", "light"):
        full.services.prefs.change(theme=choice)
        image = full.panel.inspector.grab().toImage()  # type: ignore[attr-defined]
        shades = [theme.luminance(image.pixelColor(x, y)) for x in range(0, 290, 2) for y in range(0, 400, 2)]
        light, dark = max(shades), min(shades)
        assert (light + 0.05) / (dark + 0.05) > 9


def test_a_file_that_cannot_be_opened_is_explained(parts: Parts, tmp_path: Path, qtbot: QtBot) -> None:
    window = parts.window
    odd = tmp_path / "notes.xyz"
    odd.write_text("x")
    window.open_path(odd)
    assert [(n.severity, n.path) for n in window.notes()] == [(Severity.ERROR, str(odd))]
    window.open_path(tmp_path)
    assert "folder" in window.notes()[-1].text
    broken = tmp_path / "broken.reprise"
    broken.write_bytes(b"not a cover")
    window.open_path(broken)
    panel = panel_of(window)
    qtbot.waitUntil(lambda: panel.song.error is not None)
    assert panel.failed_page.isVisible() and not panel.inspector.isVisible()
    window.open_path(tmp_path / "gone.mp3")
    qtbot.waitUntil(lambda: panel.song.error is not None and "gone.mp3" in panel.song.error.path)


def test_a_dropped_midi_file_opens(parts: Parts, qtbot: QtBot) -> None:
    window = parts.window
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(MIDI))])
    event = QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    enter = QDragEnterEvent(
        QPoint(50, 50), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    panel = panel_of(window)
    window.dragEnterEvent(enter)
    assert enter.isAccepted() and panel.start.drop._lit and not window._veil.isVisible()
    window.dropEvent(event)
    assert not panel.start.drop._lit
    qtbot.waitUntil(lambda: len(panel.song.roll.notes) > 100)
    assert panel.canvas.isVisible()
    assert window.windowTitle().startswith("six-oclock-ferry.mid")
    assert panel.inspector.facts["Tempo"].value.endswith("BPM")
    assert "not there" in panel.inspector.styles.toolTip()
    window.dragEnterEvent(enter)
    assert window._veil.isVisible()
    window.dragLeaveEvent(QDragLeaveEvent())
    assert not window._veil.isVisible()


def test_it_remembers(open_window: Opener, qtbot: QtBot, tmp_path: Path) -> None:
    parts = open_window()
    window = parts.window
    window.resize(1234, 777)
    gone = tmp_path / "gone.mid"
    gone.write_bytes(MIDI.read_bytes())
    window.open_path(gone)
    window.open_path(MIDI)
    panel_of(window).choose_style("stride")
    panel_of(window).canvas.transport.volume.setValue(33)
    window.dock.toggle()
    window.go("library")
    gone.unlink()
    close(parts)
    again = open_window().window
    assert (again.width(), again.height()) != (0, 0)
    assert again.panel.objectName() == "library"
    assert again.dock.is_open
    panel = panel_of(again)
    assert panel.song.options.style == "stride" and panel.canvas.transport.volume.value() == 33
    assert again.services.prefs.recent() == [MIDI]


def test_preferences_change_settings_and_follow_them(parts: Parts) -> None:
    window = parts.window
    window.go("preferences")
    prefs = window.services.prefs
    boxes = {box.accessibleName(): box for box in window.panel.findChildren(QComboBox)}
    theme_box = boxes["Theme"]
    theme_box.setCurrentIndex(theme_box.findData("dark"))
    theme_box.activated.emit(theme_box.currentIndex())
    assert prefs.now.theme == "dark" and theme.tokens().dark
    prefs.change(theme="light", style="rock")
    assert theme_box.currentData() == "light" and boxes["Style"].currentData() == "rock"
    fields = {field.accessibleName(): field for field in window.panel.findChildren(QLineEdit)}
    fields["SoundFont"].setText("/nowhere/at/all.sf2")
    fields["SoundFont"].editingFinished.emit()
    assert prefs.now.soundfont == "" and fields["SoundFont"].text() == ""
    assert window.notes()[-1].path == "/nowhere/at/all.sf2"


def test_an_error_nobody_caught_is_shown_and_the_window_lives(
    parts: Parts, qtbot: QtBot, capsys: pytest.CaptureFixture[str]
) -> None:

    told: list[str] = []
    before, before_threads = sys.excepthook, threading.excepthook
    try:
        crash.catch_exceptions(lambda error, text: told.append(text))
        sys.excepthook(ValueError, ValueError("odd"), None)
        assert "ValueError: odd" in told[0] and "odd" in capsys.readouterr().err
    finally:
        sys.excepthook = before
        threading.excepthook = before_threads


def test_the_close_question_lists_running_jobs(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, qtbot: QtBot
) -> None:

    window = parts.window
    song = write_wav(tmp_path / "a.wav", tune(8.0))
    parts.bridge.submit(CoverJob(source=str(song), output=str(tmp_path)))
    qtbot.waitUntil(lambda: len(window.dock.own_jobs()) == 1)
    asked: list[str] = []
    monkeypatch.setattr(QMessageBox, "exec", lambda box: asked.append(box.text()))
    window.close()
    assert asked == ["A job is not finished."] and window.isVisible()


HEAVY = (
    "torch", "onnxruntime", "cv2", "av", "librosa", "transformers", "peft", "accelerate", "datasets", "pyarrow", "pandas",
    "tokenizers", "jinja2", "scipy", "pretty_midi", "pyqtgraph",
)  # fmt: skip
LATER = ("PySide6.QtMultimedia", "PySide6.QtSvg")


def test_importing_the_window_loads_nothing_heavy() -> None:
    modules = ("app", "piano.panel", "video.panel", "tuning.panel", "library.page", "preferences", "snapshot")
    code = (
        f"import sys, {', '.join('desktop.ui.' + m for m in modules)}; print(sorted({{*{HEAVY + LATER!r}}} & set(sys.modules)))"
    )
    root = paths.resources().parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"
