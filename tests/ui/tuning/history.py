"""Runs with curves, scores and samples as real ones have, written through the real history."""

from __future__ import annotations

from typing import Any

import numpy as np

from desktop.jobs.job import Recipe, Records
from desktop.tuning.runs import Point, Run, Runs, RunState, Sample, new_id

QUESTIONS = (
    ("I still have not received my new card, I ordered it over a week ago", "card_arrival"),
    ("Why was I charged twice for the same thing at the supermarket?", "transaction_charged_twice"),
    ("What is the exchange rate you use for payments abroad", "exchange_rate"),
)
CHANGES = (
    (
        "3 files changed, 41 insertions(+), 12 deletions(-)\n desktop/jobs/queue.py | 30 +++++++--",
        "End a worker that does not answer within two seconds",
    ),
    ("1 file changed, 2 insertions(+), 2 deletions(-)\n README.md | 4 ++--", "Mend two links of the README"),
    (
        "2 files changed, 88 insertions(+)\n tests/e2e/test_video.py | 64 +++++\n desktop/video/media.py | 24 ++",
        "Read interlaced clips whose first field is missing",
    ),
)


def points(steps: int, begin: int = 0, *, seed: int = 1, floor: float = 0.6, rate: float = 2e-4) -> list[Point]:
    """Steps of a run whose loss falls and is noisy."""
    rng = np.random.default_rng(seed)
    made = []
    elapsed = 0.0
    for step in range(1, steps + 1):
        elapsed += float(rng.gamma(30.0, 0.03))
        share = step / max(1, steps)
        loss = floor + 2.4 * float(np.exp(-5 * share)) + float(rng.normal(0, 0.13)) * (0.4 + float(np.exp(-4 * share)))
        warm = min(1.0, step / (0.05 * steps))
        made.append(
            Point(
                step, max(0.02, loss), rate * warm * 0.5 * (1 + float(np.cos(np.pi * share))), float(rng.gamma(4, 0.2)),
                step * 140, elapsed, int(1.42e9 + 2e7 * float(rng.random())), share * 3,
            )
        )  # fmt: skip
    return [point for point in made if point.step > begin]


def make_run(
    runs: Runs, name: str = "Departments, second try", *, steps: int = 900, done: int | None = None, labels: bool = False,
    state: RunState = RunState.DONE, error: str = "", seed: int = 1, note: str = "", **recipe: Any,
) -> Run:  # fmt: skip
    """A run that has made ``done`` of ``steps`` steps."""
    made = new_id()
    done = steps if done is None else done
    settled = Recipe(**{"base": "minilm" if labels else "smollm2", "method": "head" if labels else "lora", "batch": 8} | recipe)
    records = Records(
        source="/home/user/examples/banking77.csv" if labels else "/home/user/examples/commits of the last three years.jsonl",
        inputs=("text",) if labels else ("change",), output="category" if labels else "message",
    )  # fmt: skip
    runs.create(
        made,
        name=name,
        records=records,
        recipe=settled,
        base="all-MiniLM-L6-v2" if labels else "SmolLM2 135M Instruct",
        method=settled.method,
    )
    runs.add_points(made, points(done, seed=seed, rate=recipe.get("learning_rate", 2e-4)))
    every = max(1, steps // 12)
    best = (0, float("inf"))
    for step in range(every, done + 1, every):
        share = step / steps
        loss = 0.75 + 2.2 * float(np.exp(-5 * share)) + 0.25 * max(0.0, share - 0.6)
        scores = {"loss": loss}
        scores |= (
            {"accuracy": 0.926 - 0.8 * float(np.exp(-6 * share)), "macro_f1": 0.92 - 0.85 * float(np.exp(-5.5 * share))}
            if labels
            else {"rouge_l": 0.41 - 0.3 * float(np.exp(-4 * share)), "exact_match": 0.12 - 0.12 * float(np.exp(-3 * share))}
        )
        runs.add_scores(made, step, scores)
        best = min(best, (step, -scores["accuracy"] if labels else loss), key=lambda one: one[1])
        asked = QUESTIONS if labels else CHANGES
        runs.add_samples(
            made,
            [
                Sample(
                    step,
                    number,
                    prompt,
                    expected,
                    expected if share * 3 > number + 1 else "Update files" if not labels else "card_payment_fee",
                )
                for number, (prompt, expected) in enumerate(asked)
            ],
        )
    facts = {
        "trainable": 29_645 if labels else 2_442_240,
        "parameters": 22_700_000 if labels else 134_500_000,
        "batch": 8,
        "precision": "fp32",
    }
    runs.update(
        made, train_rows=9_003 if labels else 1_830, total_steps=steps, step=done, seconds=done * 0.9, tokens=done * 140,
        device="cpu", facts=facts, note=note,
        **({"best_step": best[0], "best_name": "accuracy" if labels else "loss", "best_value": abs(best[1]),
            "best_before": 0.013 if labels else 3.214} if best[0] else {}),
    )  # fmt: skip
    if state is not RunState.RUNNING:
        runs.update(made, state=state, error=error)
    return runs.get(made)
