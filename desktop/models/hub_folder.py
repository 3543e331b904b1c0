"""A language model in the hub's layout: a folder with ``config.json``, safetensors and ``tokenizer.json``, looked at and checked.

Nothing is loaded or run: JSON and the heads of the weights' files tell all there is to know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from desktop.errors import UserError
from desktop.malformed import MALFORMED
from desktop.models import safetensors_head
from desktop.models.catalog import Commercial, is_safe_name
from desktop.plain_files import read_plain

CONFIG, WEIGHTS, INDEX, TOKENIZER = "config.json", "model.safetensors", "model.safetensors.index.json", "tokenizer.json"
SENTENCEPIECE = ("spiece.model", "tokenizer.model")
CARDS = ("README.md", "LICENSE", "LICENSE.txt", "LICENSE.md", "NOTICE")
# What of a repository or folder belongs to a model that is to be tuned; everything else (pickles, other formats) is left.
PARTS = (
    CONFIG, INDEX, TOKENIZER, "*.safetensors", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "generation_config.json", "chat_template.jinja", "chat_template.json", "modules.json", "sentence_bert_config.json",
    "config_sentence_transformers.json", "*_Pooling/config.json", *SENTENCEPIECE, *CARDS,
)  # fmt: skip
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_OTHERS = {"*.gguf": "GGUF", "*.h5": "TensorFlow", "*.msgpack": "Flax", "*.onnx": "ONNX"}
_MOST_JSON = 64 << 20
_SHOWN = 3
_HUB_REMEDY = "Take a folder as `hf download OWNER/NAME --local-dir FOLDER` makes it."


class Family(StrEnum):
    """How a model reads and writes."""

    ENCODER = "encoder"
    DECODER = "decoder"
    SEQ2SEQ = "seq2seq"


ARCHITECTURES = {
    "bert": Family.ENCODER,
    "roberta": Family.ENCODER,
    "xlm-roberta": Family.ENCODER,
    "distilbert": Family.ENCODER,
    "mpnet": Family.ENCODER,
    "llama": Family.DECODER,
    "mistral": Family.DECODER,
    "qwen2": Family.DECODER,
    "bloom": Family.DECODER,
    "t5": Family.SEQ2SEQ,
}
"""``model_type`` of each architecture that Reprise can tune and export."""

_AFTER_PADDING = {"roberta": 0, "xlm-roberta": 0, "mpnet": 2}
"""Whose positions begin after the padding token's id (0), or after a number of unused ones."""

LICENCES = {
    "apache-2.0": ("Apache-2.0", Commercial.YES),
    "mit": ("MIT", Commercial.YES),
    "bsd-3-clause": ("BSD-3-Clause", Commercial.YES),
    "cc0-1.0": ("CC0-1.0", Commercial.YES),
    "cc-by-4.0": ("CC-BY-4.0", Commercial.YES),
    "cc-by-sa-4.0": ("CC-BY-SA-4.0", Commercial.YES),
    "cc-by-nc-4.0": ("CC-BY-NC-4.0", Commercial.NO),
    "cc-by-nc-sa-4.0": ("CC-BY-NC-SA-4.0", Commercial.NO),
    # Commercial use is allowed, but not every use: the uses it forbids are listed in the licence.
    "bigscience-bloom-rail-1.0": ("LicenseRef-BigScience-BLOOM-RAIL-1.0", Commercial.UNCLEAR),
    "bigscience-openrail-m": ("LicenseRef-BigScience-OpenRAIL-M", Commercial.UNCLEAR),
}
UNKNOWN_LICENCE = ("LicenseRef-Unknown", Commercial.UNCLEAR)


@dataclass(frozen=True)
class HubFolder:
    """A language model's folder, whole as far as heads and names tell.

    Attributes:
        config: its ``config.json``.
        architecture: ``model_type``.
        weights: its safetensors files.
        has_tokenizer: ``tokenizer.json`` is there; otherwise only a SentencePiece model is.
        parameters: numbers in the weights, each counted once.
        size: bytes of the weights.
        context: most tokens at a time; None without a limit.
        chat_template: Jinja template of a conversation; "" for none.
        spdx, commercial: licence as the model's card says.
    """

    folder: Path
    config: dict[str, Any]
    family: Family
    architecture: str
    weights: tuple[Path, ...]
    has_tokenizer: bool
    parameters: int
    size: int
    context: int | None
    layers: int
    hidden: int
    heads: int
    vocabulary: int
    chat_template: str
    spdx: str
    commercial: Commercial


