"""Rows of files as they are written by people and programs, whole and broken."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.errors import UserError
from desktop.tuning.records.facts import Problem, Severity
from desktop.tuning.records.layout import Shape, layout_of
from desktop.tuning.records.lines import MAX_ROW
from desktop.tuning.records.reading import read_rows

ROOT = Path(__file__).resolve().parents[3]
POOL = "ab é漢\"',;|\t\n\r{}[]:\\🙂"
TEXTS = st.text(POOL, min_size=1, max_size=12).filter(lambda text: text.strip() != "" and "\r" not in text.replace("\r\n", ""))


def everything(path: Path, **options: object) -> tuple[list[dict[str, str]], list[int], list[Problem]]:
    """All rows of a file, their lines, and the problems."""
    rows, lines, problems = [], [], []
    for batch in read_rows(path, **options):  # type: ignore[arg-type]
        assert len(batch.rows) == len(batch.lines)
        rows += batch.rows
        lines += batch.lines
        problems += batch.problems
    return rows, lines, problems


def written(path: Path, content: str | bytes) -> Path:
    """A file with this content."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=20),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "gb18030"]),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_csv_is_read_as_it_was_written_and_goes_on_from_every_position(
    tmp_path: Path, pairs: list[tuple[str, str]], encoding: str, delimiter: str, end: str
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end)
    writer.writerow(["text", "label"])
    writer.writerows(pairs)
    path = written(tmp_path / "rows.csv", text.getvalue().encode(encoding))
    options = {"encoding": encoding, "delimiter": delimiter}
    rows, lines, problems = everything(path, **options)
    assert [tuple(row.values()) for row in rows] == pairs
    assert not problems
    done = 0
    for batch in read_rows(path, batch=3, **options):  # type: ignore[arg-type]
        done += len(batch.rows)
        later = everything(path, start=batch.position, **options)
        assert later[0] == rows[done:]
        assert later[1] == lines[done:]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.fixed_dictionaries({"text": TEXTS, "n": st.lists(TEXTS, max_size=2), "y": st.none() | st.integers()}), min_size=1
    ),
    st.sampled_from(["lines", "list", "pretty", "objects", "splits"]),
)
def test_json_of_every_shape_is_read_and_goes_on_from_every_position(tmp_path: Path, given_rows: list[dict], shape: str) -> None:
    content = {
        "lines": lambda: "\n".join(map(json.dumps, given_rows)),
        "list": lambda: json.dumps(given_rows, ensure_ascii=False),
        "pretty": lambda: json.dumps(given_rows, indent=2),
        "objects": lambda: "\n".join(json.dumps(row, indent=1) for row in given_rows),
        "splits": lambda: json.dumps({"version": 1, "train": given_rows}),
    }[shape]()
    path = written(tmp_path / "rows.json", content)
    found = []
    for batch in read_rows(path, batch=3):
        assert not batch.problems
        found += batch.originals
        later = [row for more in read_rows(path, start=batch.position) for row in more.originals]
        assert found + later == given_rows
    assert everything(path)[0][0]["n"] == json.dumps(given_rows[0]["n"], ensure_ascii=False, separators=(",", ":"))


def test_lines_stay_those_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", 'text,label\n"one\ntwo",a\n\nthree,b,extra\n"four\n\nfour",c\nfive,d\n')
    rows, lines, problems = everything(path)
    assert [row["label"] for row in rows] == ["a", "c", "d"]
    assert lines == [2, 6, 9]
    assert [(problem.line, problem.reason) for problem in problems] == [(5, "has 3 fields, not 2")]


def test_a_quote_that_is_never_closed_costs_its_line_only(tmp_path: Path) -> None:
    body = "".join(f"text {number},{'ab'[number % 2]}\n" for number in range(50))
    path = written(tmp_path / "a.csv", f'text,label\n{body}"never closed,a\n{body}"later, but fine",b\n{body}')
    rows, _, problems = everything(path)
    assert len(rows) == 151
    assert [(problem.line, problem.reason) for problem in problems] == [(52, "has text after a closing quote")]
    path = written(tmp_path / "b.csv", f'text,label\n{body}"never closed,a\n{body}')
    rows, _, problems = everything(path)
    assert len(rows) == 100
    assert [(problem.line, problem.reason) for problem in problems] == [(52, "a quote is opened and never closed")]


