"""Engraved pages as Qt paints them: into a PDF, or into images for the window."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QRectF, QSize, QSizeF
from PySide6.QtGui import QFontDatabase, QGuiApplication, QImage, QPageLayout, QPageSize, QPainter, QPdfWriter

from desktop import __version__
from desktop.errors import UserError
from desktop.paths import atomic_write
from desktop.piano.score.fonts import SERIF

if TYPE_CHECKING:
    from PySide6.QtSvg import QSvgRenderer

_DOTS_AN_INCH = 1200
_MM_AN_INCH = 25.4
_AS_LAID_OUT = ("Times", "Liberation", "Tinos", "Nimbus")
"""Families as narrow as the one that pages are laid out with; words in others are set a little smaller."""
_NARROWER = 0.85
_SIZE = re.compile(rb'font-size="([\d.]+)"')


def paint_pdf(folder: Path, target: Path, title: str) -> int:
    """Paint ``page-1.svg``, ``page-2.svg``, ... of ``folder`` (sizes in millimetres) into a PDF; returns how many there are.

    Lines stay lines and letters stay letters. Raises UserError when there is nothing to paint or it cannot be written.
    """
    application = QGuiApplication.instance() or QGuiApplication(["reprise"])
    application.setApplicationName("Reprise")
    pages = sorted(folder.glob("page-*.svg"), key=lambda path: int(path.stem.rpartition("-")[2]))
    if not pages:
        raise UserError("There are no pages to paint", path=folder)
    # Painted into memory: Qt would say nothing of a disk that is full.
    memory = QBuffer()
    memory.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(memory)
    writer.setTitle(title)
    writer.setCreator(f"Reprise {__version__}")
    writer.setResolution(_DOTS_AN_INCH)
    painter = QPainter()
    for number, path in enumerate(pages):
        page = renderer(path.read_bytes())
        if not page.isValid():
            raise UserError("This page cannot be painted", path=path)
        size = _millimetres(path)
        writer.setPageSize(QPageSize(size, QPageSize.Unit.Millimeter, matchPolicy=QPageSize.SizeMatchPolicy.FuzzyMatch))
        writer.setPageMargins(QMarginsF(0, 0, 0, 0), QPageLayout.Unit.Millimeter)
        started = painter.begin(writer) if number == 0 else writer.newPage()
        if not started:
            raise UserError("Qt cannot paint a PDF", path=target)
        page.render(painter, QRectF(0, 0, *(side / _MM_AN_INCH * _DOTS_AN_INCH for side in (size.width(), size.height()))))
    painter.end()
    with atomic_write(target) as file:
        file.write(memory.data().data())
    return len(pages)


def renderer(svg: bytes) -> QSvgRenderer:
    """A page ready to be painted, its words in a font that is installed here."""
    from PySide6.QtSvg import QSvgRenderer  # a library of its own: loaded with the first page, not with the module

    family = serif()
    svg = svg.replace(SERIF.encode(), family.encode())
    if not any(name in family for name in _AS_LAID_OUT):
        svg = _SIZE.sub(lambda found: b'font-size="%.0f"' % (float(found[1]) * _NARROWER), svg)
    return QSvgRenderer(QByteArray(svg))


def page_image(page: QSvgRenderer, size: QSize, ratio: float, paper: str) -> QImage:
    """A page of ``size`` in device-independent pixels on ``paper``; may be called outside of the window's thread."""
    image = QImage(size * ratio, QImage.Format.Format_RGB32)
    image.fill(paper)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    page.render(painter, QRectF(0, 0, image.width(), image.height()))
    painter.end()
    image.setDevicePixelRatio(ratio)
    return image


@lru_cache(maxsize=1)
def serif() -> str:
    """The first of the preferred serif families that this system has."""
    here = {family.casefold(): family for family in QFontDatabase.families()}
    for family in SERIF.split(", "):
        if family.casefold() in here:
            return here[family.casefold()]
    found = next((name for key, name in sorted(here.items()) if "serif" in key and "sans" not in key), "")
    return found or QGuiApplication.font().family()


def _millimetres(path: Path) -> QSizeF:
    """A page's size as its SVG says; A4 when it says nothing."""
    head = path.read_bytes()[:600].decode("utf-8", "replace")
    sides = [_side(head, name) for name in ("width", "height")]
    return QSizeF(*sides) if all(sides) else QSizeF(210.0, 297.0)


def _side(head: str, name: str) -> float:
    _, found, rest = head.partition(f' {name}="')
    value, unit, _ = rest.partition('mm"')
    try:
        return float(value) if found and unit else 0.0
    except ValueError:
        return 0.0
