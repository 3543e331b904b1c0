"""Pop2Piano from its published weights to graphs that ONNX Runtime runs, compared with transformers on the same weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
import transformers
from torch import Tensor

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.decoding.pop2piano import MOVER, Pop2Piano, graph_names
from desktop.models.decoding.stepper import Floats, Ints
from desktop.models.export import pop2piano_graph
from desktop.models.export.decoder_net import write_mover
from desktop.models.export.pop2piano_layout import COMPOSERS, PUBLISHED, TOKENS, read, with_activation
from desktop.models.export.seq2seq import few_threads, quiet
from desktop.models.export.t5 import T5Plan
from desktop.models.pop2piano_card import NAME, Card
from desktop.models.session import close_sessions
from desktop.paths import atomic_write

WEIGHTS = "pytorch_model.bin"
TOLERANCE = 2e-4
"""Largest difference of logits, as a share of their largest value."""
ACTIVATIONS = ("gelu_new", "relu")
NOTES = {"author": "Jongho Choi and Kyogu Lee", "licence": "none stated by the authors", "changes": "converted to ONNX"}

# Windows and frames of each batch that is compared; relative positions have no bias of their own from 128 on.
_BATCHES = ((1, 5), (4, 44), (2, 140))
_NEW = 24


def export(folder: Path, progress: Progress, activations: Sequence[str] = ACTIVATIONS) -> None:
    """Write the graphs next to the published weights in ``folder``; see ``convert``."""
    convert(folder / WEIGHTS, folder, progress, activations=activations)


def convert(
    source: Path, folder: Path, progress: Progress, *, plan: T5Plan = PUBLISHED, activations: Sequence[str] = ACTIVATIONS
) -> dict[str, Any]:
    """Write the graphs for each activation, which share their weights on the disk, and a card that names them, into ``folder``.

    Args:
        source: checkpoint or safetensors, whatever its name.
        activations: of the gated layers; the first is the one that is used unless another is asked for.

    Returns:
        What was compared, for each activation: "tokens", "equal" (share of greedy tokens equal to transformers') and "largest"
        (difference of logits as a share of the largest).

    Raises:
        UserError: the weights are damaged, dangerous or not Pop2Piano's; or a graph computes something else than transformers,
            in which case all are deleted.
    """
    progress.at(0.0, "Reading the weights")
    weights = read(source, plan)
    before = set(folder.iterdir())
    try:
        progress.at(0.2, "Converting Pop2Piano")
        _write(folder, plan, {name: value.numpy() for name, value in weights.items()}, activations)
        found = {}
        for number, activation in enumerate(activations):
            part = progress.part(0.3 + 0.7 * number / len(activations), 0.3 + 0.7 * (number + 1) / len(activations))
            found[activation] = prove(folder, with_activation(plan, activation), weights, part)
    except BaseException:
        for path in set(folder.iterdir()) - before:
            path.unlink(missing_ok=True)
        raise
    finally:
        # The folder is about to be moved; what is open under its old name is of no use.
        close_sessions()
    with atomic_write(folder / NAME) as out:
        out.write(msgspec.json.encode(Card(activations=list(activations), composers=COMPOSERS, width=plan.width)))
    progress.at(1.0)
    return found


def _write(folder: Path, plan: T5Plan, weights: dict[str, Floats], activations: Sequence[str]) -> None:
    first = [folder / name for name in graph_names(activations[0])]
    for activation in activations:
        chosen = with_activation(plan, activation)
        encoder, decoder = (folder / name for name in graph_names(activation))
        shared = first if activation != activations[0] else [None, None]
        notes = NOTES | {"activation": activation}
        pop2piano_graph.write_encoder(encoder, chosen, weights, notes, shared[0])
        pop2piano_graph.write_decoder(decoder, chosen, weights, notes, shared[1])
    write_mover(folder / MOVER, pop2piano_graph.sizes(plan), "fp32")


def prove(folder: Path, plan: T5Plan, weights: dict[str, Tensor], progress: Progress) -> dict[str, Any]:
    """Compare the graphs with transformers' network on made-up windows of several numbers and lengths.

    Raises:
        UserError: logits differ by more than ``TOLERANCE``, or other tokens are chosen where none are as good as each other.
    """
    original = torch_model(plan, weights)
    model = Pop2Piano(folder, plan.activation.value, device="cpu")
    tokens, equal, largest = 0, 0, 0.0
    with few_threads(original):
        for number, (windows, frames) in enumerate(_BATCHES):
            progress.at(number / len(_BATCHES), "Comparing the converted network with the original")
            mel, composers = made_up(windows, frames, plan.width, number)
            wanted = generated(original, mel, composers, _NEW)
            found = np.array(model.greedy(mel, composers, _NEW, stop=None))
            scores = logits(original, mel, composers, found[:, :-1])
            difference = np.abs(model.scored(mel, composers, found[:, :-1]) - scores).max() / np.abs(scores).max()
            chosen = np.take_along_axis(scores, found[..., None], axis=-1)[..., 0]
            behind = (scores.max(axis=-1) - chosen).max() / np.abs(scores).max()
            # Not "greater than": a difference that is no number is wrong, too.
            if not (difference <= TOLERANCE and behind <= 2 * TOLERANCE):
                raise UserError(
                    f"The converted Pop2Piano differs from the original by {difference:.2g}",
                    path=folder,
                    remedy="Please report this.",
                )
            largest = max(largest, float(difference))
            # A token that differs sends the rest another way; what follows it does not count as equal.
            equal += int(np.cumprod(found == wanted, axis=1).sum())
            tokens += wanted.size
    progress.log(f"Pop2Piano ({plan.activation}): {equal} of {tokens} tokens equal, scores differ by {largest:.1e} at most")
    return {"tokens": tokens, "equal": equal / tokens, "largest": largest}


def torch_model(plan: T5Plan, weights: dict[str, Tensor]) -> Any:
    """transformers' network with these weights (see ``pop2piano_layout.read``)."""
    config = transformers.Pop2PianoConfig(
        vocab_size=plan.vocabulary,
        composer_vocab_size=COMPOSERS,
        d_model=plan.width,
        d_kv=plan.head,
        d_ff=plan.inner,
        num_layers=plan.layers,
        num_decoder_layers=plan.decoder_layers,
        num_heads=plan.heads,
        relative_attention_num_buckets=plan.buckets,
        relative_attention_max_distance=plan.distance,
        layer_norm_epsilon=plan.epsilon,
        feed_forward_proj="gated-gelu",
        dense_act_fn=plan.activation.value,
        tie_word_embeddings=False,
        pad_token_id=plan.pad,
        eos_token_id=plan.end,
        decoder_start_token_id=plan.start,
    )
    with quiet(), torch.device("meta"):
        model = transformers.Pop2PianoForConditionalGeneration(config)
    names = ("shared.weight", "encoder.embed_tokens.weight", TOKENS)
    model.load_state_dict(weights | dict.fromkeys(names, weights[TOKENS]), assign=True)
    model = model.eval()
    # What a call leaves open is taken from here: the end's token must not be.
    model.generation_config = transformers.GenerationConfig(decoder_start_token_id=plan.start, pad_token_id=plan.pad)
    # Some releases of transformers fill what they take for missing with random numbers.
    assert all(torch.equal(model.state_dict()[name], weights[TOKENS]) for name in names)
    return model


def made_up(windows: int, frames: int, width: int, seed: int) -> tuple[Floats, Ints]:
    """Windows that are spread like the logarithm of sound, and the composer of each."""
    random = np.random.default_rng(seed)
    mel = random.normal(-3.0, 4.0, (windows, frames, width)).astype(np.float32)
    return mel, random.integers(0, COMPOSERS, windows)


def generated(model: Any, mel: Floats, composers: Ints, most: int, stop: int | None = None, **options: Any) -> Ints:
    """What transformers writes greedily [windows, at most ``most``], without the first token; after ``stop`` padding."""
    given = options | {"eos_token_id": stop, "do_sample": False, "num_beams": 1, "max_new_tokens": most}
    with torch.inference_mode(), quiet():
        # Not the network's own method, which knows one composer for all windows.
        found = transformers.GenerationMixin.generate(model, inputs_embeds=_embedded(model, mel, composers), **given)
    written: Ints = found[:, 1:].numpy()
    return written


def logits(model: Any, mel: Floats, composers: Ints, tokens: Ints) -> Floats:
    """transformers' logits of each step when these tokens are written [windows, tokens + 1, vocabulary]."""
    start = np.full((len(tokens), 1), model.config.decoder_start_token_id)
    given = torch.from_numpy(np.concatenate([start, tokens], axis=1))
    with torch.inference_mode():
        embedded = _embedded(model, mel, composers)
        found: Floats = model(inputs_embeds=embedded, decoder_input_ids=given, use_cache=False).logits.numpy()
    return found


def _embedded(model: Any, mel: Floats, composers: Ints) -> Tensor:
    found: Tensor = model.mel_conditioner(torch.from_numpy(mel), torch.from_numpy(composers), 0)
    return found
