"""Small decoders with random weights, saved as the hub has them: one of each kind that can be exported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers

VOCABULARY = 211
END = 2
_LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 1000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
KINDS: dict[str, dict[str, Any]] = {
    "llama": {},
    "llama, heads of their own, tied": {"num_key_value_heads": 4, "tie_word_embeddings": True},
    "llama, biases, stretched": {"attention_bias": True, "mlp_bias": True, "head_dim": 32, "rope_parameters": _LLAMA3},
    "llama, linear": {"rope_parameters": {"rope_type": "linear", "rope_theta": 500.0, "factor": 2.0}},
    "mistral": {"sliding_window": 96, "head_dim": 16},
    "qwen2": {},
    "qwen3": {"head_dim": 16},
    "smollm3": {"num_hidden_layers": 4},
    "bloom": {"n_head": 6, "n_layer": 2, "hidden_size": 48},
}
_CLASSES = {"llama": "Llama", "mistral": "Mistral", "qwen2": "Qwen2", "qwen3": "Qwen3", "smollm3": "SmolLM3", "bloom": "Bloom"}


def make(kind: str, folder: Path, **sizes: Any) -> Any:
    """Save one of ``KINDS`` into ``folder``; the model."""
    name = _CLASSES[kind.split(",")[0]]
    given: dict[str, Any] = {"vocab_size": VOCABULARY, "bos_token_id": 1, "eos_token_id": END, "pad_token_id": 3}
    if name == "Bloom":
        given |= {"seq_length": 128}
    else:
        given |= {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4}
        given |= {"num_key_value_heads": 2, "max_position_embeddings": 128}
    # Large weights make the tokens' odds so different that none of them is chosen by rounding.
    config = getattr(transformers, f"{name}Config")(**(given | {"initializer_range": 0.3} | KINDS[kind] | sizes))
    torch.manual_seed(0)
    model = getattr(transformers, f"{name}ForCausalLM")(config).eval()
    for key, values in model.named_parameters():
        if "norm" in key or "bias" in key:
            torch.nn.init.normal_(values, float("weight" in key), 0.3)
    model.save_pretrained(folder)
    return model


def written(model: Any, prompts: Sequence[Sequence[int]], count: int, *, beams: int = 1) -> list[list[int]]:
    """What ``generate`` answers to each prompt, up to the end token."""
    answers = []
    for prompt in prompts:
        ids = torch.tensor([list(prompt)])
        found = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, num_beams=beams, do_sample=False)
        answer = found[0, len(prompt) :].tolist()
        answers.append(answer[: answer.index(END)] if END in answer else answer)
    return answers


def odds(model: Any, prompt: Sequence[int], answer: Sequence[int]) -> float:
    """Log-probability of an answer."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([[*prompt, *answer]])).logits[0, len(prompt) - 1 : -1]
    return float(logits.log_softmax(-1)[torch.arange(len(answer)), torch.tensor(list(answer), dtype=torch.int64)].sum())