def read(folder: Path) -> HubFolder:
    """Look at a folder and check it.

    Raises:
        UserError: no such folder, not in this layout, an architecture that Reprise does not know, shards missing or damaged,
            pickles only, no tokenizer.
    """
    config = _config(folder)
    architecture = str(config.get("model_type", ""))
    family = _family(architecture, config, folder)
    weights = _weights(folder)
    tensors = _tensors(weights, folder)
    if not (folder / TOKENIZER).is_file() and not any((folder / name).is_file() for name in SENTENCEPIECE):
        raise UserError("The folder has no tokenizer (tokenizer.json)", path=folder, remedy=_HUB_REMEDY)
    spdx, commercial = _licence(folder)
    return HubFolder(
        folder=folder,
        config=config,
        family=family,
        architecture=architecture,
        weights=weights,
        has_tokenizer=(folder / TOKENIZER).is_file(),
        parameters=_parameters(tensors, config, family),
        size=sum(path.stat().st_size for path in weights),
        context=_context(folder, config, architecture),
        layers=_number(config, "num_hidden_layers", "num_layers", "n_layer", "n_layers"),
        hidden=_number(config, "hidden_size", "d_model", "n_embed", "dim"),
        heads=_number(config, "num_attention_heads", "num_heads", "n_head", "n_heads"),
        vocabulary=_number(config, "vocab_size"),
        chat_template=chat_template(folder),
        spdx=spdx,
        commercial=commercial,
    )


def family_of(folder: Path) -> Family:
    """The family by ``config.json`` alone; raises UserError for an architecture that Reprise does not know."""
    config = _config(folder)
    return _family(str(config.get("model_type", "")), config, folder)


def is_hub_folder(folder: Path) -> bool:
    """Whether a folder looks like a language model's, sound or not."""
    try:
        return isinstance(_json(folder / CONFIG).get("model_type"), str)
    except (UserError, OSError):
        return False


def chat_template(folder: Path) -> str:
    """The template of a conversation, from wherever this generation of the layout keeps it; "" for none."""
    path = folder / "chat_template.jinja"
    if path.is_file():
        return path.read_text(encoding="utf-8", errors="replace")
    for name in ("chat_template.json", "tokenizer_config.json"):
        if (folder / name).is_file():
            found = _json(folder / name).get("chat_template")
            if isinstance(found, list):
                named = {str(one.get("name")): one.get("template") for one in found if isinstance(one, dict)}
                found = named.get("default")
            if isinstance(found, str) and found:
                return found
    return ""


def _config(folder: Path) -> dict[str, Any]:
    if folder.is_file():
        raise UserError("This is a file; a base model is a folder", path=folder, remedy=_HUB_REMEDY)
    if not folder.is_dir():
        raise UserError("There is no such folder", path=folder)
    if not (folder / CONFIG).is_file():
        if (folder / "adapter_config.json").is_file():
            raise UserError(
                "The folder holds an adapter, not a whole model", path=folder, remedy="Name the model that it was made for."
            )
        kinds = [kind for pattern, kind in _OTHERS.items() if any(folder.glob(pattern))]
        holds = f"; it holds {kinds[0]} weights, which cannot be tuned here" if kinds else ""
        raise UserError(
            f"The folder is no model in the hub's layout: it has no config.json{holds}", path=folder, remedy=_HUB_REMEDY
        )
    return _json(folder / CONFIG)


def _family(architecture: str, config: dict[str, Any], folder: Path) -> Family:
    if "quantization_config" in config:
        raise UserError(
            "The weights of this model are quantised already, which cannot be tuned here",
            path=folder,
            remedy="Take the model's original weights.",
        )
    if architecture not in ARCHITECTURES:
        own = " that brings its own program code, which Reprise does not run" if "auto_map" in config else ""
        raise UserError(
            f"Reprise does not know the architecture '{architecture or 'none'}' of this model{own}",
            path=folder,
            remedy=f"It knows {', '.join(ARCHITECTURES)}.",
        )
    return ARCHITECTURES[architecture]


