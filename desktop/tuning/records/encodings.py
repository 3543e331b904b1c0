"""Which encoding a text file has, and reading it as UTF-8 whatever that is."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from desktop.errors import UserError
from desktop.tuning.records.source import blocks

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WHOLE = 64 << 20
"""Files up to so many bytes are looked at as a whole, of larger ones pieces all over."""

_PIECES, _PIECE = 64, 1 << 18
_GUESSED = 32 << 10
"""Bytes that an encoding is guessed from."""

_LIKELY = (
    *("cp1252", "cp1251", "cp1250", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874"),
    *("iso8859_2", "koi8_r", "mac_roman", "cp850", "cp866", "cp932", "euc_jp", "gb18030", "big5", "cp949"),
)
_WESTERN = ("cp1252", "cp1250", "cp1254", "cp1257", "iso8859-2", "mac-roman", "cp850")
_WESTERN_LETTERS = "àâäáãåæçèéêëìíîïñòóôöõøùúûüÿœßºª"
_TYPOGRAPHY = "‘’“”„‚«»‹›–—…•·´¨¿¡€£§°±®©™\xa0\xad²½¼"


def check_encoding(name: str) -> str:
    """The encoding's usual name.

    Raises:
        UserError: Python knows no such text encoding.
    """
    try:
        "".encode(name)
        return codecs.lookup(name).name
    except (LookupError, UnicodeError, ValueError) as error:
        raise UserError(f"'{name}' is not a text encoding", remedy="Use auto, utf-8, utf-16, cp1252, ...") from error


def detect_encoding(path: Path, file: BinaryIO) -> str:
    """The encoding of a text file; its position is at the beginning afterwards.

    A mark at the beginning decides; then NULs in every other place (UTF-16); then UTF-8, also with an odd bad byte; then a guess
    from the lines that are not ASCII.

    Raises:
        UserError: it is binary.
    """
    file.seek(0)
    head = file.read(1 << 16)
    for mark, name in _BOMS:
        if head.startswith(mark):
            file.seek(0)
            return name
    if b"\0" in head and (wide := _wide(head)):
        file.seek(0)
        return wide
    if (strange := _controls(head)) > 4 and strange > len(head) // 30:
        raise UserError("This is not text", path=path, remedy="CSV, TSV, JSONL, JSON and Parquet files can be read.")
    return _utf8_or_guess(file)


def _wide(head: bytes) -> str:
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = max(1, len(head) // 2)
    if odd > 0.3 * half and even < 0.05 * half:
        return "utf-16-le"
    if even > 0.3 * half and odd < 0.05 * half:
        return "utf-16-be"
    return ""


def _controls(head: bytes) -> int:
    return len(head) - len(head.translate(None, bytes([*range(7), *range(14, 27), *range(28, 32)])))


def _utf8_or_guess(file: BinaryIO) -> str:
    good = bad = 0
    puzzling = bytearray()
    for line in _foreign_lines(file):
        try:
            line.decode("utf-8")
            good += 1
        except UnicodeDecodeError:
            bad += 1
            if len(puzzling) < _GUESSED:
                puzzling += line[:4096] + b"\n"
    file.seek(0)
    # One bad line among few is still an odd one when the rest is plainly UTF-8, which other encodings hardly ever look like.
    return "utf-8" if bad <= good // 4 else _guess(bytes(puzzling))


def _foreign_lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines that are not ASCII: of the whole file, or of pieces of a large one without their cut ends."""
    size = file.seek(0, 2)
    if size > _WHOLE:
        for piece in range(_PIECES):
            file.seek(piece * (size - _PIECE) // (_PIECES - 1))
            yield from _not_ascii(file.read(_PIECE).split(b"\n")[1:-1])
        return
    file.seek(0)
    rest = b""
    for block in blocks(file):
        *lines, rest = (rest + block).split(b"\n")
        yield from _not_ascii(lines)
        # A giant line is as telling by its end.
        rest = rest[-_PIECE:]
    yield from _not_ascii([rest])


def _not_ascii(lines: list[bytes]) -> Iterator[bytes]:
    return (line for line in lines if not line.isascii())


def _guess(sample: bytes) -> str:
    import charset_normalizer

    found = charset_normalizer.from_bytes(sample, cp_isolation=list(_LIKELY)).best()
    name = codecs.lookup(found.encoding).name if found else "cp1252"
    return _western(sample, name) if name in _WESTERN else name


def _western(sample: bytes, name: str) -> str:
    """Which of the encodings with Latin letters: they differ in few places, and Windows' own is by far the most frequent.

    What French, German, Spanish or Danish texts consist of decides for it, what looks Icelandic but has Turkish letters beside it
    for cp1254, and everything else for the guess.
    """
    try:
        foreign = [c for c in sample.decode("cp1252") if not c.isascii() and c not in _TYPOGRAPHY]
    except UnicodeDecodeError:
        return name
    strange = [c for c in foreign if c.lower() not in _WESTERN_LETTERS]
    if len(strange) <= len(foreign) // 20:
        return "cp1252"
    if all(c in "ðþýÐÞÝ" for c in strange):
        return "cp1254" if {"ç", "ü"} & set(foreign) and not {"á", "æ"} & set(foreign) else "cp1252"
    return name


def as_utf8(stream: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The same text in UTF-8, without a mark at its beginning; what cannot be decoded becomes U+FFFD.

    UTF-8 itself passes through as it is, bad bytes included.
    """
    first = True
    if encoding == "utf-8":
        for block in stream:
            yield block.removeprefix(codecs.BOM_UTF8) if first else block
            first = False
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for block in stream:
        if text := decoder.decode(block):
            yield (text.removeprefix("\ufeff") if first else text).encode("utf-8", "replace")
            first = False
    if text := decoder.decode(b"", final=True):
        yield text.encode("utf-8", "replace")


def counted(stream: Iterable[bytes], see: Callable[[bytes], None]) -> Iterator[bytes]:
    """The same blocks, each shown to ``see`` first."""
    for block in stream:
        see(block)
        yield block
