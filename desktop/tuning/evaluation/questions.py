"""MMLU's questions (Hendrycks et al., ICLR 2021): reading the files and writing the prompts.

Two layouts are read: the original (no header; question, four choices, letter A-D) and copies with a header row and answers 0-3.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from desktop.errors import UserError

LETTERS = "ABCD"
_FIELDS = 6


@dataclass(frozen=True)
class Question:
    """A question: ``right`` is the number of its right choice, 0..3; ``number`` its place in the subject's file."""

    subject: str
    number: int
    text: str
    choices: tuple[str, str, str, str]
    right: int


@dataclass(frozen=True)
class Exam:
    """All questions: ``worked`` are each subject's examples, ``questions`` those to be answered, by subject and number."""

    worked: dict[str, list[Question]]
    questions: list[Question]


def read_exam(folder: Path) -> Exam:
    """The exam in a folder with ``dev`` and ``test``.

    Raises:
        UserError: a folder, file or field is missing or wrong; names file and line.
    """
    if not folder.is_dir():
        raise UserError("There is no such folder", path=folder, remedy="Give the folder that holds MMLU's dev and test folders.")
    worked = _read_all(folder, "dev")
    asked = _read_all(folder, "test")
    return Exam(worked, [question for subject in sorted(asked) for question in asked[subject]])


def sample(questions: Sequence[Question], limit: int, seed: int) -> list[Question]:
    """At most ``limit`` of the questions (all for 0), chosen by ``seed``, in their order."""
    if not limit or limit >= len(questions):
        return list(questions)
    chosen = np.random.default_rng(seed).choice(len(questions), limit, replace=False)
    return [questions[number] for number in np.sort(chosen)]


def prompt(question: Question, worked: Sequence[Question]) -> str:
    """The prompt of the published evaluation: head line, worked examples with answers, the question, "Answer:"."""
    head = f"The following are multiple choice questions (with answers) about {_spoken(question.subject)}.\n\n"
    return head + "".join(f"{_asked(one)} {LETTERS[one.right]}\n\n" for one in worked) + _asked(question)


def _spoken(subject: str) -> str:
    # The published prompts have two spaces after "about"; scores are compared with theirs.
    return " " + subject.replace("_", " ")


def _asked(question: Question) -> str:
    lines = [question.text, *(f"{letter}. {choice}" for letter, choice in zip(LETTERS, question.choices, strict=True))]
    return "\n".join([*lines, "Answer:"])


def _read_all(folder: Path, part: str) -> dict[str, list[Question]]:
    files = sorted((folder / part).glob(f"*_{part}.csv")) or sorted((folder / part).glob("*.csv"))
    if not files:
        raise UserError(
            f"There are no questions in the folder {part}", path=folder, remedy=f"MMLU has {part}/SUBJECT_{part}.csv."
        )
    return {(subject := file.stem.removesuffix(f"_{part}")): _read(file, subject) for file in files}


def _read(path: Path, subject: str) -> list[Question]:
    questions: list[Question] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            for row in reader:
                if not row or (not questions and reader.line_num == 1 and row[0].strip().lower() == "question"):
                    continue
                questions.append(_question(row, subject, len(questions), path, reader.line_num))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"The questions cannot be read: {error}", path=path) from error
    return questions


def _question(row: Sequence[str], subject: str, number: int, path: Path, line: int) -> Question:
    # Copies with an index column have one field more in front, or the subject between question and choices.
    if len(row) != _FIELDS:
        raise UserError(f"Line {line} has {len(row)} fields instead of question, four choices and answer", path=path)
    answer = row[5].strip().upper()
    if answer not in (*LETTERS, "0", "1", "2", "3") or not answer:
        raise UserError(f"Line {line}: '{row[5][:20]}' is no answer (A-D or 0-3)", path=path)
    right = LETTERS.index(answer) if answer in LETTERS else int(answer)
    return Question(subject, number, row[0].strip(), (row[1], row[2], row[3], row[4]), right)
