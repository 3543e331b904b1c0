"""Rows to prompts and tokens: as transformers makes them, cut where they may be, and shown as they are."""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.errors import UsageError, UserError
from desktop.jobs.tuning_jobs import Recipe, Records
from desktop.tuning import prompt_card, templates
from desktop.tuning.bases import base_in
from desktop.tuning.cutting import level
from desktop.tuning.prompts import Prompter, make_card
from tests.tuning.kit import CHAT, facts, make_folder, write_json

ROW = {"text": "Where is my card?", "label": "card_arrival"}
DEMO = Path(__file__).resolve().parents[2] / "resources" / "demo" / "departments.csv"


def prompter(folder: Path, columns: Mapping[str, str] = ROW, output: str = "label", **options: Any) -> Prompter:
    """Of a base's folder and the columns of a row; ``options`` are fields of ``Records`` or ``Recipe``."""
    recipe = Recipe(base="x", **{name: value for name, value in options.items() if name in Recipe.__struct_fields__})
    records = Records(source="x", **{name: value for name, value in options.items() if name in Records.__struct_fields__})
    return Prompter(folder, make_card(base_in(folder), records, facts(list(columns), output), recipe))


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("bases") / "llama")


@pytest.fixture(scope="module")
def bloom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("bases") / "bloom", "bloom")


@pytest.fixture(scope="module")
def t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("bases") / "t5", "t5")


@pytest.mark.parametrize("system", ["", "Sort the message."])
def test_a_conversation_is_what_transformers_makes_of_it(installed: Callable[[str], Path], system: str) -> None:
    from transformers import AutoTokenizer

    folder = installed("smollm2")
    theirs = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    ours = prompter(folder, system=system, max_tokens=200, max_answer=20)
    with DEMO.open(encoding="utf-8") as file:
        rows = [{"text": row["text"], "label": row["department"]} for row in csv.DictReader(file)][:40]
    rows += [{"text": " two  spaces\n\n12 ", "label": "é 🙂"}, {"text": "{{ text }} <|im_end|>", "label": "x"}]
    found = ours.encode_many(rows)
    for row, encoded in zip(rows, found, strict=True):
        messages = [{"role": "system", "content": system}] if system else []
        messages.append({"role": "user", "content": row["text"]})
        text = theirs.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        assert ours.prompt(row) == text
        assert encoded.prompt == theirs.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
        assert encoded.answer == [*theirs(row["label"]).input_ids, theirs.eos_token_id]
        assert ours.decode(encoded.answer) == row["label"].strip()
    assert [encoded.prompt for encoded in found] == ours.encode_prompts(rows)


def test_a_sentence_is_what_transformers_makes_of_it(installed: Callable[[str], Path]) -> None:
    from transformers import AutoTokenizer

    folder = installed("minilm")
    theirs = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    rows = [{"text": text, "label": "a"} for text in ("Where's my card?", "", "Ünïcödé 日本", "long " * 300, "x" * 300)]
    ours = prompter(folder, max_tokens=64)
    assert [encoded.prompt for encoded in ours.encode_many(rows)] == [
        theirs(row["text"], truncation=True, max_length=64).input_ids for row in rows
    ]
    assert [encoded.prompt_cut for encoded in ours.encode_many(rows)] == [0, 0, 0, 302 - 64, 0]
    assert all(not encoded.answer for encoded in ours.encode_many(rows))


