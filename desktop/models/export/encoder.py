"""Sentence encoders from the hub's layout to an ONNX graph, with a classifier's head or without, compared with transformers.

Batches are padded at the end; texts of one length together need no padding, and cost no more than their tokens.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers.utils.logging import disable_progress_bar

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.classifier_head import Floats, Head
from desktop.models.encoding import padded
from desktop.models.export import encoder_graph
from desktop.models.export.encoder_nets import ARCHITECTURES as ARCHITECTURES
from desktop.models.export.encoder_nets import EncoderPlan, EncoderWeights, plan_of
from desktop.models.export.quantize import loss
from desktop.models.session import close_sessions, open_session

EXPORTED = "encoder.onnx"
TOLERANCE = 1e-4
"""Largest difference of embeddings and confidences; of logits and features, as a share of their largest value."""

WORST = {"fp16": 0.05, "int8": 0.5}
"""Largest ``difference`` (see ``quantize.loss``) of a lower precision: beyond it something is wrong, not coarse."""

_BATCHES = ((1,), (2, 9), (17, 17, 17), (40, 3, 25, 11))
_SAMPLES = 64

Tokens = Sequence[Sequence[int]]


def export_encoder(
    folder: Path,
    target: Path,
    progress: Progress,
    *,
    head: Head | None = None,
    precision: str = "fp32",
    features: Sequence[str] = (),
    samples: Tokens = (),
) -> dict[str, Any]:
    """Write ``encoder.onnx`` of the model in ``folder`` (config.json, safetensors) into the folder ``target``, and prove it.

    Inputs: input_ids, attention_mask int64 [B, S]. Outputs: embedding float32 [B, D], of length 1, pooled as the model's files
    say; with a head logits [B, labels] and confidence [B] (0..1, of the best label); with ``features`` (see ``HeadFacts``) those.

    Args:
        samples: token ids of real texts, on which a lower precision is judged; random ones when empty.

    Returns:
        What was compared: "against", "batches", "largest" (difference); for less than fp32 also "agreement" and "difference"
        (``quantize.loss``, of the logits, or of the embeddings).

    Raises:
        UserError: the folder is no such model, the head does not go with it, or the graph computes something else, in which case
            it is deleted.
    """
    progress.at(0.0, "Reading the encoder")
    plan = plan_of(folder)
    _check_head(head, plan)
    notes = {"source": folder.name, "changes": f"converted to ONNX, {precision}"}
    path = target / EXPORTED
    try:
        weights = EncoderWeights(folder, plan)
        encoder_graph.write(path, plan, weights, notes, head=head, features=features, precision=precision)
        progress.at(0.2, "Comparing the graph with the original")
        return _prove(path, _Original(folder, plan, head, features), precision, samples, progress.part(0.2, 1.0))
    except BaseException:
        for file in target.glob(f"{EXPORTED}*"):
            file.unlink(missing_ok=True)
        raise
    finally:
        # The folder is about to be moved; what is open under its old name is of no use.
        close_sessions()


def _check_head(head: Head | None, plan: EncoderPlan) -> None:
    if head is None:
        return
    width = plan.width * len(head.facts.features)
    if head.weight.shape[1] != width or head.likenesses.shape[1] != plan.width:
        raise UserError(f"The head reads {head.weight.shape[1]} values of an encoder that gives {width}")


class _Original:
    """The same computed by transformers and numpy."""

    def __init__(self, folder: Path, plan: EncoderPlan, head: Head | None, features: Sequence[str]) -> None:
        disable_progress_bar()
        try:
            with _quiet():
                self._model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32, local_files_only=True).eval()
        except (OSError, ValueError, RuntimeError) as error:
            raise UserError(f"The encoder cannot be read: {error}", path=folder) from error
        self.plan, self.head, self.features = plan, head, features

    def run(self, ids: Any, mask: Any) -> dict[str, Floats]:
        """Outputs by name."""
        with torch.no_grad():
            given = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
            layers = self._model(**given, output_hidden_states=True).hidden_states
        values = [layer.numpy() for layer in layers]
        pooled = pool(values[-1], mask, self.plan.pooling)
        found = {"embedding": pooled / np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-12)}
        if self.features:
            found["features"] = _features(values, mask, self.features)
        if self.head is not None:
            found["logits"] = logits(_features(values, mask, self.head.facts.features), self.head)
            found["confidence"] = confidence(found["logits"], found["embedding"], self.head)
        return found


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' report of weights that nothing here reads (BERT's pooler)."""
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def pool(values: Floats, mask: Any, kind: str) -> Floats:
    """[B, width] of tokens' values [B, S, width]: their "mean", their "max", or the "first" token's."""
    seen = mask[..., None] > 0
    if kind == "first":
        return values[:, 0]
    if kind == "max":
        highest: Floats = np.where(seen, values, np.float32(-1e4)).max(axis=1)
        return highest
    result: Floats = (values * seen).sum(axis=1, dtype=np.float32) / np.maximum(seen.sum(axis=1), 1).astype(np.float32)
    return result