@pytest.mark.parametrize(
    ("content", "reasons"),
    [
        ("text,label\none,a\ntw\0o,b\nthree,c\n", {3: "has NUL characters"}),
        ("text,label\none,a\ntwo\n", {3: "has 1 field, not 2"}),
        ('text,label\n"one",a\n"two"x,b\nthree,c\n', {3: "has text after a closing quote"}),
        ('{"text": "a"}\n{"text": "b"\n{"text": "c"}\n', {2: "is not valid JSON: Expecting ',' delimiter at character 13"}),
        ('{"text": "a"}\n{"text": "b"}\n["x", "y", 1]\n7\n', {4: "is a number, not an object with columns"}),
        ('{"text": "a"}\n{"text": "b"}\n{"text": "c', {3: "is cut off: the file ends in the middle of it"}),
        ('{"text": "a"}\n{"text": "b\0"}\n{"text": "c"}\n', {2: "has NUL characters"}),
        ('[\n{"text": "a"}\n]\n[]', {4: "the list ended before; nothing after it could be read"}),
        (
            '[\n{"text": "a"},\n{"text": "b"},\n{"text": "c',
            {4: "the file ends in the middle of this row; nothing after it could be read"},
        ),
    ],
)
def test_bad_rows_are_listed_with_line_and_reason(tmp_path: Path, content: str, reasons: dict[int, str]) -> None:
    path = written(tmp_path / ("a.json" if content[0] in "[{" else "a.csv"), content)
    rows, _, problems = everything(path)
    assert {problem.line: problem.reason for problem in problems} == reasons
    assert len(rows) >= 1
    assert all(problem.severity is Severity.BAD for problem in problems)


def test_json_that_only_python_takes_is_kept(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", '{"a": NaN, "b": true, "c": null}\n{"a": "x\\ud800y", "b": 1.5}\n')
    rows, _, problems = everything(path)
    assert rows == [{"a": "", "b": "true", "c": ""}, {"a": "x\ufffdy", "b": "1.5"}]
    assert [(problem.line, problem.severity) for problem in problems] == [(2, Severity.WARNING)]


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        ("größer, café, naïve résumé und Straße über Äpfel\n", "cp1252", "cp1252"),
        ("Привет, как ваши дела сегодня вечером? Очень хорошо\n", "cp1251", "cp1251"),
        ("Dzień dobry, kiedy otrzymam nową kartę płatniczą? Proszę o szybką odpowiedź.\n", "cp1250", "cp1250"),
        ("Où est ma carte ? J'ai déjà attendu, c'est inadmissible à mon avis\n", "cp1252", "cp1252"),
        ("Yeni kartımı ne zaman alacağım? Lütfen çabuk yanıtlayın.\n", "cp1254", "cp1254"),
        ("日本語のテキストです。銀行口座について質問があります。\n", "cp932", "cp932"),
        ("größer\n", "utf-8", "utf-8"),
        ("größer\n", "utf-16", "utf-16"),
        ("plain text\n", "utf-16-le", "utf-16-le"),
    ],
)
def test_encodings_are_found(tmp_path: Path, text: str, encoding: str, found: str) -> None:
    content = "text\tlabel\n" + "".join(f"{number} {text.strip()}\ta\n" for number in range(20))
    path = written(tmp_path / "a.tsv", content.encode(encoding))
    assert layout_of(path).encoding == found
    rows, _, problems = everything(path)
    assert not problems
    assert rows[7] == {"text": f"7 {text.strip()}", "label": "a"}


def test_an_odd_bad_byte_is_reported_and_the_file_stays_utf8(tmp_path: Path) -> None:
    content = b"text,label\n" + "über,a\n".encode() * 20 + b"caf\xe9,b\n" + "über,a\n".encode()
    rows, _, problems = everything(written(tmp_path / "a.csv", content))
    assert rows[20] == {"text": "caf\ufffd", "label": "b"}
    assert [(problem.line, problem.severity) for problem in problems] == [(22, Severity.WARNING)]


@pytest.mark.parametrize(
    ("content", "delimiter", "header", "columns"),
    [
        ("text,label\na b,c\n", ",", True, ("text", "label")),
        ("Frage;Antwort\nIst 1,5 mehr als 1,4?;ja\nIst 2,5 mehr als 3,5?;nein\n", ";", True, ("Frage", "Antwort")),
        ("I want to fly, please\ttravel\nfreeze my card\tbanking\nbook a seat\ttravel\n", "\t", False, ("column1", "column2")),
        ("just a sentence, with commas\nanother one\nand, a, third\n", "", False, ("column1",)),
        ("text,label\nunquoted, commas, here,a\nmore, of, them,b\nx,y\n", ",", True, ("text", "label")),
        ("name,age\nann,31\nbob,29\n", ",", True, ("name", "age")),
        ("1,2\n3,4\n", ",", False, ("column1", "column2")),
        ('q,a\n"say \\"hi\\" now",b\n"\\"ho\\", he said",c\n', ",", True, ("q", "a")),
        ('word\tmeaning\n"open quote\tx\n5" pipe\ty\n', "\t", True, ("word", "meaning")),
        ("text,text,,label\na,b,c,d\n", ",", True, ("text", "text_2", "column3", "label")),
    ],
)
def test_dialects_and_headers_are_found(tmp_path: Path, content: str, delimiter: str, header: bool, columns: tuple[str]) -> None:
    layout = layout_of(written(tmp_path / "a.csv", content))
    assert (layout.delimiter, layout.header, layout.columns) == (delimiter, header, columns)


