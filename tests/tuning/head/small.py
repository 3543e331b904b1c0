"""A small random encoder over words, and rows that it can tell apart."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel

from desktop.jobs.tuning_jobs import Recipe, Records, TuneJob
from desktop.tuning.runs import new_id

TOPICS = ("bills", "boats", "bread", "birds", "books", "boots")
_OWN, _COMMON = 12, 40


def words_of(topic: str) -> list[str]:
    """Words that its texts use more than others do."""
    return [f"{topic}{number}" for number in range(_OWN)]


COMMON = [f"word{number}" for number in range(_COMMON)]


def make_encoder(folder: Path, *, pad: int = 0) -> Path:
    """A BERT of two layers with a token for each word, in the hub's layout."""
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *COMMON, *(word for topic in (*TOPICS, "oos") for word in words_of(topic))]
    torch.manual_seed(11)
    config = BertConfig(
        vocab_size=len(names),
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=32,
        pad_token_id=pad,
        initializer_range=0.2,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({name: number for number, name in enumerate(names)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(names[:4])
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def texts(count: int, *, seed: int = 1, topics: Iterable[str] = TOPICS) -> list[tuple[str, str]]:
    """(text, topic): a few of the topic's words among common ones."""
    chance, topics, found = random.Random(seed), list(topics), []
    for number in range(count):
        topic = topics[number % len(topics)]
        some = chance.choices(words_of(topic), k=chance.randint(3, 5)) + chance.choices(COMMON, k=chance.randint(0, 3))
        chance.shuffle(some)
        found.append((" ".join(some), topic))
    return found


def make_rows(path: Path, rows: Iterable[tuple[str, str]]) -> Path:
    """CSV with the columns text and topic."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "topic"), *rows])
    return path


def job(base: Path, rows: Path, **recipe: Any) -> TuneJob:
    """A head's training, unless the recipe says something else."""
    run = recipe.pop("run", "") or new_id()
    records = Records(source=str(rows), inputs=("text",), output="topic", validation=0.3, keep_duplicates=True)
    settings = {"method": "head", "samples": 2, "precision": "fp32", **recipe}
    return TuneJob(run=run, device="cpu", records=records, recipe=Recipe(base=str(base), **settings))