def test_prompts_are_made_without_heavy_libraries(llama: Path) -> None:
    code = "import sys, desktop.tuning.prompts; print(*{'torch', 'transformers', 'onnxruntime', 'datasets'} & set(sys.modules))"
    assert not subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    code = "import sys, desktop.tuning.prompt_card, desktop.tuning.bases, desktop.tuning.recipes;"
    code += "print(*{'tokenizers', 'jinja2', 'numpy'} & set(sys.modules))"
    assert not subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_bases_without_conversations_get_a_plain_frame(bloom: Path, t5: Path) -> None:
    plain = prompter(bloom)
    assert plain.prompt(ROW) == "Where is my card?\nlabel:"
    assert plain.decode(plain.encode(ROW).answer) == "card_arrival"
    assert plain.pieces(ROW) == [["Where is my card?\nlabel:", "prompt"], [" card_arrival", "answer"], ["<|im_end|>", "special"]]
    asked = prompter(bloom, template="Sort: {{ text }} =>", system="Be brief.")
    assert asked.prompt(ROW) == "Be brief.\n\nSort: Where is my card? =>"
    prefixed = prompter(t5, system="sort:")
    encoded = prefixed.encode(ROW)
    assert prefixed.prompt(ROW) == "sort: Where is my card?"
    assert encoded.prompt[-1] == 1 and encoded.answer[-1] == 1
    assert prefixed.card.start == 0 and prefixed.card.stop == (1,)
    assert prefixed.pieces(ROW)[-2:] == [["card_arrival", "answer"], ["</s>", "special"]]


def test_several_columns_and_templates(llama: Path) -> None:
    row = {"name": "Ann", "what it is": "a note", "label": "x"}
    assert "name: Ann\nwhat it is: a note<|im_end|>" in prompter(llama, row).prompt(row)
    assert "\nAnn<|im_end|>" in prompter(llama, row, inputs=("name",)).prompt(row)
    asked = prompter(llama, row, inputs=("name",), template="{{ row['what it is'] | upper }} by {{ name }}")
    assert "\nA NOTE by Ann<|im_end|>" in asked.prompt(row)
    assert prompter(llama, row, template="of {{ name }}").card.inputs == ("name", "what it is")


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ texte }}", "'texte', which is no column.*The columns are: text, label"),
        ("{{ text", "not valid: line 1"),
        ("{% for %}", "not valid"),
        ("{{ label }}", "'label', which is the answer"),
        ("{{ text.foo.bar }}", "cannot be filled"),
        ("{{ ''.__class__.__mro__ }}", "cannot be filled"),
        ("{{ 1 / 0 }}", "cannot be filled: division by zero"),
    ],
)
def test_what_is_wrong_with_a_template_is_said(llama: Path, template: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        prompter(llama, template=template).prompt(ROW)


def test_missing_columns_are_named(llama: Path) -> None:
    made = prompter(llama)
    with pytest.raises(UserError, match=r"no column 'text'.*The columns are: message"):
        made.prompt({"message": "a"})
    with pytest.raises(UserError, match=r"no column 'label' with the answers"):
        made.encode({"text": "a"})
    with pytest.raises(UserError, match="no column 'nonsense'"):
        prompter(llama, inputs=("nonsense",))


def test_what_is_too_long_loses_the_end_of_its_longest_value(llama: Path) -> None:
    row = {"a": "short", "b": "b" * 300, "c": "c" * 100, "label": "yes"}
    made = prompter(llama, row, max_tokens=200, max_answer=10)
    encoded = made.encode(row)
    text = made._tokenizer.decode(encoded.prompt, skip_special_tokens=False)
    assert len(encoded.prompt) + len(encoded.answer) == 200 and encoded.answer_cut == 0
    assert "a: short\n" in text and text.endswith("<|im_start|>assistant\n")
    assert abs(text.count("b") - text.count("c")) <= 1, "both long ones are cut to one length"
    assert encoded.prompt_cut == len(made.prompt(row)) - len(text)
    pieces = made.pieces(row)
    assert [kind for _, kind in pieces].count("cut") == 2
    assert "".join(piece for piece, kind in pieces if kind != "cut") == text + "yes<|im_end|>"
    assert "".join(piece for piece, kind in pieces) == made.prompt(row) + "yes<|im_end|>"


def test_a_long_answer_is_cut_and_has_no_end_then(llama: Path) -> None:
    made = prompter(llama, max_tokens=128, max_answer=16)
    row = {"text": "t", "label": "y" * 40}
    encoded = made.encode(row)
    assert (len(encoded.answer), encoded.answer_cut) == (16, 41 - 16)
    assert made.card.end not in encoded.answer
    assert made.pieces(row)[-2:] == [["y" * 16, "answer"], ["y" * 24, "cut"]]
    assert len(made.encode({"text": "t" * 400, "label": "y" * 15}).answer) == 16


def test_an_encoders_pieces(installed: Callable[[str], Path]) -> None:
    made = prompter(installed("minilm"), max_tokens=6)
    assert made.pieces({"text": "One two three four five six"}) == [
        ["[CLS]", "special"],
        ["One two three four", "prompt"],
        [" five six", "cut"],
        ["[SEP]", "special"],
    ]


def test_room_that_holds_no_prompt_is_refused(llama: Path) -> None:
    with pytest.raises(UsageError, match=r"max_tokens: 20 tokens do not hold an empty prompt, which takes \d+"):
        prompter(llama, max_tokens=20, max_answer=4)


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40), st.integers(70, 120))
def test_any_row_fits_and_its_pieces_are_its_prompt(tmp_path_factory: Any, one: str, two: str, room: int) -> None:
    folder = _any_base(tmp_path_factory)
    row = {"one": one, "two": two, "label": "ok"}
    made = prompter(folder, row, max_tokens=room, max_answer=8)
    encoded = made.encode(row)
    assert len(encoded.prompt) + len(encoded.answer) <= room
    pieces = made.pieces(row)
    whole = "".join(text for text, kind in pieces if kind != "cut")
    if not encoded.prompt_cut:
        assert whole == made.prompt(row) + "ok<|im_end|>"
        assert all(kind != "cut" for _, kind in pieces)


