"""Colours of what the model reads and what it answers: the same in the table and in the text."""

from __future__ import annotations

from PySide6.QtGui import QColor

from desktop.ui import theme


def prompt_tint(tokens: theme.Tokens, strength: float = 0.14) -> QColor:
    """Behind what the model reads."""
    return theme.mix(tokens.canvas, tokens.right, strength)


def answer_tint(tokens: theme.Tokens, strength: float = 0.2) -> QColor:
    """Behind what it is to answer."""
    return theme.mix(tokens.canvas, tokens.good, strength)


def cut_tint(tokens: theme.Tokens, strength: float = 0.16) -> QColor:
    """Behind what is cut off because it is too long."""
    return theme.mix(tokens.canvas, tokens.warning, strength)
