"""Write the examples that come with Reprise: ``departments.csv`` and ``crm.jsonl``; always the same ones.

    python packaging/demo_records/write.py

``commits.jsonl`` is made of this project's own history: ``reprise tune commits . --limit 400 -o resources/demo/commits.jsonl``.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from random import Random

import crm
import departments

DEMO = Path(__file__).resolve().parents[2] / "resources" / "demo"
PER_DEPARTMENT = 80
CONTACTS = 500


def messages(random: Random) -> list[tuple[str, str]]:
    """Rows of (text, department), in mixed order, each text once."""
    rows: dict[str, str] = {}
    for department, templates in departments.MESSAGES.items():
        wanted = len(rows) + PER_DEPARTMENT
        while len(rows) < wanted:
            text = random.choice(templates)
            for slot, fillers in departments.FILLERS.items():
                text = text.replace(f"{{{slot}}}", random.choice(fillers))
            close = random.choice(departments.FILLERS["close"])
            text += "." if close and text[-1] not in ".?!" else ""
            text = random.choice(departments.FILLERS["open"]) + text + close
            rows.setdefault(text[0].upper() + text[1:] if random.random() < 0.7 else text, department)
    mixed = list(rows.items())
    random.shuffle(mixed)
    return mixed


def main() -> None:
    """Write both files."""
    with (DEMO / "departments.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("text", "department"), *messages(Random(1))])
    random = Random(2)
    rows = {row["record"]: row for row in (crm.row(random) for _ in range(CONTACTS))}
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows.values())
    (DEMO / "crm.jsonl").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
