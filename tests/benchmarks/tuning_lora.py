"""SmolLM2 tuned by adapters on 500 rows: losses, and what base and tuned model write for held-out rows, side by side.

    python tests/benchmarks/tuning_lora.py [--rows 500] [--held-out 100] [--epochs N] [--base smollm2] [--speed]

The task: bring untidy lines about contacts into one form. Lines are made here, from a seed; the held-out ones have other names
of people and companies. ``--speed`` measures tokens a second of our loop against peft with transformers on the same rows,
one thread, by processor time. Not part of the test run.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from desktop.errors import UserError
from desktop.jobs.events import AnyEvent, Logged, Progressed
from desktop.jobs.progress import Progress
from desktop.jobs.tuning_jobs import EvaluateJob, Recipe, Records, TuneJob
from desktop.models.library import Library
from desktop.tuning.runs import Runs, new_id

SYSTEM = "Bring the contact into one form: Name | Company | City | Country."
FIRST = [
    "Anna", "Bela", "Carla", "David", "Elena", "Femi", "Greta", "Hugo", "Ines", "Jonas", "Karim", "Lena", "Marek",
    "Nadia", "Oscar", "Paula", "Quentin", "Rosa", "Samir", "Tara",
]  # fmt: skip
SYLLABLES = [
    "ka", "ro", "mi", "ven", "tor", "sal", "bri", "lun", "dek", "fa", "nov", "zu", "pel", "har", "go", "lin", "ster", "wi", "ma",
    "ber", "tis", "qua", "jo", "eck",
]  # fmt: skip
TRADES = [
    "Foods", "Textiles", "Logistics", "Software", "Ceramics", "Optics", "Travel", "Energy",
]  # fmt: skip
FORMS = {"gmbh": "GmbH", "ltd": "Ltd", "inc": "Inc", "sarl": "SARL", "oy": "Oy", "spa": "SpA"}
CITIES = {
    "Berlin": "Germany", "Munich": "Germany", "Lyon": "France", "Paris": "France", "Turin": "Italy", "Milan": "Italy",
    "Leeds": "United Kingdom", "Bristol": "United Kingdom", "Porto": "Portugal", "Lisbon": "Portugal", "Osaka": "Japan",
    "Kyoto": "Japan", "Tampere": "Finland", "Oslo": "Norway", "Boston": "United States", "Denver": "United States",
}  # fmt: skip


def make_rows(count: int, seed: int) -> list[dict[str, str]]:
    """Untidy lines and their form; each has names of its own, made of syllables."""
    chance = random.Random(seed)

    def word() -> str:
        return "".join(chance.choices(SYLLABLES, k=chance.randint(2, 3))).capitalize()

    rows, seen = [], set()
    while len(rows) < count:
        name = (chance.choice(FIRST), word())
        form = chance.choice(list(FORMS))
        company, city = f"{word()} {chance.choice(TRADES)}", chance.choice(list(CITIES))
        parts = [
            chance.choice([f"{name[0]} {name[1]}", f"{name[1]}, {name[0]}", f"{name[1].upper()} {name[0]}"]),
            f"{company} {form}",
            city,
        ]
        chance.shuffle(parts)
        cases = [str.lower, str.upper, str]
        text = chance.choice(["; ", " - ", " / ", "  "]).join(chance.choice(cases)(part) for part in parts)
        if text not in seen:
            seen.add(text)
            rows.append({"contact": text, "form": f"{name[0]} {name[1]} | {company} {FORMS[form]} | {city} | {CITIES[city]}"})
    return rows


class Words(Progress):
    """Prints a line now and then."""

    def __init__(self) -> None:
        self._said = 0.0

    def emit(self, event: AnyEvent) -> None:
        if isinstance(event, Logged) or (isinstance(event, Progressed) and time.monotonic() - self._said > 30):
            self._said = time.monotonic()
            print(f"  {event.text if isinstance(event, Logged) else event.message}", flush=True)


def tuned(options: argparse.Namespace, folder: Path) -> str:
    """The run's id."""
    files = {}
    for name, count, seed in (("train", options.rows, 1), ("validation", 50, 2), ("test", options.held_out, 3)):
        files[name] = folder / f"{name}.jsonl"
        rows = make_rows(count, seed)
        files[name].write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    records = Records(
        source=str(files["train"]),
        inputs=("contact",),
        output="form",
        system=SYSTEM,
        validation_file=str(files["validation"]),
        test_file=str(files["test"]),
    )
    run = new_id()
    from desktop.tuning.tune import tune

    recipe = Recipe(base=options.base, method="lora", epochs=options.epochs, samples=0, precision=options.precision)
    processor = time.process_time()
    result = tune(TuneJob(run=run, device="cpu", records=records, recipe=recipe, name="contacts"), Words())
    processor = time.process_time() - processor
    runs = Runs()
    points, found = runs.points(run), runs.get(run)
    runs.close()
    losses, tokens = points["loss"], int(points["tokens"][-1])
    print(
        f"{options.rows} rows, {found.total_steps} steps, {result['seconds']:.0f} s on {found.facts['threads']} threads, "
        f"{found.facts['precision']}: {tokens / result['seconds']:.0f} tokens/s, {tokens / processor:.0f} by processor time"
    )
    print(f"training loss: first ten steps {losses[:10].mean():.3f}, last ten {losses[-10:].mean():.3f}")
    best = result["best"]
    print(f"validation loss: base {found.best_before:.3f}, tuned {best['value']:.3f} (step {best['step']})")
    return run


