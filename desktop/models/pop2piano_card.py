"""What an installed Pop2Piano says about itself: a small file beside its graphs."""

from __future__ import annotations

from pathlib import Path

import msgspec

from desktop.errors import UserError
from desktop.malformed import MALFORMED
from desktop.plain_files import read_plain

NAME = "pop2piano.json"


class Card(msgspec.Struct, frozen=True):
    """
    Attributes:
        activations: for which there are graphs; the first is used unless another is asked for.
        composers: arrangers whose manner it knows.
        width: values of a frame of its input.
    """

    activations: list[str]
    composers: int
    width: int


def read_card(folder: Path) -> Card:
    """The card in ``folder``; raises UserError when there is none that can be read."""
    try:
        found = msgspec.json.decode(read_plain(folder / NAME), type=Card)
    except (OSError, *MALFORMED) as error:
        raise UserError(
            f"This is no Pop2Piano: {error}", path=folder / NAME, remedy="Run `reprise models install pop2piano`."
        ) from error
    if not found.activations:
        raise UserError("This is no Pop2Piano: it has no graphs", path=folder / NAME, remedy="Install it again.")
    return found
