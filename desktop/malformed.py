"""What decoders of JSON, MessagePack, TOML and arrays raise for data that somebody damaged or made up."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from typing import Final

import msgspec

MALFORMED: Final = (msgspec.MsgspecError, ValueError, RecursionError)
"""msgspec's own errors are no ValueErrors, and it lets those of text that is no UTF-8 (UnicodeDecodeError) and of lists that are
nested a thousand deep (RecursionError) through; the standard library's readers raise the last two kinds."""

MALFORMED_ARRAYS: Final = (
    *MALFORMED,
    KeyError,
    TypeError,
    EOFError,
    MemoryError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""numpy reads the head of a file of arrays as Python, at first with a parser and then, as if Python 2 had written it, with a
tokenizer; archives may say that they are encrypted or compressed in a way that nobody knows (RuntimeError), and sizes
that they claim may be beyond all memory; the rest are what is not there, of another kind, cut off, or no archive."""