def _features(layers: Sequence[Floats], mask: Any, features: Sequence[str]) -> Floats:
    parts = (feature.partition(":") for feature in features)
    return np.concatenate([pool(layers[int(layer)], mask, kind) for kind, _, layer in parts], axis=1)


def logits(features: Floats, head: Head) -> Floats:
    """[B, labels] of features [B, features]."""
    result: Floats = features @ head.weight.T + head.bias
    return result


def confidence(logits: Floats, embedding: Floats, head: Head) -> Floats:
    """See ``Trust``: confidence [B] of the best labels of ``logits`` [B, labels], for texts with ``embedding`` [B, width]."""
    trust = head.facts.trust
    best = logits.max(axis=1)
    every = best + np.log(np.exp(logits - best[:, None]).sum(axis=1))
    odds = -np.log(np.expm1(np.maximum(every - best, 1e-6)))
    cosine = np.einsum("bd,bd->b", head.likenesses[logits.argmax(axis=1)], embedding)
    total = trust.odds * odds + trust.likeness * cosine + trust.energy * every + trust.bias
    result: Floats = (1 / (1 + np.exp(-total))).astype(np.float32)
    return result


def _prove(path: Path, original: _Original, precision: str, samples: Tokens, progress: Progress) -> dict[str, Any]:
    session = open_session(path, device="cpu")
    random = np.random.default_rng(7)
    texts = [[_text(random, original.plan, length) for length in lengths] for lengths in (*_BATCHES, (original.plan.positions,))]
    largest = 0.0
    for number, batch in enumerate(texts):
        progress.at(number / (len(texts) + 1), "Comparing the graph with the original")
        ids, mask = padded(batch, original.plan.pad)
        wanted = original.run(ids, mask)
        found = dict(zip(wanted, session.run({"input_ids": ids, "attention_mask": mask}, list(wanted)), strict=True))
        # Not max(), which passes over NaN.
        largest = float(np.max([largest, *(_apart(found[name], values) for name, values in wanted.items())]))
    if precision == "fp32" and not largest <= TOLERANCE:
        raise UserError(
            f"The exported encoder differs from the original by {largest:.2g}", path=path, remedy="Please report this."
        )
    check = {"against": f"transformers {transformers.__version__}", "batches": len(texts), "largest": float(f"{largest:.3g}")}
    return check if precision == "fp32" else check | _loss(session, original, precision, samples or texts[-2])


def _text(random: np.random.Generator, plan: EncoderPlan, length: int) -> list[int]:
    """Random tokens, none of them padding, by which some encoders count positions."""
    ids: list[int] = random.integers(0, plan.vocabulary - 1, min(length, plan.positions)).tolist()
    return [number + (number >= plan.pad) for number in ids]


def _apart(found: Floats, wanted: Floats) -> float:
    return float(np.abs(found - wanted).max() / max(1.0, float(np.abs(wanted).max())))


def _loss(session: Any, original: _Original, precision: str, samples: Tokens) -> dict[str, float]:
    """What the precision costs on real texts, one batch of them."""
    output = "embedding" if original.head is None else "logits"
    ids, mask = padded(samples[:_SAMPLES], original.plan.pad)
    (found,) = session.run({"input_ids": ids, "attention_mask": mask}, [output])
    measured = loss(found, original.run(ids, mask)[output])
    if original.head is None:
        # An embedding has no best choice.
        del measured["agreement"]
    if not measured["difference"] <= WORST[precision]:
        raise UserError(
            f"With {precision} the encoder's answers are too far from the original's ({measured['difference']:.2g})",
            path=session.path,
            remedy="Export it with fp32.",
        )
    return measured
