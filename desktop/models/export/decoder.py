"""Decoders (Llama-like, BLOOM) from the hub's layout to an ONNX graph, compared with transformers on the same weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers.utils.logging import disable_progress_bar

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models import headroom
from desktop.models.decoding.decoder import EXPORTED, MOVER, open_decoder
from desktop.models.decoding.search import Generator
from desktop.models.export import bloom, llama
from desktop.models.export.decoder_net import write_mover
from desktop.models.export.quantize import loss
from desktop.models.export.weights import Floats, Weights
from desktop.models.session import close_sessions

ARCHITECTURES = llama.ARCHITECTURES + bloom.ARCHITECTURES
TOLERANCE = 2e-4
"""Largest difference of logits, as a share of their largest value."""

WORST = {"fp16": 0.05, "int8": 0.25}
"""Largest ``difference`` (see ``quantize.loss``) of a lower precision: beyond it something is wrong, not coarse."""

# Lengths of the prompts of each batch.
_BATCHES = ((1,), (7, 3), (12, 31, 5))
_NEW = 12
_SAMPLES, _SAMPLE, _AT_ONCE = 64, 256, 8


def export_decoder(
    folder: Path, target: Path, progress: Progress, *, precision: str = "fp32", samples: Sequence[Sequence[int]] = ()
) -> dict[str, Any]:
    """Write the graph of the model in ``folder`` (config.json, safetensors) into the folder ``target``, and prove it.

    Args:
        samples: tokens of real prompts, on which the cost of a lower precision is measured; random ones when empty.

    Returns:
        What was compared: "against", "tokens" and "equal" (share of greedy tokens equal to transformers'), "largest" (difference
        of logits); for less than fp32 also "agreement" and "difference" (``quantize.loss``).

    Raises:
        UserError: the folder is not such a model, the memory is too small for it, or the graph computes something else, in which
            case it is deleted.
    """
    progress.at(0.0, "Reading the model")
    config, weights = _config(folder), Weights(folder)
    _check_memory(folder, weights)
    notes = {"source": folder.name, "architecture": config.model_type, "changes": f"converted to ONNX, {precision}"}
    try:
        progress.at(0.05, "Writing the graph")
        family = bloom if config.model_type in bloom.ARCHITECTURES else llama
        sizes = family.write(target / EXPORTED, config, weights, precision, notes)
        write_mover(target / MOVER, sizes, precision)
        progress.at(0.3, "Comparing the graph with the original")
        model = _Original(folder)
        generator = open_decoder(target, device="cpu")
        if precision == "fp32":
            return _prove(target / EXPORTED, generator, model, progress.part(0.4, 1.0))
        return _judge(target / EXPORTED, generator, model, precision, samples, progress.part(0.4, 1.0))
    except BaseException:
        for file in (*target.glob(f"{EXPORTED}*"), *target.glob(f"{MOVER}*")):
            file.unlink(missing_ok=True)
        raise
    finally:
        # The folder is about to be moved; what is open under its old name is of no use.
        close_sessions()


def _config(folder: Path) -> Any:
    try:
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"The model's configuration cannot be read: {error}", path=folder / "config.json") from error
    if config.model_type not in ARCHITECTURES:
        raise UserError(
            f"Models of the kind {config.model_type} cannot be exported",
            path=folder,
            remedy=f"Choose one of the kinds {', '.join(ARCHITECTURES)}.",
        )
    return config


def _check_memory(folder: Path, weights: Weights) -> None:
    """Raise UserError when the model does not fit in twice, for transformers and for ONNX Runtime: it would fail at the end."""
    needed = 2 * 4 * sum(math.prod(weights.shape(name)) for name in weights)
    free = headroom.free_bytes("CPU")
    if free is not None and needed > free:
        raise UserError(
            f"Exporting this model takes {needed / 2**30:.1f} GiB of memory, of which {free / 2**30:.1f} are free",
            path=folder,
            remedy="Close other programs, or export it on a computer with more memory.",
        )


class _Original:
    """The same computed by transformers."""

    def __init__(self, folder: Path) -> None:
        disable_progress_bar()
        try:
            model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise UserError(f"The model cannot be read: {error}", path=folder) from error
        self._model = model.eval()
        self.vocabulary = int(model.config.vocab_size)

    def logits(self, texts: Sequence[Sequence[int]]) -> list[Floats]:
        """After each token of texts [tokens, vocabulary]."""
        longest = max(len(text) for text in texts)
        # What follows a text does not change what is before it, so that padding needs no mask.
        ids = torch.tensor([[*text, *[0] * (longest - len(text))] for text in texts])
        with torch.no_grad():
            found = self._model(input_ids=ids, use_cache=False).logits
        return [found[row, : len(text)].numpy() for row, text in enumerate(texts)]


def _prove(path: Path, generator: Generator, model: _Original, progress: Progress) -> dict[str, Any]:
    """Compare answers token by token: each has to be transformers' choice after the same text."""
    random = np.random.default_rng(0)
    largest, tokens, equal = 0.0, 0, 0
    for number, lengths in enumerate(_BATCHES):
        progress.at(number / len(_BATCHES), "Comparing the graph with the original")
        most = max(1, (generator.context or 0) - _NEW)
        prompts = [random.integers(0, model.vocabulary, min(length, most)).tolist() for length in lengths]
        first = _after(generator, prompts)
        answers = generator.greedy(prompts, _NEW, ())
        texts = model.logits([[*prompt, *answer[:-1]] for prompt, answer in zip(prompts, answers, strict=True)])
        for row, (answer, text) in enumerate(zip(answers, texts, strict=True)):
            wanted = text[-len(answer) :]
            scale = max(1.0, float(np.abs(wanted).max()))
            largest = max(largest, float(np.abs(first[row] - wanted[0]).max()) / scale)
            # Of two tokens that are as likely either may be chosen.
            behind = wanted.max(axis=-1) - wanted[np.arange(len(answer)), answer]
            tokens += len(answer)
            equal += int((behind <= TOLERANCE * scale).sum())
    if not largest <= TOLERANCE or equal < tokens:
        raise UserError(
            f"The written graph computes something else: {equal} of {tokens} tokens are equal, logits differ by {largest:.2g}",
            path=path,
            remedy="Please report this model.",
        )
    return {"against": f"transformers {transformers.__version__}", "tokens": tokens, "equal": 1.0, "largest": largest}


