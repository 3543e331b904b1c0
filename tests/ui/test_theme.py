"""Colours: readable, told apart, and the same everywhere."""

from __future__ import annotations

import re

import pytest
from PySide6.QtGui import QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from desktop import paths
from desktop.ui import icons, theme
from desktop.ui.app import Parts
from desktop.ui.theme import THEMES, Tokens, contrast


@pytest.mark.parametrize("tokens", THEMES, ids=lambda t: t.name)
def test_text_is_readable(tokens: Tokens) -> None:
    for background in (tokens.window, tokens.canvas, tokens.raised):
        for colour in (tokens.text, tokens.secondary, tokens.error, tokens.warning, tokens.good, tokens.accent):
            assert contrast(colour, background) >= 4.5, (colour, background)
    assert contrast(tokens.on_accent, tokens.accent) >= 4.5
    assert contrast(tokens.accent, theme.mix(tokens.raised, tokens.accent, 0.1)) >= 4.5


@pytest.mark.parametrize("tokens", THEMES, ids=lambda t: t.name)
def test_notes_stand_out_and_velocity_is_visible(tokens: Tokens) -> None:
    for hand in (0, 1):
        colours = theme.levels(tokens, hand)
        assert all(contrast(colour, tokens.canvas) >= 3.0 - 0.01 for colour in colours)
        assert len({colour.name() for colour in colours}) == len(colours)
        strength = [contrast(colour, tokens.canvas) for colour in colours]
        assert strength == sorted(strength)


@pytest.mark.parametrize("tokens", THEMES, ids=lambda t: t.name)
def test_hands_differ_in_lightness(tokens: Tokens) -> None:
    assert abs(theme.luminance(tokens.right) - theme.luminance(tokens.left)) > 0.03


@pytest.mark.parametrize("tokens", THEMES, ids=lambda t: t.name)
def test_stylesheet_has_no_holes(tokens: Tokens) -> None:
    sheet = theme.stylesheet(tokens)
    assert "$" not in sheet
    used = set(re.findall(r"url\(styles:([\w/.]+)\)", sheet))
    assert used and all((paths.resources() / "styles" / name).is_file() for name in used)


@pytest.mark.parametrize(("folder", "tokens"), [("light", theme.LIGHT), ("dark", theme.DARK)])
def test_images_of_the_stylesheet_follow_the_tokens(folder: str, tokens: Tokens) -> None:
    known = {tokens.secondary.upper(), tokens.on_accent.upper()}
    for image in (paths.resources() / "styles" / folder).glob("*.svg"):
        assert {colour.upper() for colour in re.findall(r"#[0-9A-Fa-f]{6}", image.read_text(encoding="utf-8"))} <= known


def test_every_icon_can_be_drawn(qapp: QApplication) -> None:
    names = sorted(path.stem for path in (paths.resources() / "icons").glob("*.svg"))
    assert len(names) > 30
    for name in names:
        image = icons.pixmap(name, "#000000", 18, 2.0).toImage()
        assert image.width() == 36
        assert any(image.pixelColor(x, y).alpha() for x in range(36) for y in range(36)), name


def test_theme_changes_while_the_window_is_open(parts: Parts) -> None:
    window = parts.window
    for choice, tokens in (("dark", theme.DARK), ("light", theme.LIGHT)):
        window.services.prefs.change(theme=choice)
        assert QGuiApplication.palette().color(QPalette.ColorRole.Window).name().upper() == tokens.window
        assert theme.tokens() == tokens
        corner = window.grab().toImage().pixelColor(2, 2)
        assert corner.name().upper() == tokens.window


def test_sizes_and_fonts(qapp: QApplication) -> None:
    assert theme.body_font().pixelSize() == theme.BODY
