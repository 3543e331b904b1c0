"""Runs with curves, scores and samples as real ones have, written through the real history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
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
        "settled": {"batch": 8, "epochs": 3.0, "precision": "fp32", "learning_rate": settled.learning_rate or 2e-4},
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


def names(count: int) -> list[str]:
    """Labels, some of them long."""
    what = ("card", "transfer", "top_up", "cash_withdrawal", "exchange_rate", "verification_of_my_identity", "refund")
    how = (
        "not_working",
        "arrival",
        "pending",
        "declined",
        "fee_charged",
        "limits",
        "why",
        "wrong_amount",
        "cancelled",
        "lost_or_stolen",
        "country_support",
    )
    return [f"{what[k % 7]}_{how[k % 11]}{'' if k < 77 else f'_{k // 77 + 1}'}" for k in range(count)]


def labels_report(folder: Path, count: int = 77, rows: int = 3080, seed: int = 1, outside: bool = False) -> dict[str, Any]:
    """What scoring a classifier gives, with its file of rows."""
    from desktop.tuning.evaluation.rows import report_labels

    rng = np.random.default_rng(seed)
    labels = names(count)
    answers = []
    for line in range(rows):
        expected = int(rng.integers(count))
        sure = float(rng.beta(6, 1.4))
        near = (expected + int(rng.choice([-1, 1, 7, 11]))) % count
        answer = expected if rng.random() < 0.55 + 0.43 * sure else near
        answers.append(
            {
                "line": line + 2, "prompt": f"I have a question about my {labels[expected].replace('_', ' ')}, case {line}",
                "expected": labels[expected], "answer": labels[answer], "confidence": sure,
            }
        )  # fmt: skip
    if outside:
        for line in range(300):
            declined = rng.random() < 0.72
            answers.append(
                {
                    "line": rows + line,
                    "prompt": f"how tall is the mountain number {line}",
                    "expected": "oos",
                    "answer": "(none)" if declined else labels[line % count],
                    "confidence": 0.3,
                }
            )
    file = write_rows(folder / f"rows-{seed}-{count}.jsonl", answers)
    report = report_labels(answers, ("oos",) if outside else (), 0.42 if outside else 0.0)
    base = {
        "title": f"Always “{labels[0]}”",
        "headline": {"name": "accuracy", "value": 0.013, "interval": [0.01, 0.018]},
        "macro_f1": 0.0003,
    }
    return report | {
        "rows_file": str(file), "per_second": 512.3, "warnings": [],
        "seconds": 6.0, "device": "cpu", "precision": "fp32", "title": "Banking", "baseline": base,
        "on": {"source": "", "split": "test", "mmlu": "", "shots": 5, "limit": 0, "weights": "best"},
    }  # fmt: skip


def text_report(folder: Path, rows: int = 200) -> dict[str, Any]:
    """What scoring a model that writes gives."""
    from desktop.tuning.evaluation.rows import report_texts

    rng = np.random.default_rng(3)
    answers = []
    for line in range(rows):
        prompt, expected = CHANGES[line % 3]
        answers.append(
            {
                "line": line + 1,
                "prompt": prompt,
                "expected": expected,
                "answer": expected if rng.random() < 0.3 else "Update the files of the queue",
                "confidence": float(rng.random()),
            }
        )
    file = write_rows(folder / "texts.jsonl", answers)
    base = {
        "title": "SmolLM2 135M Instruct",
        "headline": {"name": "rouge_l", "value": 0.142, "interval": [0.12, 0.163]},
        "exact_match": 0.0,
    }
    return report_texts(answers) | {
        "rows_file": str(file), "per_second": 3.4,
        "warnings": ["The run holds no test rows, so it is scored on its validation rows"],
        "device": "cpu", "precision": "fp32",
        "title": "Commits", "baseline": base,
        "on": {"source": "/home/user/held out commits.jsonl", "split": "test", "limit": 200},
    }  # fmt: skip


def mmlu_report(rows: int = 2000) -> dict[str, Any]:
    """What an exam gives."""
    from desktop.tuning.evaluation.metrics import interval
    from desktop.tuning.evaluation.references import REFERENCES

    rng = np.random.default_rng(4)
    titles = [
        "abstract_algebra",
        "anatomy",
        "astronomy",
        "business_ethics",
        "clinical_knowledge",
        "high_school_european_history",
        "professional_law",
        "world_religions",
    ]
    titles += [f"subject_{k}_of_many" for k in range(49)]
    subjects = [{"name": name, "questions": 35, "right": int(rng.binomial(35, 0.31))} for name in titles]
    right, total = sum(s["right"] for s in subjects), 35 * 57
    return {
        "kind": "mmlu", "rows": total,
        "headline": {"name": "mmlu", "value": right / total, "interval": list(interval(right, total))},
        "micro": right / total, "macro": right / total - 0.004,
        "random": {"value": 0.25, "interval": [0.231, 0.269]}, "subjects": subjects,
        "references": [one._asdict() for one in REFERENCES],
        "warnings": [], "per_second": 4.1, "device": "cpu", "precision": "fp32", "title": "Commits",
        "shots": 5, "on": {"source": "", "mmlu": "/home/user/mmlu", "shots": 5, "limit": 2000},
    }  # fmt: skip


def write_rows(path: Path, answers: list[dict[str, Any]]) -> Path:
    """A file of rows as an evaluation leaves it."""
    path.write_bytes(b"".join(msgspec.json.encode(answer) + b"\n" for answer in answers))
    return path
