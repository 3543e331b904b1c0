"""What importing a million rows costs, and looking at them: seconds, processor seconds, peak memory.

    python tests/benchmarks/records.py [rows] [base]

Not part of the test run. The bound is 60 s and 1 GB for 1,000,000 rows on 2 cores. Memory is that of the process and its
children, sampled; pages of mapped files count, as in every system monitor. ``base`` (a model's id or folder) counts tokens.
"""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, sleep

import psutil

ROOT = Path(__file__).resolve().parents[2]
WORDS, LABELS = 5_000, 60

LOOK = """
import sys, time
from desktop.jobs.job import Records, RecordsJob
from desktop.jobs.progress import Progress
from desktop.tuning.look import look
began = time.perf_counter()
found = look(RecordsJob(records=Records(source=sys.argv[1], test=0.1), base=sys.argv[2]), Progress())
print(f"{time.perf_counter() - began:.1f} {time.process_time():.1f} {found['facts']['rows']}")
"""
READ = """
import sys, time
from desktop.tuning.records.reading import read_rows
began = time.perf_counter()
rows = sum(len(batch.rows) for batch in read_rows(sys.argv[1]))
print(f"{time.perf_counter() - began:.1f} {time.process_time():.1f} {rows}")
"""


def rows_of(count: int) -> Iterator[dict[str, object]]:
    """Rows of 5 to 34 invented words under 60 labels, some of them twice."""
    rng = random.Random(3)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyzäé", k=rng.randrange(2, 9))) for _ in range(WORDS)]
    for number in range(count):
        text = " ".join(rng.choices(words, k=rng.randrange(5, 35)))
        yield {"id": number, "text": text, "label": f"intent {rng.randrange(LABELS)}", "meta": {"channel": number % 7}}


def write(folder: Path, count: int) -> tuple[Path, Path]:
    """The rows as JSONL and as CSV."""
    lines, table = folder / "rows.jsonl", folder / "rows.csv"
    with lines.open("w", encoding="utf-8") as first, table.open("w", encoding="utf-8", newline="") as second:
        writer = csv.writer(second)
        writer.writerow(["id", "text", "label"])
        for row in rows_of(count):
            first.write(json.dumps(row, ensure_ascii=False) + "\n")
            writer.writerow([row["id"], row["text"], row["label"]])
    return lines, table


def measure(code: str, path: Path, base: str, home: Path) -> tuple[list[str], int]:
    """What the code prints, and the most memory it and its children had, in bytes."""
    models = os.environ.get("REPRISE_MODELS") or _models()
    environment = {**os.environ, "REPRISE_HOME": str(home), "REPRISE_MODELS": models, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-c", code, str(path), base]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
    watched, most = psutil.Process(process.pid), 0
    while process.poll() is None:
        try:
            most = max(most, sum(one.memory_info().rss for one in [watched, *watched.children(recursive=True)]))
        except psutil.Error:
            break
        sleep(0.02)
    said, _ = process.communicate()
    if process.returncode:
        raise SystemExit(process.returncode)
    return said.split(), most


def _models() -> str:
    sys.path.insert(0, str(ROOT))
    from desktop.paths import models_dir

    return str(models_dir())


def main() -> None:
    """Print a line for each measurement."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    base = sys.argv[2] if len(sys.argv) > 2 else ""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = perf_counter()
        files = write(folder, count)
        sizes = ", ".join(f"{file.stat().st_size / 1e6:.0f} MB" for file in files)
        print(f"{count:,} rows written in {perf_counter() - began:.0f} s: {sizes}")
        for title, code, path in (
            ("look, JSONL", LOOK, files[0]),
            ("look again (kept)", LOOK, files[0]),
            ("look, CSV", LOOK, files[1]),
            ("read_rows, JSONL", READ, files[0]),
            ("read_rows, CSV", READ, files[1]),
        ):
            (seconds, processor, rows), memory = measure(code, path, base, folder / "home")
            print(f"{title:<20}{seconds:>8} s {processor:>8} processor s {int(rows):>12,} rows {memory / 1e6:>8.0f} MB")


if __name__ == "__main__":
    main()
