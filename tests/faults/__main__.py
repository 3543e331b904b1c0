"""The full suite: ``python -m tests.faults [FAULT...] [--jobs 200] [--times 1] [--markdown FILE]``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from desktop.jobs.progress import Progress
from desktop.models.library import Library
from desktop.paths import models_dir
from tests.faults.head import make_head
from tests.faults.sources import MIX
from tests.faults.suite import FAULTS, Line, obstacle, run, table
from tests.faults.world import MODELS


def main() -> int:
    """Run it; 0 when all promises were kept each time."""
    parser = argparse.ArgumentParser(description="Injects faults into queues of small mixed jobs and looks at what came of it.")
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"some of: {', '.join(FAULTS)} (default: all)")
    parser.add_argument("--jobs", type=int, default=200, help="jobs in each queue (default: 200)")
    parser.add_argument("--times", type=int, default=1, help="runs in a row (default: 1)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there too")
    given = parser.parse_args()
    for model in MODELS:
        Library(models_dir()).ensure(model, Progress())
    tables, is_good = [], True
    with tempfile.TemporaryDirectory(prefix="head-") as folder:
        head = make_head(Path(folder))
        for number in range(1, given.times + 1):
            lines: list[Line] = []
            for name in given.faults or FAULTS:
                if why := obstacle(name):
                    print(f"{name}: left out, {why}", flush=True)
                    continue
                lines.append(run(name, models_dir(), given.jobs, head=head, mix=MIX))
                print(f"{number}/{given.times} {' | '.join(lines[-1].cells())}", flush=True)
                if lines[-1].failure:
                    print(lines[-1].failure, flush=True)
            tables.append(f"Run {number} of {given.times}\n\n{table(lines)}\n")
            is_good = is_good and all(line.is_good for line in lines)
            if given.markdown:
                given.markdown.write_text("\n".join(tables), encoding="utf-8")
    print("\n" + "\n".join(tables))
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
