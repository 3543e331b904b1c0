"""The clip's sound, decoded when it is first to be heard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.errors import UserError
from desktop.jobs.events import Failed
from desktop.jobs.job import ListenJob
from desktop.ui.asks import Newest
from desktop.ui.background import Op
from desktop.ui.bridge import QueueBridge
from desktop.ui.mixer import Pcm, open_pcm
from desktop.ui.player import Player


class Sound(QObject):
    """See the module's docstring.

    Attributes:
        silent: why nothing is heard, "" when something is or will be.

    Signals:
        ready: the player has the sound.
        changed: ``silent`` has changed.
    """

    ready = Signal()
    changed = Signal()

    def __init__(self, bridge: QueueBridge, player: Player, parent: QObject) -> None:
        super().__init__(parent)
        self._player = player
        self._asks = Newest(bridge, 2, self)
        self._asks.answered.connect(self._heard)
        self._asks.failed.connect(self._unheard)
        self._file: Path | None = None
        self._has = False
        self.silent = ""

    def open(self, file: Path | None) -> None:
        """Another clip, or none."""
        self._asks.drop()
        self._player.pause()
        self._player.set_sounds(None, None)
        self._file, self._has = file, False
        self._say("")

    def leave(self) -> None:
        """The window closes."""
        self._asks.leave()
        self._player.close()

    def set_streams(self, kinds: list[str]) -> None:
        """What streams the clip has."""
        if "audio" not in kinds:
            self._say("This clip has no sound")

    def want(self) -> None:
        """Have the sound ready, if there is any and something to play it with."""
        if self._file is None or self._has or self.silent or self._asks.busy:
            return
        if (obstacle := self._player.obstacle) is not None:
            self._say(f"{obstacle.reason}. {obstacle.remedy}")
            return
        self._asks.ask(ListenJob(source=str(self._file)))

    def _heard(self, job: ListenJob, result: dict[str, Any]) -> None:
        if self._file is None or job.source != str(self._file):
            return
        path, file = Path(str(result.get("pcm", ""))), self._file

        def loaded(pcm: Pcm) -> None:
            if file == self._file:
                self._has = True
                self._player.set_sounds(pcm, None)
                self.ready.emit()

        def failed(error: Exception) -> None:
            self._say(error.message if isinstance(error, UserError) else str(error))

        Op(self, lambda: open_pcm(path)).success(loaded).failure(failed).start()

    def _unheard(self, job: ListenJob, failed: Failed) -> None:
        if self._file is not None and job.source == str(self._file):
            self._say(failed.message)

    def _say(self, reason: str) -> None:
        if reason != self.silent:
            self.silent = reason
            self.changed.emit()
