"""The rows of a split as tokens, made once and mapped from the run's folder from then on."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.malformed import MALFORMED_ARRAYS
from desktop.paths import atomic_write, make_folder

if TYPE_CHECKING:
    from desktop.tuning.prompts import Encoded, Prompter
    from desktop.tuning.records import Imported

Array = npt.NDArray[Any]

_SLICE = 1024
_FACTS, _IDS, _BOUNDS = "tokens.json", "ids.npy", "bounds.npy"


class TokenFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What making the tokens found.

    Attributes:
        fingerprint: of the prompts and the rows that they were made of.
        prompts_cut, answers_cut: rows whose prompt or answer was too long.
        longest: tokens of the longest prompt, whole.
    """

    fingerprint: str
    rows: int
    prompts_cut: int
    answers_cut: int
    longest: int


class Pair(NamedTuple):
    """A row's tokens: int32 arrays; the answer has the end's token."""

    prompt: Array
    answer: Array


class Tokens:
    """Tokens of rows, mapped into memory, not loaded.

    Attributes:
        lengths: prompt and answer together, of each row. answers: of the answer alone.
    """

    def __init__(self, ids: Array, bounds: Array, facts: TokenFacts) -> None:
        self.facts = facts
        self._ids, self._bounds = ids, bounds
        self.lengths: Array = bounds[:, 2] - bounds[:, 0]
        self.answers: Array = bounds[:, 2] - bounds[:, 1]

    def __len__(self) -> int:
        return len(self._bounds)

    def __getitem__(self, row: int) -> Pair:
        start, middle, end = self._bounds[row]
        return Pair(np.asarray(self._ids[start:middle]), np.asarray(self._ids[middle:end]))

    def pairs(self, rows: Array) -> list[Pair]:
        """Tokens of several rows."""
        return [self[int(row)] for row in rows]


def tokens_of(imported: Imported, split: str, prompter: Prompter, folder: Path, progress: Progress) -> Tokens:
    """Tokens of a split: those that lie in ``folder`` when they were made of the same rows in the same way, else made now."""
    rows = imported.split(split)
    facts = imported.facts
    fingerprint = f"{prompter.fingerprint}-{facts.source.sha256}-{split}-{len(rows)}"
    place = make_folder(folder) / split
    if (found := _opened(place, fingerprint)) is not None:
        return found
    hidden = make_folder(folder / f".{split}-{secrets.token_hex(4)}")
    try:
        _write(hidden, fingerprint, _encoded(rows, prompter, progress))
        shutil.rmtree(place, ignore_errors=True)
        hidden.replace(place)
    except BaseException:
        shutil.rmtree(hidden, ignore_errors=True)
        raise
    made = _opened(place, fingerprint)
    assert made is not None
    return made


def open_tokens(folder: Path, fingerprint: str) -> Tokens:
    """Tokens that ``tokens_of`` made; raises UserError when they are not there."""
    found = _opened(folder, fingerprint)
    if found is None:
        raise UserError("The rows' tokens are not there", path=folder)
    return found


def _encoded(rows: Any, prompter: Prompter, progress: Progress) -> Iterator[list[Encoded]]:
    card = prompter.card
    names = list(dict.fromkeys([*card.inputs, card.output]))
    wanted = rows.select_columns(names)
    for start in range(0, len(wanted), _SLICE):
        progress.at(start / len(wanted), f"Making tokens of row {start:,} of {len(wanted):,}")
        columns = wanted[start : start + _SLICE]
        values = zip(*(columns[name] for name in names), strict=True)
        yield prompter.encode_many([dict(zip(names, row, strict=True)) for row in values])


def _write(folder: Path, fingerprint: str, slices: Iterator[list[Encoded]]) -> None:
    ids = [np.zeros(0, np.int32)]
    sizes = [np.zeros((0, 2), np.int64)]
    prompts_cut = answers_cut = longest = 0
    for encoded in slices:
        ids.append(np.array([number for row in encoded for part in (row.prompt, row.answer) for number in part], np.int32))
        sizes.append(np.array([(len(row.prompt), len(row.answer)) for row in encoded], np.int64))
        prompts_cut += sum(row.prompt_cut > 0 for row in encoded)
        answers_cut += sum(row.answer_cut > 0 for row in encoded)
        longest = max(longest, *(len(row.prompt) + row.prompt_cut for row in encoded))
    both = np.concatenate(sizes)
    starts = np.cumsum(both.sum(1)) - both.sum(1)
    bounds = np.stack([starts, starts + both[:, 0], starts + both.sum(1)], 1)
    facts = TokenFacts(
        fingerprint=fingerprint, rows=len(bounds), prompts_cut=prompts_cut, answers_cut=answers_cut, longest=longest
    )
    with atomic_write(folder / _IDS) as out:
        np.save(out, np.concatenate(ids), allow_pickle=False)
    with atomic_write(folder / _BOUNDS) as out:
        np.save(out, bounds, allow_pickle=False)
    with atomic_write(folder / _FACTS) as out:
        out.write(msgspec.json.encode(facts))


def _opened(folder: Path, fingerprint: str) -> Tokens | None:
    try:
        facts = msgspec.json.decode((folder / _FACTS).read_bytes(), type=TokenFacts)
        if facts.fingerprint != fingerprint:
            return None
        ids = np.load(folder / _IDS, mmap_mode="r", allow_pickle=False)
        bounds = np.load(folder / _BOUNDS, allow_pickle=False)
    except (OSError, *MALFORMED_ARRAYS):
        return None
    return Tokens(ids, bounds, facts)
