"""The picture behind the notes."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from desktop.errors import UserError
from desktop.piano.waterfall.surface import Bytes
from desktop.plain_files import check_plain

_REMEDY = "Choose a JPEG, PNG or WebP picture."
_BLUR = 1 / 420
"""Radius of the blur in heights of the picture: enough that notes stand out before a detailed picture."""


def load_picture(path: Path | str, width: int, height: int) -> Bytes:
    """A picture that fills ``width`` x ``height`` pixels, cut where it is too long, a little blurred: uint8 [height, width, 3].

    Raises UserError when it is missing, no picture, damaged or too large.
    """
    path = Path(path)
    try:
        check_plain(path)
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                upright = ImageOps.exif_transpose(image).convert("RGB")
    except FileNotFoundError as error:
        raise UserError("There is no such picture", path=path, remedy="Check the name and the folder.") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UserError("This picture is too large", path=path, remedy="Make it smaller first.") from error
    except (OSError, ValueError, SyntaxError) as error:
        what = getattr(error, "strerror", None) or "it is none, or it is damaged"
        raise UserError(f"The picture cannot be read: {what}", path=path, remedy=_REMEDY) from error
    fitted = ImageOps.fit(upright, (width, height), Image.Resampling.LANCZOS)
    return np.asarray(fitted.filter(ImageFilter.GaussianBlur(max(0.6, height * _BLUR))), np.uint8)
