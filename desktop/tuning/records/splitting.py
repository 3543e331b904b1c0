"""Which rows are trained on and which are held out: decided by the seed and what the rows say, never by their order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from desktop.tuning.records.keys import Hashes, mixed

TRAIN, VALIDATION, TEST = 0, 1, 2
_CHOICE, _ROUNDING = 0x51, 0x52

Places = npt.NDArray[np.int64]


def chosen(prompt: Hashes, answer: Hashes, limit: int) -> npt.NDArray[np.bool_]:
    """Marks ``limit`` of the rows, all rows of a prompt that is chosen or nearly so (the last one may be cut)."""
    marks = np.zeros(len(prompt), np.bool_)
    order = np.lexsort((answer, mixed(prompt, _CHOICE)))
    marks[order[:limit]] = True
    return marks


def split(prompt: Hashes, answer: Hashes, validation: float, test: float, *, by_answer: bool) -> npt.NDArray[np.int8]:
    """The split of each row: 0 train, 1 validation, 2 test.

    Rows with one prompt stay together, so nothing that is asked in training is asked again when it is scored. By answer, each
    answer is held out in its share, rounded up or down by its hash so that the sums are right, and at least one prompt of it is
    trained on.

    Args:
        prompt, answer: hashes, salted with the seed.
        validation, test: shares, 0..0.5 each.
    """
    places = np.zeros(len(prompt), np.int8)
    if not len(prompt) or validation + test <= 0.0:
        return places
    # One answer for each prompt: its smallest, as the order of rows must not matter.
    order = np.lexsort((answer, prompt))
    first = np.ones(len(order), np.bool_)
    first[1:] = prompt[order][1:] != prompt[order][:-1]
    prompts, answers = prompt[order][first], answer[order][first]
    groups = _split_prompts(prompts, answers if by_answer else np.zeros_like(answers), validation, test)
    places[order] = groups[np.cumsum(first) - 1]
    return places


def _split_prompts(prompts: Hashes, classes: Hashes, validation: float, test: float) -> npt.NDArray[np.int8]:
    order = np.lexsort((prompts, classes))
    labels, starts, counts = np.unique(classes[order], return_index=True, return_counts=True)
    held_test = _quota(counts, test, labels, TEST)
    held = _quota(counts, validation + test, labels, VALIDATION)
    held = np.clip(held, held_test, np.maximum(counts - 1, 0))
    held_test = np.minimum(held_test, held)
    rank = np.arange(len(prompts)) - np.repeat(starts, counts)
    sorted_places = np.zeros(len(prompts), np.int8)
    sorted_places[rank < np.repeat(held, counts)] = VALIDATION
    sorted_places[rank < np.repeat(held_test, counts)] = TEST
    _at_least_one(sorted_places, counts, starts, validation, test)
    places = np.zeros(len(prompts), np.int8)
    places[order] = sorted_places
    return places


def _quota(counts: Places, share: float, labels: Hashes, salt: int) -> Places:
    """A class's share of rows, rounded by chance; the chance comes from the class's hash."""
    if len(counts) == 1:
        return np.round(counts * share).astype(np.int64)
    chance = mixed(labels, _ROUNDING + salt).astype(np.float64) / 2.0**64
    return np.floor(counts * share + chance).astype(np.int64)


def _at_least_one(places: npt.NDArray[np.int8], counts: Places, starts: Places, validation: float, test: float) -> None:
    """Give a split that was asked for and got nothing a row of the largest class."""
    largest = int(np.argmax(counts))
    mine = places[starts[largest] : starts[largest] + counts[largest]]
    for place, share in ((VALIDATION, validation), (TEST, test)):
        if share > 0.0 and not (places == place).any() and np.count_nonzero(mine == TRAIN) > 1:
            mine[np.flatnonzero(mine == TRAIN)[0]] = place