def compared(run: str) -> bool:
    """Print base and tuned beside each other; whether the tuned model is better."""
    from desktop.tuning.evaluation.evaluate import evaluate

    report = evaluate(EvaluateJob(model=run, split="test", baseline=True, device="cpu"), Words())
    base = report["baseline"]
    print(f"{'held-out rows: ' + str(report['rows']):<24}{'base':>8}{'tuned':>8}")
    for name in ("exact_match", "rouge_l"):
        print(f"{name.replace('_', ' '):<24}{base[name]:>8.3f}{report[name]:>8.3f}")
    return bool(report["exact_match"] > base["exact_match"] or report["rouge_l"] > base["rouge_l"])


def speed(options: argparse.Namespace) -> None:
    """Print tokens a second of processor time: peft with transformers, and our loop."""
    import numpy as np
    import peft
    import torch
    from transformers import AutoModelForCausalLM

    from desktop.tuning.bases import find_base
    from desktop.tuning.prompt_card import PromptCard
    from desktop.tuning.shapes import targets_of
    from desktop.tuning.tokenizer import open_tokenizer
    from desktop.tuning.training.network import open_network
    from desktop.tuning.training.optimiser import Optimiser
    from desktop.tuning.training.tokens import Pair

    torch.set_num_threads(1)
    base = find_base(options.base, Library(), Progress())
    tokenizer, targets = open_tokenizer(base.folder), targets_of(base)
    pairs = []
    for row in make_rows(8, 1):
        prompt = f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{row['contact']}<|im_end|>\n<|im_start|>assistant\n"
        parts = (tokenizer.encode(text, add_special_tokens=False).ids for text in (prompt, f"{row['form']}<|im_end|>"))
        pairs.append(Pair(*(np.array(ids, np.int32) for ids in parts)))
    tokens = sum(len(pair.prompt) + len(pair.answer) for pair in pairs)

    def rate(step: object, times: int = 5) -> float:
        assert callable(step)
        step()
        began = time.process_time()
        for _ in range(times):
            step()
        return times * tokens / (time.process_time() - began)

    found = {}
    for precision in ("fp32", "bf16"):
        recipe = Recipe(method="lora", lora_targets=targets, precision=precision)
        card = PromptCard(family="decoder", inputs=("a",), end=2, stop=(2,), max_tokens=512, max_answer=99, pad=2)
        network = open_network(base.folder, recipe, card, device="cpu", base=base.id)
        network.model.train()
        optimiser, count = Optimiser(network.trainable, 0.01), sum(len(pair.answer) for pair in pairs)

        def ours(network=network, optimiser=optimiser, count=count) -> None:  # type: ignore[no-untyped-def]
            network.loss(network.batch(pairs), 1 / count).backward()
            optimiser.clip(1.0)
            optimiser.step(1e-4)

        found[f"Reprise, {precision}"] = rate(ours)
        del network, optimiser
    model = AutoModelForCausalLM.from_pretrained(base.folder, dtype=torch.float32)
    model = peft.get_peft_model(model, peft.LoraConfig(r=8, lora_alpha=16, target_modules=list(targets), task_type="CAUSAL_LM"))
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    adam = torch.optim.AdamW(trained, lr=1e-4)
    width = max(len(pair.prompt) + len(pair.answer) for pair in pairs)
    ids, mask, labels = torch.full((8, width), 2), torch.zeros(8, width, dtype=torch.long), torch.full((8, width), -100)
    for number, (prompt, answer) in enumerate(pairs):
        both, end = np.concatenate([prompt, answer]).astype(np.int64), len(prompt) + len(answer)
        ids[number, :end], mask[number, :end] = torch.from_numpy(both), 1
        labels[number, len(prompt) : end] = torch.from_numpy(both[len(prompt) :])

    def theirs() -> None:
        model(input_ids=ids, attention_mask=mask, labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        adam.step()
        adam.zero_grad()

    peer = rate(theirs)
    print(f"8 rows of {tokens // 8} tokens; tokens a second of processor time, one thread:")
    print(f"  peft {peft.__version__} with transformers, fp32   {peer:6.0f}")
    for name, value in found.items():
        print(f"  {name:<32} {value:6.0f}   {value / peer:.2f} times")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--held-out", type=int, default=100)
    parser.add_argument("--epochs", type=float, default=0.0)
    parser.add_argument("--base", default="smollm2")
    parser.add_argument("--precision", default="auto", choices=("auto", "fp32", "bf16"))
    parser.add_argument("--speed", action="store_true")
    options = parser.parse_args()
    if options.speed:
        speed(options)
        return 0
    # As the worker has it; torch reads it when it is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ["REPRISE_MODELS"] = str(Library().root)
    with tempfile.TemporaryDirectory(prefix="reprise-") as home:
        os.environ["REPRISE_HOME"] = home
        try:
            better = compared(tuned(options, Path(home)))
        except UserError as error:
            raise SystemExit(str(error)) from error
    return 0 if better else 1


if __name__ == "__main__":
    sys.exit(main())
