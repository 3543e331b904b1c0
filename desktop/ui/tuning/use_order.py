"""The order of the Tab key where widgets are made later than those below them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget


def reach_after(page: QWidget, before: QWidget | None, widgets: Sequence[QWidget]) -> None:
    """Let the Tab key reach ``widgets`` right after ``before`` (one of the page's; None for its start) and its insides."""
    chain: list[QWidget] = []
    at = page.nextInFocusChain()
    while at is not None and at is not page:
        if page.isAncestorOf(at) and at.focusPolicy() & Qt.FocusPolicy.TabFocus and at not in widgets:
            chain.append(at)
        at = at.nextInFocusChain()
    place = 0
    if before is not None:
        place = 1 + max((number for number, one in enumerate(chain) if one is before or before.isAncestorOf(one)), default=-1)
    for one, other in pairwise([*chain[:place], *widgets, *chain[place:]]):
        QWidget.setTabOrder(one, other)
