"""Colours, spacing, fonts: one set of tokens, from which the palette and the stylesheet are made.

The application's palette is the only carrier of the theme: a widget finds its tokens from it (``tokens()``) and repaints
when it is restyled (``RESTYLED``); there is no global theme object to reset in tests.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from string import Template
from typing import Literal

from PySide6.QtCore import QDir, QEvent, QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from desktop import paths

Choice = Literal["system", "light", "dark"]

S1, S2, S3, S4, S6 = 4, 8, 12, 16, 24
"""The spacing grid."""
RADIUS = 6
RESTYLED = (QEvent.Type.PaletteChange, QEvent.Type.StyleChange)
"""Events after which colours must be looked up again (``QWidget.changeEvent``)."""
CAPTION, BODY, SECTION, TITLE = 11, 13, 15, 20
"""Font sizes in pixels."""


@dataclass(frozen=True)
class Tokens:
    """Colours of one theme, as "#RRGGBB"."""

    name: str
    window: str
    canvas: str
    raised: str
    text: str
    secondary: str
    hairline: str
    accent: str
    on_accent: str
    right: str
    left: str
    good: str
    warning: str
    error: str

    @property
    def dark(self) -> bool:
        """Whether the text is lighter than what it stands on."""
        return luminance(self.window) < 0.5


LIGHT = Tokens(
    "light", "#F6F6F7", "#FFFFFF", "#FFFFFF", "#1B1C1E", "#5F6368", "#DADCE0", "#2F60E8", "#FFFFFF", "#2F80ED", "#DB6E22",
    "#1A7D4F", "#9A5B00", "#C5221F",
)  # fmt: skip
DARK = Tokens(
    "dark", "#1E1F22", "#17181A", "#26282C", "#E8EAED", "#9AA0A6", "#34363B", "#7B9CFF", "#14161A", "#6FB1FF", "#FFAA66",
    "#5BC08E", "#F2B45A", "#F28B82",
)  # fmt: skip
CONTRAST_LIGHT = Tokens(
    "contrast-light", "#FDFDFD", "#FFFFFF", "#FFFFFF", "#000000", "#303030", "#505050", "#0036C7", "#FFFFFF", "#003A8C",
    "#B85000", "#005F30", "#7A4300", "#A00000",
)  # fmt: skip
CONTRAST_DARK = Tokens(
    "contrast-dark", "#020202", "#000000", "#101010", "#FFFFFF", "#D8D8D8", "#B0B0B0", "#A9C1FF", "#000000", "#8CC4FF",
    "#FFC08A", "#7EE2B0", "#FFD08A", "#FFB0A8",
)  # fmt: skip
THEMES = (LIGHT, DARK, CONTRAST_LIGHT, CONTRAST_DARK)
_BY_WINDOW = {QColor(theme.window).rgb(): theme for theme in THEMES}


def luminance(colour: str | QColor) -> float:
    """Relative luminance 0..1 (WCAG 2)."""
    value = QColor(colour)
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in value.getRgbF()[:3]]  # type: ignore[index]
    return float(0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2])


def contrast(one: str | QColor, other: str | QColor) -> float:
    """Contrast ratio 1..21 (WCAG 2)."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def mix(one: str | QColor, other: str | QColor, share: float) -> QColor:
    """``one`` with ``share`` (0..1) of ``other``."""
    a, b = QColor(one), QColor(other)
    return QColor.fromRgbF(*(x + (y - x) * share for x, y in zip(a.getRgbF()[:3], b.getRgbF()[:3], strict=True)))  # type: ignore[index]


def tokens() -> Tokens:
    """Tokens of the theme that the application's palette belongs to."""
    window = QGuiApplication.palette().color(QPalette.ColorRole.Window)
    return _BY_WINDOW.get(window.rgb(), DARK if window.lightness() < 128 else LIGHT)


