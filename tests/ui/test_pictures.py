"""Pictures drawn without a window."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication

from desktop import paths
from desktop.errors import UserError
from desktop.ui import screenshots, theme
from desktop.ui.piano.files import import_midi
from desktop.ui.snapshot import roll_picture

MIDI = paths.resources() / "demo" / "six-oclock-ferry.mid"


@pytest.mark.parametrize("dark", [False, True])
def test_the_roll_of_a_cover(qapp: QApplication, home: Path, tmp_path: Path, dark: bool) -> None:
    _, project = import_midi(MIDI)
    picture = tmp_path / "roll.png"
    roll_picture(project, picture, dark=dark, width=1200, scale=1.0)
    image = QImage(str(picture))
    assert image.width() == 1200 and image.height() > 500
    tokens = theme.DARK if dark else theme.LIGHT
    found = {image.pixelColor(x, y).name() for x in range(100, 1200, 3) for y in range(80, image.height(), 3)}
    for hand in (0, 1):
        assert found & {colour.name() for colour in theme.levels(tokens, hand)}
    assert image.pixelColor(2, 2) == QColor(tokens.window)
    assert [path.name for path in tmp_path.iterdir()] == ["roll.png"]


def test_a_broken_cover_is_said_so(qapp: QApplication, tmp_path: Path) -> None:
    broken = tmp_path / "a.reprise"
    broken.write_bytes(b"x")
    with pytest.raises(UserError):
        roll_picture(broken, tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_all_panels_in_both_themes(home_with_models: Path, tmp_path: Path) -> None:
    assert screenshots.main(tmp_path) == 0
    names = {path.stem for path in tmp_path.glob("*.png")}
    for state in ("start", "running", "done", "zoomed", "library", "preferences", "error"):
        for choice in ("light", "dark"):
            assert {f"{state}-{choice}-1440x900", f"{state}-{choice}-1100x700", f"{state}-{choice}-1440x900-200"} <= names
