"""What decoders of JSON, MessagePack and TOML raise for data that somebody damaged or made up."""

from __future__ import annotations

from typing import Final

import msgspec

MALFORMED: Final = (msgspec.MsgspecError, ValueError, RecursionError)
"""msgspec's own errors are no ValueErrors, and it lets those of text that is no UTF-8 (UnicodeDecodeError) and of lists that are
nested a thousand deep (RecursionError) through; the standard library's readers raise the last two kinds."""
