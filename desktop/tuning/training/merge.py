"""Tuned weights as one whole model in the hub's layout: adapters added to the base's weights tensor by tensor, on the way."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.malformed import MALFORMED
from desktop.models.export.weights import weight_files
from desktop.tuning.bases import Base
from desktop.tuning.context import Context
from desktop.tuning.training.folders import link_or_copy, whole_folder
from desktop.tuning.training.tensors import DTYPES, Planned, read_tensors, write_bytes, write_stream

_ADAPTER_CONFIG, _ADAPTER = "adapter_config.json", "adapter_model.safetensors"
_CONFIG, _WHOLE = "config.json", "model.safetensors"
_DOWN, _UP, _PREFIX = ".lora_A.weight", ".lora_B.weight", "base_model.model."
_NOT_COPIED = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx", ".index.json")


class _Adapter(NamedTuple):
    """A layer's change: scale x up [out, r] x down [r, in]."""

    down: Tensor
    up: Tensor
    scale: float

    def added_to(self, weight: Tensor) -> Tensor:
        """In 32 bits: rounding once more would cost what was learned."""
        return torch.addmm(weight.float(), self.up.float(), self.down.float(), alpha=self.scale)


def merged(run: Context | Path, which: str, base: Base, target: Path, progress: Progress) -> None:
    """Make the folder ``target``: the base as tuned, whole, with its configuration and tokenizer.

    Args:
        run: a training, or a run's folder. which: "best" or "last".

    Raises:
        UserError: there are no such weights, they are of another base, or the disk is full; then there is no ``target``.
    """
    folder = (run.folder if isinstance(run, Context) else run) / which
    if not folder.is_dir():
        raise UserError(f"The run has no {which} weights yet", path=folder.parent, remedy="Let it train further.")
    with whole_folder(target, "The merged weights") as hidden:
        if (folder / _ADAPTER_CONFIG).is_file():
            _add(folder, base.folder, hidden, progress)
        else:
            for file in sorted(entry for entry in folder.iterdir() if entry.is_file()):
                link_or_copy(file, hidden / file.name)
    progress.at(1.0)


def _add(folder: Path, base: Path, target: Path, progress: Progress) -> None:
    adapters = _adapters(folder)
    waiting = set(adapters)
    with ExitStack() as stack:
        places = {name: file for file in _open(base, stack) for name in file.keys()}  # noqa: SIM118 - no dict
        layers = {name: _layer(name, waiting) for name in places}
        waiting -= {layer for layer in layers.values() if layer is not None}
        if waiting:
            raise UserError(f"These adapters are of another base: it has no {min(waiting)}", path=folder)
        planned = [_planned(name, file, layers[name] is not None) for name, file in places.items()]
        done = 0

        def make(name: str) -> Tensor:
            nonlocal done
            progress.at(done / len(planned), "Merging weights")
            done += 1
            weight, layer = places[name].get_tensor(name), layers[name]
            return weight if layer is None else adapters[layer].added_to(weight)

        write_stream(target / _WHOLE, planned, make)
    for file in sorted(base.iterdir()):
        if file.is_file() and not file.name.startswith(".") and not file.name.endswith(_NOT_COPIED):
            write_bytes(target / file.name, file.read_bytes())


def _adapters(folder: Path) -> dict[str, _Adapter]:
    """Changes by the names of their layers."""
    try:
        config: dict[str, Any] = json.loads((folder / _ADAPTER_CONFIG).read_bytes())
        scale = float(config["lora_alpha"]) / float(config["r"])
        if not math.isfinite(scale):
            raise ValueError(f"their scale is {scale}")
    except (OSError, *MALFORMED, KeyError, TypeError, ArithmeticError) as error:
        raise UserError(f"The adapters' configuration cannot be read: {error}", path=folder / _ADAPTER_CONFIG) from error
    found = read_tensors(folder / _ADAPTER)
    return {
        name.removeprefix(_PREFIX).removesuffix(_DOWN): _Adapter(down, found[name.removesuffix(_DOWN) + _UP], scale)
        for name, down in found.items()
        if name.endswith(_DOWN)
    }


def _open(base: Path, stack: ExitStack) -> Iterator[Any]:
    """The files of a base's weights."""
    for file in weight_files(base):
        try:
            yield stack.enter_context(safe_open(file, "pt"))
        except (OSError, SafetensorError) as error:
            raise UserError(f"The base's weights cannot be read: {error}", path=file) from error


def _layer(name: str, layers: set[str]) -> str | None:
    """The adapted layer that a weight of the base belongs to; files may leave out the name of the model's body."""
    if not name.endswith(".weight"):
        return None
    layer = name.removesuffix(".weight")
    candidates = (layer, *(f"{body}.{layer}" for body in ("model", "transformer")))
    return next((candidate for candidate in candidates if candidate in layers), None)


def _planned(name: str, file: Any, changed: bool) -> Planned:
    part = file.get_slice(name)
    return Planned(name, torch.float32 if changed else DTYPES[part.get_dtype()], part.get_shape())