def _any_base(factory: pytest.TempPathFactory) -> Path:
    folder = factory.getbasetemp() / "any-base"
    return folder if folder.is_dir() else make_folder(folder)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6), st.integers(0, 200))
def test_a_common_length_uses_the_room(sizes: list[int], total: int) -> None:
    bound = level(sizes, total)
    assert sum(min(size, bound) for size in sizes) <= total
    if sum(sizes) > total:
        assert sum(min(size, bound + 1) for size in sizes) > total


def test_conversation_templates_of_other_makers() -> None:
    tokens = {"bos_token": "<s>", "eos_token": "</s>"}
    no_system = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('none') }}{% endif %}{{ bos_token }}" + CHAT
    assert templates.turn(no_system, "Be kind.", "Hi", tokens).startswith("<s><|im_start|>user\nBe kind.\n\nHi<|im_end|>")
    dated = "{{ strftime_now('%d %B %Y') }}{% generation %}{{ messages[0].content | tojson }}{% endgeneration %}"
    assert templates.turn(dated, "", 'é"', {}) == '26 July 2024"é\\""'
    with pytest.raises(UserError, match="template of conversations fails"):
        templates.turn("{{ messages.clear() }}", "", "x", {})


def test_the_end_of_a_turn_is_found_in_the_template(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "base")
    write_json(folder / "tokenizer_config.json", {"eos_token": "<|endoftext|>", "chat_template": CHAT})
    write_json(folder / "generation_config.json", {"eos_token_id": [0, 3]})
    card = prompter(folder).card
    assert (card.end, card.stop) == (2, (2, 0, 3))


def test_cards_are_kept_and_damaged_ones_refused(llama: Path, tmp_path: Path) -> None:
    made = prompter(llama)
    path = prompt_card.write(made.card, tmp_path)
    assert prompt_card.read(tmp_path) == made.card
    assert Prompter(llama, prompt_card.read(path)).fingerprint == made.fingerprint
    other = msgspec.structs.replace(made.card, system="Be kind.")
    assert Prompter(llama, other).fingerprint != made.fingerprint
    path.write_text("{}")
    with pytest.raises(UserError, match="not valid"):
        prompt_card.read(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match="tokenizer cannot be read"):
        Prompter(tmp_path, made.card)


def test_short_rows_are_encoded_fast(installed: Callable[[str], Path]) -> None:
    """20,000 rows a second on two free cores; asked of one core's time, with room for a busy machine."""
    made = prompter(installed("minilm"))
    rows = [{"text": f"Where is card number {number} that I ordered?", "label": "x"} for number in range(256)]
    made.encode_many(rows)
    began = time.process_time()
    for _ in range(20):
        made.encode_many(rows)
    assert 20 * 256 / (time.process_time() - began) > 8_000
