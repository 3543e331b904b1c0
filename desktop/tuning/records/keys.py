"""Rows as numbers: hashes of prompt and answer that are the same everywhere, eight bytes each however long the texts are."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from desktop.tuning.records.facts import LINE, MAX_PROBLEMS, Problem
from desktop.tuning.records.storing import FILE
from desktop.tuning.records.values import shortened

Hashes = npt.NDArray[np.uint64]
_BETWEEN = "\x1f"
NO_ANSWER, NO_PROMPT = "the answer is empty", "the prompt is empty"
MAX_LABELS = 100_000


class Keys(NamedTuple):
    """One value per row, in the order of the rows.

    Attributes:
        prompt, answer: hashes of the texts without surrounding space.
        chars: of the prompt's texts together.
        file: place of the row's file. part: place of the list it was in.
        usable: it has a prompt and, where there is an answer's column, an answer.
    """

    prompt: Hashes
    answer: Hashes
    chars: npt.NDArray[np.int32]
    file: npt.NDArray[np.int8]
    part: npt.NDArray[np.int32]
    usable: npt.NDArray[np.bool_]


class KeyMaker:
    """Gathers keys batch by batch.

    Attributes:
        problems: rows without prompt or answer, the first 1,000 by line of each file.
        unusable: all of them.
        labels: hash of an answer -> its text, unless there are more than ``MAX_LABELS``.
        parts: names of the lists that rows were in.
    """

    def __init__(self, inputs: Sequence[str], output: str, part: str, seed: int) -> None:
        self._inputs, self._output, self._part = tuple(inputs), output, part
        self._salt = seed.to_bytes(8, "little", signed=True)
        self._prompt, self._answer, self._chars = array("Q"), array("Q"), array("i")
        self._file, self._place, self._usable = array("b"), array("i"), array("b")
        self.labels: dict[int, str] | None = {}
        self.problems: dict[int, list[Problem]] = {}
        self.unusable = 0
        self.parts: dict[str, int] = {}

    def add(self, batch: Any) -> None:
        """Take rows in."""
        count = batch.num_rows
        columns = [[text.strip() for text in batch.column(name).to_pylist()] for name in self._inputs]
        answers = [text.strip() for text in batch.column(self._output).to_pylist()] if self._output else [""] * count
        prompts = columns[0] if len(columns) == 1 else _joined(columns, count)
        extra = max(0, len(columns) - 1)
        self._prompt.extend(self._hashes(prompts))
        self._answer.extend(self._answer_hashes(answers))
        self._chars.extend([len(text) - extra for text in prompts])
        files = batch.column(FILE).to_pylist()
        self._file.extend(files)
        names = batch.column(self._part).to_pylist() if self._part else [""] * count
        self._place.extend([self.parts.setdefault(name, len(self.parts)) for name in names])
        usable = [
            (bool(answer) or not self._output) and (len(prompt) > extra or not columns)
            for prompt, answer in zip(prompts, answers, strict=True)
        ]
        self._usable.extend(usable)
        if not all(usable):
            self._complain(usable, files, batch.column(LINE).to_pylist(), prompts, answers)

    def _hashes(self, texts: Sequence[str]) -> Sequence[int]:
        salt = self._salt
        data = b"".join([blake2b(text.encode(), digest_size=8, key=salt).digest() for text in texts])
        return np.frombuffer(data, np.uint64).tolist()  # type: ignore[no-any-return]

    def _answer_hashes(self, answers: Sequence[str]) -> Sequence[int]:
        different = list(dict.fromkeys(answers))
        found = dict(zip(different, self._hashes(different), strict=True))
        if self.labels is not None:
            self.labels.update({number: text for text, number in found.items()})
            if len(self.labels) > MAX_LABELS:
                self.labels = None
        return [found[answer] for answer in answers]

    def _complain(self, usable: list[bool], files: list[int], lines: list[int], prompts: list[str], answers: list[str]) -> None:
        for place in [place for place, good in enumerate(usable) if not good]:
            self.unusable += 1
            mine = self.problems.setdefault(files[place], [])
            if len(mine) < MAX_PROBLEMS:
                text = prompts[place].replace(_BETWEEN, " ") or answers[place]
                reason = NO_ANSWER if self._output and not answers[place] else NO_PROMPT
                mine.append(Problem(lines[place], reason, shortened(text)))

    def keys(self) -> Keys:
        """What was gathered."""
        return Keys(
            np.frombuffer(self._prompt, np.uint64) if self._prompt else np.zeros(0, np.uint64),
            np.frombuffer(self._answer, np.uint64) if self._answer else np.zeros(0, np.uint64),
            np.array(self._chars, np.int32),
            np.array(self._file, np.int8),
            np.array(self._place, np.int32),
            np.array(self._usable, np.bool_),
        )


def _joined(columns: list[list[str]], count: int) -> list[str]:
    return list(map(_BETWEEN.join, zip(*columns, strict=True))) if columns else [""] * count


def mixed(first: Hashes, second: Hashes | int) -> Hashes:
    """A hash of two hashes; the finishing steps are those of SplitMix64 (Steele, Lea and Flood 2014)."""
    with np.errstate(over="ignore"):
        value = first * np.uint64(0x9E3779B97F4A7C15) + (np.uint64(second) if isinstance(second, int) else second)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(value ^ (value >> np.uint64(31)), np.uint64)
