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
from desktop.plain_files import check_plain

MAX_BYTES = 1 << 31
_MAX_DEPTH = 32
_MAX_TEXT = 4096
_MAX_LOCATION = 255

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
        check_plain(path)
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise UserError("This file is larger than an ONNX file can be (2 GiB)", path=path)
        if size == 0:
            raise UserError("This ONNX file is empty", path=path)
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            facts = _facts(_Message(data, 0, size))
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
        if "\0" in location or len(location) > _MAX_LOCATION:
            raise UserError("The model refers to a file whose name no file can have", path=path)
        if place.is_absolute() or ".." in place.parts or ":" in location or not target.resolve().is_relative_to(folder):
            raise UserError(f"The model refers to '{location}', which lies outside its folder", path=path)
        if any((folder.joinpath(*place.parts[:depth])).is_symlink() for depth in range(1, len(place.parts) + 1)):
            raise UserError(f"The model refers to '{location}', which is a link", path=path)
        if not target.is_file():
            raise UserError(f"The model refers to '{location}', which is not there", path=path)
        files.append(target)
    return files


class _Message:
    """A message inside the file: the bytes from ``at`` to ``end``. Holds no view, so that the map can be closed at any time."""

    def __init__(self, data: mmap.mmap, at: int, end: int) -> None:
        self._data, self._at, self._end = data, at, end

    def fields(self) -> Iterator[tuple[int, int | _Message]]:
        """Number and value of each field: integers, and messages for everything that has a length."""
        at = self._at
        while at < self._end:
            key, at = self._varint(at)
            number, wire = key >> 3, key & 7
            if number == 0:
                raise ValueError("field number 0")
            if wire == 0:
                value, at = self._varint(at)
                yield number, value
            elif wire == 2:
                length, at = self._varint(at)
                if length > self._end - at:
                    raise ValueError("a field is longer than what is left of the file")
                yield number, _Message(self._data, at, at + length)
                at += length
            elif wire in (1, 5):
                at += 8 if wire == 1 else 4
            else:
                raise ValueError(f"unknown wire type {wire}")
        if at > self._end:
            raise ValueError("a number is cut off")

    def messages(self, *numbers: int) -> Iterator[tuple[int, _Message]]:
        """The fields with these numbers that have a length."""
        for number, value in self.fields():
            if number in numbers and isinstance(value, _Message):
                yield number, value

    def integers(self) -> Iterator[int]:
        """A packed list of integers."""
        at = self._at
        while at < self._end:
            value, at = self._varint(at)
            yield value

    def text(self) -> str:
        return self._data[self._at : min(self._end, self._at + _MAX_TEXT)].decode("utf-8", "replace")

    def _varint(self, at: int) -> tuple[int, int]:
        value = shift = 0
        while at < self._end and shift < 64:
            byte = self._data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, at
            shift += 7
        raise ValueError("a number is cut off or too long")


def _facts(model: _Message) -> GraphFacts:
    facts = GraphFacts()
    for number, value in model.fields():
        if isinstance(value, int):
            if number == 1:
                facts.ir_version = value
        elif number == 8:
            parts = dict(value.fields())
            domain, version = parts.get(1, ""), parts.get(2, 0)
            facts.opsets[domain.text() if isinstance(domain, _Message) else ""] = version if isinstance(version, int) else 0
        elif number == 7:
            _graph(value, facts, 0)
        elif number == 25:
            # FunctionProto: a body of nodes without a graph around it.
            for _, node in value.messages(7):
                _node(node, facts, 0)
    return facts


def _graph(graph: _Message, facts: GraphFacts, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ValueError("graphs are nested too deep")
    for number, value in graph.messages(1, 5, 15):
        if number == 1:
            _node(value, facts, depth)
        elif number == 5:
            _tensor(value, facts)
        else:
            # SparseTensorProto: values and indices are tensors.
            for _, tensor in value.messages(1, 2):
                _tensor(tensor, facts)


def _node(node: _Message, facts: GraphFacts, depth: int) -> None:
    for _, attribute in node.messages(5):
        # AttributeProto: t and tensors, g and graphs.
        for number, value in attribute.messages(5, 10, 6, 11):
            if number in (5, 10):
                _tensor(value, facts)
            else:
                _graph(value, facts, depth + 1)


def _tensor(tensor: _Message, facts: GraphFacts) -> None:
    shape: list[int] = []
    kind = 0
    for number, value in tensor.fields():
        if number == 1:
            shape += [value] if isinstance(value, int) else value.integers()
        elif number == 2 and isinstance(value, int):
            kind = value
        elif number == 13 and isinstance(value, _Message):
            pair = {inner: item.text() for inner, item in value.messages(1, 2)}
            if pair.get(1) == "location":
                facts.external.add(pair.get(2, ""))
    if kind in _PRECISIONS:
        facts.weights[_PRECISIONS[kind]] = facts.weights.get(_PRECISIONS[kind], 0) + math.prod(shape)
