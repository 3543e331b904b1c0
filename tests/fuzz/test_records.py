"""Tables and lists from strangers, SoundFonts: rows are read or told to be bad, and a file is used or refused."""

from __future__ import annotations

import gzip
import io
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from desktop.piano.soundfont import INSTRUMENT, RECORDS, SAMPLE, chosen_soundfont, open_soundfont
from desktop.tuning.evaluation.questions import read_exam
from desktop.tuning.records.chat import chat_row, turns_of
from desktop.tuning.records.reading import read_rows
from tests.fuzz.mutating import NESTED, NUMBERS, broken, how_many, refuses, tried

TABLE = 'text,label\n"a, b",x\n"two\nlines",y\nc,"z ""q"""\n'
TABLES = [
    TABLE.encode(),
    TABLE.replace(",", ";").encode("utf-16"),
    TABLE.replace("\n", "\r\n").encode("utf-8-sig"),
    b"a\tb\n1\t2\n",
]
LINES = [b'{"text": "a", "n": 1}\n{"text": "b", "n": [1, {"c": null}]}\n', b'{"messages": [{"role": "user", "content": "a"}]}\n']
WHOLE = [
    b'[{"text": "a", "y": 1}, {"text": "b"}]',
    b'{"train": [{"a": 1}], "test": [{"a": 2}]}',
    b'[\n  ["a", "b"],\n  ["c", "d"]\n]',
]


def parquet_bytes() -> bytes:
    """Two columns, three rows."""
    pq.write_table(pa.table({"text": ["a", "b", "c"], "n": [1, 2, None]}), out := io.BytesIO())
    return out.getvalue()


SEEDS = {
    "csv": TABLES,
    "jsonl": LINES,
    "json": WHOLE,
    "parquet": [parquet_bytes()],
    "csv.gz": [gzip.compress(each, mtime=0) for each in TABLES],
}
DEEP = b'{"a": ' + NESTED[0] + b"\n"
KNOWN = [
    b"a,b\n" + b'"' * 5_001 + b"\n",
    b"a,b\n\x00,\x00\n",
    b"\xff\xfe\x00",
    b"\xff\xfe" + b"\x00\xd8" * 20,
    b"a" * 200_000,
    b"," * 100_000 + b"\n1\n",
    DEEP,
    b"[" + DEEP,
    NESTED[0],
    NESTED[1],
    b'{"a": ' + NUMBERS[4] + b"}\n",
    b'[{"a": ' + NUMBERS[4] + b"}]",
    b'{"a": 1e999, "b": NaN}\n',
    b'{"a": "\\ud800"}\n',
    b'{"\\ud800": 1}\n',
]


@how_many
@pytest.mark.parametrize("kind", SEEDS)
def test_rows(tmp_path: Path, kind: str, examples: int) -> None:
    file = tmp_path / f"rows.{kind}"

    def read() -> None:
        for batch in read_rows(file):
            assert len(batch.rows) == len(batch.lines)
            for row in batch.rows:
                # What is read is kept as text: it must be text that can be written.
                "".join([*row, *row.values()]).encode()

    def check(data: bytes) -> None:
        file.write_bytes(data)
        refuses(read)

    tried(check, broken(SEEDS[kind]), examples, KNOWN)


@how_many
def test_chats(examples: int) -> None:
    whole = [b'[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]', b'[{"from": "human", "value": "a"}]']

    def check(data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        refuses(lambda: (turns_of(text), chat_row(text)))

    tried(check, broken(whole), examples, NESTED)


@how_many
def test_exams(tmp_path: Path, examples: int) -> None:
    for part in ("test", "dev"):
        (tmp_path / part).mkdir()
        (tmp_path / part / f"sums_{part}.csv").write_text("What is 1 + 1?,1,2,3,4,B\n", encoding="utf-8")
    assert not refuses(lambda: read_exam(tmp_path))
    file = tmp_path / "test" / "sums_test.csv"

    def check(data: bytes) -> None:
        file.write_bytes(data)
        refuses(lambda: read_exam(tmp_path))

    tried(check, broken([b'What is 1 + 1?,1,2,3,4,B\n"a, b",1,2,3,4,A\n']), examples, [b'"' + b"a" * 200_000])


def _chunk(name: str, content: bytes) -> bytes:
    return name.encode() + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def font_bytes() -> bytes:
    """A SoundFont of one preset, one instrument, one sample of 64 values."""
    rows = {name: np.zeros(2, record) for name, record in RECORDS.items()}
    for name, column in (("phdr", "bag"), ("inst", "bag"), ("pbag", "generator"), ("ibag", "generator")):
        rows[name][column][1] = 1
    for name, kind in (("pgen", INSTRUMENT), ("igen", SAMPLE)):
        rows[name]["kind"][0] = kind
    rows["shdr"][0] = (b"tone", 0, 64, 8, 56, 44_100, 60, 0, 0, 1)
    samples = _chunk("LIST", b"sdta" + _chunk("smpl", np.arange(64, dtype="<i2").tobytes()))
    tables = _chunk("LIST", b"pdta" + b"".join(_chunk(name, each.tobytes()) for name, each in rows.items()))
    return _chunk("RIFF", b"sfbk" + samples + tables)


@how_many
def test_soundfonts(tmp_path: Path, examples: int) -> None:
    file = tmp_path / "piano.sf2"
    file.write_bytes(font_bytes())
    assert chosen_soundfont(str(file)) == file

    def read() -> None:
        font = open_soundfont(chosen_soundfont(str(file)))
        for sample in font.tables["shdr"][:-1]:
            assert len(font.stream(sample)) <= file.stat().st_size
            assert len(font.words(sample)) <= file.stat().st_size

    def check(data: bytes) -> None:
        file.write_bytes(data)
        refuses(read)

    tried(check, broken([font_bytes()]), examples, [b"RIFF" + b"\0" * 4 + b"sfbk", b"RIFF\xff\xff\xff\xffsfbk"])


@pytest.mark.parametrize("choice", ["/", "\0", "a" * 300, "/nowhere/at/all.sf2"])
def test_a_soundfont_that_cannot_be(choice: str) -> None:
    assert refuses(lambda: chosen_soundfont(choice))
