"""The application: one way to start it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QMessageBox

from desktop import __version__
from desktop.errors import UserError
from desktop.jobs.queue import Queue
from desktop.jobs.store import Store
from desktop.models.library import Library
from desktop.ui import crash
from desktop.ui.bridge import QueueBridge
from desktop.ui.clustering import Clustering
from desktop.ui.guarding import Guarding
from desktop.ui.main_window import MainWindow
from desktop.ui.notify import Note, Severity
from desktop.ui.prefs import Prefs
from desktop.ui.state import State
from desktop.ui.theme import Themer


@dataclass
class Parts:
    """What a running application is made of."""

    window: MainWindow
    queue: Queue
    store: Store
    bridge: QueueBridge
    themer: Themer
    guarding: Guarding
    clustering: Clustering

    def close(self) -> None:
        """End workers and let go of files. The window must be closed before."""
        self.bridge.close()
        self.guarding.close()
        self.clustering.close()
        self.themer.deleteLater()
        self.queue.close()
        self.store.close()


class _Teller(QObject):
    """Brings news of errors from any thread to the window's."""

    error = Signal(object, str)


def application(arguments: Sequence[str] = ()) -> QApplication:
    """The QApplication, made once."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    QGuiApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
    QCoreApplication.setApplicationName("Reprise")
    QCoreApplication.setApplicationVersion(__version__)
    QGuiApplication.setDesktopFileName("reprise")
    return QApplication(["reprise", *arguments])


def build(app: QApplication) -> Parts:
    """Make the window and what is behind it; nothing is shown yet."""
    prefs = Prefs()
    prefs.now.apply()
    themer = Themer(app, prefs.now.theme)  # type: ignore[arg-type]
    prefs.changed.connect(lambda names: themer.choose(prefs.now.theme) if "theme" in names else None)  # type: ignore[arg-type]
    store = Store()
    queue = Queue(store, workers=prefs.now.workers, threads=prefs.now.threads)
    guarding = Guarding(queue, store, prefs)
    bridge = QueueBridge(queue)
    clustering = bridge.cluster = Clustering(queue, prefs)
    window = MainWindow(bridge, store, Library(offline=prefs.now.offline or None), prefs, State(), themer)
    window.dock.overruled.connect(guarding.overrule)
    return Parts(window, queue, store, bridge, themer, guarding, clustering)


def main(files: Sequence[str | Path] = ()) -> int:
    """Show the window, open the first of ``files`` and queue the others, stay until it is closed; returns the exit code.

    Raises UserError when there is no place for the user's files or the queue cannot be opened.
    """
    report = crash.start_log()
    app = application()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        parts = build(app)
    except UserError as error:
        crash.end_log()
        _say_alone(error)
        raise
    window = parts.window
    teller = _Teller(app)
    teller.error.connect(lambda error, text: window.say(_unexpected(error, text)))
    crash.catch_exceptions(teller.error.emit)
    window.show()
    window.after_shown(
        [
            lambda: window.drop([Path(file).absolute() for file in files]),
            window.dock.load,
            lambda: _look_for_models(window),
            lambda: _greet(window, report, parts.store.note),
            lambda: parts.guarding.show_by(window.say),
            lambda: parts.clustering.start(window.say),
            lambda: parts.store.prune(window.services.prefs.now.history_days),
        ]
    )
    try:
        return app.exec()
    finally:
        parts.close()
        crash.end_log()
        sys.excepthook = sys.__excepthook__


def _say_alone(error: UserError) -> None:
    """Say in a box why there is no window, for those who started it without a terminal."""
    if QGuiApplication.platformName() not in ("offscreen", "minimal"):
        text = "\n".join(part for part in (error.message, error.path, error.remedy) if part)
        QMessageBox.critical(None, "Reprise", text)


def _unexpected(error: Exception, text: str) -> Note:
    return Note(
        Severity.ERROR,
        f"Something went wrong: {error}",
        remedy="Your work is safe. Copy the details into a report.",
        details=text,
    )


def _greet(window: MainWindow, report: str, note: str) -> None:
    if report:
        window.say(
            Note(Severity.WARNING, "Reprise ended unexpectedly last time", remedy="The details help to mend it.", details=report)
        )
    for text in (note, *window.services.prefs.warnings):
        if text:
            window.say(Note(Severity.WARNING, text))


def _look_for_models(window: MainWindow) -> None:
    """Offer to install what the piano needs, unless the user works offline or has said "later" before."""
    from desktop.ui.library.page import LibraryPage

    services = window.services
    if services.prefs.now.offline or services.state.flag("first_run/asked"):
        return
    page = window.panel_of("library")
    assert isinstance(page, LibraryPage)
    shelf = page.shelf

    def looked() -> None:
        if shelf.is_known:
            shelf.changed.disconnect(looked)
            if shelf.missing("piano"):
                from desktop.ui.first_run import FirstRunDialog

                services.state.keep("first_run/asked", True)
                dialog = FirstRunDialog(shelf, "piano", window)
                dialog.offline_chosen.connect(lambda: services.prefs.change(offline=True))
                dialog.open()

    shelf.changed.connect(looked)
    shelf.refresh()
