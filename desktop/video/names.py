"""Which files are clips or images, by their names, and what the restored ones are called. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

# fmt: off
CLIPS = frozenset((
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".divx", ".mpg", ".mpeg", ".m2v", ".m1v", ".vob", ".ts", ".m2ts", ".mts",
    ".wmv", ".asf", ".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".dv", ".mxf", ".rm", ".rmvb", ".y4m", ".gif",
))
# fmt: on
"""Endings of clips."""

IMAGES = frozenset((".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp"))
"""Endings of images."""

AUTO = ".auto"
"""Ending of a result whose container is chosen when the clip has been opened."""

KEPT = frozenset((".mp4", ".m4v", ".mov", ".mkv", ".webm"))
"""Endings of clips whose container we write as well."""

_LINK = "-restored"


def is_image(path: Path) -> bool:
    """Whether the name is that of an image."""
    return path.suffix.lower() in IMAGES


def clips_in(folder: Path) -> list[Path]:
    """The clips in a folder, by name, without hidden files and without results that lie beside their source."""
    return _originals(path for path in folder.iterdir() if path.suffix.lower() in CLIPS)


def images_in(folder: Path) -> list[Path]:
    """The images in a folder, likewise."""
    return _originals(path for path in folder.iterdir() if is_image(path))


def suffix_for(source: Path) -> str:
    """Ending of a restored clip or image: an image's own; a clip's is chosen when it has been opened."""
    return source.suffix if is_image(source) else AUTO


def restored_name(source: Path, *, whole: bool = False) -> str:
    """File name of the restored clip or image; ``whole`` keeps the source's ending in it, so that two of one name differ."""
    return f"{source.name if whole else source.stem}{_LINK}{suffix_for(source)}"


def _originals(paths: Iterable[Path]) -> list[Path]:
    found = sorted(path for path in paths if not path.name.startswith(".") and path.is_file())
    results = {f"{name}{_LINK}" for path in found for name in (path.stem, path.name)}
    return [path for path in found if path.stem not in results]
