"""Base models by id, by folder and from a hub on loopback; folders that are not whole are refused before anything is loaded."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from desktop.errors import UsageError, UserError
from desktop.jobs.job import AdoptJob
from desktop.jobs.progress import Progress
from desktop.models import hub_folder
from desktop.models.export.sentencepiece import convert
from desktop.models.job import run_adopt
from desktop.models.library import Library, Status
from desktop.tuning.bases import Base, find_base, known_bases
from tests.models.hub_site import COMMIT, Hub, running
from tests.tuning.kit import make_folder, write_json, write_safetensors

FINDER = Path(__file__).with_name("hub_finder.py")
CARD = "---\nlanguage: en\nlicense: bigscience-bloom-rail-1.0\n---\n# A model\n"


def find(name: str | Path, tmp_path: Path) -> Base:
    return find_base(str(name), Library(tmp_path / "models", offline=True), Progress())


def test_the_default_bases_are_what_the_catalog_says(machine_models: Path, installed: Callable[[str], Path]) -> None:
    installed("minilm")
    installed("smollm2")
    library = Library(machine_models)
    minilm, smollm2 = (find_base(name, library, Progress()) for name in ("minilm", "smollm2"))
    assert (minilm.family, minilm.architecture, minilm.parameters, minilm.context) == ("encoder", "bert", 22_713_216, 256)
    assert (smollm2.family, smollm2.architecture, smollm2.parameters) == ("decoder", "llama", 134_515_008)
    assert (smollm2.context, smollm2.has_chat, smollm2.vocabulary) == (8192, True, 49_152)
    assert {base.licence for base in (minilm, smollm2)} == {"Apache-2.0"}
    cards = {card.id: card for card in known_bases(library)}
    assert cards["minilm"].base == minilm and cards["smollm2"].base == smollm2
    assert cards["minilm"].family == "encoder" and cards["minilm"].download == 0


def test_bases_are_known_before_they_are_installed(tmp_path: Path) -> None:
    cards = {card.id: card for card in known_bases(Library(tmp_path))}
    assert {"minilm", "smollm2"} <= set(cards)
    assert cards["smollm2"].status is Status.MISSING and cards["smollm2"].base is None
    assert cards["smollm2"].download == 92_871_040


def test_a_folder_is_a_base(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "my model", "bloom")
    (folder / "README.md").write_text(CARD)
    (folder / "pytorch_model.bin").write_bytes(b"a pickle that nobody opens")
    base = find(folder, tmp_path)
    assert (base.id, base.title, base.family, base.architecture) == (str(folder), "my model", "decoder", "bloom")
    assert (base.licence, base.commercial) == ("LicenseRef-BigScience-BLOOM-RAIL-1.0", "unclear")
    assert base.context == 256 and not base.has_chat and base.folder == folder


def test_weights_in_several_files(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "base")
    (folder / "model.safetensors").unlink()
    names = [f"model-0000{number}-of-00003.safetensors" for number in (1, 2, 3)]
    for number, name in enumerate(names):
        write_safetensors(folder / name, {f"w{number}.weight": (4, 4)})
    with pytest.raises(UserError, match="several files, and their index"):
        find(folder, tmp_path)
    write_json(folder / "model.safetensors.index.json", {"weight_map": {f"w{n}.weight": name for n, name in enumerate(names)}})
    assert find(folder, tmp_path).parameters == 48
    (folder / names[1]).unlink()
    with pytest.raises(UserError, match=f"1 of 3 files of the weights are missing: {names[1]}"):
        find(folder, tmp_path)
    write_safetensors(folder / names[1], {"other": (4, 4)})
    with pytest.raises(UserError, match=r"1 weights that the index names are in none of the files \(w1.weight\)"):
        find(folder, tmp_path)
    write_json(folder / "model.safetensors.index.json", {"weight_map": {"w": "../../elsewhere.safetensors"}})
    with pytest.raises(UserError, match="outside of the folder"):
        find(folder, tmp_path)


def _config(changes: dict[str, object]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        write_json(folder / "config.json", {**config, **changes})

    return change


def _pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _cut(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[:-7])


def _adapter(folder: Path) -> None:
    (folder / "config.json").rename(folder / "adapter_config.json")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_config({"model_type": "gpt_neo"}), "does not know the architecture 'gpt_neo'.*It knows bert, .*llama"),
        (_config({"model_type": "own", "auto_map": {}}), "own program code, which Reprise does not run"),
        (_config({"quantization_config": {}}), "quantised already"),
        (_pickled, "pickles only.*were not opened"),
        (_cut, "7 bytes are missing"),
        (_adapter, "an adapter, not a whole model"),
        (lambda folder: (folder / "model.safetensors").unlink(), "no weights"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"x"), "damaged: its head is not there"),
        (lambda folder: (folder / "model.safetensors").write_bytes(struct.pack("<Q", 4) + b"{\xff}}"), "head cannot be read"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "no tokenizer"),
        (lambda folder: (folder / "config.json").write_text("{"), "not valid JSON"),
        (lambda folder: (folder / "config.json").unlink(), "no config.json"),
    ],
)
def test_folders_that_are_not_whole_are_refused(tmp_path: Path, change: Callable[[Path], None], said: str) -> None:
    folder = make_folder(tmp_path / "base")
    change(folder)
    with pytest.raises(UserError, match=said) as caught:
        find(folder, tmp_path)
    assert str(folder) in str(caught.value)


def test_what_is_no_base_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    for name, said in (("nonsense", "minilm, smollm2"), ("no/such/folder", "no such folder"), ("basic-pitch", "no base model")):
        with pytest.raises(UserError, match=said):
            find(name, tmp_path)


def spiece(pieces: list[tuple[str, float, int]]) -> bytes:
    """A SentencePiece model of these pieces (text, score, kind), as its library writes one."""

    def field(number: int, data: bytes) -> bytes:
        return bytes([number << 3 | 2, len(data)]) + data

    def piece(text: str, score: float, kind: int) -> bytes:
        return field(1, text.encode()) + b"\x15" + struct.pack("<f", score) + b"\x18" + bytes([kind])

    return b"".join(field(1, piece(*each)) for each in pieces) + field(2, b"\x18\x01") + field(3, b"\x18\x01\x20\x01")


def test_a_sentencepiece_model_becomes_a_tokenizer(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "base", "t5")
    (folder / "tokenizer.json").unlink()
    words = ["▁", "▁a", "▁card", "card", "s", "▁my"]
    pieces = [("<pad>", 0.0, 3), ("</s>", 0.0, 3), ("<unk>", 0.0, 2), *((word, -float(n), 1) for n, word in enumerate(words, 1))]
    (folder / "spiece.model").write_bytes(spiece(pieces))
    before = sorted(path.name for path in folder.iterdir())
    base = find(folder, tmp_path)
    again = find(folder, tmp_path)
    assert base.folder == again.folder != folder and (base.folder / "tokenizer.json").is_file()
    assert sorted(path.name for path in folder.iterdir()) == before, "the user's folder is as it was"
    tokenizer = convert(folder / "spiece.model", seq2seq=True)
    assert tokenizer.encode(" my   cards ").tokens == ["▁my", "▁card", "s", "</s>"]
    assert tokenizer.decode(tokenizer.encode("my cards").ids) == "my cards"
    assert tokenizer.token_to_id("<extra_id_0>") == len(pieces) + 99
    (folder / "spiece.model").write_bytes(b"not at all")
    with pytest.raises(UserError, match="not a SentencePiece model"):
        find(folder, tmp_path)


def test_a_folder_can_be_brought_into_the_library(home: Path, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "My Model!")
    (folder / "README.md").write_text(CARD)
    (folder / "pytorch_model.bin").write_bytes(b"a pickle that nobody opens")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.onnx").write_bytes(b"x")
    result = run_adopt(AdoptJob(place=str(folder)), Progress())
    assert result["model"] == "my-model" and result["status"] == "installed"
    library = Library()
    base = find_base("my-model", library, Progress())
    files = {path.name for path in base.folder.iterdir() if not path.name.startswith(".")}
    assert files == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "README.md", "manifest.json"}
    assert base.licence.endswith("RAIL-1.0") and library.entry("my-model").task == "text-decoder"
    assert library.verify("my-model") is Status.INSTALLED
    run_adopt(AdoptJob(place=str(folder), model="my-model"), Progress())
    with pytest.raises(UsageError, match="'minilm' is a model of the catalog"):
        run_adopt(AdoptJob(place=str(folder), model="minilm"), Progress())
    (folder / "model.safetensors").write_bytes(b"x")
    with pytest.raises(UserError, match="damaged"):
        run_adopt(AdoptJob(place=str(folder), model="my-model"), Progress())
    assert library.status("my-model") is Status.INSTALLED, "a failed import leaves the older one"


def repository(tmp_path: Path, **more: bytes) -> dict[str, bytes]:
    folder = make_folder(tmp_path / "made")
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    return {**found, "README.md": CARD.encode(), "pytorch_model.bin": b"pickle", "onnx/model.onnx": b"x", **more}


def ask_hub(site: Hub, tmp_path: Path, *more: str, name: str = "someone/tiny", offline: bool = False) -> tuple[int, str]:
    settings = {"HF_ENDPOINT": site.address, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "127.0.0.1"}
    environment = {**os.environ, **settings, "REPRISE_OFFLINE": "1" if offline else "0"}
    environment.pop("HF_HUB_OFFLINE", None)
    command = [sys.executable, str(FINDER), str(tmp_path / "models"), name, *more]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_base_of_the_hub_is_looked_at_fetched_and_kept(tmp_path: Path) -> None:
    with running(repository(tmp_path)) as site:
        code, said = ask_hub(site, tmp_path)
        assert code == 0, said
        first, second = said.splitlines()
        assert first.startswith("tiny llama LicenseRef-BigScience-BLOOM-RAIL-1.0") and "model.safetensors" in first
        assert "pytorch_model.bin" not in first and second == "True ['tiny']"
        fetched = [path.rsplit("/", 1)[1] for path in site.asked if path.startswith("GET /someone/")]
        assert fetched[0] == "config.json" and "pytorch_model.bin" not in fetched and "model.onnx" not in fetched
        asked = len(site.asked)
        code, said = ask_hub(site, tmp_path, offline=True)
        assert code == 0 and len(site.asked) == asked, "what is here needs no network"


@pytest.mark.parametrize(
    ("changes", "name", "said"),
    [
        ({"config.json": b'{"model_type": "gpt_neo"}'}, "someone/tiny", "does not know the architecture 'gpt_neo'"),
        ({"model.safetensors": None}, "someone/tiny", "can run programs when it is opened, so they were not fetched"),
        ({"config.json": None}, "someone/tiny", "no config.json"),
        ({}, "someone/gated", "accepted its terms"),
        ({}, "someone/else", "the hub answered: 404"),
    ],
)
def test_what_the_hub_does_not_have_is_said(tmp_path: Path, changes: dict[str, bytes | None], name: str, said: str) -> None:
    files = {key: value for key, value in {**repository(tmp_path), **changes}.items() if value is not None}
    with running(files) as site:
        code, heard = ask_hub(site, tmp_path, name=name)
        assert code == 1 and said in heard, heard
        assert not any("safetensors" in path for path in site.asked)
    assert not (tmp_path / "models" / "tiny").exists()


def test_files_that_are_not_what_the_hub_says_are_refused(tmp_path: Path) -> None:
    for name in ("tokenizer.json", "model.safetensors"):
        with running(repository(tmp_path)) as site:
            site.lied = {name}
            code, said = ask_hub(site, tmp_path)
        assert code == 1 and f"{name} of someone/tiny is not the file that the hub says it is" in said, said


def test_offline_takes_what_the_hubs_cache_has(tmp_path: Path) -> None:
    with running({}) as site:
        code, said = ask_hub(site, tmp_path, offline=True)
        assert code == 1 and "set to work offline" in said
        cache = tmp_path / "hf" / "hub" / "models--someone--tiny"
        make_folder(cache / "snapshots" / COMMIT)
        (cache / "refs").mkdir()
        (cache / "refs" / "main").write_text(COMMIT)
        code, said = ask_hub(site, tmp_path, offline=True)
        assert code == 0 and said.startswith("tiny llama"), said
        assert site.asked == []


def test_the_template_of_a_conversation_is_found_where_it_is(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "base", chat=False)
    assert hub_folder.chat_template(folder) == ""
    write_json(
        folder / "tokenizer_config.json",
        {"chat_template": [{"name": "default", "template": "A"}, {"name": "tool", "template": "B"}]},
    )
    assert hub_folder.chat_template(folder) == "A"
    write_json(folder / "chat_template.json", {"chat_template": "C"})
    assert hub_folder.chat_template(folder) == "C"
    (folder / "chat_template.jinja").write_text("D")
    assert hub_folder.chat_template(folder) == "D"
