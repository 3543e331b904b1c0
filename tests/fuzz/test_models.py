"""Papers of language models from strangers: configurations, tokenizers, adapters; what is no model is refused with its name."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.malformed import MALFORMED
from desktop.models.export import encoder_nets, seq2seq, t5
from desktop.tuning import tokenizer
from desktop.tuning.bases import Base
from desktop.tuning.head import saved
from desktop.tuning.training import merge
from desktop.video import findings
from desktop.video.faces.data import load_tracks
from tests.fuzz.mutating import NESTED, broken, how_many, refuses, rewritten, tried

BERT = {
    "model_type": "bert", "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8,
    "vocab_size": 8, "max_position_embeddings": 16, "hidden_act": "gelu", "pad_token_id": 0,
}  # fmt: skip
T5 = {
    "model_type": "t5", "d_model": 4, "d_ff": 8, "d_kv": 2, "num_heads": 2, "num_layers": 1, "vocab_size": 8, "eos_token_id": 1,
    "feed_forward_proj": "gated-gelu",
}  # fmt: skip
TOKENIZER = {
    "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
    "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None,
    "model": {"type": "WordLevel", "vocab": {"a": 0, "[UNK]": 1}, "unk_token": "[UNK]"},
}  # fmt: skip
SPECIAL = {"eos_token": {"content": "</s>", "special": True}, "pad_token": "<pad>", "eos_token_id": [1, 2]}


def _t5(folder: Path) -> object:
    try:
        return t5.plan_of(json.loads((folder / "config.json").read_bytes()))
    except MALFORMED:
        # As its caller says.
        with pytest.raises(UserError, match="configuration"):
            seq2seq.export_seq2seq(folder, folder, Progress())
        return None


def _special(folder: Path) -> object:
    return tokenizer.special_tokens(folder), tokenizer.configured(folder, "eos_token_id")


READERS: dict[str, tuple[str, dict[str, Any], Callable[[Path], object]]] = {
    "encoder": ("config.json", BERT, encoder_nets.plan_of),
    "pooling": ("1_Pooling/config.json", {"pooling_mode_mean_tokens": True}, encoder_nets.pooling_of),
    "t5": ("config.json", T5, _t5),
    "tokenizer": ("tokenizer.json", TOKENIZER, lambda folder: tokenizer.surroundings(tokenizer.open_tokenizer(folder))),
    "special": ("special_tokens_map.json", SPECIAL, _special),
    "generation": ("generation_config.json", SPECIAL, _special),
}


@how_many
@pytest.mark.parametrize("kind", READERS)
def test_papers_of_language_models(tmp_path: Path, kind: str, examples: int) -> None:
    name, tree, read = READERS[kind]
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)

    def check(data: bytes) -> None:
        file.write_bytes(data)
        refuses(lambda: read(tmp_path))

    whole = json.dumps(tree).encode()
    known = [
        b"[]",
        b"null",
        b'"x"',
        b"{}",
        NESTED[0],
        NESTED[1],
        b"\xff",
        *(json.dumps({**tree, key: None}).encode() for key in tree),
    ]
    cheap = max(8, examples // 2)
    tried(check, broken([whole]) | rewritten(tree).map(lambda each: json.dumps(each).encode()), cheap, known)


ADAPTER = {"lora_alpha": 8, "r": 4, "target_modules": ["q"]}


@how_many
def test_adapters(tmp_path: Path, examples: int) -> None:
    run, base = tmp_path / "run" / "best", tmp_path / "base"
    run.mkdir(parents=True)
    base.mkdir()
    save_file({"q.weight": torch.ones(4, 4)}, base / "model.safetensors")
    save_file({"q.weight": torch.ones(4, 4)}, tmp_path / "outside.safetensors")
    low = {"base_model.model.q.lora_A.weight": torch.ones(2, 4), "base_model.model.q.lora_B.weight": torch.ones(4, 2)}
    save_file(low, run / "adapter_model.safetensors")
    index = base / "model.safetensors.index.json"

    def read() -> None:
        adapters = merge._adapters(run)
        assert all(np.isfinite(adapter.scale) for adapter in adapters.values())

    def check(data: bytes) -> None:
        (run / "adapter_config.json").write_bytes(data)
        refuses(read)

    whole = json.dumps(ADAPTER).encode()
    check(whole)
    known = [
        NESTED[0],
        b"[]",
        b'{"lora_alpha": 1, "r": 0}',
        b'{"lora_alpha": 1e308, "r": 1e-308}',
        b'{"lora_alpha": NaN, "r": 1}',
    ]
    tried(check, broken([whole]) | rewritten(ADAPTER).map(lambda each: json.dumps(each).encode()), max(10, examples // 2), known)
    (run / "adapter_config.json").write_bytes(whole)
    for names in ({"q.weight": "../outside.safetensors"}, {"q.weight": str(tmp_path / "outside.safetensors")}, {"q": 3}, [], 3):
        index.write_text(json.dumps({"weight_map": names}))
        assert refuses(lambda: merged(run.parent, base, tmp_path / "out")), names
    for text in (NESTED[0], b"\xff", b"{}", b"[]"):
        index.write_bytes(text)
        assert refuses(lambda: merged(run.parent, base, tmp_path / "out"))


def merged(run: Path, base: Path, target: Path) -> None:
    """The base with its adapters."""
    facts = Base(
        id=str(base), title="b", folder=base, family="decoder", architecture="llama", parameters=16, bytes=64, context=None,
        licence="MIT", commercial="yes", has_chat=False, layers=1, hidden=4, heads=1, vocabulary=4,
    )  # fmt: skip
    merge.merged(run, "best", facts, target, Progress())


@how_many
def test_arrays_of_our_own_that_were_damaged(tmp_path: Path, examples: int) -> None:
    """Checkpoints of a head, tracks of faces, the look of a clip: nothing is better than something wrong."""
    np.savez(out := io.BytesIO(), facts=np.frombuffer(b'{"format": 1}', np.uint8), a=np.ones(3))
    np.save(plain := io.BytesIO(), np.ones(3))

    def check(data: bytes) -> None:
        for name in (saved.NAME, "tracks.npz", "times.npy", "look.json"):
            (tmp_path / name).write_bytes(data)
        refuses(lambda: saved.load(tmp_path, "x"))
        refuses(lambda: load_tracks(tmp_path / "tracks.npz"))
        refuses(lambda: findings.load(tmp_path))

    unclosed = plain.getvalue().replace(b"(3,)", b"3,) ")
    known = [b"", NESTED[0], b"\x93NUMPY\x01\0\xff\xff{", unclosed]
    tried(check, broken([out.getvalue(), plain.getvalue()]), max(15, examples // 2), known)
