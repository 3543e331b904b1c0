"""Small networks in ncnn's two files, of each architecture that is known, with weights by chance."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

HALF = struct.pack("<I", 0x01306B47)


class NcnnFiles:
    """Collects layers and weights; ``save`` writes NAME.param and NAME.bin."""

    def __init__(self, seed: int = 0) -> None:
        self.lines: list[str] = ["Input input 0 1 data"]
        self.data = b""
        self._random = np.random.default_rng(seed)
        self._splits = 0

    def layer(self, kind: str, inputs: list[str], outputs: list[str], options: str = "") -> str:
        name = f"{kind.lower()}_{len(self.lines)}"
        ports = " ".join([*inputs, *outputs])
        self.lines.append(f"{kind} {name} {len(inputs)} {len(outputs)} {ports} {options}".rstrip())
        return outputs[0]

    def conv(self, value: str, channels: tuple[int, int], kernel: int = 3, options: str = "", gain: float = 1.0) -> str:
        takes, gives = channels
        size = takes * gives * kernel * kernel
        weight = self._random.standard_normal(size).astype(np.float32) * gain / np.sqrt(takes * kernel * kernel)
        half = weight.astype("<f2").tobytes()
        self.data += HALF + half + b"\0" * (-len(half) % 4) + self._random.normal(0, 0.05, gives).astype("<f4").tobytes()
        pad = f"4={kernel // 2} " if kernel > 1 else ""
        return self.layer("Convolution", [value], [self.fresh()], f"0={gives} 1={kernel} {pad}5=1 6={size} {options}".rstrip())

    def split(self, value: str, count: int) -> list[str]:
        names = [self.fresh() for _ in range(count)]
        self.layer("Split", [value], names)
        return names

    def fresh(self) -> str:
        self._splits += 1
        return f"value_{self._splits}"

    def floats(self, count: int, low: float, high: float) -> None:
        self.data += self._random.uniform(low, high, count).astype("<f4").tobytes()

    @property
    def param(self) -> str:
        values = len({name for line in self.lines for name in line.split()[4:] if "=" not in name})
        return "\n".join(["7767517", f"{len(self.lines)} {values}", *self.lines]) + "\n"

    def save(self, folder: Path, name: str = "net") -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.param").write_text(self.param)
        (folder / f"{name}.bin").write_bytes(self.data)
        return folder


def srvgg(convs: int = 4, width: int = 8, scale: int = 4, steep: bool = False, factor: float = 1.0) -> NcnnFiles:
    """Convolutions with PReLU between (``steep``: slopes above 1, too), added to the enlarged picture, resized by ``factor``."""
    net = NcnnFiles(convs)
    value, added = net.split("data", 2)
    for number in range(convs - 1):
        value = net.conv(value, (3 if number == 0 else width, width), gain=1.4)
        net.floats(width, 0.0, 1.7 if steep else 0.5)
        value = net.layer("PReLU", [value], [net.fresh()], f"0={width}")
    value = net.conv(value, (width, 3 * scale**2), gain=0.3)
    value = net.layer("PixelShuffle", [value], ["spread"], f"0={scale}")
    large = net.layer("Interp", [added], ["large"], f"0=1 1={scale:e} 2={scale:e}")
    value = net.layer("BinaryOp", [value, large], ["sum"])
    if factor != 1.0:
        net.layer("Interp", [value], ["result"], f"0=3 1={factor:e} 2={factor:e}")
    return net


def rrdb(blocks: int = 1, width: int = 8, growth: int = 4, residual: float = 0.2) -> NcnnFiles:
    """ESRGAN's generator; its authors' ``residual`` is 0.2."""
    net = NcnnFiles(blocks)
    bend = "9=2 -23310=1,2.000000e-01"
    first, value = net.split(net.conv("data", (3, width)), 2)

    def added(value: str, before: str) -> str:
        return net.layer("Eltwise", [value, before], [net.fresh()], f"0=1 -23301=2,{residual:e},1.000000e+00")

    for _ in range(blocks):
        kept, value = net.split(value, 2)
        for _ in range(3):
            *parts, before = net.split(value, 6)
            seen = [[part] for part in parts]
            for number in range(4):
                joined = seen[number][0] if number == 0 else net.layer("Concat", seen[number], [net.fresh()])
                made = net.split(net.conv(joined, (width + number * growth, growth), options=bend), 4 - number)
                for later, name in zip(range(number + 1, 5), made, strict=True):
                    seen[later].append(name)
            value = added(net.conv(net.layer("Concat", seen[4], [net.fresh()]), (width + 4 * growth, width)), before)
        value = added(value, kept)
    value = net.layer("BinaryOp", [first, net.conv(value, (width, width))], [net.fresh()])
    for _ in range(2):
        value = net.layer("Interp", [value], [net.fresh()], "0=1 1=2.000000e+00 2=2.000000e+00")
        value = net.conv(value, (width, width), options=bend)
    net.conv(net.conv(value, (width, width), options=bend), (width, 3))
    return net


def span(width: int = 5, scale: int = 2) -> NcnnFiles:
    """Attention without parameters; five channels make weights of an odd number, which are padded."""
    net = NcnnFiles(width)
    net.data += np.array([0.45, 0.44, 0.4], "<f4").tobytes()
    mean = net.layer("MemoryData", [], ["mean"], "0=1 1=1 2=3")
    value = net.layer("BinaryOp", ["data", mean], [net.fresh()], "0=1")
    value = net.layer("BinaryOp", [value], [net.fresh()], "0=2 1=1 2=2.000000e+00")
    joined = net.split(net.conv(value, (3, width)), 2)
    value = joined.pop()
    seen = [joined[0]]
    for block in range(6):
        before, value = net.split(value, 2)
        inner, value = net.split(net.layer("Swish", [net.conv(value, (width, width))], [net.fresh()]), 2)
        value = net.layer("Swish", [net.conv(value, (width, width))], [net.fresh()])
        found, attention = net.split(net.conv(value, (width, width)), 2)
        attention = net.layer("Sigmoid", [attention], [net.fresh()])
        attention = net.layer("BinaryOp", [attention], [net.fresh()], "0=1 1=1 2=5.000000e-01")
        value = net.layer("BinaryOp", [net.layer("BinaryOp", [found, before], [net.fresh()]), attention], [net.fresh()], "0=2")
        if block == 0:
            kept, value = net.split(value, 2)
            seen.append(kept)
        if block == 5:
            seen.append(inner)
    second = net.conv(value, (width, width))
    value = net.conv(net.layer("Concat", [seen[0], second, *seen[1:]], [net.fresh()]), (4 * width, width), kernel=1)
    net.layer("PixelShuffle", [net.conv(value, (width, 3 * scale**2))], ["result"], f"0={scale}")
    return net
