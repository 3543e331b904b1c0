"""What an import found, in numbers: duplicates, leakage, classes, lengths."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from desktop.tuning.records.facts import MAX_CLASSES, SPLITS, Histogram
from desktop.tuning.records.keys import Hashes, Keys, mixed
from desktop.tuning.records.splitting import TRAIN

_BINS = 24
_ROUND = (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500)


def first_of_each(keys: Keys, group: npt.NDArray[np.int8]) -> npt.NDArray[np.bool_]:
    """Marks usable rows of which no usable row before, in the same group, has both prompt and answer."""
    marks = np.zeros(len(keys.prompt), np.bool_)
    usable = np.flatnonzero(keys.usable)
    pairs = mixed(mixed(keys.prompt, keys.answer), group.astype(np.int64).view(np.uint64))[usable]
    _, firsts = np.unique(pairs, return_index=True)
    marks[usable[firsts]] = True
    return marks


def conflicts(keys: Keys) -> int:
    """Prompts of usable rows that have more than one answer."""
    prompt, answer = keys.prompt[keys.usable], keys.answer[keys.usable]
    order = np.lexsort((answer, prompt))
    prompt, answer = prompt[order], answer[order]
    other = (prompt[1:] == prompt[:-1]) & (answer[1:] != answer[:-1])
    return len(np.unique(prompt[1:][other]))


def leakage(prompt: Hashes, places: npt.NDArray[np.int8]) -> dict[str, int]:
    """Rows of each split but "train" whose prompt is in "train" too."""
    trained = np.sort(prompt[places == TRAIN])
    found = {}
    for place, name in enumerate(SPLITS):
        if place != TRAIN:
            mine = prompt[places == place]
            spot = np.minimum(np.searchsorted(trained, mine), max(0, len(trained) - 1))
            found[name] = int((trained[spot] == mine).sum()) if len(trained) else 0
    return found


def classes(
    answer: Hashes, places: npt.NDArray[np.int8], names: dict[int, str]
) -> tuple[dict[str, dict[str, int]], int, list[str]]:
    """Rows of each label in each split (the largest labels first), the number of labels, and those missing in "train"."""
    kept = places >= 0
    labels, index = np.unique(answer[kept], return_inverse=True)
    table = np.zeros((len(labels), len(SPLITS)), np.int64)
    np.add.at(table, (index, places[kept]), 1)
    texts = [names[int(label)] for label in labels]
    order = sorted(range(len(labels)), key=lambda row: (-int(table[row].sum()), texts[row]))
    counts = {texts[row]: dict(zip(SPLITS, table[row].tolist(), strict=True)) for row in order[:MAX_CLASSES]}
    unseen = sorted(texts[row] for row in order if not table[row, TRAIN])
    return counts, len(labels), unseen[:MAX_CLASSES]


def histogram(values: npt.NDArray[np.integer]) -> Histogram:
    """Counts in bins of one round width up to the 99th percentile; the last bin holds all above."""
    if not len(values):
        return Histogram([0, 1], [0])
    largest, most = int(values.max()), float(np.percentile(values, 99.0))
    width = _round_up(max(1.0, (most + 1) / _BINS))
    bins = int(most // width) + 1
    edges = np.arange(bins + 1, dtype=np.int64) * width
    counts = np.bincount(np.minimum(values // width, bins - 1), minlength=bins)
    edges[-1] = max(edges[-1], largest + 1)
    return Histogram(edges.tolist(), counts.tolist())


def _round_up(width: float) -> int:
    scale = 1
    while width > scale * _ROUND[-1]:
        scale *= 10
    return next(scale * step for step in _ROUND if scale * step >= width)
