"""A Llama-like model out of a GGUF file, in the hub's layout: the weights as float32, the configuration, the tokenizer.

The file stores most matrices in blocks of 32 numbers of 4 or 8 bits with a scale (and an offset); what is written is what they
stand for, exactly. Format: github.com/ggml-org/ggml, docs/gguf.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.export import gguf_tokenizer
from desktop.models.export.safetensors_writer import write
from desktop.models.files import check_space
from desktop.paths import atomic_write

WEIGHTS = "model.safetensors"
ARCHITECTURE = "llama"
_REMEDY = "Install the model again."
_LAYER = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
_WHOLE = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
# English that any model of English finds less surprising than chance; nats for each token, where chance is ln(vocabulary).
_PROOF = "The capital of France is Paris. Water boils at one hundred degrees, and the sun rises in the east every morning."
_WORST_LOSS = 4.5


def export(folder: Path, progress: Progress) -> None:
    """Write model.safetensors, config.json and the tokenizer's files next to the one GGUF file in ``folder``, and try the model.

    Raises:
        UserError: as ``convert`` does, or the written model cannot read English.
    """
    convert(folder, progress.part(0.0, 0.8))
    progress.at(0.8, "Trying the model")
    _prove(folder)
    progress.at(1.0)


def convert(folder: Path, progress: Progress) -> None:
    """Write the model in the hub's layout next to the one GGUF file in ``folder``.

    Raises:
        UserError: it is not the GGUF file of a Llama-like model, or the disk is full.
    """
    import gguf

    source = next(iter(sorted(folder.glob("*.gguf"))), None)
    if source is None:
        raise UserError("There is no GGUF file", path=folder, remedy=_REMEDY)
    progress.at(0.0, f"Reading {source.name}")
    try:
        reader = gguf.GGUFReader(source)
        fields = {field.name: field.contents() for field in reader.fields.values()}
        config = _config(fields, [tensor.name for tensor in reader.tensors])
        tokenizer = gguf_tokenizer.make(fields)
        shapes = {_name(tensor.name): tuple(int(side) for side in reversed(tensor.shape)) for tensor in reader.tensors}
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise UserError("This is not the GGUF file of a Llama-like model", path=source, remedy=_REMEDY) from error
    check_space(folder, sum(4 * int(np.prod(shape)) for shape in shapes.values()))
    _put_json(folder / "config.json", config)
    _put_json(folder / "generation_config.json", {key: config[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id")})
    gguf_tokenizer.save(folder, tokenizer, fields)
    write(folder / WEIGHTS, shapes, _tensors(reader, config), progress.part(0.05, 1.0))


def _config(fields: dict[str, Any], tensors: list[str]) -> dict[str, Any]:
    """``config.json`` of a Llama model; KeyError or ValueError for another one."""
    if fields["general.architecture"] != ARCHITECTURE:
        raise ValueError("another architecture")

    def said(key: str) -> Any:
        return fields[f"{ARCHITECTURE}.{key}"]

    heads = said("attention.head_count")
    theta = float(str(np.float32(fields.get(f"{ARCHITECTURE}.rope.freq_base", 10000.0))))
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": ARCHITECTURE,
        "vocab_size": len(fields["tokenizer.ggml.tokens"]),
        "hidden_size": said("embedding_length"),
        "intermediate_size": said("feed_forward_length"),
        "num_hidden_layers": said("block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": fields.get(f"{ARCHITECTURE}.attention.head_count_kv", heads),
        "head_dim": fields.get(f"{ARCHITECTURE}.rope.dimension_count", said("embedding_length") // heads),
        "hidden_act": "silu",
        "max_position_embeddings": said("context_length"),
        # Stored in 32 bits; written as the shortest number that means the same there.
        "rms_norm_eps": float(str(np.float32(said("attention.layer_norm_rms_epsilon")))),
        "rope_theta": theta,
        "rope_parameters": {"rope_theta": theta, "rope_type": "default"},
        "attention_bias": False,
        "mlp_bias": False,
        "attention_dropout": 0.0,
        "initializer_range": 0.02,
        "tie_word_embeddings": "output.weight" not in tensors,
        "bos_token_id": fields["tokenizer.ggml.bos_token_id"],
        "eos_token_id": fields["tokenizer.ggml.eos_token_id"],
        "pad_token_id": fields.get("tokenizer.ggml.padding_token_id", fields["tokenizer.ggml.eos_token_id"]),
        "use_cache": True,
        "dtype": "float32",
    }


def _name(stored: str) -> str:
    """Name of a tensor as the hub's layout calls it; KeyError for one that a Llama does not have."""
    if stored in _WHOLE:
        return _WHOLE[stored]
    block, number, name, kind = stored.split(".")
    if block != "blk" or kind != "weight":
        raise KeyError(stored)
    return f"model.layers.{int(number)}.{_LAYER[name]}.weight"


def _tensors(reader: Any, config: dict[str, Any]) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    import gguf

    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    for tensor in reader.tensors:
        shape = tuple(int(side) for side in reversed(tensor.shape))
        numbers = gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32, copy=False).reshape(shape)
        turned = heads.get(tensor.name.split(".")[2]) if tensor.name.startswith("blk.") else None
        yield _name(tensor.name), _unturned(numbers, turned) if turned else numbers


def _unturned(rows: npt.NDArray[np.float32], heads: int) -> npt.NDArray[np.float32]:
    """Rows of a query or key matrix [heads · d, n] in halves for each head, as rotation wants them here, instead of in pairs."""
    pairs = rows.reshape(heads, len(rows) // heads // 2, 2, -1)
    return pairs.swapaxes(1, 2).reshape(rows.shape)


def _prove(folder: Path) -> None:
    """Raise, and remove the weights, when the model finds plain English about as surprising as chance would."""
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModelForCausalLM

    ids = torch.tensor([Tokenizer.from_file(str(folder / "tokenizer.json")).encode(_PROOF).ids])
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    with torch.no_grad():
        loss = float(model(input_ids=ids, labels=ids).loss)
    if not loss < _WORST_LOSS:
        (folder / WEIGHTS).unlink()
        raise UserError(
            f"The converted model does not read English ({loss:.2f} nats for each token)",
            path=folder,
            remedy="Please report this.",
        )


def _put_json(path: Path, value: dict[str, Any]) -> None:
    with atomic_write(path) as out:
        out.write(msgspec.json.format(msgspec.json.encode(value)) + b"\n")
