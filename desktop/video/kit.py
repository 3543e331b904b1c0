"""The models that a job needs: fetched when they are missing, opened, and kept warm for the next preview."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from desktop.jobs.events import AnyEvent
from desktop.jobs.job import RestoreOptions
from desktop.jobs.progress import Progress
from desktop.models.library import Library
from desktop.video.allocator import keep_memory
from desktop.video.background import Upscaler, open_upscaler
from desktop.video.faces.detect import Detector, open_detector
from desktop.video.restorers import Restorer, open_restorer

DETECTOR = "mtcnn"

_KEPT = 6
_Tool = TypeVar("_Tool")
_warm: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class Kit:
    """Opened models; ``upscaler`` is None when the background stays as it is."""

    detector: Detector
    restorer: Restorer
    upscaler: Upscaler | None

    @property
    def device(self) -> str:
        """Where the restorer runs: "CPU" or "CUDA"."""
        return self.restorer.device

    @property
    def notes(self) -> list[str]:
        """What the user should know of the devices."""
        return [self.restorer.note] if self.restorer.note else []


class Relay(Progress):
    """Hands events on; asks nothing, for threads that a flow ends by other means."""

    def __init__(self, to: Progress) -> None:
        self._to = to

    def emit(self, event: AnyEvent) -> None:
        self._to.emit(event)


def fetch(options: RestoreOptions, library: Library, progress: Progress) -> None:
    """Install what is missing; raises UserError when that cannot be, with what to do."""
    names = [DETECTOR, options.restorer, *([options.background] if options.background != "none" else [])]
    for number, name in enumerate(names):
        library.ensure(name, progress.part(number / len(names), (number + 1) / len(names)))


def open_kit(options: RestoreOptions, device: str, library: Library, progress: Progress) -> Kit:
    """Open the models for a job of its own; raises UserError when one cannot be used."""
    keep_memory()
    upscaler = None if options.background == "none" else open_upscaler(library, options.background, device=device)
    restorer = open_restorer(library, options.restorer, device=device, progress=Relay(progress))
    return Kit(open_detector(library, DETECTOR, device=device), restorer, upscaler)


def warm_kit(options: RestoreOptions, device: str, library: Library) -> Kit:
    """Like ``open_kit``, with models that an earlier call in this process left open."""
    keep_memory()
    upscaler = None
    if options.background != "none":
        upscaler = _kept(
            ("upscaler", options.background, device), library, lambda: open_upscaler(library, options.background, device=device)
        )
    return Kit(
        _kept(("detector", DETECTOR, device), library, lambda: open_detector(library, DETECTOR, device=device)),
        _kept(("restorer", options.restorer, device), library, lambda: open_restorer(library, options.restorer, device=device)),
        upscaler,
    )


def _kept(key: tuple[str, str, str], library: Library, make: Callable[[], _Tool]) -> _Tool:
    """The model as it was left; looked for anew when its files have changed."""
    folder = library.folder(key[1])
    whole = (*key, folder, folder.stat().st_mtime_ns)
    with _lock:
        found: _Tool | None = _warm.get(whole)
        if found is None:
            found = make()
            _warm[whole] = found
            while len(_warm) > _KEPT:
                _warm.popitem(last=False)
        _warm.move_to_end(whole)
        return found
