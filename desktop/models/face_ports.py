"""Telling from a graph's inputs and outputs how a face restorer wants its faces."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from desktop.errors import UsageError, UserError
from desktop.models.session import Port
from desktop.models.sidecar import FaceNetwork, Span

TYPES = ("tensor(float)", "tensor(float16)", "tensor(double)")
# Whatever circulates at this size (CodeFormer, GFPGAN, RestoreFormer, GPEN) wants this template and this range.
_USUAL_SIZE, _USUAL_TEMPLATE, _USUAL_RANGE = 512, "ffhq", (-1.0, 1.0)


class Hints(msgspec.Struct, frozen=True):
    """What the user says about a restorer; None where the graph or custom decides."""

    size: int | None = None
    template: str | None = None
    range: Span | None = None


def describe(file: str, inputs: Sequence[Port], outputs: Sequence[Port], hints: Hints) -> FaceNetwork:
    """The card of a graph.

    Raises:
        UserError: it does not take one picture and at most one number, or does not give back a picture of that size.
        UsageError: size, template or range cannot be told from it, and ``hints`` does not say them.
    """
    pictures = [port for port in inputs if _is_picture(port)]
    numbers = [port for port in inputs if _is_number(port)]
    if len(pictures) != 1 or len(numbers) > 1 or len(pictures) + len(numbers) != len(inputs):
        raise UserError(
            f"This network takes {_ports(inputs)}; a face restorer takes one picture [faces, 3, height, width] and, if it likes, "
            "one number for the fidelity"
        )
    results = [port for port in outputs if _is_picture(port)]
    if not results:
        raise UserError(f"This network gives {_ports(outputs)}; a face restorer gives a picture [faces, 3, height, width]")
    image, restored = pictures[0], results[0]
    size = _size(image, hints)
    if any(isinstance(side, int) and side not in (size, -1) for side in restored.shape[2:]):
        raise UserError(f"This network gives {_ports([restored])} for {_ports([image])}; a face restorer keeps the size")
    usual = size == _USUAL_SIZE
    template = hints.template or (_USUAL_TEMPLATE if usual else None)
    span = hints.range or (_USUAL_RANGE if usual else None)
    if template is None or span is None:
        raise UsageError(
            f"Faces of {size} pixels come in several manners, and the file does not say which one it wants: "
            "if they are aligned as FFHQ's are, say --template ffhq, and --range=-1,1 or --range=0,1"
        )
    card = FaceNetwork(
        file=file,
        size=size,
        template=template,
        range=span,
        range_out=span,
        image=image.name,
        restored=restored.name,
        fidelity=numbers[0].name if numbers else "",
    )
    if problem := card.problem():
        raise UsageError(problem)
    return card


def _size(image: Port, hints: Hints) -> int:
    sides = {side for side in image.shape[2:] if isinstance(side, int)}
    if len(sides) > 1:
        raise UserError(f"This network takes {_ports([image])}; faces are square")
    size = next(iter(sides), None)
    if size is None and hints.size is None:
        raise UsageError("The file does not say how large the faces are that it wants: say it with --size 256 or --size 512")
    if size is not None and hints.size not in (None, size):
        raise UsageError(f"size: the file wants faces of {size} pixels, not {hints.size}")
    return size or hints.size or 0


def _is_picture(port: Port) -> bool:
    """[batch, 3, height, width] with a batch of 1 or free."""
    if len(port.shape) != 4 or port.type not in TYPES:
        return False
    batch, channels = port.shape[:2]
    return channels == 3 and (batch == 1 or not isinstance(batch, int))


def _is_number(port: Port) -> bool:
    """One number, for all faces or for each."""
    return port.type in TYPES and len(port.shape) < 3 and all(side == 1 or not isinstance(side, int) for side in port.shape)


def _ports(ports: Sequence[Port]) -> str:
    return ", ".join(f"{port.name} {[*port.shape]}".replace("'", "") for port in ports) or "nothing"
