"""What an ONNX file says of itself, read without ONNX Runtime: operator sets, weight types, files it refers to.

ONNX is protobuf; the few fields needed here (onnx.proto3: ModelProto, GraphProto, NodeProto, TensorProto) are walked by hand over
a memory map, so that gigabytes of weights are skipped and never read.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from desktop.errors import UserError

MAX_BYTES = 1 << 31
_MAX_DEPTH = 32

# TensorProto.DataType
_PRECISIONS = {1: "fp32", 2: "int8", 3: "int8", 10: "fp16", 11: "fp64", 16: "bf16", 17: "fp8", 18: "fp8", 19: "fp8", 20: "fp8"}
_PRECISIONS |= {21: "int4", 22: "int4"}


@dataclass
class GraphFacts:
    """
    Attributes:
        ir_version: version of the file format.
        opsets: version of each operator set by its domain ("" is ONNX itself).
        weights: number of weight values by precision ("fp32", "fp16", "int8", ...).
        external: locations of weights outside the file, as written in it.
    """

    ir_version: int = 0
    opsets: dict[str, int] = field(default_factory=dict)
    weights: dict[str, int] = field(default_factory=dict)
    external: set[str] = field(default_factory=set)

    @property
    def precision(self) -> str:
        """The precision of most weight values; "fp32" for a graph without weights."""
        return max(self.weights, key=lambda name: self.weights[name]) if self.weights else "fp32"


def read(path: Path) -> GraphFacts:
    """Facts of an ONNX file.

    Raises:
        UserError: not there, larger than protobuf can be (2 GiB), or not an ONNX file.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise UserError("This file is larger than an ONNX file can be (2 GiB)", path=path)
        if size == 0:
            raise UserError("This ONNX file is empty", path=path)
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data, memoryview(data) as view:
            facts = _facts(view)
    except OSError as error:
        raise UserError(f"The ONNX file cannot be read: {error.strerror}", path=path) from error
    except (ValueError, IndexError) as error:
        raise UserError(f"This is not an ONNX file, or it is damaged: {error}", path=path) from error
    if not facts.ir_version or not facts.opsets:
        raise UserError("This is not an ONNX file, or it is damaged: it names no operator set", path=path)
    return facts


def external_files(path: Path, facts: GraphFacts) -> list[Path]:
    """The files with weights that belong to ``path``.

    Raises:
        UserError: one is missing, outside the model's folder, or reached through a link.
    """
    folder = path.parent.resolve()
    files = []
    for location in sorted(facts.external):
        place = PurePosixPath(location.replace("\\", "/"))
        target = folder / place
        if place.is_absolute() or ".." in place.parts or ":" in location or not target.resolve().is_relative_to(folder):
            raise UserError(f"The model refers to '{location}', which lies outside its folder", path=path)
        if any((folder.joinpath(*place.parts[:depth])).is_symlink() for depth in range(1, len(place.parts) + 1)):
            raise UserError(f"The model refers to '{location}', which is a link", path=path)
        if not target.is_file():
            raise UserError(f"The model refers to '{location}', which is not there", path=path)
        files.append(target)
    return files


def _facts(view: memoryview) -> GraphFacts:
    facts = GraphFacts()
    for number, value in _fields(view):
        if number == 1 and isinstance(value, int):
            facts.ir_version = value
        elif number == 8 and isinstance(value, memoryview):
            domain, version = "", 0
            for inner, item in _fields(value):
                if inner == 1 and isinstance(item, memoryview):
                    domain = _text(item)
                elif inner == 2 and isinstance(item, int):
                    version = item
            facts.opsets[domain] = version
        elif number == 7 and isinstance(value, memoryview):
            _graph(value, facts, 0)
        elif number == 25 and isinstance(value, memoryview):
            for inner, item in _fields(value):
                if inner == 7 and isinstance(item, memoryview):
                    _node(item, facts, 0)
    return facts


def _graph(view: memoryview, facts: GraphFacts, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ValueError("graphs are nested too deep")
    for number, value in _fields(view):
        if isinstance(value, memoryview):
            if number == 1:
                _node(value, facts, depth)
            elif number == 5:
                _tensor(value, facts)
            elif number == 15:
                # SparseTensorProto: values and indices are tensors.
                for inner, item in _fields(value):
                    if inner in (1, 2) and isinstance(item, memoryview):
                        _tensor(item, facts)


def _node(view: memoryview, facts: GraphFacts, depth: int) -> None:
    for number, value in _fields(view):
        if number == 5 and isinstance(value, memoryview):
            for inner, item in _fields(value):
                # AttributeProto: t and tensors, g and graphs.
                if inner in (5, 10) and isinstance(item, memoryview):
                    _tensor(item, facts)
                elif inner in (6, 11) and isinstance(item, memoryview):
                    _graph(item, facts, depth + 1)


def _tensor(view: memoryview, facts: GraphFacts) -> None:
    shape: list[int] = []
    kind = 0
    for number, value in _fields(view):
        if number == 1:
            shape += [value] if isinstance(value, int) else _varints(value)
        elif number == 2 and isinstance(value, int):
            kind = value
        elif number == 13 and isinstance(value, memoryview):
            _external(value, facts)
    if kind in _PRECISIONS:
        facts.weights[_PRECISIONS[kind]] = facts.weights.get(_PRECISIONS[kind], 0) + math.prod(shape)


def _external(view: memoryview, facts: GraphFacts) -> None:
    pair = {number: _text(value) for number, value in _fields(view) if isinstance(value, memoryview)}
    if pair.get(1) == "location":
        facts.external.add(pair.get(2, ""))


def _text(view: memoryview) -> str:
    return bytes(view[:4096]).decode("utf-8", "replace")


def _fields(view: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field of a message: integers, and views of everything that has a length."""
    at, end = 0, len(view)
    while at < end:
        key, at = _varint(view, at)
        number, wire = key >> 3, key & 7
        if number == 0:
            raise ValueError("field number 0")
        if wire == 0:
            value, at = _varint(view, at)
            yield number, value
        elif wire == 2:
            length, at = _varint(view, at)
            if length > end - at:
                raise ValueError("a field is longer than the file")
            yield number, view[at : at + length]
            at += length
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
            if at > end:
                raise ValueError("the file ends within a number")
        else:
            raise ValueError(f"unknown wire type {wire}")


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = view[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")


def _varints(view: memoryview) -> list[int]:
    values, at = [], 0
    while at < len(view):
        value, at = _varint(view, at)
        values.append(value)
    return values
