"""Which part of a picture a view shows, and how large: pure numbers, no widget."""

from __future__ import annotations

from dataclasses import dataclass

MAX_ZOOM = 64.0
"""Device pixels a picture's pixel may become."""
LEAST = 0.1
"""The smallest zoom of a picture that is larger than the view at that zoom anyway."""


@dataclass
class Viewport:
    """A view of ``view_width`` x ``view_height`` (device-independent pixels) on a picture of ``width`` x ``height`` pixels.

    Attributes:
        ratio: device pixels a device-independent pixel has.
        scale: device-independent pixels a pixel of the picture takes.
        x, y: the picture's pixel in the middle of the view.
        fitted: the whole picture is shown, and stays so when the view or the picture changes its size.
    """

    width: int = 0
    height: int = 0
    view_width: float = 1.0
    view_height: float = 1.0
    ratio: float = 1.0
    scale: float = 1.0
    x: float = 0.0
    y: float = 0.0
    fitted: bool = True

    @property
    def zoom(self) -> float:
        """Device pixels a pixel of the picture takes: 1 shows it one to one."""
        return self.scale * self.ratio

    @property
    def fit_scale(self) -> float:
        """The scale at which the whole picture just fits."""
        if not self.width or not self.height:
            return 1.0
        return max(1e-3, min(self.view_width / self.width, self.view_height / self.height))

    @property
    def origin(self) -> tuple[float, float]:
        """Where the picture's upper left corner is in the view, on whole device pixels so that 1:1 is sharp."""
        left = self.view_width / 2 - self.x * self.scale
        top = self.view_height / 2 - self.y * self.scale
        return (round(left * self.ratio) / self.ratio, round(top * self.ratio) / self.ratio)

    def set_picture(self, width: int, height: int) -> None:
        """Look at a picture of another size; the place that was looked at stays where that makes sense."""
        if (width, height) == (self.width, self.height):
            return
        if self.width and self.height and not self.fitted:
            self.x, self.y = self.x * width / self.width, self.y * height / self.height
            self.scale *= self.width / max(1, width)
        self.width, self.height = width, height
        self._settle()

    def set_view(self, width: float, height: float, ratio: float) -> None:
        """The view has another size or resolution."""
        if (width, height, ratio) != (self.view_width, self.view_height, self.ratio):
            self.view_width, self.view_height, self.ratio = max(1.0, width), max(1.0, height), ratio
            self._settle()

    def fit(self) -> None:
        """Show all of the picture."""
        self.fitted = True
        self._settle()

    def set_zoom(self, zoom: float) -> None:
        """Show a pixel as ``zoom`` device pixels, about the middle of the view."""
        self.zoom_at(zoom / self.zoom, self.view_width / 2, self.view_height / 2)

    def zoom_at(self, factor: float, x: float, y: float) -> None:
        """Zoom by ``factor`` (over 1: closer); what is at ``x``, ``y`` of the view stays there."""
        before = self.at(x, y)
        least = min(self.fit_scale, LEAST / self.ratio)
        self.scale = min(MAX_ZOOM / self.ratio, max(least, self.scale * factor))
        self.fitted = False
        self.x = before[0] - (x - self.view_width / 2) / self.scale
        self.y = before[1] - (y - self.view_height / 2) / self.scale
        self._settle()

    def pan(self, dx: float, dy: float) -> None:
        """Move the picture by pixels of the view."""
        self.x -= dx / self.scale
        self.y -= dy / self.scale
        self._settle()

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The place in the picture, in its pixels, that is at ``x``, ``y`` of the view."""
        return (self.x + (x - self.view_width / 2) / self.scale, self.y + (y - self.view_height / 2) / self.scale)

    def rect(self) -> tuple[float, float, float, float]:
        """Left, top, width and height of the whole picture in the view."""
        left, top = self.origin
        return (left, top, self.width * self.scale, self.height * self.scale)

    def visible(self) -> tuple[float, float, float, float]:
        """Left, top, width and height of what of the picture can be seen, in the view."""
        left, top, width, height = self.rect()
        right, bottom = min(self.view_width, left + width), min(self.view_height, top + height)
        left, top = max(0.0, left), max(0.0, top)
        return (left, top, max(0.0, right - left), max(0.0, bottom - top))

    def _settle(self) -> None:
        if self.fitted:
            self.scale = self.fit_scale
            self.x, self.y = self.width / 2, self.height / 2
            return
        self.x = _within(self.x, self.width, self.view_width / self.scale)
        self.y = _within(self.y, self.height, self.view_height / self.scale)


def _within(middle: float, length: float, shown: float) -> float:
    """A middle that leaves no gap at the edges; that of the picture when it is smaller than the view."""
    if length <= shown:
        return length / 2
    return min(length - shown / 2, max(shown / 2, middle))