def test_backslashes_and_stray_quotes_are_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", 'q,a\n"say \\"hi\\" now",b\n"\\"ho\\", he said",c\n')
    assert [row["q"] for row in everything(path)[0]] == ['say "hi" now', '"ho", he said']
    path = written(tmp_path / "a.tsv", 'word\tmeaning\n"open quote\tx\n5" pipe\ty\n')
    assert [row["word"] for row in everything(path)[0]] == ['"open quote', '5" pipe']


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b"\n \n\n", "blank lines"),
        ("a.jsonl.gz", b"\x1f\x8b\x08\x00abc", "gzip"),
        ("a.xlsx", b"PK\x03\x04abc", "Excel"),
        ("a.zip", b"PK\x03\x04abc", "zip archive"),
        ("a.csv", bytes(range(256)) * 40, "not text"),
        ("a.json", b"hello", "not JSON"),
        ("a.parquet", b"PAR1abcdefghPAR1", "Parquet"),
    ],
)
def test_what_is_no_data_is_refused_clearly(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    with pytest.raises(UserError, match=words):
        everything(written(tmp_path / name, content))


def test_folders_missing_files_columns_and_options_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="folder"):
        layout_of(tmp_path)
    with pytest.raises(UserError, match="not there"):
        layout_of(tmp_path / "none.csv")
    path = written(tmp_path / "a.csv", "text,label\na,b\n")
    with pytest.raises(UserError, match="no column 'answer'") as error:
        read_rows(path, columns=["text", "answer"])
    assert "text, label" in error.value.remedy
    with pytest.raises(UserError, match="not a text encoding"):
        layout_of(path, encoding="utf-99")
    with pytest.raises(UserError, match="cannot separate"):
        layout_of(path, delimiter="ab")


def test_parquet_of_every_type_is_text_and_goes_on_from_every_position(tmp_path: Path) -> None:
    table = pa.table(
        {
            "text": [f"row {number}" for number in range(2_500)],
            "n": pa.array(range(2_500), pa.int32()),
            "x": [None if number % 2 else 0.5 for number in range(2_500)],
            "list": [[{"role": "user"}]] * 2_500,
            "raw": [b"\xc3\xa9"] * 2_500,
        }
    )
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, row_group_size=700)
    rows, lines, _ = everything(path)
    assert rows[1] == {"text": "row 1", "n": "1", "x": "", "list": '[{"role":"user"}]', "raw": "é"}
    assert lines == list(range(1, 2_501))
    for batch in read_rows(path):
        assert everything(path, start=batch.position)[0] == rows[batch.position :]


def test_mac_files_and_lists_of_pairs_are_read(tmp_path: Path) -> None:
    assert everything(written(tmp_path / "a.csv", "text,label\rone,a\rtwo,b\r"))[1] == [2, 3]
    assert everything(written(tmp_path / "a.json", '[["hi", "greeting"], ["bye", "farewell"]]'))[0][1] == {
        "text": "bye",
        "label": "farewell",
    }
    path = written(tmp_path / "b.json", '{"val": [["a", "x"]], "oos_train": [["b", "oos"]]}')
    assert layout_of(path).shape is Shape.SPLITS
    assert [row["part"] for row in everything(path)[0]] == ["val", "oos_train"]


_GIANT = """
import resource, sys
from desktop.tuning.records.reading import read_rows
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = problems = 0
for batch in read_rows(sys.argv[1]):
    rows += len(batch.rows)
    for problem in batch.problems:
        problems += 1
        print(problem.line, problem.reason)
print(rows, problems, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs getrusage")
@pytest.mark.parametrize("name", ["field.csv", "quoted.csv", "line.jsonl", "list.json"])
def test_a_field_of_50_mb_is_a_problem_not_a_crash(tmp_path: Path, name: str) -> None:
    giant = b"x" * 50_000_000
    content = {
        "field.csv": b"text,label\none,a\n" + giant + b",b\ntwo,c\n",
        "quoted.csv": b'text,label\none,a\n"' + giant + b'",b\ntwo,c\n',
        "line.jsonl": b'{"text": "one"}\n{"text": "' + giant + b'"}\n{"text": "two"}\n',
        "list.json": b'[{"text": "one"},\n{"text": "' + giant + b'"},\n{"text": "two"}]',
    }[name]
    path = written(tmp_path / name, content)
    command = [sys.executable, "-P", "-c", _GIANT, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)})
    *told, sums = done.stdout.splitlines()
    rows, problems, megabytes = map(int, sums.split())
    assert problems == 1
    assert rows == (1 if name == "list.json" else 2)
    assert "10 MB" in told[0]
    assert told[0].startswith("2 " if name.startswith("l") else "3 ")
    assert megabytes < 150
    assert MAX_ROW == 10_000_000
