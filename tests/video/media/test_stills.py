"""Still pictures, read and written."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from desktop.errors import UsageError, UserError
from desktop.video.media.stills import SUFFIXES, is_still, read_still, stills_in, write_still
from tests.video.media.synthetic import drawn

_DEEP = np.random.default_rng(0).integers(0, 65536, (31, 45, 3)).astype(np.uint16)


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_every_format_goes_there_and_back(tmp_path: Path, suffix: str) -> None:
    cv2.imwrite(str(tmp_path / "in.png"), drawn(0, 61, 47)[..., ::-1])
    picture = read_still(tmp_path / "in.png")
    assert np.array_equal(picture.rgb(), drawn(0, 61, 47))
    path = tmp_path / f"Bild ä{suffix}"
    write_still(picture, path)
    difference = np.abs(read_still(path).rgb().astype(int) - picture.rgb())
    assert difference.max() == 0 if suffix in (".png", ".tif", ".tiff", ".bmp") else difference.mean() < 4
    assert {child.name for child in tmp_path.iterdir()} == {"in.png", path.name}


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_stay(tmp_path: Path, suffix: str) -> None:
    cv2.imwrite(str(tmp_path / f"in{suffix}"), _DEEP)
    picture = read_still(tmp_path / f"in{suffix}")
    assert picture.format.bits == 16
    write_still(picture, tmp_path / f"out{suffix}")
    assert np.array_equal(cv2.imread(str(tmp_path / f"out{suffix}"), cv2.IMREAD_UNCHANGED), _DEEP)
    write_still(picture, tmp_path / "out.bmp")
    assert np.abs(read_still(tmp_path / "out.bmp").rgb()[..., ::-1] - _DEEP / 257).max() < 1


def test_gray_stays_gray(tmp_path: Path) -> None:
    gray = drawn(0)[..., 0]
    cv2.imwrite(str(tmp_path / "in.png"), gray)
    picture = read_still(tmp_path / "in.png")
    assert picture.format.kind == "gray"
    write_still(picture, tmp_path / "out.png")
    assert np.array_equal(cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED), gray)


@pytest.mark.parametrize(("orientation", "turn"), [(3, 2), (6, -1), (8, 1)])
def test_exif_turns(tmp_path: Path, orientation: int, turn: int) -> None:
    rgb = drawn(0, 64, 48)
    data = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    tiff = b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    exif = b"Exif\0\0" + tiff
    (tmp_path / "in.jpg").write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])
    picture = read_still(tmp_path / "in.jpg")
    expected = np.rot90(rgb, turn)
    assert picture.rgb().shape == expected.shape
    assert np.abs(picture.rgb().astype(int) - expected).mean() < 4


def test_transparency_is_dropped_and_told(tmp_path: Path) -> None:
    rgba = np.dstack([drawn(0), drawn(1)[..., 0]])
    cv2.imwrite(str(tmp_path / "in.png"), rgba)
    picture = read_still(tmp_path / "in.png")
    assert picture.notes == ("Its transparency is dropped.",)
    assert np.array_equal(picture.rgb()[..., ::-1], rgba[..., :3])
    cv2.imwrite(str(tmp_path / "solid.png"), np.dstack([drawn(0), np.full((144, 176), 255, np.uint8)]))
    assert read_still(tmp_path / "solid.png").notes == ()


def test_of_several_pictures_the_first_is_taken(tmp_path: Path) -> None:
    cv2.imwritemulti(str(tmp_path / "pages.tif"), [drawn(0), drawn(9)])
    picture = read_still(tmp_path / "pages.tif")
    assert np.array_equal(picture.rgb()[..., ::-1], drawn(0))
    assert picture.notes == ("It holds 2 pictures; the first is taken.",)


@pytest.mark.parametrize("content", [b"", b"This is a letter.", None])
def test_what_is_no_picture_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "in.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_still(path)
    assert caught.value.path == str(path)
    assert caught.value.remedy


def test_unknown_endings_and_too_large_pictures_are_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "in.png"), np.zeros((4, 17000, 3), np.uint8))
    picture = read_still(tmp_path / "in.png")
    with pytest.raises(UsageError, match=r"\.xyz"):
        write_still(picture, tmp_path / "out.xyz")
    with pytest.raises(UserError, match="17000x4"):
        write_still(picture, tmp_path / "out.webp")
    assert [child.name for child in tmp_path.iterdir()] == ["in.png"]


def test_stills_of_a_folder_come_by_name(tmp_path: Path) -> None:
    for name in ("b.PNG", "A.jpg", ".hidden.png", "film.mp4", "c.tiff"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in stills_in(tmp_path)] == ["A.jpg", "b.PNG", "c.tiff"]
    assert is_still("x.WebP")
    assert not is_still("x.gif")
