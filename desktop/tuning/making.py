"""Making the folder of an exported model: graphs by family, tokenizer, card, and words for people.

torch is imported inside, to merge adapters and to prove the graphs.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from desktop.jobs.progress import Progress
from desktop.jobs.tuning_jobs import Recipe, Records
from desktop.models import cpu, hub_folder
from desktop.models.classifier_head import read_head
from desktop.paths import atomic_write
from desktop.tuning import model_card
from desktop.tuning.bases import Base
from desktop.tuning.export_folder import copy_into, replacing
from desktop.tuning.make_card import make_card
from desktop.tuning.model_card import README, TOKENIZER, Family, ModelCard, write_card
from desktop.tuning.prompt_card import PromptCard
from desktop.tuning.prompts import Prompter
from desktop.tuning.records import open_imported
from desktop.tuning.records.facts import Column, Facts, Histogram, Kind, SourceFile
from desktop.tuning.runs import Run

LABELS = 64
"""Most labels among which a writing model chooses; with more of them it writes freely."""

TEXT = "text"
"""The only column of an untuned base's prompts."""

RECORDS = "records"
"""The run's own copy of its rows, in its folder."""

_SAMPLES = 200
_BASE_TOKENS, _BASE_ANSWER = 2048, 256
_TERMS = ("LICENSE*", "LICENCE*", "NOTICE*", "USE_POLICY*")


@dataclass(frozen=True)
class Tuned:
    """A run's weights.

    Attributes:
        folder: of the run. weights: "best" or "last", the folder in it.
    """

    run: Run
    folder: Path
    weights: str

    @property
    def place(self) -> Path:
        """The weights' folder."""
        return self.folder / self.weights


class _Made(NamedTuple):
    """What the graphs are, and what was measured of them."""

    family: Family
    check: dict[str, Any]
    labels: tuple[str, ...] = ()
    threshold: float | None = None
    scores: Mapping[str, float] = MappingProxyType({})


def make(target: Path, base: Base, precision: str, origin: str, progress: Progress, tuned: Tuned | None = None) -> None:
    """Write an untuned base, or a run's weights, as an exported model into ``target``, in place of an older one.

    Args:
        origin: fingerprint for the card.

    Raises:
        UserError: the weights cannot be read, the graphs do not compute what torch does, or the disk is full.
    """
    cpu.spin_less()
    prompt = _prompt(base, tuned)
    with replacing(target) as hidden:
        write = _encoder if base.family == hub_folder.Family.ENCODER else _writer
        made = write(hidden, base, tuned, _samples(base, prompt, tuned), precision, progress)
        copy_into(hidden, [base.folder / TOKENIZER])
        copy_into(hidden, sorted({file for pattern in _TERMS for file in base.folder.glob(pattern) if file.is_file()}))
        card = ModelCard(
            family=made.family,
            title=_title(base, tuned),
            base=base.id,
            base_title=base.title,
            architecture=base.architecture,
            licence=base.licence,
            commercial=base.commercial,
            run=tuned.run.id if tuned else "",
            weights=tuned.weights if tuned else "",
            prompt=prompt,
            labels=made.labels,
            threshold=made.threshold,
            precision=precision,
            check=made.check,
            created=time.time(),
            scores=dict(made.scores),
            origin=origin,
        )
        words = model_card.words(card, [file.name for file in hidden.iterdir()])
        with atomic_write(hidden / README) as out:
            out.write(words.encode())
        write_card(hidden, card)


def _title(base: Base, tuned: Tuned | None) -> str:
    if tuned is None:
        return base.title
    return tuned.run.name or f"{base.title} tuned on {Path(tuned.run.records.source).stem}"


