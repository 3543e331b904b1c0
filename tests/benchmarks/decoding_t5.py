"""T5 through ONNX Runtime against transformers' ``generate`` in torch: same weights, threads and prompts, turn by turn.

    python tests/benchmarks/decoding_t5.py [--model MODEL] [--shape t5-small|flan-t5-small] [--precisions fp32 int8]
                                           [--batches 1 8] [--prompt 64] [--new 64] [--threads 2] [--turns 4] [--spin]

Not part of the test run. MODEL is a folder in the hub's layout; without one the weights are random, which costs the same. Prints
tokens a second by the clock in the best turn (others' work on the computer only takes away from that), the ratios of the best
turns by the clock and by the processor, whether all tokens are equal, and the same for the encoder alone.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import numpy.typing as npt
import torch
import transformers

from desktop.jobs.progress import Progress
from desktop.models.decoding.search import Generator
from desktop.models.decoding.seq2seq import Seq2SeqStepper, open_seq2seq
from desktop.models.export.seq2seq import export_seq2seq

ASKED = 1.5
SHAPES = {
    "t5-small": {"d_model": 512, "d_ff": 2048, "num_layers": 6, "num_heads": 8},
    "flan-t5-small": {
        "d_model": 512, "d_ff": 1024, "num_layers": 8, "num_heads": 6, "feed_forward_proj": "gated-gelu",
        "tie_word_embeddings": False,
    },
}  # fmt: skip
TORCH = f"transformers {transformers.__version__}"

Array = npt.NDArray[np.int64]
Work = Callable[[], Array]


def random_model(folder: Path, shape: str) -> Path:
    """A network of a shape with random weights."""
    torch.manual_seed(0)
    config = transformers.T5Config(vocab_size=32128, decoder_start_token_id=0, **SHAPES[shape])
    transformers.T5ForConditionalGeneration(config).save_pretrained(folder)
    return folder


def measured(works: dict[str, Work], turns: int) -> dict[str, tuple[float, float, Array]]:
    """Seconds of each in its best turn, by the clock and by the processor, and the result; the first turn only warms up."""
    best: dict[str, tuple[float, float, Array]] = {}
    for turn in range(turns + 1):
        for name, work in works.items():
            clock, busy = perf_counter(), process_time()
            found = work()
            clock, busy = perf_counter() - clock, process_time() - busy
            if turn:
                before = best.get(name, (clock, busy, found))
                best[name] = (min(clock, before[0]), min(busy, before[1]), found)
    return best


def decoding(
    original: transformers.PreTrainedModel, exported: dict[str, Generator], rows: int, options: argparse.Namespace
) -> None:
    """Print the tokens a second of whole answers."""
    prompts = np.random.default_rng(rows).integers(100, 32000, (rows, options.prompt))
    ids = torch.from_numpy(prompts)

    def generate() -> Array:
        found: Array = original.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=options.new, min_new_tokens=options.new, do_sample=False
        )[:, 1:].numpy()
        return found

    works: dict[str, Work] = {TORCH: generate}
    for name, generator in exported.items():
        works[name] = lambda generator=generator: np.array(generator.greedy(prompts.tolist(), options.new, ()))
    best = measured(works, options.turns)
    for name, (clock, busy, found) in best.items():
        line = f"  {name:<22}{rows * options.new / clock:8.1f} tokens/s"
        if name != TORCH:
            equal = np.mean(found == best[TORCH][2])
            line += f", {best[TORCH][0] / clock:.2f} times faster by the clock, {best[TORCH][1] / busy:.2f} by the processor"
            line += f" (asked: {ASKED}), {equal:.1%} of {found.size} tokens equal"
        print(line)


def encoding(
    original: transformers.PreTrainedModel, exported: dict[str, Generator], rows: int, options: argparse.Namespace
) -> None:
    """Print the seconds of the encoder, with the decoder's keys and values, which torch computes later."""
    ids = np.random.default_rng(rows).integers(100, 32000, (rows, options.prompt))
    given = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    inputs = {name: torch.from_numpy(values) for name, values in given.items()}
    nothing = np.zeros(0, np.int64)

    def encode() -> Array:
        hidden = original.encoder(**inputs).last_hidden_state
        for block in original.decoder.block:
            attention = block.layer[1].EncDecAttention
            attention.k(hidden), attention.v(hidden)
        return nothing

    works: dict[str, Work] = {TORCH: encode}
    for name, generator in exported.items():
        stepper = generator.stepper
        assert isinstance(stepper, Seq2SeqStepper)
        works[name] = lambda encoder=stepper.encoder: encoder.run(given) and nothing
    best = measured(works, options.turns)
    for name, (clock, busy, _) in best.items():
        ratios = f"{best[TORCH][0] / clock:.2f} times faster by the clock, {best[TORCH][1] / busy:.2f} by the processor"
        print(f"  {name:<22}{clock * 1000:8.1f} ms encoder{'' if name == TORCH else f', {ratios} (asked: 1.0)'}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path)
    parser.add_argument("--shape", choices=SHAPES, default="t5-small")
    parser.add_argument("--precisions", nargs="+", default=["fp32"])
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--prompt", type=int, default=64)
    parser.add_argument("--new", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--spin", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        model = options.model or random_model(Path(folder) / "random", options.shape)
        exported = {}
        for name in options.precisions:
            target = Path(folder) / name
            target.mkdir()
            print(f"{name}: {export_seq2seq(model, target, Progress(), precision=name)}")
            exported[name] = open_seq2seq(target, device="cpu", threads=options.threads, spin=options.spin)
        original = transformers.T5ForConditionalGeneration.from_pretrained(model, dtype=torch.float32).eval()
        for rows in options.batches:
            print(f"{rows} x {options.prompt} tokens of prompts, {options.new} new ones each, {options.threads} threads")
            decoding(original, exported, rows, options)
            encoding(original, exported, rows, options)


if __name__ == "__main__":
    main()
