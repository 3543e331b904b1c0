"""The card beside a face restorer's ONNX file: what the graph itself does not say about the faces it wants."""

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

NAME = "restorer.json"
FORMAT = 1
# Cutting, judging and pasting faces (desktop.video.faces) know this one.
TEMPLATES = ("ffhq",)
CHANNELS = ("rgb", "bgr")
SMALLEST, LARGEST = 64, 2048

Span = tuple[float, float]


class FaceNetwork(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A network that takes aligned faces, [N, 3, size, size], and gives them back restored.

    Attributes:
        file: the ONNX file, in the same folder.
        size: width and height of a face in pixels.
        template: where eyes, nose and mouth lie in it, one of ``TEMPLATES``.
        range: values of black and white at the input.
        range_out: values of black and white at the output.
        channels: order of the colours, one of ``CHANNELS``.
        image, restored: names of the graph's input and output.
        fidelity: name of the input that takes 0 (quality) to 1 (fidelity); empty when there is none.
        most: faces at a time; 0 for as many as fit into memory.
        precision: what it computes in ("fp32", "fp16") when its weights are stored in another; empty otherwise.
    """

    format: int = FORMAT
    file: str
    size: Annotated[int, Meta(ge=SMALLEST, le=LARGEST)]
    template: str = "ffhq"
    range: Span = (0.0, 1.0)
    range_out: Span = (0.0, 1.0)
    channels: str = "rgb"
    image: Annotated[str, Meta(min_length=1)]
    restored: Annotated[str, Meta(min_length=1)]
    fidelity: str = ""
    most: Annotated[int, Meta(ge=0)] = 0
    precision: str = ""

    @property
    def has_fidelity(self) -> bool:
        """Whether the fidelity can be chosen."""
        return bool(self.fidelity)

    def problem(self) -> str:
        """What cannot be as it is written; empty when nothing is."""
        if self.format != FORMAT:
            return f"format: {self.format} where {FORMAT} is expected"
        if not is_safe_name(self.file):
            return f"file: '{self.file}' is not a plain name"
        if self.template not in TEMPLATES:
            return f"template: '{self.template}' is none of {', '.join(TEMPLATES)}"
        if self.channels not in CHANNELS:
            return f"channels: '{self.channels}' is none of {', '.join(CHANNELS)}"
        for name, (black, white) in (("range", self.range), ("range_out", self.range_out)):
            if not -256 <= black < white <= 256:
                return f"{name}: {black} to {white} is no range of values"
        return ""


def read(folder: Path) -> FaceNetwork:
    """The card in a model's folder.

    Raises:
        UserError: there is none, or a field is wrong; names the field.
    """
    path = folder / NAME
    try:
        card = msgspec.json.decode(read_plain(path), type=FaceNetwork)
    except OSError as error:
        raise UserError(f"The restorer's card cannot be read: {error.strerror}", path=path, remedy="Import it again.") from error
    except MALFORMED as error:
        raise UserError(f"The restorer's card is not valid: {error}", path=path, remedy="Import it again.") from error
    if problem := card.problem():
        raise UserError(f"The restorer's card is not valid: {problem}", path=path, remedy="Import it again.")
    return card


def write(folder: Path, card: FaceNetwork) -> Path:
    """Write the card into a model's folder; the file."""
    path = folder / NAME
    with atomic_write(path) as out:
        out.write(msgspec.json.format(msgspec.json.encode(card)) + b"\n")
    return path