def _weights(folder: Path) -> tuple[Path, ...]:
    """The weights' files; every one is there."""
    if (folder / WEIGHTS).is_file():
        return (folder / WEIGHTS,)
    if (folder / INDEX).is_file():
        names = _json(folder / INDEX).get("weight_map")
        if not isinstance(names, dict) or not names:
            raise UserError("The index of the weights names no files", path=folder / INDEX, remedy=_HUB_REMEDY)
        shards = sorted({str(name) for name in names.values()})
        if any(not is_safe_name(name) for name in shards):
            raise UserError("The index of the weights names files outside of the folder", path=folder / INDEX)
        missing = [name for name in shards if not (folder / name).is_file()]
        if missing:
            shown = ", ".join(missing[:_SHOWN]) + (", ..." if len(missing) > _SHOWN else "")
            raise UserError(
                f"{len(missing)} of {len(shards)} files of the weights are missing: {shown}", path=folder, remedy=_HUB_REMEDY
            )
        return tuple(folder / name for name in shards)
    single = sorted(folder.glob("*.safetensors"))
    if any(re.search(r"-\d{5}-of-\d{5}\.safetensors$", path.name) for path in single):
        raise UserError(
            f"The weights are in several files, and their index ({INDEX}) is missing", path=folder, remedy=_HUB_REMEDY
        )
    if any(path for pattern in _PICKLES for path in folder.glob(pattern)):
        raise UserError(
            "The weights are there as pickles only, a form that can run programs when it is opened, so they were not opened",
            path=folder,
            remedy="Get the model's safetensors files; most repositories of the hub have them.",
        )
    raise UserError(f"The folder has no weights ({WEIGHTS})", path=folder, remedy=_HUB_REMEDY)


def _tensors(weights: tuple[Path, ...], folder: Path) -> dict[str, safetensors_head.Tensor]:
    tensors: dict[str, safetensors_head.Tensor] = {}
    for path in weights:
        tensors.update(safetensors_head.read(path))
    if (folder / INDEX).is_file() and len(weights) > 1:
        missing = [name for name in _json(folder / INDEX)["weight_map"] if name not in tensors]
        if missing:
            raise UserError(
                f"{len(missing)} weights that the index names are in none of the files ({missing[0][:80]})",
                path=folder / INDEX,
                remedy=_HUB_REMEDY,
            )
    if not tensors:
        raise UserError("The weights' file is empty", path=weights[0])
    return tensors


def _parameters(tensors: dict[str, safetensors_head.Tensor], config: dict[str, Any], family: Family) -> int:
    """Numbers in the weights; matrices that a file holds twice because they are shared count once."""
    doubles = {"encoder.embed_tokens.weight", "decoder.embed_tokens.weight"} if "shared.weight" in tensors else set()
    if family is Family.DECODER and config.get("tie_word_embeddings"):
        doubles.add("lm_head.weight")
    return sum(
        tensor.numbers for name, tensor in tensors.items() if name not in doubles and tensor.dtype in safetensors_head.FLOATS
    )


def _context(folder: Path, config: dict[str, Any], architecture: str) -> int | None:
    if architecture == "t5":
        # Relative positions: what n_positions says is the length of pre-training, not a limit.
        return None
    limits = [_number(config, "max_position_embeddings", "n_positions", "seq_length")]
    if architecture in _AFTER_PADDING:
        limits[0] -= _AFTER_PADDING[architecture] or _number(config, "pad_token_id") + 1
    if (folder / "sentence_bert_config.json").is_file():
        limits.append(_number(_json(folder / "sentence_bert_config.json"), "max_seq_length"))
    return min((limit for limit in limits if limit > 0), default=None)


def _licence(folder: Path) -> tuple[str, Commercial]:
    """SPDX identifier by the head of the model's card."""
    card = folder / "README.md"
    if not card.is_file():
        return UNKNOWN_LICENCE
    with card.open(encoding="utf-8", errors="replace") as file:
        text = file.read(16384)
    head = re.match(r"---\r?\n(.*?)\r?\n---", text, re.DOTALL)
    said = re.search(r"^license:\s*['\"]?([\w.+-]+)", head[1], re.MULTILINE) if head else None
    if said is None:
        return UNKNOWN_LICENCE
    name = said[1].lower()
    return LICENCES.get(name, (f"LicenseRef-{re.sub(r'[^A-Za-z0-9.-]', '-', said[1])}", Commercial.UNCLEAR))


def _number(config: dict[str, Any], *names: str) -> int:
    for name in names:
        if isinstance(value := config.get(name), int) and not isinstance(value, bool):
            return value
    return 0


def _json(path: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(read_plain(path, _MOST_JSON), type=dict[str, Any])
    except OSError as error:
        raise UserError(f"The file cannot be read: {error.strerror}", path=path) from error
    except MALFORMED as error:
        raise UserError(f"The file is not valid JSON: {error}", path=path, remedy=_HUB_REMEDY) from error
