"""SmolLM2 out of GGUF: small files against transformers' own Llama, the real one against transformers' own loader."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from safetensors import safe_open
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.export.gguf import convert, export

ALPHABET = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *"abcdefghij0123456789", "Ġ", "Ċ", ".", "ab", "Ġa", "ĊĊ"]
NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip


def tiny() -> LlamaForCausalLM:
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(ALPHABET),
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        rms_norm_eps=1e-5,
        rope_theta=5000.0,
        tie_word_embeddings=False,
    )
    return LlamaForCausalLM(config).eval()


def paired(rows: np.ndarray[Any, Any], heads: int) -> np.ndarray[Any, Any]:
    """Rows as the format keeps those of queries and keys: the two that are rotated together side by side."""
    size = len(rows) // heads
    order = [head * size + half * (size // 2) + pair for head in range(heads) for pair in range(size // 2) for half in (0, 1)]
    return rows[order]


def write_gguf(model: LlamaForCausalLM, path: Path, *, architecture: str = "llama", quantised: bool = False) -> None:
    config = model.config
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(5000.0)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(ALPHABET)
    writer.add_token_types([3] * 3 + [1] * (len(ALPHABET) - 3))
    writer.add_token_merges(["a b", "Ġ a", "Ċ Ċ"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template("{{ messages[0]['content'] }}")
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    for name, tensor in model.state_dict().items():
        numbers = tensor.numpy()
        if name.startswith("model.layers."):
            _, _, layer, part = name.removesuffix(".weight").split(".", 3)
            stored = NAMES[part]
            numbers = paired(numbers, heads[stored]) if stored in heads else numbers
            stored = f"blk.{layer}.{stored}.weight"
        else:
            stored = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}[
                name.removesuffix(".weight")
            ] + ".weight"
        if quantised and numbers.ndim == 2:
            kind = gguf.GGMLQuantizationType.Q4_1
            writer.add_tensor(stored, gguf.quantize(np.ascontiguousarray(numbers), kind), raw_dtype=kind)
        else:
            writer.add_tensor(stored, np.ascontiguousarray(numbers))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=torch.arange(24)[None] % len(ALPHABET)).logits
    return found


def test_a_converted_model_is_the_one_that_was_stored(tmp_path: Path) -> None:
    model = tiny()
    write_gguf(model, tmp_path / "tiny.gguf")
    convert(tmp_path, Progress())
    found = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32, local_files_only=True).eval()
    assert torch.equal(logits(found), logits(model))
    assert found.config.eos_token_id == 2 and not found.config.tie_word_embeddings


def test_blocks_of_four_bits_become_the_numbers_that_they_stand_for(tmp_path: Path) -> None:
    model = tiny()
    write_gguf(model, tmp_path / "tiny.gguf", quantised=True)
    convert(tmp_path, Progress())
    with safe_open(tmp_path / "model.safetensors", "np") as found:
        for name in ("mlp.up_proj", "self_attn.o_proj"):
            numbers = found.get_tensor(f"model.layers.1.{name}.weight")
            stored = model.state_dict()[f"model.layers.1.{name}.weight"].numpy().reshape(-1, 32)
            # 16 levels between the least and the greatest of each 32, in half precision.
            low, high = stored.min(1, keepdims=True), stored.max(1, keepdims=True)
            scale, least = ((high - low) / 15).astype(np.float16), low.astype(np.float16)
            levels = (numbers.reshape(-1, 32) - least.astype(np.float32)) / scale.astype(np.float32)
            assert np.allclose(levels, levels.round(), atol=1e-3) and levels.min() >= -1e-3 and levels.max() <= 15.001
            assert np.abs(numbers.reshape(-1, 32) - stored).max() <= 0.51 * float((high - low).max()) / 15 + 1e-3


def test_digits_are_cut_one_by_one_and_bytes_come_back(tmp_path: Path) -> None:
    write_gguf(tiny(), tmp_path / "tiny.gguf")
    convert(tmp_path, Progress())
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert tokenizer.encode("ab a\n\n12<|im_end|>").tokens == ["ab", "Ġa", "ĊĊ", "1", "2", "<|im_end|>"]
    assert tokenizer.decode(tokenizer.encode("ab a\n\n12<|im_end|>").ids) == "ab a\n\n12"


def test_a_model_that_reads_nothing_is_refused_and_removed(tmp_path: Path) -> None:
    write_gguf(tiny(), tmp_path / "tiny.gguf")
    # Of its few letters the model knows no words, so that English is noise to it; make the noise loud.
    with pytest.raises(UserError, match="does not read English"):
        export(_louder(tmp_path), Progress())
    assert not (tmp_path / "model.safetensors").exists()


def _louder(folder: Path) -> Path:
    model = tiny()
    with torch.no_grad():
        model.lm_head.weight.mul_(400)
    write_gguf(model, folder / "tiny.gguf")
    return folder


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no GGUF file"):
        convert(tmp_path, Progress())
    (tmp_path / "a.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(UserError, match="not the GGUF file of a Llama-like model"):
        convert(tmp_path, Progress())
    (tmp_path / "a.gguf").unlink()
    write_gguf(tiny(), tmp_path / "b.gguf", architecture="gemma")
    with pytest.raises(UserError, match="not the GGUF file of a Llama-like model"):
        convert(tmp_path, Progress())
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.slow
def test_smollm2_is_what_transformers_reads_out_of_it(installed: Callable[[str], Path]) -> None:
    folder = installed("smollm2")
    file = next(folder.glob("*.gguf")).name
    wanted = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).state_dict()
    with safe_open(folder / "model.safetensors", "pt") as found:
        names = set(found.keys())
        assert names == set(wanted) - {"lm_head.weight"}
        assert all(torch.equal(found.get_tensor(name), wanted[name]) for name in names)
    theirs = AutoTokenizer.from_pretrained(folder, gguf_file=file)
    ours = Tokenizer.from_file(str(folder / "tokenizer.json"))
    for text in (
        "The cat's café, 3 of 10.",
        "def f(x):\n    return x\n",
        "<|im_start|>user\nhi<|im_end|>\n",
        "  spaces",
        "🙂 日本",
    ):
        assert ours.encode(text).ids == theirs(text).input_ids, text
        assert ours.decode(ours.encode(text).ids, skip_special_tokens=False) == theirs.decode(theirs(text).input_ids)
    # They forget that its makers cut digits off before all else.
    assert ours.encode("a\n\n12").tokens == ["a", "ĊĊ", "1", "2"]
