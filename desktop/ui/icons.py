"""Line icons of resources/icons, tinted by the palette, and buttons that carry one."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QPushButton, QToolButton, QWidget

from desktop import paths
from desktop.ui import theme

SIZE = 18


@lru_cache(maxsize=512)
def pixmap(name: str, colour: str, size: int = SIZE, ratio: float = 1.0, gap: int = 0) -> QPixmap:
    """An icon as a pixmap: ``size`` in device-independent pixels, sharp at ``ratio``, ``gap`` pixels of air at its right."""
    from PySide6.QtSvg import QSvgRenderer  # a library of its own: loaded with the first icon, not with the module

    source = (paths.resources() / "icons" / f"{name}.svg").read_text(encoding="utf-8").replace("currentColor", colour)
    side = round(size * ratio)
    result = QPixmap(side + round(gap * ratio), side)
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    QSvgRenderer(QByteArray(source.encode())).render(painter, QRectF(0, 0, side, side))
    painter.end()
    result.setDevicePixelRatio(ratio)
    return result


@lru_cache(maxsize=512)
def _icon(name: str, normal: str, checked: str, disabled: str, size: int, gap: int) -> QIcon:
    result = QIcon()
    for ratio in (1.0, 2.0):
        for colour, mode, state in (
            (normal, QIcon.Mode.Normal, QIcon.State.Off),
            (checked, QIcon.Mode.Normal, QIcon.State.On),
            (disabled, QIcon.Mode.Disabled, QIcon.State.Off),
            (disabled, QIcon.Mode.Disabled, QIcon.State.On),
        ):
            result.addPixmap(pixmap(name, colour, size, ratio, gap), mode, state)
    return result


def icon(name: str, tokens: theme.Tokens, colour: str | None = None, size: int = SIZE, gap: int = 0) -> QIcon:
    """An icon in the theme's colours: secondary, accent when checked, faint when disabled; or all in ``colour``."""
    faint = theme.mix(tokens.secondary, tokens.window, 0.5).name()
    return _icon(name, colour or tokens.text, colour or tokens.accent, faint, size, gap)


def app_icon() -> QIcon:
    """The application's own icon, for the window and the task bar."""
    result = QIcon()
    for size in (16, 32, 64, 128):
        result.addPixmap(pixmap("reprise", "", size))
    return result


class IconButton(QToolButton):
    """A tool button with an icon of ours.

    Args:
        name: file name in resources/icons without its ending.
        label: tooltip, and up to its first bracket the accessible name.
        text: shown beside the icon when given.
    """

    def __init__(self, name: str, label: str, parent: QWidget | None = None, *, text: str = "", size: int = SIZE) -> None:
        super().__init__(parent)
        self._name, self._size = name, size
        self.setIconSize(QSize(size, size))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._say(label)
        if text:
            self.setText(text)
            self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._tint()

    def set_icon(self, name: str, label: str | None = None) -> None:
        """Show another icon, and say another name."""
        self._name = name
        if label is not None:
            self._say(label)
        self._tint()

    def _say(self, label: str) -> None:
        # What follows in brackets (shortcut, hints) is for the eye.
        self.setAccessibleName(label.split(" (")[0])
        self.setToolTip(label)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in theme.RESTYLED:
            self._tint()

    def _tint(self) -> None:
        self.setIcon(icon(self._name, theme.tokens(), size=self._size))


class Button(QPushButton):
    """A push button: ``kind`` "plain", "primary", "link" or "recent"; with an icon of ours when named."""

    def __init__(self, text: str, parent: QWidget | None = None, *, kind: str = "plain", icon_name: str = "") -> None:
        super().__init__(text, parent)
        self._name, self._kind = icon_name, kind
        self.setProperty("kind", kind)
        self.setAccessibleName(text)
        self.setCursor(Qt.CursorShape.PointingHandCursor if kind in ("link", "recent") else Qt.CursorShape.ArrowCursor)
        self._tint()

    def setText(self, text: str) -> None:
        super().setText(text)
        self.setAccessibleName(text)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in theme.RESTYLED:
            self._tint()

    def _tint(self) -> None:
        if self._name:
            tokens = theme.tokens()
            colours = {"primary": tokens.on_accent, "link": tokens.accent, "recent": tokens.secondary}
            self.setIcon(icon(self._name, tokens, colours.get(self._kind), gap=theme.S1))
            self.setIconSize(QSize(SIZE + theme.S1, SIZE))


class IconLabel(QWidget):
    """A still icon; ``tone`` is a token's name ("error", "good", ...)."""

    def __init__(self, name: str, tone: str = "secondary", size: int = SIZE, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._tone, self._size = name, tone, size
        self.setFixedSize(size, size)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def show_icon(self, name: str, tone: str) -> None:
        """Change icon and colour."""
        if (name, tone) != (self._name, self._tone):
            self._name, self._tone = name, tone
            self.update()

    def paintEvent(self, event: object) -> None:
        colour = QColor(getattr(theme.tokens(), self._tone)).name()
        QPainter(self).drawPixmap(0, 0, pixmap(self._name, colour, self._size, self.devicePixelRatioF()))
