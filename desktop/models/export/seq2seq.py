"""Encoder-decoder models of T5's kind from the hub's layout to ONNX graphs, compared with transformers on the same weights."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import transformers

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.malformed import MALFORMED
from desktop.models.decoding import seq2seq
from desktop.models.decoding.search import Generator
from desktop.models.export import t5_graph
from desktop.models.export.quantize import loss
from desktop.models.export.t5 import Floats, T5Plan, plan_of
from desktop.models.session import close_sessions
from desktop.plain_files import read_plain

ARCHITECTURE = "t5"
TOLERANCE = 2e-4
"""Largest difference of logits, as a share of their largest value."""

WORST = {"fp16": 0.05, "int8": 0.25}
"""Largest ``difference`` (see ``quantize.loss``) of a lower precision: beyond it something is wrong, not coarse."""

# Lengths of the prompts of each batch; the relative positions have no bias of their own from 128 on.
_BATCHES = ((1,), (7, 3), (12, 31, 5), (150, 20))
_NEW = 20
# Where fp16 overflows, it does so for some tokens only.
_MANY, _AT_ONCE, _LENGTH = 200, 25, 16
_SMALL = 4_000_000


def export_seq2seq(
    folder: Path, target: Path, progress: Progress, *, precision: str = "fp32", samples: Sequence[Sequence[int]] = ()
) -> dict[str, Any]:
    """Write the graphs of the model in ``folder`` (config.json, safetensors) into the folder ``target``, and prove them.

    Args:
        samples: tokens of real prompts, on which the cost of a lower precision is measured; random ones when empty.

    Returns:
        What was compared: "tokens" and "equal" (share of greedy tokens equal to transformers'), "largest" (difference of logits);
        for less than fp32 also "agreement" and "difference" (``quantize.loss``).

    Raises:
        UserError: the folder is not such a model, or a graph computes something else, in which case all are deleted.
    """
    progress.at(0.0, "Reading the model")
    model, plan = _load(folder)
    weights = {name: value.detach().numpy() for name, value in model.state_dict().items()}
    notes = {seq2seq.START: str(plan.start), seq2seq.PAD: str(plan.pad), "changes": f"converted to ONNX, {precision}"}
    paths = [target / name for name in (seq2seq.ENCODER, seq2seq.DECODER, seq2seq.REORDER)]
    try:
        progress.at(0.2, "Writing the graphs")
        t5_graph.write_encoder(paths[0], plan, weights, precision, notes)
        t5_graph.write_decoder(paths[1], plan, weights, precision, notes)
        t5_graph.write_reorder(paths[2], plan, precision, notes)
        with few_threads(model):
            return _prove(target, model, plan, precision, samples, progress.part(0.4, 1.0))
    except BaseException:
        for path in paths:
            for file in target.glob(f"{path.name}*"):
                file.unlink(missing_ok=True)
        raise
    finally:
        # The folder is about to be moved; what is open under its old name is of no use.
        close_sessions()


def _load(folder: Path) -> tuple[Any, T5Plan]:
    try:
        config = json.loads(read_plain(folder / "config.json"))
    except (OSError, *MALFORMED) as error:
        raise UserError(f"The model's configuration cannot be read: {error}", path=folder / "config.json") from error
    kind = config.get("model_type") if isinstance(config, dict) else None
    if kind != ARCHITECTURE:
        raise UserError(f"This is a model of the architecture '{kind}' where {ARCHITECTURE} is expected", path=folder)
    plan = plan_of(config)
    try:
        with quiet():
            model = transformers.AutoModelForSeq2SeqLM.from_pretrained(
                folder, dtype=torch.float32, attn_implementation="eager", local_files_only=True
            )
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(f"The model cannot be read: {error}", path=folder) from error
    return model.eval(), plan


@contextmanager
def quiet() -> Iterator[None]:
    """Without transformers' bars, and its remark that output weights are not tied, which is right for T5 1.1."""
    speech = transformers.utils.logging
    level, bars = speech.get_verbosity(), speech.is_progress_bar_enabled()
    speech.set_verbosity_error()
    speech.disable_progress_bar()
    try:
        yield
    finally:
        speech.set_verbosity(level)
        if bars:
            speech.enable_progress_bar()


@contextmanager
def few_threads(model: Any) -> Iterator[None]:
    """For a small network, threads that wait for one another take longer than the work, on a busy computer a hundred times."""
    threads = torch.get_num_threads()
    if model.num_parameters() < _SMALL:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _prove(
    target: Path, model: Any, plan: T5Plan, precision: str, samples: Sequence[Sequence[int]], progress: Progress
) -> dict[str, Any]:
    model.generation_config = transformers.GenerationConfig(
        decoder_start_token_id=plan.start, pad_token_id=plan.pad, do_sample=False, num_beams=1, max_new_tokens=_NEW
    )
    generator = seq2seq.open_seq2seq(target, device="cpu")
    random = np.random.default_rng(7)
    tokens, equal, largest = 0, 0, 0.0
    for number, lengths in enumerate(_BATCHES):
        progress.at(number / (len(_BATCHES) + 1), "Comparing the graphs with the original")
        prompts = [_prompt(random, plan, length) for length in lengths]
        wanted, scores = _written(model, plan, prompts)
        found = _scored(generator, prompts, wanted)
        largest = max(largest, float(np.abs(found - scores).max() / np.abs(scores).max()))
        # A token that differs sends the rest another way; what follows it does not count as equal.
        for row, right in zip(generator.greedy(prompts, _NEW, ()), wanted, strict=True):
            equal += int(np.cumprod(np.array(row) == right).sum())
        tokens += wanted.size
        if precision == "fp32":
            _demand_same(found, scores, target)
    check = {"against": f"transformers {transformers.__version__}", "tokens": tokens, "equal": round(equal / tokens, 4)}
    check["largest"] = float(f"{largest:.3g}")
    if precision != "fp32":
        progress.at(1 - 1 / len(_BATCHES), "Measuring what the precision costs")
        check |= _loss(generator, model, plan, precision, samples)
    return check


def _prompt(random: np.random.Generator, plan: T5Plan, length: int) -> list[int]:
    """Some tokens and the end's."""
    first = min(max(plan.start, plan.end, plan.pad) + 1, plan.vocabulary - 1)
    return [*random.integers(first, plan.vocabulary, length - 1).tolist(), plan.end]


def _inputs(prompts: list[list[int]], plan: T5Plan) -> dict[str, torch.Tensor]:
    ids = torch.full((len(prompts), max(map(len, prompts))), plan.pad)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, : len(prompt)] = torch.tensor(prompt)
        mask[row, : len(prompt)] = 1
    return {"input_ids": ids, "attention_mask": mask}


