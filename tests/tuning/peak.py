"""Trains a few steps in a process of its own: ``python peak.py FOLDER RECIPE PROMPT ANSWER``; prints the most memory it took.

FOLDER is a base, RECIPE a settled recipe as JSON, PROMPT and ANSWER tokens of every row.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import msgspec
import numpy as np
import torch

from desktop.jobs.tuning_jobs import Recipe
from desktop.models.hub_folder import Family, read
from desktop.tuning.prompt_card import PromptCard
from desktop.tuning.training.network import open_network
from desktop.tuning.training.optimiser import Optimiser
from desktop.tuning.training.tokens import Pair

STEPS = 3


def main() -> None:
    # On a busy machine two threads wait for one another, and memory is the same with one.
    torch.set_num_threads(1)
    folder, recipe = Path(sys.argv[1]), msgspec.json.decode(sys.argv[2], type=Recipe)
    prompt, answer = int(sys.argv[3]), int(sys.argv[4])
    family = read(folder).family
    card = PromptCard(
        family=family.value, inputs=("text",), max_tokens=prompt + answer, max_answer=answer, end=1,
        start=0 if family is Family.SEQ2SEQ else None,
    )  # fmt: skip
    network = open_network(folder, recipe, card, device="cpu", base=str(folder))
    optimiser = Optimiser(network.trainable, 0.01)
    network.model.train()
    random = np.random.default_rng(1)
    began = time.process_time()
    for _ in range(STEPS):
        made = [random.integers(3, network.vocabulary, size).astype(np.int32) for size in (prompt, answer) * recipe.batch]
        batch = network.batch([Pair(*pair) for pair in zip(made[::2], made[1::2], strict=True)])
        network.loss(batch, 1.0 / (answer * recipe.batch)).backward()
        optimiser.clip(1.0)
        optimiser.step(1e-4)
    status = Path("/proc/self/status").read_text().splitlines()
    (peak,) = [int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM")]
    print(peak, (time.process_time() - began) / STEPS)


if __name__ == "__main__":
    main()