@lru_cache(maxsize=16)
def levels(theme: Tokens, hand: int, steps: int = 8) -> tuple[QColor, ...]:
    """Colours of a hand's notes from soft to loud; all at least 3:1 on the canvas.

    Soft notes go towards the canvas as far as the contrast allows, loud ones towards the text colour.
    """
    base = theme.left if hand else theme.right
    least = next((s / 100 for s in range(60, -1, -1) if contrast(mix(base, theme.canvas, s / 100), theme.canvas) >= 3.0), 0.0)
    soft, loud = mix(base, theme.canvas, least), mix(base, theme.text, 0.42)
    middle = max(1, steps // 2)
    rise = [mix(soft, base, k / middle) for k in range(middle)]
    return (*rise, *(mix(base, loud, k / max(1, steps - middle - 1)) for k in range(steps - middle)))


def palette(theme: Tokens) -> QPalette:
    """QPalette of the tokens."""
    role = QPalette.ColorRole
    colours = {
        role.Window: theme.window, role.WindowText: theme.text, role.Base: theme.raised, role.AlternateBase: theme.window,
        role.Text: theme.text, role.PlaceholderText: theme.secondary, role.Button: theme.raised, role.ButtonText: theme.text,
        role.ToolTipBase: theme.raised, role.ToolTipText: theme.text, role.Highlight: theme.accent,
        role.HighlightedText: theme.on_accent, role.Link: theme.accent, role.LinkVisited: theme.accent,
        role.Mid: theme.hairline, role.Dark: theme.hairline, role.Midlight: theme.hairline, role.Light: theme.raised,
        role.Shadow: theme.hairline, role.BrightText: theme.error, role.Accent: theme.accent,
    }  # fmt: skip
    result = QPalette()
    for which, colour in colours.items():
        result.setColor(which, QColor(colour))
    faint = mix(theme.secondary, theme.window, 0.35)
    for which in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        result.setColor(QPalette.ColorGroup.Disabled, which, faint)
    result.setColor(QPalette.ColorGroup.Disabled, role.Highlight, QColor(theme.hairline))
    return result


def stylesheet(theme: Tokens) -> str:
    """The application's stylesheet: the template in resources/styles with the tokens filled in."""
    template = Template((paths.resources() / "styles" / "reprise.qss").read_text(encoding="utf-8"))
    values = asdict(theme) | {
        "hover": mix(theme.window, theme.text, 0.07).name(),
        "hover_raised": mix(theme.raised, theme.text, 0.05).name(),
        "pressed": mix(theme.window, theme.text, 0.13).name(),
        "accent_hover": mix(theme.accent, theme.text, 0.14).name(),
        "accent_soft": mix(theme.raised, theme.accent, 0.1).name(),
        "border": mix(theme.hairline, theme.text, 0.12).name(),
        "faint": mix(theme.secondary, theme.window, 0.35).name(),
        "handle": mix(theme.window, theme.text, 0.26).name(),
        "images": "dark" if theme.dark else "light",
    }
    return template.substitute({key: str(value) for key, value in values.items()})


class Themer(QObject):
    """Keeps an application in the theme of the user's choice, following the system when that is the choice."""

    changed = Signal()

    def __init__(self, app: QApplication, choice: Choice = "system") -> None:
        super().__init__()
        self._app, self._choice = app, choice
        QDir.setSearchPaths("styles", [str(paths.resources() / "styles")])
        app.setStyle("Fusion")
        app.setFont(body_font())
        app.styleHints().colorSchemeChanged.connect(self._refresh)
        access = getattr(app.styleHints(), "accessibility", lambda: None)()
        if access is not None:
            access.contrastPreferenceChanged.connect(self._refresh)
        self.choose(choice)

    def choose(self, choice: Choice) -> None:
        """Change the theme now: "system", "light" or "dark"."""
        self._choice = choice
        schemes = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}
        # Native parts (title bar, file dialogs) follow too where the platform can.
        self._app.styleHints().setColorScheme(schemes.get(choice, Qt.ColorScheme.Unknown))
        self._refresh()

    def _refresh(self) -> None:
        hints = self._app.styleHints()
        dark = self._choice == "dark" or (self._choice == "system" and hints.colorScheme() == Qt.ColorScheme.Dark)
        access = getattr(hints, "accessibility", lambda: None)()
        high = access is not None and access.contrastPreference() == Qt.ContrastPreference.HighContrast
        theme = (CONTRAST_DARK if dark else CONTRAST_LIGHT) if high else (DARK if dark else LIGHT)
        if tokens() == theme and self._app.styleSheet():
            return
        self._app.setPalette(palette(theme))
        self._app.setStyleSheet(stylesheet(theme))
        self.changed.emit()


def body_font() -> QFont:
    """The system's font at 13 px; a named family where the platform only knows "Sans Serif"."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    if font.family() in ("", "Sans Serif", "Sans", "Helvetica"):
        font.setFamilies(["Inter", "Noto Sans", "Cantarell", "Ubuntu", "Open Sans", "Liberation Sans", "DejaVu Sans"])
    font.setPixelSize(BODY)
    return font


def font(widget: QWidget, size: int = BODY, *, bold: bool = False, tabular: bool = False) -> QFont:
    """The widget's font at one of the sizes, optionally with digits of equal width."""
    result = QFont(widget.font())
    result.setPixelSize(size)
    result.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    if tabular:
        result.setFeature(QFont.Tag("tnum"), 1)
    return result
