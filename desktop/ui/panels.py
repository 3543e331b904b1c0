"""What a panel is, and the list of them: a panel is added by one line in ``PANELS``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from desktop.jobs.rows import Row
from desktop.ui.actions import Action
from desktop.ui.notify import Note
from desktop.ui.tuning.files import RECORDS
from desktop.ui.video.files import VIDEOS

if TYPE_CHECKING:
    from desktop.jobs.store import Store
    from desktop.models.library import Library
    from desktop.ui.bridge import QueueBridge
    from desktop.ui.prefs import Prefs
    from desktop.ui.state import State
    from desktop.ui.theme import Themer


@dataclass(frozen=True)
class Services:
    """What every part of the window may use.

    Attributes:
        say: shows a note in the corner of the canvas.
        open: opens a file in the panel that takes it.
        go: shows the panel with an id.
        refresh: looks again at which actions can be done.
    """

    bridge: QueueBridge
    store: Store
    library: Library
    prefs: Prefs
    state: State
    themer: Themer
    say: Callable[[Note], None]
    open: Callable[[Path], None]
    go: Callable[[str], None]
    refresh: Callable[[], None]


@dataclass(frozen=True)
class Heading:
    """What the toolbar shows: a title, facts about it, the job that runs, and the id of the action behind "Run"."""

    title: str = ""
    facts: str = ""
    running: Row | None = None
    run: str = ""
    device: str = ""


class Panel(QWidget):
    """A page of the window.

    Signals:
        changed: its heading, or what can be done in it, has changed.
        alone_asked: it wants all of the screen, or no longer.
    """

    changed = Signal()
    alone_asked = Signal(bool)
    can_ask = False
    """Whether it has files of its own to open (``ask_open``)."""

    def ask_open(self) -> None:
        """Let the user choose a file to open."""

    def heading(self) -> Heading:
        """What the toolbar shows while this panel is in front."""
        return Heading()

    def actions_of(self) -> list[Action]:
        """What can be done in it; registered once."""
        return []

    def takes(self, path: Path) -> bool:
        """Whether it opens such a file or folder."""
        return False

    def open(self, path: Path) -> None:
        """Open a file that it takes."""

    def open_all(self, paths: list[Path]) -> None:
        """Open several files at once, all of which it takes."""
        self.open(paths[0])
        self.queue(paths[1:])

    def queue(self, paths: list[Path]) -> None:
        """Do with files that it takes what it does by default, without opening them."""

    def drag_over(self, on: bool) -> bool:
        """Files hang over the window, or do not any more; whether the panel shows that itself."""
        return False

    def toast_area(self) -> QWidget:
        """The widget in whose corner messages appear."""
        return self

    def shown(self) -> None:
        """The panel has come to the front."""

    def close_panel(self) -> None:
        """The window closes: save, and let go of devices."""


@dataclass(frozen=True)
class PanelKind:
    """A panel's place in the rail: ``factory`` is "module:class", imported when the panel is first needed.

    ``own``: extensions of files that it opens rather than another panel that could.
    """

    id: str
    title: str
    icon: str
    factory: str
    at_end: bool = False
    own: tuple[str, ...] = ()

    def make(self, services: Services, parent: QObject | None = None) -> Panel:
        """Make the panel."""
        module, name = self.factory.split(":")
        made = getattr(import_module(module), name)(services)
        assert isinstance(made, Panel)
        return made


PANELS = (
    PanelKind("piano", "Piano", "piano", "desktop.ui.piano.panel:PianoPanel"),
    PanelKind("video", "Video", "video", "desktop.ui.video.panel:VideoPanel", own=VIDEOS),
    PanelKind("tuning", "Tuning", "tuning", "desktop.ui.tuning.panel:TuningPanel", own=RECORDS),
    PanelKind("library", "Library", "library", "desktop.ui.library.page:LibraryPage", at_end=True),
    PanelKind("preferences", "Preferences", "preferences", "desktop.ui.preferences:PreferencesPage", at_end=True),
)
