"""Trained weights as folders in the hub's layout: adapters, or the whole model with its tokenizer."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from desktop.malformed import MALFORMED
from desktop.tuning.training import lora
from desktop.tuning.training.folders import link_or_copy, whole_folder
from desktop.tuning.training.network import Network
from desktop.tuning.training.tensors import Written, write_bytes, write_tensors

CONFIG, WHOLE = "config.json", "model.safetensors"
_MARK = "tuned.json"
_PASSED_ON = (
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "spiece.model",
    "vocab.json",
    "merges.txt",
)


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """Which weights a folder holds: after which step, and what made them the best there."""

    step: int
    name: str = ""
    value: float | None = None


def write_weights(folder: Path, network: Network, base: Path) -> dict[str, Written]:
    """Fill an empty folder with what was trained; the files written.

    Args:
        base: folder of the base, whose configuration and tokenizer go with a whole model.
    """
    if network.is_adapted:
        return {
            lora.CONFIG: write_bytes(folder / lora.CONFIG, _adapter_config(network)),
            lora.WEIGHTS: write_tensors(folder / lora.WEIGHTS, network.weights()),
        }
    config = json.loads((base / CONFIG).read_text(encoding="utf-8"))
    for name in ("dtype", "torch_dtype"):
        if name in config:
            config[name] = "float32"
    written = {
        CONFIG: write_bytes(folder / CONFIG, json.dumps(config, indent=2).encode()),
        WHOLE: write_tensors(folder / WHOLE, network.weights()),
    }
    for name in _PASSED_ON:
        if (base / name).is_file():
            written[name] = write_bytes(folder / name, (base / name).read_bytes())
    return written


def place_weights(source: Path, target: Path, mark: Mark) -> None:
    """Make ``target`` a folder with the files of ``source`` and a mark, in place of what was there."""
    with whole_folder(target, "The weights") as hidden:
        for file in sorted(source.iterdir()):
            link_or_copy(file, hidden / file.name)
        write_bytes(hidden / _MARK, msgspec.json.encode(mark))


def save_weights(target: Path, network: Network, base: Path, mark: Mark) -> None:
    """Make ``target`` a folder with the network's weights and a mark, in place of what was there."""
    with whole_folder(target, "The weights") as hidden:
        write_weights(hidden, network, base)
        write_bytes(hidden / _MARK, msgspec.json.encode(mark))


def mark_of(folder: Path) -> Mark | None:
    """Which weights lie in ``folder``; None when there are none."""
    try:
        return msgspec.json.decode((folder / _MARK).read_bytes(), type=Mark)
    except (OSError, *MALFORMED):
        return None


def pass_on(base: Path, target: Path) -> None:
    """Copy the tokenizer and what else goes with a model's weights."""
    for name in _PASSED_ON:
        if (base / name).is_file():
            shutil.copyfile(base / name, target / name)


def _adapter_config(network: Network) -> bytes:
    config: Mapping[str, Any] = network.model.peft_config[lora.ADAPTER].to_dict()
    plain = {
        name: sorted(value) if isinstance(value, set) else value
        for name, value in config.items()
        if not name.startswith("_") and name != "inference_mode"
    }
    return json.dumps({**plain, "inference_mode": True}, indent=2, default=str).encode()
