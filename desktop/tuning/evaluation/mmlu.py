"""MMLU, few-shot: the next token after "Answer:" is compared over the four letters; nothing is generated.

As in the published evaluation (Hendrycks et al., ICLR 2021, and its script for Flan models), worked examples are left out one by
one until the prompt fits. Questions of a subject share their examples, whose cache is computed once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from desktop.errors import UserError
from desktop.jobs.job import EvaluateJob
from desktop.jobs.progress import Progress
from desktop.models.decoding import Generator
from desktop.tuning.evaluation.answers import Answers
from desktop.tuning.evaluation.metrics import interval
from desktop.tuning.evaluation.questions import LETTERS, Exam, Question, prompt, read_exam, sample
from desktop.tuning.evaluation.references import REFERENCES

PUBLISHED_WINDOW = 2048
"""Tokens that the published evaluation lets a prompt of T5 have, which knows no bound of its own."""

_CHUNK = 32


@dataclass(frozen=True)
class _Asked:
    question: Question
    ids: list[int]
    shots: int


def score_mmlu(job: EvaluateJob, generator: Generator, tokenizer: Tokenizer, progress: Progress, scratch: Path) -> dict[str, Any]:
    """Scores of a model on the exam in ``job.mmlu``.

    Args:
        scratch: folder for the answers so far.

    Returns:
        The part of the job's result that is about MMLU.

    Raises:
        UserError: the exam cannot be read, or the tokenizer has no single tokens for the letters.
    """
    exam = read_exam(Path(job.mmlu))
    asked = sample(exam.questions, job.limit, job.seed)
    window = generator.context or PUBLISHED_WINDOW
    letters = letter_tokens(tokenizer)
    began = monotonic()
    with Answers(scratch / "mmlu.jsonl") as answers:
        chosen = {(answer["subject"], answer["number"]): answer["choice"] for answer in answers.found}
        resumed = len(chosen)
        groups = _groups([one for one in asked if (one.subject, one.number) not in chosen], exam, tokenizer, job.shots, window)
        dropped = 0
        for group in groups:
            for part in _answer(group, generator, letters, progress):
                answers.add(part)
                chosen |= {(answer["subject"], answer["number"]): answer["choice"] for answer in part}
                rate = (len(chosen) - resumed) / max(monotonic() - began, 1e-6)
                progress.at(len(chosen) / len(asked), f"{len(chosen)} of {len(asked)} questions · {rate:.1f} a second")
            dropped += sum(one.shots < job.shots for one in group)
    seconds = monotonic() - began
    report = _report(asked, chosen)
    report["warnings"] = [f"{dropped} prompts were longer than {window} tokens and had fewer examples"] if dropped else []
    report |= {"shots": job.shots, "seconds": seconds, "per_second": (len(chosen) - resumed) / max(seconds, 1e-6)}
    return report


def letter_tokens(tokenizer: Tokenizer) -> list[int]:
    """The tokens of A, B, C and D as they come after "Answer:", by the number of the choice.

    Raises:
        UserError: the tokenizer splits them.
    """
    found = []
    for letter in LETTERS:
        # With the blank that follows the colon; a SentencePiece tokenizer adds its own.
        ids = {len(ids): ids for text in (letter, f" {letter}") if (ids := tokenizer.encode(text, add_special_tokens=False).ids)}
        if 1 not in ids:
            raise UserError(f"The tokenizer has no token for the answer {letter}", remedy="Choose another model for MMLU.")
        found.append(ids[1][0])
    return found


def _groups(questions: Sequence[Question], exam: Exam, tokenizer: Tokenizer, shots: int, window: int) -> Iterator[list[_Asked]]:
    """Questions with equal examples, one subject after another."""
    by_subject: dict[str, list[Question]] = defaultdict(list)
    for question in questions:
        by_subject[question.subject].append(question)
    for subject, those in by_subject.items():
        if len(exam.worked.get(subject, [])) < shots:
            raise UserError(f"There are fewer than {shots} worked examples of {subject}", remedy="Ask for fewer shots.")
        groups: dict[int, list[_Asked]] = defaultdict(list)
        for question in those:
            asked = _fitted(question, exam.worked.get(subject, []), tokenizer, shots, window)
            groups[asked.shots].append(asked)
        yield from groups.values()


def _fitted(question: Question, worked: Sequence[Question], tokenizer: Tokenizer, shots: int, window: int) -> _Asked:
    for count in range(shots, -1, -1):
        ids = tokenizer.encode(prompt(question, worked[:count])).ids
        if len(ids) <= window:
            return _Asked(question, ids, count)
    # Even alone it is too long: its end, with the choices, is what matters.
    return _Asked(question, ids[-window:], 0)


def _answer(group: list[_Asked], generator: Generator, letters: list[int], progress: Progress) -> Iterator[list[dict[str, Any]]]:
    group = sorted(group, key=lambda one: len(one.ids))
    shared = _shared([one.ids for one in group]) if len(group) > 1 else []
    prefix = generator.prefix(shared) if shared else None
    start = len(shared) if prefix is not None else 0
    for first in range(0, len(group), _CHUNK):
        progress.checkpoint()
        part = group[first : first + _CHUNK]
        logits = generator.first([one.ids[start:] for one in part], letters, prefix=prefix)
        yield [
            {"subject": one.question.subject, "number": one.question.number, "choice": int(choice), "right": one.question.right}
            for one, choice in zip(part, np.argmax(logits, axis=1), strict=True)
        ]


def _shared(prompts: Sequence[list[int]]) -> list[int]:
    """What all begin with; every prompt has at least one token more."""
    # What the first and the last in order share, all share.
    first, last = min(prompts), max(prompts)
    common = next((place for place, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    return first[: min(common, min(map(len, prompts)) - 1)]


def _report(asked: Sequence[Question], chosen: dict[tuple[str, int], int]) -> dict[str, Any]:
    subjects: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for question in asked:
        found = subjects[question.subject]
        found[0] += 1
        found[1] += chosen[question.subject, question.number] == question.right
    right = sum(found[1] for found in subjects.values())
    total = len(asked)
    low, high = interval(right, total)
    spread = 1.959964 * (0.25 * 0.75 / max(total, 1)) ** 0.5
    return {
        "kind": "mmlu",
        "rows": total,
        "headline": {"name": "mmlu", "value": right / max(total, 1), "interval": [low, high]},
        "micro": right / max(total, 1),
        "macro": float(np.mean([found[1] / found[0] for found in subjects.values()])) if subjects else 0.0,
        "random": {"value": 0.25, "interval": [max(0.0, 0.25 - spread), 0.25 + spread]},
        "subjects": [{"name": name, "questions": count, "right": hits} for name, (count, hits) in sorted(subjects.items())],
        "answers": {letter: sum(choice == number for choice in chosen.values()) for number, letter in enumerate(LETTERS)},
        "references": [reference._asdict() for reference in REFERENCES],
    }
