"""Tiny random models in the hub's layout, small files of examples, and runs on them."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    T5Config,
    T5ForConditionalGeneration,
)

from desktop.jobs.tuning_jobs import Recipe, Records, TuneJob
from desktop.tuning.runs import new_id

PAD, END = "<pad>", "</s>"
KINDS = ("llama", "bloom", "t5")
TARGETS = {"llama": ("q_proj", "down_proj"), "bloom": ("query_key_value", "dense"), "t5": ("q", "wo")}


def make_base(folder: Path, kind: str, *, seed: int = 5) -> Path:
    """A random model of two layers over single bytes, without dropout, saved as transformers does."""
    vocabulary = [PAD, END, *pre_tokenizers.ByteLevel.alphabet()]
    torch.manual_seed(seed)
    network(kind, len(vocabulary)).save_pretrained(folder)
    tokenizer = Tokenizer(models.BPE({token: number for number, token in enumerate(vocabulary)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([PAD, END])
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": END, "pad_token": PAD}))
    return folder


def network(kind: str, vocabulary: int) -> PreTrainedModel:
    """The network alone."""
    ids: dict[str, Any] = {"vocab_size": vocabulary, "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 1}
    if kind == "llama":
        return LlamaForCausalLM(
            LlamaConfig(
                hidden_size=32,
                intermediate_size=64,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                max_position_embeddings=256,
                **ids,
            )
        )
    if kind == "bloom":
        return BloomForCausalLM(BloomConfig(hidden_size=32, n_layer=2, n_head=4, **ids))
    return T5ForConditionalGeneration(
        T5Config(d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, dropout_rate=0.0, **ids | {"decoder_start_token_id": 0})
    )


def make_rows(path: Path, count: int = 60, *, seed: int = 3) -> Path:
    """CSV of lists of letters and the same in upper case."""
    chance = random.Random(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "answer"])
        for _ in range(count):
            word = "".join(chance.choices("abcdefgh", k=chance.randint(3, 12)))
            writer.writerow([word, word[:3].upper()])
    return path


def job(base: Path, rows: Path, **changes: Any) -> TuneJob:
    """A short training of adapters with some of everything."""
    recipe: dict[str, Any] = {
        "base": str(base),
        "method": "lora",
        "epochs": 2.0,
        "batch": 8,
        "learning_rate": 1e-2,
        "eval_every": 5,
        "checkpoint_every": 4,
        "samples": 2,
        "patience": 0,
        "max_tokens": 48,
        "max_answer": 8,
        "precision": "fp32",
        "lora_targets": TARGETS[json.loads((base / "config.json").read_text())["model_type"]],
    }
    recipe |= changes
    return TuneJob(
        run=recipe.pop("run", "") or new_id(),
        device="cpu",
        resumed_from=recipe.pop("resumed_from", ""),
        records=Records(source=str(rows), inputs=("text",), output="answer", validation=0.2),
        recipe=Recipe(**recipe),
    )