def _judge(
    path: Path, generator: Generator, model: _Original, precision: str, samples: Sequence[Sequence[int]], progress: Progress
) -> dict[str, Any]:
    """What the lower precision costs."""
    random = np.random.default_rng(0)
    given = [list(sample[-min(_SAMPLE, generator.context or _SAMPLE) :]) for sample in samples[:_SAMPLES] if sample]
    prompts = given or [random.integers(0, model.vocabulary, 16).tolist() for _ in range(_SAMPLES)]
    found = _after(generator, prompts)
    wanted = np.concatenate(list(_each(model, prompts, progress)))
    cost = loss(found, wanted)
    if not np.isfinite(found).all() or not cost["difference"] <= WORST[precision]:
        raise UserError(
            f"With {precision} the model computes something else (difference {cost['difference']:.2g})",
            path=path,
            remedy="Export it with fp32.",
        )
    largest = float(np.abs(found - wanted).max()) / max(1.0, float(np.abs(wanted).max()))
    tokens = {"tokens": len(prompts), "equal": cost["agreement"], "largest": largest}
    return {"against": f"transformers {transformers.__version__}", **tokens, **cost}


def _each(model: _Original, prompts: Sequence[Sequence[int]], progress: Progress) -> Iterator[Floats]:
    for at in range(0, len(prompts), _AT_ONCE):
        progress.at(at / len(prompts), "Comparing the graph with the original")
        yield np.stack([text[-1] for text in model.logits(prompts[at : at + _AT_ONCE])])


def _after(generator: Generator, prompts: Sequence[Sequence[int]]) -> Floats:
    """Logits of the next token [prompts, vocabulary]."""
    return generator.first(prompts, range(generator.stepper.vocabulary))
