"""Merged weights against those that peft merges."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.jobs.tuning_jobs import Recipe
from desktop.models.library import Library
from desktop.tuning.bases import find_base
from desktop.tuning.prompt_card import PromptCard
from desktop.tuning.training.merge import merged
from desktop.tuning.training.network import open_network
from desktop.tuning.training.weights import Mark, save_weights
from tests.tuning.training.tiny import KINDS, TARGETS, make_base

# Of transformers, about a name that peft still uses.
pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")

Bases = Callable[[str], Path]


def _tuned(base: Path, kind: str, run: Path, method: str = "lora") -> None:
    card = PromptCard(family="d", inputs=(), start=0 if kind == "t5" else None, max_tokens=9, max_answer=9)
    recipe = Recipe(method=method, lora_targets=TARGETS[kind] if method == "lora" else (), precision="fp32", lora_alpha=12)
    network = open_network(base, recipe, card, device="cpu", base=kind)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in network.trainable.values():
            parameter += torch.randn_like(parameter) * 0.1
    save_weights(run / "best", network, base, Mark(step=1))


@pytest.mark.parametrize("kind", KINDS)
def test_merged_adapters_are_those_that_peft_merges(kind: str, tiny_base: Bases, tmp_path: Path, home: Path) -> None:
    base = tiny_base(kind)
    _tuned(base, kind, tmp_path)
    found = find_base(str(base), Library(), Progress())
    merged(tmp_path, "best", found, tmp_path / "whole", Progress())
    load = AutoModelForSeq2SeqLM if kind == "t5" else AutoModelForCausalLM
    ours = load.from_pretrained(tmp_path / "whole", dtype=torch.float32)
    theirs = PeftModel.from_pretrained(load.from_pretrained(base, dtype=torch.float32), tmp_path / "best").merge_and_unload()
    for name, tensor in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], tensor, msg=lambda text, name=name: f"{name}: {text}")
    plain = load_file(base / "model.safetensors")
    changed = sum(
        not torch.equal(tensor, plain[name]) for name, tensor in load_file(tmp_path / "whole/model.safetensors").items()
    )
    assert changed == len(load_file(tmp_path / "best/adapter_model.safetensors")) // 2
    assert (tmp_path / "whole/tokenizer.json").read_bytes() == (base / "tokenizer.json").read_bytes()
    with pytest.raises(UserError, match="no last weights"):
        merged(tmp_path, "last", found, tmp_path / "other", Progress())


def test_a_base_in_parts_whose_names_leave_out_the_body(tmp_path: Path, home: Path) -> None:
    """As BLOOM's own files are: "h.0..." where the network has "transformer.h.0..."."""
    base = make_base(tmp_path / "base", "bloom")
    whole = {name.removeprefix("transformer."): tensor for name, tensor in load_file(base / "model.safetensors").items()}
    (base / "model.safetensors").unlink()
    names = sorted(whole)
    places = {name: f"model-0000{1 + index % 2}-of-00002.safetensors" for index, name in enumerate(names)}
    for file in set(places.values()):
        tensors = {name: whole[name].to(torch.bfloat16) for name in names if places[name] == file}
        save_file(tensors, base / file, metadata={"format": "pt"})
    (base / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))
    _tuned(base, "bloom", tmp_path)
    merged(tmp_path, "best", find_base(str(base), Library(), Progress()), tmp_path / "whole", Progress())
    found = load_file(tmp_path / "whole/model.safetensors")
    assert found["h.0.self_attention.query_key_value.weight"].dtype == torch.float32
    assert found["word_embeddings.weight"].dtype == torch.bfloat16
    plain = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), tmp_path / "best")
    ours = AutoModelForCausalLM.from_pretrained(tmp_path / "whole", dtype=torch.float32)
    ids = torch.arange(2, 12)[None]
    torch.testing.assert_close(ours(ids).logits, plain(ids).logits, rtol=1e-4, atol=1e-5)
    assert not (tmp_path / "whole/model.safetensors.index.json").exists()


def test_adapters_of_another_base_are_refused(tiny_base: Bases, tmp_path: Path, home: Path) -> None:
    _tuned(tiny_base("llama"), "llama", tmp_path)
    other = find_base(str(tiny_base("bloom")), Library(), Progress())
    with pytest.raises(UserError, match="another base"):
        merged(tmp_path, "best", other, tmp_path / "whole", Progress())
    assert not (tmp_path / "whole").exists()


def test_whole_weights_are_linked(tiny_base: Bases, tmp_path: Path, home: Path) -> None:
    base = find_base(str(tiny_base("t5")), Library(), Progress())
    _tuned(base.folder, "t5", tmp_path, "full")
    merged(tmp_path, "best", base, tmp_path / "whole", Progress())
    assert (tmp_path / "whole/model.safetensors").samefile(tmp_path / "best/model.safetensors")
    found = find_base(str(tmp_path / "whole"), Library(), Progress())
    assert (found.family, found.parameters) == ("seq2seq", base.parameters)