def _prompt(base: Base, tuned: Tuned | None) -> PromptCard:
    """How rows become prompts: the run's way, or the bare text for an untuned base."""
    if tuned is not None:
        return make_card(base, tuned.run.records, _facts(tuned), tuned.run.recipe)
    source = SourceFile(path="", size=0, mtime_ns=0, sha256="")
    text = Column(name=TEXT, kind=Kind.TEXT, filled=1.0, distinct=0, mean_chars=0.0, example="")
    nothing = Facts(
        format="csv",
        encoding="",
        delimiter="",
        rows=0,
        columns=[text],
        inputs=(TEXT,),
        output="",
        splits={},
        problems_total=0,
        problems=[],
        duplicates=0,
        conflicts=0,
        leakage={},
        classes={},
        classes_total=0,
        is_classification=False,
        unseen=[],
        chars=Histogram([0], []),
        source=source,
    )
    recipe = Recipe(base=base.id, max_tokens=_BASE_TOKENS, max_answer=_BASE_ANSWER)
    # The bare text, without words that would lead to an answer.
    card = make_card(base, Records(source=TEXT, inputs=(TEXT,)), nothing, recipe)
    return msgspec.structs.replace(card, tail="", joint="")


def _facts(tuned: Tuned) -> Facts:
    return open_imported(tuned.folder / RECORDS).facts


def _samples(base: Base, prompt: PromptCard, tuned: Tuned | None) -> list[list[int]]:
    """Tokens of held-out prompts, on which the cost of a lower precision is measured; none for a base."""
    if tuned is None:
        return []
    imported = open_imported(tuned.folder / RECORDS)
    part = next((name for name in ("validation", "test", "train") if imported.facts.splits.get(name)), "train")
    rows = imported.split(part)
    return Prompter(base.folder, prompt).encode_prompts(list(rows.select(range(min(_SAMPLES, len(rows))))))


def _encoder(
    target: Path, base: Base, tuned: Tuned | None, samples: list[list[int]], precision: str, progress: Progress
) -> _Made:
    from desktop.models.export.encoder import export_encoder

    if tuned is None:
        return _Made(Family.ENCODER, export_encoder(base.folder, target, progress, precision=precision))
    head = read_head(tuned.place)
    folder = tuned.place if (tuned.place / hub_folder.CONFIG).is_file() else base.folder
    check = export_encoder(folder, target, progress, head=head, precision=precision, samples=samples)
    return _Made(Family.CLASSIFIER, check, head.labels, head.facts.threshold, dict(head.facts.scores))


def _writer(target: Path, base: Base, tuned: Tuned | None, samples: list[list[int]], precision: str, progress: Progress) -> _Made:
    if tuned is None:
        return _Made(Family(base.family), _graphs(base.folder, target, base.family, samples, precision, progress))
    from desktop.tuning.training.merge import merged

    run = tuned.run
    scores = {run.best_name: run.best_value} if run.best_value is not None and tuned.weights == "best" else {}
    with tempfile.TemporaryDirectory(prefix=".merged-", dir=tuned.folder) as place:
        merged(tuned.folder, tuned.weights, base, Path(place) / "merged", progress.part(0.0, 0.3))
        check = _graphs(Path(place) / "merged", target, base.family, samples, precision, progress.part(0.3, 1.0))
    return _Made(Family(base.family), check, _labels(_facts(tuned)), None, scores)


def _labels(facts: Facts) -> tuple[str, ...]:
    known = tuple(label for label, counts in facts.classes.items() if counts.get("train"))
    return known if facts.is_classification and 2 <= len(known) <= LABELS and facts.classes_total <= LABELS else ()


def _graphs(
    folder: Path, target: Path, family: str, samples: list[list[int]], precision: str, progress: Progress
) -> dict[str, Any]:
    if family == Family.SEQ2SEQ:
        from desktop.models.export.seq2seq import export_seq2seq

        return export_seq2seq(folder, target, progress, precision=precision, samples=samples)
    from desktop.models.export.decoder import export_decoder

    return export_decoder(folder, target, progress, precision=precision, samples=samples)
