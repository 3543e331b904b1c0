"""Face restorers that the user brings: understood, tried, listed, verified, removed; and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from desktop.errors import UsageError, UserError
from desktop.jobs.progress import Cancelled, Progress
from desktop.models import own, sidecar
from desktop.models.adopt import GRAPH, adopt, drawn_face
from desktop.models.catalog import Catalog, Commercial, Entry, UrlSource
from desktop.models.export import codeformer
from desktop.models.face_ports import Hints
from desktop.models.library import Library, Status
from desktop.models.sidecar import FaceNetwork
from desktop.video.restorers import open_restorer, restorer_ids
from tests.models import graphs
from tests.models.export.test_codeformer import SMALL, _network
from tests.models.site import Recorder, entry, model_file
from tests.video.networks import DOUBLE, FLOAT, HALF, restorer

FULL = Hints(64, "ffhq", (0.0, 1.0))


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """An empty library with a catalog of one face restorer, "codeformer"."""
    file = model_file("codeformer.pth")
    source = UrlSource({file.name: "http://127.0.0.1:9/x"})
    known = entry([file], [source], model="codeformer", task="face-restorer", pack="video", title="CodeFormer")
    return Library(tmp_path / "models", Catalog([known]), offline=True)


def _adopt(library: Library, place: Path, model: str = "", hints: Hints | None = None) -> Entry:
    return adopt(library, place, model, hints or Hints(), Progress())


def _nothing_is_left(library: Library) -> bool:
    return [entry.id for entry in library.entries()] == ["codeformer"] and not [
        path for path in library.root.iterdir() if path.name != ".locks"
    ]


@pytest.mark.parametrize(
    ("graph", "card"),
    [
        ({"image": "input", "fidelity": "weight", "fidelity_kind": DOUBLE}, {"image": "input", "fidelity": "weight"}),
        ({"image": "x", "fidelity": "w", "fidelity_kind": DOUBLE, "restored": "y"}, {"image": "x", "restored": "y"}),
        ({"image": "x", "fidelity": "w", "fidelity_kind": FLOAT, "batch": "n", "fidelity_shape": ("n",)}, {"most": 0}),
        ({"image": "x", "fidelity": "w", "fidelity_kind": FLOAT, "fidelity_shape": ()}, {"fidelity": "w"}),
        ({"image": "input"}, {"fidelity": "", "most": 1}),
        ({"image": "input", "kind": HALF, "batch": "n"}, {"most": 0}),
        ({"image": "input", "size": "side"}, {"size": 512}),
    ],
    ids=["facefusion", "upscalers", "per face", "scalar", "gfpgan", "half", "any size"],
)
def test_what_circulates_is_understood(library: Library, tmp_path: Path, graph: dict[str, Any], card: dict[str, Any]) -> None:
    path = restorer(tmp_path / "Some Net v1.4.onnx", **graph)
    hints = Hints(512) if graph.get("size") else Hints()
    found = _adopt(library, path, hints=hints)
    assert (found.id, found.title, found.task, found.pack) == ("some-net-v1-4", "Some Net v1.4", "face-restorer", "video")
    assert found.licence.commercial is Commercial.UNCLEAR and "yours to check" in found.licence.note
    read = sidecar.read(library.folder(found.id))
    assert (read.size, read.template, read.range, read.range_out) == (512, "ffhq", (-1.0, 1.0), (-1.0, 1.0))
    assert {name: getattr(read, name) for name in card} == card
    net = open_restorer(library, found.id, device="cpu")
    faces = drawn_face(512)[None]
    restored = net(faces, 1.0)
    assert np.abs(restored - faces).max() < 2e-3
    assert path.is_file(), "the user's file stays"


def test_it_stays_until_it_is_removed(library: Library, tmp_path: Path) -> None:
    path = restorer(tmp_path / "mine.onnx")
    _adopt(library, path)
    path.unlink()
    again = Library(library.root, Catalog(list(library.entries())[:1]), offline=True)
    assert [each.id for each in again.entries()] == ["codeformer", "mine"]
    assert restorer_ids(again) == ["mine"]
    assert again.status("mine") is Status.INSTALLED and again.verify("mine") is Status.INSTALLED
    graph = again.folder("mine") / GRAPH
    graph.write_bytes(graph.read_bytes()[:-1] + b"!")
    assert again.verify("mine") is Status.CORRUPT
    with pytest.raises(UserError, match=r"damaged.*Import it again: `reprise models import FILE --as mine`"):
        again.folder("mine")
    with pytest.raises(UserError, match="only you have it"):
        again.install("mine", Progress())
    _adopt(again, restorer(tmp_path / "other.onnx", image="x"), "mine")
    assert again.verify("mine") is Status.INSTALLED and len(again.revisions("mine")) == 1
    assert sidecar.read(again.folder("mine")).image == "x"
    again.remove("mine")
    assert _nothing_is_left(again)
    with pytest.raises(UserError, match="no model 'mine'"):
        again.status("mine")


def test_names_never_hide_a_model_of_the_catalog(library: Library, tmp_path: Path) -> None:
    path = restorer(tmp_path / "codeformer.onnx")
    assert _adopt(library, path).id == "codeformer-own"
    with pytest.raises(UsageError, match="model of the catalog"):
        _adopt(library, path, "codeformer")
    assert own.name_for("人脸", ()) == "restorer" and own.name_for("..//A B__c", ()) == "a-b-c"


def test_what_the_file_does_not_say_is_asked_for(library: Library, tmp_path: Path) -> None:
    path = restorer(tmp_path / "net.onnx", size=256)
    with pytest.raises(UsageError, match="--template ffhq"):
        _adopt(library, path)
    with pytest.raises(UsageError, match="wants faces of 256 pixels, not 512"):
        _adopt(library, path, hints=Hints(512))
    with pytest.raises(UsageError, match="template: 'nose' is none of"):
        _adopt(library, path, hints=Hints(None, "nose", (0, 1)))
    with pytest.raises(UsageError, match="--size 256"):
        _adopt(library, restorer(tmp_path / "free.onnx", size="side"))
    _adopt(library, path, hints=Hints(None, "ffhq", (0.0, 1.0)))
    card = sidecar.read(library.folder("net"))
    assert (card.size, card.template, card.range) == (256, "ffhq", (0.0, 1.0))


def test_a_card_beside_the_file_is_believed(library: Library, tmp_path: Path) -> None:
    path = restorer(tmp_path / "mine" / "net.onnx", size=64, batch="n")
    card = FaceNetwork(file=path.name, size=64, template="ffhq", channels="bgr", image="input", restored="output")
    sidecar.write(path.parent, card)
    _adopt(library, path.parent)
    read = sidecar.read(library.folder("net"))
    assert (read.size, read.template, read.channels, read.range) == (64, "ffhq", "bgr", (0.0, 1.0))


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        ({"channels": 1}, "takes input .1, 1, 512, 512."),
        ({"batch": 4}, r"takes input .4, 3, 512, 512."),
        ({"fidelity": "w", "fidelity_shape": (7,)}, "one number for the fidelity"),
        ({"operator": "GlobalAveragePool", "size_out": 1}, r"gives output .1, 3, 1, 1. for input .*keeps the size"),
        ({"operator": "Log"}, "not numbers"),
        ({"operator": "Shape"}, "cannot be opened|gives"),
        ({"operator": "NoSuchOperator"}, "operators that ONNX Runtime does not have|cannot be opened"),
    ],
)
def test_other_networks_are_refused(library: Library, tmp_path: Path, graph: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        _adopt(library, restorer(tmp_path / "net.onnx", **graph))
    assert "net.onnx" in str(caught.value)
    assert _nothing_is_left(library)


def test_a_wrong_range_is_noticed(library: Library, tmp_path: Path) -> None:
    path = restorer(tmp_path / "net.onnx", operator="Exp", size=64)
    with pytest.raises(UserError, match=r"gives values from .* where 0 to 5 are expected.*--range"):
        _adopt(library, path, hints=Hints(64, "ffhq", (0.0, 5.0)))


def test_graphs_that_reach_out_are_refused(library: Library, tmp_path: Path) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(graphs.floats(1, 2, 3, 4))
    folder = tmp_path / "net"
    folder.mkdir()
    for place in ("../secret.bin", str(secret), "nothing.bin"):
        (folder / "net.onnx").write_bytes(graphs.add(graphs.external("w", place, 4)))
        with pytest.raises(UserError, match="refers to"):
            _adopt(library, folder / "net.onnx")
    (folder / "link.bin").symlink_to(secret)
    (folder / "net.onnx").write_bytes(graphs.add(graphs.external("w", "link.bin", 4)))
    with pytest.raises(UserError, match="refers to"):
        _adopt(library, folder / "net.onnx")
    (folder / "net.onnx").write_bytes(
        graphs.add(graphs.tensor("w", 1, graphs.floats(1, 2, 3, 4), 4), operator="Evil", domain="evil.example")
    )
    with pytest.raises(UserError, match=r"operators that ONNX Runtime does not have|cannot be opened"):
        _adopt(library, folder / "net.onnx")
    assert _nothing_is_left(library)


def test_files_that_are_no_models_are_refused(library: Library, tmp_path: Path) -> None:
    whole = restorer(tmp_path / "whole.onnx").read_bytes()
    for name, content, said in (
        ("empty.onnx", b"", "empty"),
        ("text.onnx", b"hello, this is a song", "not an ONNX file|damaged"),
        ("cut.onnx", whole[: len(whole) // 2], "not an ONNX file|damaged|cannot be opened"),
        ("song.mp3", b"ID3", "no face restorer that Reprise can read"),
        ("text.pth", b"hello, this is a song", "not a PyTorch checkpoint"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=said):
            _adopt(library, tmp_path / name)
    with pytest.raises(UserError, match="no such file"):
        _adopt(library, tmp_path / "nothing.onnx")
    with pytest.raises(UserError, match=r"One model file is needed, the folder holds these: cut\.onnx"):
        _adopt(library, tmp_path)
    assert _nothing_is_left(library)


def test_a_checkpoint_is_converted(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    convert = codeformer.convert
    monkeypatch.setattr(codeformer, "convert", lambda *args: convert(*args, SMALL))
    path = tmp_path / "fine tuned.pth"
    torch.save({"params_ema": _network().state_dict()}, path)
    found = _adopt(library, path)
    assert found.id == "fine-tuned" and library.verify("fine-tuned") is Status.INSTALLED
    net = open_restorer(library, "fine-tuned", device="cpu")
    assert (net.size, net.has_fidelity) == (128, True)
    assert not list(library.folder("fine-tuned").glob("*.pth"))
    torch.save({"params_ema": {"conv.weight": torch.zeros(3)}}, tmp_path / "gan.pth")
    with pytest.raises(UserError, match=r"not CodeFormer: \d+ of \d+ weights are missing"):
        _adopt(library, tmp_path / "gan.pth")


def test_a_cancelled_import_leaves_nothing(library: Library, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        adopt(
            library,
            restorer(tmp_path / "net.onnx"),
            "",
            Hints(),
            Recorder(stop=lambda heard: max(heard.fractions, default=0) > 0.4),
        )
    assert _nothing_is_left(library)


def test_what_a_killed_import_leaves_is_no_model_and_goes_with_the_next(library: Library, tmp_path: Path) -> None:
    left = library.root / "net" / ".own-x"
    left.mkdir(parents=True)
    (left / GRAPH).write_bytes(b"half a file")
    assert [each.id for each in library.entries()] == ["codeformer"]
    _adopt(library, restorer(tmp_path / "net.onnx"))
    assert not left.exists()


def test_a_damaged_entry_is_left_out(library: Library, tmp_path: Path) -> None:
    found = _adopt(library, restorer(tmp_path / "net.onnx"))
    path = library.folder("net") / own.NAME
    text = path.read_text()
    for wrong in ("{", text.replace('"net"', '"codeformer"'), text.replace(GRAPH, "../../evil"), text.replace('"own"', '"url"')):
        path.write_text(wrong)
        assert [each.id for each in library.entries()] == ["codeformer"]
    path.write_text(text)
    assert library.entry("net") == found
    shutil.copytree(library.root / "net", library.root / "codeformer")
    assert not library.entry("codeformer").is_own, "the catalog's own ids are nobody else's"


def test_files_of_the_catalog_are_recognised(library: Library, tmp_path: Path) -> None:
    from tests.models.site import CONTENT

    (tmp_path / "codeformer.pth").write_bytes(CONTENT)
    assert library.recognise(tmp_path / "codeformer.pth") == "codeformer" == library.recognise(tmp_path)
    (tmp_path / "codeformer.pth").write_bytes(CONTENT[:-1])
    assert library.recognise(tmp_path / "codeformer.pth") == "" == library.recognise(tmp_path / "nothing")
