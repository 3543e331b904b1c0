"""Bringing files of examples in: what is found in them, how they are split, and what goes wrong."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from desktop.errors import UserError
from desktop.jobs.events import AnyEvent, Progressed
from desktop.jobs.job import RecordsJob
from desktop.jobs.progress import Progress
from desktop.jobs.tuning_jobs import Records
from desktop.tuning.look import look
from desktop.tuning.records import Imported, import_records, open_imported
from desktop.tuning.records.cache import MOST, Cache
from desktop.tuning.records.facts import SPLITS, Kind, Severity, why_untrainable

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.usefixtures("home")


def queries(count: int, seed: int = 1) -> list[dict[str, str]]:
    """Rows of four labels of unequal size, the rarest with three."""
    rng = random.Random(seed)
    labels = ["card"] * (count // 2) + ["loan"] * (count // 3) + ["rate"] * 3
    labels += ["other"] * (count - len(labels))
    return [{"text": f"query {number} about {rng.random():.6f}", "label": label} for number, label in enumerate(labels)]


def lines(path: Path, rows: Sequence[object]) -> Path:
    """A JSONL file."""
    path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), encoding="utf-8")
    return path


def brought(path: Path, **options: Any) -> Imported:
    """The import of a file."""
    return import_records(Records(source=str(path), **options), Progress())


def texts(imported: Imported, split: str) -> set[str]:
    """The texts of a split."""
    return set(imported.split(split)["text"])


def test_rows_are_split_by_seed_and_content_not_by_order(tmp_path: Path) -> None:
    rows = queries(200)
    first = brought(lines(tmp_path / "a.jsonl", rows), test=0.2)
    shuffled = rows[:]
    random.Random(7).shuffle(shuffled)
    second = brought(lines(tmp_path / "b.jsonl", shuffled), test=0.2)
    for name in SPLITS:
        assert texts(first, name) == texts(second, name)
    assert texts(brought(tmp_path / "a.jsonl", test=0.2, seed=2), "test") != texts(first, "test")
    facts = first.facts
    assert (facts.inputs, facts.output, facts.is_classification, facts.rows) == (("text",), "label", True, 200)
    assert sum(facts.splits.values()) == 200
    assert abs(facts.splits["test"] - 40) <= 3 and abs(facts.splits["validation"] - 20) <= 3
    assert all(parts["train"] >= 1 for parts in facts.classes.values())
    assert abs(facts.classes["card"]["test"] - 20) <= 1
    assert facts.leakage == {"validation": 0, "test": 0}
    # A row more moves at most the rows at the edges.
    third = brought(lines(tmp_path / "c.jsonl", [*rows, {"text": "one more", "label": "card"}]), test=0.2)
    assert len(texts(first, "test") - texts(third, "test")) <= 2


@pytest.mark.parametrize("count", [2, 3, 5, 12])
def test_few_rows_still_leave_some_to_train_on_and_to_validate(tmp_path: Path, count: int) -> None:
    rows = [{"question": f"what is {number}", "answer": f"it is {number}, as everybody knows"} for number in range(count)]
    facts = brought(lines(tmp_path / "a.jsonl", rows)).facts
    assert not facts.is_classification
    assert facts.splits["validation"] >= 1 and facts.splits["train"] >= 1
    assert why_untrainable(facts) == ""


def test_duplicates_conflicts_and_empty_rows_are_counted(tmp_path: Path) -> None:
    rows = queries(60)
    rows[10] = {"text": f" {rows[3]['text']} ", "label": rows[3]["label"]}
    rows[20] = {**rows[4], "label": "other"}
    rows[30]["label"] = " "
    rows[31]["text"] = ""
    path = lines(tmp_path / "a.jsonl", rows)
    facts = brought(path).facts
    assert (facts.rows, facts.duplicates, facts.conflicts, facts.bad_total) == (57, 1, 1, 2)
    assert [(problem.line, problem.reason) for problem in facts.problems] == [
        (31, "the answer is empty"),
        (32, "the prompt is empty"),
    ]
    kept = brought(path, keep_duplicates=True).facts
    assert (kept.rows, kept.duplicates) == (58, 1)
    assert kept.leakage == {"validation": 0, "test": 0}
    with pytest.raises(UserError, match="Line 31: the answer is empty"):
        brought(path, strict=True)


def test_files_held_out_take_the_shares_place_and_leaks_are_told(tmp_path: Path) -> None:
    rows = queries(60)
    path = lines(tmp_path / "a.jsonl", rows)
    test = lines(tmp_path / "test.jsonl", [*rows[:3], {"text": "new", "label": "unheard"}, {"text": "", "label": "card"}])
    imported = brought(path, test=0.5, test_file=str(test), validation=0.0)
    facts = imported.facts
    assert facts.splits == {"train": 60, "validation": 0, "test": 4}
    assert facts.leakage == {"validation": 0, "test": 3}
    assert facts.unseen == ["unheard"]
    assert [(problem.line, problem.file) for problem in facts.problems] == [(5, "test.jsonl")]
    assert [row["_line"] for row in imported.split("test")] == [1, 2, 3, 4]
    with pytest.raises(UserError, match="no column 'label'") as error:
        brought(path, test_file=str(lines(tmp_path / "other.jsonl", [{"text": "a", "kind": "b"}])))
    assert error.value.path.endswith("other.jsonl") and "text, kind" in error.value.remedy


def test_what_cannot_be_trained_on_is_said(tmp_path: Path) -> None:
    one = brought(lines(tmp_path / "one.jsonl", [{"text": f"a {number}"} for number in range(9)])).facts
    assert "one column only" in why_untrainable(one)
    same = brought(lines(tmp_path / "same.jsonl", [{"text": f"a {number}", "label": "x"} for number in range(9)])).facts
    assert same.classes_total == 1 and "same label" in why_untrainable(same)
    three = [{"one": f"a {n}", "two": f"some b {n}", "three": f"more c {n}"} for n in range(9)]
    unclear = brought(lines(tmp_path / "three.jsonl", three)).facts
    assert "not clear which column is the answer" in why_untrainable(unclear)
    assert brought(tmp_path / "three.jsonl", output="two").facts.inputs == ("one", "three")
    with pytest.raises(UserError, match="no column 'four'") as error:
        brought(tmp_path / "three.jsonl", inputs=("four",))
    assert error.value.remedy == "The columns are: one, two, three."
    (tmp_path / "head.csv").write_text("text,label\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"only a header \(text, label\)"):
        brought(tmp_path / "head.csv")
    (tmp_path / "bad.jsonl").write_text('{"a": 1\n{"a": 2\n', encoding="utf-8")
    with pytest.raises(UserError, match="None of the rows could be read; line 1"):
        brought(tmp_path / "bad.jsonl")


@pytest.mark.parametrize(
    ("row", "inputs", "output"),
    [
        ({"instruction": "Add {n}", "input": "1 and {n}", "output": "it is {n}"}, ("instruction", "input"), "output"),
        ({"id": "{n}", "Question": "What is {n}?", "Answer": "The number {n}"}, ("Question",), "Answer"),
        ({"prompt": "Say {n}", "completion": "{n} it is"}, ("prompt",), "completion"),
        ({"subject": "Ticket {n}", "body": "Please help with {n}", "queue": "{m}"}, ("subject", "body"), "queue"),
        ({"change": "1 file, +{n}", "message": "Add {n} of them", "commit": "{n}abcdef"}, ("change",), "message"),
        ({"a": "some text {n}", "b": "{m}"}, ("a",), "b"),
        ({"label": "{m}", "text": "some text {n}"}, ("text",), "label"),
    ],
)
def test_columns_are_found_by_name_and_content(tmp_path: Path, row: dict[str, str], inputs: tuple[str], output: str) -> None:
    rows = [{name: value.format(n=n, m="xyz"[n % 3]) for name, value in row.items()} for n in range(60)]
    facts = brought(lines(tmp_path / "a.jsonl", rows)).facts
    assert (facts.inputs, facts.output) == (inputs, output)
    kinds = {column.name: column.kind for column in facts.columns}
    assert kinds.get("id", Kind.ID) is Kind.ID
    assert (kinds[output] is Kind.LABEL) == facts.is_classification == ("{m}" in row[output])


@pytest.mark.parametrize("name", ["messages", "conversations"])
def test_conversations_become_prompts_and_answers(tmp_path: Path, name: str) -> None:
    role, text, human, gpt = ("role", "content", "user", "assistant") if name == "messages" else ("from", "value", "human", "gpt")
    rows = [{name: [{role: human, text: f"question {n}"}, {role: gpt, text: f"answer {n}"}]} for n in range(20)]
    rows[3][name] = [{role: "system", text: "Be kind."}, *rows[3][name], {role: human, text: "and?"}, {role: gpt, text: "done"}]
    rows[4][name] = [{role: human, text: "nobody answers"}]
    imported = brought(lines(tmp_path / "a.jsonl", rows), validation=0.0)
    assert (imported.facts.inputs, imported.facts.output) == (("prompt",), "answer")
    found = {row["_line"]: row for row in imported.split("train")}
    assert (found[1]["prompt"], found[1]["answer"]) == ("question 0", "answer 0")
    assert found[4]["prompt"] == "User: question 3\nAssistant: answer 3\nUser: and?"
    assert found[4]["system"] == "Be kind."
    assert [(problem.line, problem.reason) for problem in imported.facts.problems] == [(5, "the answer is empty")]


def test_columns_that_come_late_and_nested_values_are_kept(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"text": f"t {n}", "label": "ab"[n % 2], "_line": n} for n in range(3_000)]
    rows[2_500]["late"] = {"x": [1, None]}
    imported = brought(lines(tmp_path / "a.jsonl", rows), validation=0.0)
    train = imported.split("train")
    assert train.column_names == ["text", "label", "_line_", "late", "_line"]
    assert (train[2_500]["late"], train[0]["late"], train[7]["_line_"]) == ('{"x":[1,null]}', "", "7")
    assert train.num_rows == 3_000 and train.cache_files[0]["filename"].endswith("train.arrow")


def test_an_unchanged_file_is_read_once_and_a_runs_copy_stays(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", queries(50))
    said: list[str] = []

    class Listening(Progress):
        def emit(self, event: AnyEvent) -> None:
            said.append(event.message if isinstance(event, Progressed) else "")

    into = tmp_path / "run" / "records"
    first = import_records(Records(source=str(path)), Listening())
    assert any("Reading" in message for message in said)
    said.clear()
    mine = import_records(Records(source=str(path), template="{{ text }}"), Listening(), into=into)
    assert not any("Reading" in message for message in said)
    assert mine.folder == into and texts(mine, "train") == texts(first, "train")
    shutil.rmtree(Cache().folder)
    path.unlink()
    again = open_imported(into)
    assert again.facts == first.facts
    assert len(again.split("train")) == again.facts.splits["train"]
    with pytest.raises(UserError, match="no imported rows"):
        open_imported(tmp_path)
    for name in (".x.999999999-01234567.part", f".y.{os.getpid()}-01234567.part"):
        (Cache().folder / name).mkdir()
    for number in range(MOST + 3):
        brought(lines(tmp_path / f"{number}.jsonl", queries(12, number)))
    names = [entry.name for entry in Cache().folder.iterdir() if entry.name.startswith(".")]
    assert names == [f".y.{os.getpid()}-01234567.part"]
    assert len(list(Cache().folder.iterdir())) == MOST + 1


def test_a_file_that_changes_meanwhile_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", queries(5_000))

    class Changing(Progress):
        def emit(self, event: AnyEvent) -> None:
            if isinstance(event, Progressed) and "Reading" in event.message:
                with path.open("a", encoding="utf-8") as file:
                    file.write('{"text": "late", "label": "card"}\n')

    with pytest.raises(UserError, match="changed while it was read"):
        import_records(Records(source=str(path)), Changing())
    assert list(Cache().folder.iterdir()) == []


_FULL = """
import resource, sys
from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.jobs.tuning_jobs import Records
from desktop.tuning.records import import_records
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    import_records(Records(source=sys.argv[1]), Progress())
except UserError as error:
    print(error.message)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of file sizes")
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, home: Path) -> None:
    path = lines(tmp_path / "a.jsonl", queries(5_000))
    done = subprocess.run(
        [sys.executable, "-P", "-c", _FULL, str(path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "REPRISE_HOME": str(home)},
    )
    assert done.stdout.strip() == "The rows could not be stored: the disk is full", done.stderr
    assert list(Cache().folder.iterdir()) == []


def test_parquet_and_limits_are_taken(tmp_path: Path) -> None:
    rows = queries(300)
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    whole, part = brought(path, validation=0.0), brought(path, validation=0.0, limit=50)
    assert whole.facts.rows == 300 and part.facts.rows == 50
    assert texts(part, "train") < texts(whole, "train")
    assert len(whole.facts.source.sha256) == 64 and whole.facts.format == "parquet"


def test_look_shows_rows_and_lengths(tmp_path: Path) -> None:
    rows = [*queries(80), {"text": "", "label": "card"}]
    found = look(RecordsJob(records=Records(source=str(lines(tmp_path / "a.jsonl", rows))), rows=10), Progress())
    assert [row["line"] for row in found["rows"]] == list(range(1, 11))
    assert found["rows"][0]["values"] == rows[0] and {row["split"] for row in found["rows"]} <= set(SPLITS)
    assert found["lengths"]["unit"] == "characters" and sum(found["lengths"]["counts"]) == 80
    assert found["facts"]["problems"][0]["severity"] == Severity.BAD
    assert found["untrainable"] == "" and "seen" not in found
    json.dumps(found)


def test_look_shows_what_the_base_sees(tmp_path: Path, installed: Callable[[str], Path], home_with_models: Path) -> None:
    installed("minilm")
    rows = [*queries(40), {"text": "word " * 2_000, "label": "card"}]
    path = lines(tmp_path / "a.jsonl", rows[::-1])
    found = look(RecordsJob(records=Records(source=str(path)), base="minilm", rows=5, max_tokens=64), Progress())
    assert len(found["seen"]) == len(found["rows"]) == 5
    assert found["seen"][0]["cut_tokens"] > 1_900
    assert [kind for text, kind in found["seen"][0]["pieces"] if len(text) > 3_000] == ["cut"]
    lengths = found["lengths"]
    assert (lengths["unit"], lengths["limit"], lengths["cut_rows"]) == ("tokens", 64, 1)
    assert sum(lengths["counts"]) == lengths["sampled"]


def test_banking77_and_clinc150_are_understood(shared: Path) -> None:
    facts = brought(shared / "text/banking77/train.csv", test_file=str(shared / "text/banking77/test.csv")).facts
    assert (facts.inputs, facts.output, facts.classes_total, facts.problems_total) == (("text",), "category", 77, 0)
    assert facts.splits["test"] >= 3_000 and facts.unseen == []
    facts = brought(shared / "text/clinc150/data_full.json").facts
    assert facts.splits == {"train": 15_100, "validation": 3_100, "test": 5_500}
    assert (facts.inputs, facts.output, facts.classes_total) == (("text",), "label", 151)
    assert {column.name for column in facts.columns} == {"text", "label", "part"}
