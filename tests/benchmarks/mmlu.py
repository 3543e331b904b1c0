"""MMLU on the default decoder, and questions a second for it and for a network of T5-small's shape.

    python tests/benchmarks/mmlu.py MMLU [--questions 2000] [--t5-questions 200] [--threads 2]

Not part of the test run. MMLU is a folder with ``dev`` and ``test``. Prints the share of right answers of SmolLM2 with its 95 %
interval beside what guessing gives, over a seeded sample; then the pace of a random network of T5-small's shape on a smaller one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tokenizers import Tokenizer

from desktop.jobs.job import EvaluateJob
from desktop.jobs.progress import Progress
from desktop.models.decoding.seq2seq import open_seq2seq
from desktop.models.export.seq2seq import export_seq2seq
from desktop.models.library import Library
from desktop.tuning.evaluation.mmlu import score_mmlu
from desktop.tuning.exports import onnx_of
from desktop.tuning.model_card import TOKENIZER
from desktop.tuning.predict import open_model


def t5_small(folder: Path) -> None:
    """A random network of T5-small's shape (Raffel et al. 2020, table 14: 6 layers, 512, 8 heads), saved in the hub's layout."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    torch.manual_seed(1)
    config = T5Config(d_model=512, d_kv=64, d_ff=2048, num_layers=6, num_heads=8, decoder_start_token_id=0)
    T5ForConditionalGeneration(config).save_pretrained(folder)


def tell(name: str, report: dict[str, Any]) -> None:
    """A result in three lines."""
    low, high = report["headline"]["interval"]
    chance = report["random"]["interval"]
    print(f"{name}: {report['micro']:.1%} of {report['rows']} questions right (95 % interval {low:.1%} to {high:.1%}),")
    guess = f"guessing 25 % ({chance[0]:.1%} to {chance[1]:.1%})"
    print(f"  {report['macro']:.1%} mean over {len(report['subjects'])} subjects; {guess}")
    print(f"  {report['per_second']:.2f} questions a second, {report['seconds']:.0f} s; answers {report['answers']}", flush=True)


def main() -> None:
    """Score and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mmlu", type=Path)
    parser.add_argument("--questions", type=int, default=2000)
    parser.add_argument("--t5-questions", type=int, default=200)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    library = Library()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        folder = onnx_of("smollm2", Progress(), library=library)
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        model = open_model(folder, device="cpu", threads=options.threads)
        job = EvaluateJob(model="smollm2", mmlu=str(options.mmlu), limit=options.questions)
        tell("SmolLM2-135M-Instruct", score_mmlu(job, model.generator, tokenizer, Progress(), scratch))
        (scratch / "mmlu.jsonl").unlink()
        t5_small(scratch / "t5")
        (scratch / "onnx").mkdir()
        export_seq2seq(scratch / "t5", scratch / "onnx", Progress(), precision="fp32")
        generator = open_seq2seq(scratch / "onnx", device="cpu", threads=options.threads)
        job = EvaluateJob(model="t5", mmlu=str(options.mmlu), limit=options.t5_questions)
        # The random network has no words of its own; with SmolLM2's its prompts are as long as real ones.
        tell("T5-small-shaped, random weights", score_mmlu(job, generator, Limited(tokenizer), Progress(), scratch))


class Limited:
    """A tokenizer whose ids fit the T5's vocabulary."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def encode(self, text: str, **how: Any) -> Any:
        found = self._tokenizer.encode(text, **how)
        return argparse.Namespace(ids=[3 + number % 32000 for number in found.ids])


if __name__ == "__main__":
    main()
