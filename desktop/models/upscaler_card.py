"""The card beside an upscaler's ONNX file: what the graph itself does not say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from desktop.errors import UserError
from desktop.malformed import MALFORMED
from desktop.models.catalog import is_safe_name
from desktop.paths import atomic_write
from desktop.plain_files import read_plain

NAME = "upscaler.json"
FORMAT = 1
_REMEDY = "Install the model again."


class UpscalerCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A network that takes pictures, [batch, 3, height, width], RGB 0 to 1, and gives them back larger.

    Attributes:
        file: the ONNX file, in the same folder.
        image, upscaled: names of its input and output.
        family: its architecture ("srvgg", "rrdb", "span"; "ready" when it came as ONNX).
        scale: the result's size over the input's.
        reach: pixels of the input to each side that one of the result's may depend on.
        margin: pixels to each side that matter so much that a tile needs them; at most ``reach``.
        bytes_per_pixel: memory that it takes for each pixel of the input.
        denoise: files of the same network that remove noise less or more, by how much (0 to 1); empty when there is only one.
    """

    format: int = FORMAT
    file: str
    image: Annotated[str, Meta(min_length=1)] = "image"
    upscaled: Annotated[str, Meta(min_length=1)] = "upscaled"
    family: Annotated[str, Meta(min_length=1)]
    scale: Annotated[int, Meta(ge=1, le=16)]
    reach: Annotated[int, Meta(ge=0, le=4096)]
    margin: Annotated[int, Meta(ge=0, le=4096)]
    bytes_per_pixel: Annotated[float, Meta(gt=0, le=1e6)]
    denoise: dict[float, str] = {}

    def file_for(self, denoise: float) -> str:
        """The file that removes noise about as much as asked."""
        strength = min(self.denoise, key=lambda each: abs(each - denoise), default=None)
        return self.file if strength is None else self.denoise[strength]


def read(folder: Path) -> UpscalerCard:
    """The card in a model's folder.

    Raises:
        UserError: there is none, or a field is wrong; names the field.
    """
    path = folder / NAME
    try:
        card = msgspec.json.decode(read_plain(path), type=UpscalerCard)
    except OSError as error:
        raise UserError(f"The upscaler's card cannot be read: {error.strerror}", path=path, remedy=_REMEDY) from error
    except MALFORMED as error:
        raise UserError(f"The upscaler's card is not valid: {error}", path=path, remedy=_REMEDY) from error
    for name in (card.file, *card.denoise.values()):
        if not is_safe_name(name):
            raise UserError(f"The upscaler's card is not valid: '{name}' is not a plain name", path=path, remedy=_REMEDY)
    return card


def write(folder: Path, card: UpscalerCard) -> Path:
    """Write the card into a model's folder; the file."""
    path = folder / NAME
    with atomic_write(path) as out:
        out.write(msgspec.json.format(msgspec.json.encode(card)) + b"\n")
    return path
