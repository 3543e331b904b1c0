"""The report of a batch, written when the user asks for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices

from desktop.jobs.batches import Batch
from desktop.ui.background import Op
from desktop.ui.files import show_in_folder
from desktop.ui.notify import Note, Severity, from_error
from desktop.ui.panels import Services

_ALL = 1_000_000


def write_report(services: Services, batch: Batch, path: Path, parent: QObject) -> Op:
    """Write web page and tables beside each other as ``path``, whatever its ending; says where they are, or why not."""
    base = path.with_suffix("") if path.suffix.lower() in (".html", ".csv", ".json") else path

    def work() -> None:
        from desktop.batch.keeping import Kept

        kept = Kept(base, batch.spec.title)
        kept.load(services.store.page(batch=batch.id, newest_first=False, limit=_ALL))
        kept.close()

    def written(_: object) -> None:
        page = base.with_name(f"{base.name}.html")
        actions: list[tuple[str, Callable[[], None]]] = [
            ("Open", partial(_open, page)),
            ("Show in folder", partial(show_in_folder, page)),
        ]
        services.say(Note(Severity.GOOD, "The report is written, as a page and as tables", str(page), actions=actions))

    return Op(parent, work).success(written).failure(lambda error: services.say(from_error(error))).start()


def _open(page: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(page)))
