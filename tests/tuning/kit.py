"""Small models in the hub's layout, and facts of rows, for the tests of this folder."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from desktop.tuning.records.facts import Column, Facts, Histogram, Kind, SourceFile

CHAT = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] | trim + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
CONFIGS: dict[str, dict[str, Any]] = {
    "llama": {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 256, "tie_word_embeddings": True, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2,
    },
    "bloom": {
        "hidden_size": 32, "n_layer": 2, "n_head": 4, "seq_length": 256, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 3,
    },
    "t5": {
        "d_model": 32, "d_ff": 64, "d_kv": 8, "num_layers": 2, "num_heads": 4, "feed_forward_proj": "gated-gelu",
        "decoder_start_token_id": 0, "eos_token_id": 1, "pad_token_id": 0,
    },
}  # fmt: skip


def facts(
    columns: Sequence[str], output: str, *, rows: int = 100, classes: Sequence[str] = (), chars: int = 100, answer: float = 20.0
) -> Facts:
    """Facts of a file whose other columns are inputs; the prompts have up to ``chars`` characters."""
    return Facts(
        format="csv",
        encoding="utf-8",
        delimiter=",",
        rows=rows,
        columns=[Column(name=n, kind=Kind.TEXT, filled=1.0, distinct=9, mean_chars=answer, example="") for n in columns],
        inputs=tuple(name for name in columns if name != output),
        output=output,
        splits={"train": rows, "validation": rows // 10, "test": 0},
        problems_total=0,
        problems=[],
        duplicates=0,
        conflicts=0,
        leakage={},
        classes={label: {"train": rows // len(classes)} for label in classes},
        classes_total=len(classes),
        is_classification=bool(classes),
        unseen=[],
        chars=Histogram([0, chars // 2, chars], [rows // 2, rows - rows // 2]),
        source=SourceFile(path="rows.csv", size=1, mtime_ns=1, sha256=""),
    )


def byte_tokenizer(special: Sequence[str]) -> Tokenizer:
    """A token for each byte, after the special ones, and none for more."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={token: number for number, token in enumerate([*special, *letters])}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return made


def write_safetensors(path: Path, tensors: Mapping[str, tuple[int, ...]]) -> None:
    """Float32 zeros of these shapes."""
    head, end = {}, 0
    for name, shape in tensors.items():
        size = 4
        for side in shape:
            size *= side
        head[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(head).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(end))


def make_folder(folder: Path, architecture: str = "llama", *, chat: bool = True) -> Path:
    """A folder in the hub's layout with zeros for weights: enough for everything that does not multiply them."""
    folder.mkdir(parents=True, exist_ok=True)
    special = ["<pad>", "</s>", "<unk>"] if architecture == "t5" else ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<pad>"]
    tokenizer = byte_tokenizer(special)
    if architecture == "t5":
        from tokenizers import processors

        tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"eos_token": "</s>", "pad_token": "<pad>"} if architecture == "t5" else {
        "bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "pad_token": "<|im_end|>"
    }  # fmt: skip
    write_json(
        folder / "tokenizer_config.json", {**names, **({"chat_template": CHAT} if chat and architecture == "llama" else {})}
    )
    vocabulary = tokenizer.get_vocab_size()
    write_json(folder / "config.json", {"model_type": architecture, "vocab_size": vocabulary, **CONFIGS[architecture]})
    write_safetensors(folder / "model.safetensors", {"embed.weight": (vocabulary, 32), "layers.0.q_proj.weight": (32, 32)})
    return folder


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")
