"""The layers of an ncnn network, as its .param file lists them.

Lines after a magic number and two counts: kind, name, number of inputs and outputs, their names, then ``key=value``; a key of
-23300 - k means that option k is a list, whose first value is its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from desktop.errors import UserError

MAGIC = "7767517"
MAX_BYTES, MAX_LAYERS, MAX_PORTS = 4 << 20, 5000, 64
_LIST = -23300
_OPTION = re.compile(r"(-?\d{1,6})=(\S+)")

Value = int | float | tuple[float, ...]


@dataclass(frozen=True)
class Layer:
    """One layer: kind, name, names of the values it takes and gives, numbered options."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    options: dict[int, Value] = field(default_factory=dict)

    def whole(self, key: int, default: int = 0) -> int:
        """An option that is a whole number."""
        value = self.options.get(key, default)
        if isinstance(value, tuple) or value != int(value):
            raise self.wrong(f"has {value} for option {key}, where a whole number is expected")
        return int(value)

    def real(self, key: int, default: float = 0.0) -> float:
        """An option that is a number."""
        value = self.options.get(key, default)
        if isinstance(value, tuple):
            raise self.wrong(f"has a list for option {key}, where a number is expected")
        return float(value)

    def reals(self, key: int) -> tuple[float, ...]:
        """An option that is a list; empty when it is not there."""
        value = self.options.get(key, ())
        return value if isinstance(value, tuple) else (float(value),)

    def wrong(self, problem: str) -> UserError:
        """An error about this layer; ``problem`` follows its name."""
        return UserError(f"The layer {self.name} ({self.kind}) of the network {problem}")


def read(path: Path) -> list[Layer]:
    """Layers of a .param file, in their order; every input is a value that an earlier layer gives.

    Raises:
        UserError: too large, not such a file (a binary one included), or not consistent; names the line or the layer.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"This file is too large for a network's layers ({MAX_BYTES >> 20} MiB)", path=path)
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except OSError as error:
        raise UserError(f"The network's layers cannot be read: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        raise UserError("This is not a network's .param file in ncnn's text form", path=path) from error
    if not lines or lines[0] != MAGIC:
        raise UserError(f"This is not a network's .param file: it does not begin with {MAGIC}", path=path)
    layers = [_layer(line, number, path) for number, line in enumerate(lines[2:], 3) if line]
    counts = lines[1].split() if len(lines) > 1 else []
    if len(counts) != 2 or counts[0] != str(len(layers)) or len(layers) > MAX_LAYERS:
        promised = counts[0] if counts else "no number of"
        raise UserError(f"The network's .param file is cut off: it promises {promised} layers and has {len(layers)}", path=path)
    _check_values(layers)
    return layers


def _layer(line: str, number: int, path: Path) -> Layer:
    words = line.split()
    if len(words) < 4 or not (words[2].isdecimal() and words[3].isdecimal()) or len(words[2]) + len(words[3]) > 6:
        raise UserError(f"Line {number} of the network's .param file is no layer", path=path)
    takes, gives = int(words[2]), int(words[3])
    ports, rest = words[4 : 4 + takes + gives], words[4 + takes + gives :]
    if len(ports) < takes + gives or max(takes, gives) > MAX_PORTS:
        raise UserError(f"Line {number} of the network's .param file names too few values, or too many", path=path)
    options = dict(_options(rest, number, path))
    return Layer(words[0], words[1], tuple(ports[:takes]), tuple(ports[takes:]), options)


def _options(words: list[str], number: int, path: Path) -> Iterator[tuple[int, Value]]:
    for word in words:
        match = _OPTION.fullmatch(word)
        try:
            if match is None:
                raise ValueError
            key = int(match[1])
            if key > _LIST:
                yield key, _number(match[2])
                continue
            length, *values = [_number(part) for part in match[2].split(",")]
            if length != len(values):
                raise ValueError
            yield _LIST - key, tuple(float(value) for value in values)
        except ValueError:
            raise UserError(f"Line {number} of the network's .param file has a bad option: {word[:40]}", path=path) from None


def _number(text: str) -> int | float:
    value = float(text)
    if not abs(value) < 1e12:
        raise ValueError(text)
    return value if re.search(r"[.eE]", text) else int(text)


def _check_values(layers: list[Layer]) -> None:
    known: set[str] = set()
    for layer in layers:
        for name in layer.inputs:
            if name not in known:
                raise layer.wrong(f"takes '{name}', which no layer before it gives")
        for name in layer.outputs:
            if name in known:
                raise layer.wrong(f"gives '{name}', which another layer gives already")
            known.add(name)
