"""``tokenizer.json`` out of a SentencePiece model (``spiece.model``, ``tokenizer.model``), as T5's and Llama's makers leave it.

The file is a protocol buffer: pieces with scores, and how text is normalised before (github.com/google/sentencepiece,
src/sentencepiece_model.proto). It is read here; the library that wrote it is not needed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from desktop.errors import UserError
from desktop.plain_files import read_plain

_SPACE = "\u2581"
_MOST_BYTES = 64 << 20
_EXTRA_IDS = 100


class _Kind(IntEnum):
    UNKNOWN = 2
    CONTROL = 3
    USER = 4


@dataclass
class Model:
    """What a SentencePiece model says.

    Attributes:
        pieces: text, score and kind, by id.
        is_unigram: the best cut by the scores; otherwise merges of pairs (BPE).
        charsmap: compiled table of the normalisation.
        prefix: a space is put before the text. squeeze: runs of spaces become one.
    """

    pieces: list[tuple[str, float, int]] = field(default_factory=list)
    is_unigram: bool = True
    byte_fallback: bool = False
    charsmap: bytes = b""
    prefix: bool = True
    squeeze: bool = True


def convert(source: Path, *, seq2seq: bool) -> Tokenizer:
    """The tokenizer of a SentencePiece file.

    Args:
        seq2seq: of a T5: the end's token follows each text, and 100 sentinels follow the pieces; otherwise of a Llama, where the
            beginning's token goes before each text.

    Raises:
        UserError: it is not such a file.
    """
    try:
        data = read_plain(source, _MOST_BYTES)
        model = parse(data)
        if not model.pieces:
            raise ValueError("no pieces")
        made = _unigram(model, seq2seq) if model.is_unigram else _pairs(model)
        _try(made)
    except OSError as error:
        raise UserError(f"The tokenizer cannot be read: {error.strerror}", path=source) from error
    except (ValueError, IndexError, struct.error) as error:
        raise UserError("This is not a SentencePiece model", path=source, remedy="Get the file again.") from error
    added = [(text, kind) for text, _, kind in model.pieces if kind in (_Kind.CONTROL, _Kind.USER)]
    made.add_tokens([AddedToken(text, normalized=False, special=kind == _Kind.CONTROL) for text, kind in added])
    if seq2seq:
        made.add_special_tokens([AddedToken(f"<extra_id_{number}>", normalized=False) for number in reversed(range(_EXTRA_IDS))])
    _add_ends(made, "</s>" if seq2seq else "<s>", after=seq2seq)
    return made


def parse(data: bytes) -> Model:
    """What the file's bytes say; ValueError or IndexError for others."""
    model = Model()
    for number, value in _fields(data):
        if number == 1 and isinstance(value, bytes):
            model.pieces.append(_piece(value))
        elif number == 2 and isinstance(value, bytes):
            trained = {key: each for key, each in _fields(value) if isinstance(each, int)}
            model.is_unigram = trained.get(3, 1) == 1
            if trained.get(3, 1) not in (1, 2):
                raise ValueError("neither unigram nor pairs")
            model.byte_fallback = bool(trained.get(35, 0))
        elif number == 3 and isinstance(value, bytes):
            normal = dict(_fields(value))
            charsmap = normal.get(2, b"")
            model.charsmap = _checked(charsmap) if isinstance(charsmap, bytes) else b""
            model.prefix, model.squeeze = bool(normal.get(3, 1)), bool(normal.get(4, 1))
    return model


def _checked(charsmap: bytes) -> bytes:
    """The table; ValueError when its trie is not as long as it says: the library takes that much memory, or ends the process."""
    if charsmap and (len(charsmap) < 4 or struct.unpack_from("<I", charsmap)[0] > len(charsmap) - 4):
        raise ValueError("the table of the normalisation is cut off")
    return charsmap


def _try(made: Tokenizer) -> None:
    """Cut a text; ValueError when that makes the library panic, which is an exception of no usual kind."""
    try:
        made.encode("a \u00e9 \u2460")
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise ValueError("it cannot cut a text") from error


def _piece(data: bytes) -> tuple[str, float, int]:
    text, score, kind = "", 0.0, 1
    for number, value in _fields(data):
        if number == 1 and isinstance(value, bytes):
            text = value.decode("utf-8")
        elif number == 2 and isinstance(value, bytes):
            (score,) = struct.unpack("<f", value)
        elif number == 3 and isinstance(value, int):
            kind = value
    return text, score, kind


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field of a message."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if wire == 2:
            size, at = _varint(data, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if at + size > len(data):
            raise ValueError("cut off")
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number is too long")


def _unigram(model: Model, seq2seq: bool) -> Tokenizer:
    unknown = next((index for index, (_, _, kind) in enumerate(model.pieces) if kind == _Kind.UNKNOWN), None)
    if unknown is None:
        raise ValueError("no piece for what is unknown")
    vocabulary = [(text, score) for text, score, _ in model.pieces]
    if seq2seq:
        vocabulary += [(f"<extra_id_{number}>", 0.0) for number in reversed(range(_EXTRA_IDS))]
    made = Tokenizer(models.Unigram(vocabulary, unknown, model.byte_fallback))
    _normalise(made, model)
    scheme = "always" if model.prefix else "never"
    spaces = pre_tokenizers.Metaspace(replacement=_SPACE, prepend_scheme=scheme, split=True)
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), spaces]) if model.squeeze else spaces
    made.decoder = decoders.Metaspace(replacement=_SPACE, prepend_scheme=scheme, split=True)
    return made


def _pairs(model: Model) -> Tokenizer:
    """BPE: a piece is the merge of any two others that make it; better scores, that is smaller ids, merge first."""
    numbers = {text: number for number, (text, _, _) in enumerate(model.pieces)}
    unknown = next((text for text, _, kind in model.pieces if kind == _Kind.UNKNOWN), None)
    merges = []
    for text, number in numbers.items():
        halves = ((text[:cut], text[cut:]) for cut in range(1, len(text)))
        pairs = [(numbers[left], numbers[right], left, right) for left, right in halves if left in numbers and right in numbers]
        merges += [(number, *pair) for pair in sorted(pairs)]
    merges.sort(key=lambda merge: merge[0])
    made = Tokenizer(
        models.BPE(numbers, [merge[3:] for merge in merges], unk_token=unknown, fuse_unk=True, byte_fallback=model.byte_fallback)
    )
    _normalise(made, model)
    steps = [made.normalizer] if made.normalizer is not None else []
    steps += [normalizers.Prepend(_SPACE)] if model.prefix else []
    made.normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", _SPACE)])
    bare = [decoders.Strip(" ", 1, 0)] if model.prefix else []
    made.decoder = decoders.Sequence([decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), *bare])
    return made


def _normalise(made: Tokenizer, model: Model) -> None:
    steps: list[normalizers.Normalizer] = [normalizers.Precompiled(model.charsmap)] if model.charsmap else []
    if model.squeeze and not model.is_unigram:
        steps += [normalizers.Strip(), normalizers.Replace(Regex(" {2,}"), " ")]
    if steps:
        made.normalizer = normalizers.Sequence(steps)


def _add_ends(made: Tokenizer, token: str, *, after: bool) -> None:
    number = made.token_to_id(token)
    if number is not None:
        single = f"$A {token}" if after else f"{token} $A"
        made.post_processor = processors.TemplateProcessing(single=single, special_tokens=[(token, number)])
