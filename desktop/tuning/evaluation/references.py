"""Published MMLU results to draw beside one's own: 5-shot, test questions, micro average in per cent."""

from __future__ import annotations

from typing import NamedTuple


class Reference(NamedTuple):
    """A model's published score."""

    name: str
    value: float
    source: str


_FLAN = "Chung et al. 2022 (arXiv 2210.11416), re-measured on the test questions"
_BOARD = "Hendrycks et al., leaderboard of the test"

REFERENCES = (
    Reference("Random", 25.0, "four choices"),
    Reference("Flan-T5 Small (80M)", 29.5, _FLAN),
    Reference("Flan-T5 Base (250M)", 34.2, _FLAN),
    Reference("Flan-T5 Large (780M)", 41.9, _FLAN),
    Reference("GPT-3 (175B), few-shot", 43.9, _BOARD),
    Reference("Flan-T5 XL (3B)", 49.3, _FLAN),
    Reference("GPT-3 (175B), fine-tuned", 53.9, _BOARD),
    Reference("Flan-T5 XXL (11B)", 54.5, _FLAN),
)