def _written(model: Any, plan: T5Plan, prompts: list[list[int]]) -> tuple[npt.NDArray[np.int64], Floats]:
    """What transformers writes [prompts, tokens], and the logits of each step [prompts, tokens, vocabulary]."""
    inputs = _inputs(prompts, plan)
    with torch.inference_mode(), quiet():
        # Its caches do not fit a decoder that is deeper than the encoder.
        written = model.generate(**inputs, use_cache=False)
        logits = model(**inputs, decoder_input_ids=written[:, :-1], use_cache=False).logits
    return written[:, 1:].numpy(), logits.numpy()


def _scored(generator: Generator, prompts: list[list[int]], tokens: npt.NDArray[np.int64]) -> Floats:
    """Our logits of each step when these tokens are written."""
    rows = generator.stepper.start(prompts, tokens.shape[1])
    found = [rows.logits().copy()]
    for step in range(tokens.shape[1] - 1):
        rows.step(np.ascontiguousarray(tokens[:, step]))
        found.append(rows.logits().copy())
    return np.stack(found, axis=1)


def _demand_same(found: Floats, wanted: Floats, target: Path) -> None:
    allowed = TOLERANCE * float(np.abs(wanted).max())
    worst = float(np.abs(found - wanted).max())
    # Where two tokens are as good as each other, rounding may choose either, and both are right.
    chosen = np.take_along_axis(wanted, found.argmax(-1)[..., None], axis=-1)[..., 0]
    if not (worst <= allowed and bool((chosen >= wanted.max(-1) - 2 * allowed).all())):
        raise UserError(f"The exported model differs from the original by {worst:.2g}", path=target)


def _loss(generator: Generator, model: Any, plan: T5Plan, precision: str, samples: Sequence[Sequence[int]]) -> dict[str, float]:
    """Compare the first token's logits of many prompts."""
    random = np.random.default_rng(8)
    prompts = [list(sample) for sample in samples[:_MANY]] or [_prompt(random, plan, _LENGTH) for _ in range(_MANY)]
    found, wanted = [], []
    for first in range(0, len(prompts), _AT_ONCE):
        part = prompts[first : first + _AT_ONCE]
        found.append(generator.stepper.start(part, 0).logits().copy())
        start = torch.full((len(part), 1), plan.start)
        with torch.inference_mode():
            wanted.append(model(**_inputs(part, plan), decoder_input_ids=start, use_cache=False).logits[:, 0].numpy())
    measured = loss(np.concatenate(found), np.concatenate(wanted))
    if not measured["difference"] <= WORST[precision]:
        raise UserError(
            f"As {precision} this model's scores differ from the original's by {measured['difference']:.0%}",
            remedy="Export it as fp32.",
        )
    return measured
