"""Pop2Piano as ONNX: the tokens that transformers writes, and checkpoints that are not what they say."""

from __future__ import annotations

import collections
import os
import pickle
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import save_file
from torch import Tensor

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models import catalog
from desktop.models.decoding.pop2piano import Pop2Piano
from desktop.models.export import pop2piano, pop2piano_graph
from desktop.models.export.pop2piano_layout import PUBLISHED, TOKENS, layout, read, with_activation
from desktop.models.library import Library, Status
from desktop.models.pop2piano_card import read_card
from desktop.models.session import close_sessions
from tests.models.random_pop2piano import random_weights, write_random
from tests.models.site import Recorder

TINY = replace(PUBLISHED, width=32, inner=48, layers=2, decoder_layers=2, heads=2, head=16)
END = 1


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads of torch that wait for one another cost more than these networks."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    return random_weights(TINY, ending=0.05)


@pytest.fixture(scope="module")
def exported(weights: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pop2piano")
    torch.save(weights, folder / pop2piano.WEIGHTS)
    heard = Recorder()
    check = pop2piano.convert(folder / pop2piano.WEIGHTS, folder, heard, plan=TINY)
    assert {name: (found["equal"], found["largest"] < 1e-5) for name, found in check.items()} == {
        "gelu_new": (1.0, True),
        "relu": (1.0, True),
    }
    assert any("168 of 168 tokens equal" in line for line in heard.logs)
    return folder


def ended(rows: list[list[int]]) -> list[list[int]]:
    return [row[: row.index(END)] if END in row else row for row in rows]


def test_the_layout_is_the_published_one() -> None:
    config = transformers.Pop2PianoConfig(d_model=32, d_kv=16, d_ff=48, num_layers=2, num_heads=2, tie_word_embeddings=False)
    with torch.device("meta"):
        original = transformers.Pop2PianoForConditionalGeneration(config).state_dict()
    shapes = {name: tuple(value.shape) for name, value in original.items()}
    assert {name: shapes.pop(name) for name in layout(TINY)} == layout(TINY)
    assert shapes.keys() == {"shared.weight", "encoder.embed_tokens.weight"}, "the aliases of the tokens' embeddings"
    assert sum(int(np.prod(shape)) for shape in layout(PUBLISHED).values()) == 59_108_352


@pytest.mark.parametrize("activation", pop2piano.ACTIVATIONS)
def test_writes_what_transformers_writes(exported: Path, weights: dict[str, Tensor], activation: str) -> None:
    original = pop2piano.torch_model(with_activation(TINY, activation), weights)
    model = Pop2Piano(exported, activation, device="cpu")
    moved = Pop2Piano(exported, activation, device="cpu", keep_on_device=True)
    lengths = set()
    for seed, (windows, frames, most) in enumerate(((1, 3, 20), (9, 44, 80), (5, 150, 70))):
        mel, composers = pop2piano.made_up(windows, frames, TINY.width, 20 + seed)
        wanted = ended(pop2piano.generated(original, mel, composers, most, END).tolist())
        told: list[tuple[int, int]] = []
        found = model.greedy(mel, composers, most, on_step=lambda steps, going, told=told: told.append((steps, going)))
        assert found == wanted
        assert [going for _, going in told] == sorted((going for _, going in told), reverse=True)
        assert [model.greedy(mel[row : row + 1], composers[row : row + 1], most)[0] for row in range(2 % windows)] == wanted[
            : 2 % windows
        ]
        assert moved.greedy(mel, composers, most) == wanted, "with caches that a graph moves, as on a GPU"
        whole = pop2piano.generated(original, mel, composers, most).tolist()
        assert model.greedy(mel, composers, most, stop=None) == whole, "further than the first room"
        lengths |= set(map(len, wanted))
    assert len(lengths) > 4 and max(lengths) > 20, "windows end at different places"


def test_graphs_share_their_weights_and_their_card_names_them(exported: Path) -> None:
    card = read_card(exported)
    assert card.activations == ["gelu_new", "relu"] and card.composers == 21 and card.width == TINY.width
    sizes = {path.name: path.stat().st_size for path in exported.iterdir()}
    assert "decoder-relu.onnx.data" not in sizes and sizes["decoder-relu.onnx"] < 60_000 < sizes["decoder-gelu_new.onnx.data"]
    assert sizes.keys() - {pop2piano.WEIGHTS} == set(catalog.default()["pop2piano"].exported)


def _settings(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A training's settings as OmegaConf makes them, of classes that nobody can import afterwards."""
    kinds: dict[str, Any] = {}
    for module, name in (("dictconfig", "DictConfig"), ("base", "ContainerMetadata"), ("nodes", "AnyNode")):
        kinds[name] = type(name, (), {"__module__": f"omegaconf.{module}"})
        place = types.ModuleType(f"omegaconf.{module}")
        setattr(place, name, kinds[name])
        monkeypatch.setitem(sys.modules, place.__name__, place)
    monkeypatch.setitem(sys.modules, "omegaconf", types.ModuleType("omegaconf"))
    found, about, value = kinds["DictConfig"](), kinds["ContainerMetadata"](), kinds["AnyNode"]()
    about.__dict__.update(ref_type=Any, object_type=dict, optional=True, flags=collections.defaultdict(list))
    value.__dict__.update(_val="gated-gelu", _metadata=about)
    found.__dict__.update(_metadata=about, _content={"t5": value})
    return found


def test_whatever_way_the_weights_were_saved(weights: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = {"model": tmp_path / "a.ckpt", "hub": tmp_path / "b.bin", "safe": tmp_path / "c.bin", "half": tmp_path / "d.bin"}
    lightning = {f"transformer.{name}" if "mel_" not in name else name: value for name, value in weights.items()}
    lightning |= {"transformer.shared.weight": weights[TOKENS], "spectrogram.mel_scale.fb": torch.ones(3, 2)}
    torch.save({"epoch": 1999, "hyper_parameters": _settings(monkeypatch), "state_dict": lightning}, ours["model"])
    monkeypatch.undo()
    torch.save(weights | {"shared.weight": weights[TOKENS], "encoder.embed_tokens.weight": weights[TOKENS]}, ours["hub"])
    save_file({("shared.weight" if name == TOKENS else name): value for name, value in weights.items()}, ours["safe"])
    torch.save({name: value.half() for name, value in weights.items()}, ours["half"])
    for kind, path in ours.items():
        found = read(path, TINY)
        assert found.keys() == layout(TINY).keys()
        same = [torch.allclose(found[name], weights[name], atol=2e-3 if kind == "half" else 0.0, rtol=1e-3) for name in found]
        assert all(same), kind


class _Runs:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.mark),))


def _without(weights: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key: value for key, value in weights.items() if key != name}


Damage = Callable[[dict[str, Tensor], Path, Path], None]
_NORM = "decoder.final_layer_norm.weight"


def _cut(save: Callable[[dict[str, Tensor], Path], None], weights: dict[str, Tensor], path: Path) -> None:
    save(weights, path)
    os.truncate(path, 30_000)


def _saved(change: Callable[[dict[str, Tensor]], dict[str, Any]]) -> Damage:
    return lambda weights, path, mark: torch.save(change(weights), path)


BAD: dict[str, tuple[Damage, str]] = {
    "a missing weight": (_saved(lambda w: _without(w, _NORM)), r"1 of \d+ weights are missing \(decoder.final_layer_norm"),
    "no embeddings": (_saved(lambda w: _without(w, TOKENS)), "weights are missing"),
    "another shape": (_saved(lambda w: w | {_NORM: torch.ones(7)}), r"is \[7\] instead of \[32\]"),
    "another network": (_saved(lambda w: w | {"more": torch.ones(2)}), "do not belong to it"),
    "another vocabulary": (
        _saved(lambda w: w | {TOKENS: torch.ones(2401, 32), "lm_head.weight": torch.ones(2401, 32)}),
        "vocabulary of 2401 tokens where Pop2Piano's has 2400",
    ),
    "copies that differ": (_saved(lambda w: w | {"shared.weight": w[TOKENS] + 1}), "copies of the tokens' embeddings differ"),
    "no numbers": (_saved(lambda w: w | {_NORM: torch.full((32,), torch.nan)}), "values that are not numbers"),
    "a program": (
        lambda w, path, mark: torch.save({"state_dict": w, "callbacks": _Runs(mark)}, path),
        r"asks to run '\w+.mkdir'",
    ),
    "a bare pickle": (lambda w, path, mark: path.write_bytes(pickle.dumps(_Runs(mark))) and None, "bare pickle"),
    "cut off": (lambda w, path, mark: _cut(torch.save, w, path), "cut off or damaged"),
    "cut off, safe": (lambda w, path, mark: _cut(save_file, w, path), "damaged"),
    "a web page": (lambda w, path, mark: path.write_bytes(b"<!doctype html>") and None, "not a PyTorch checkpoint"),
    "nothing": (lambda w, path, mark: path.write_bytes(b"") and None, "empty"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_checkpoints(name: str, weights: dict[str, Tensor], tmp_path: Path) -> None:
    damage, said = BAD[name]
    mark, path, target = tmp_path / "mark", tmp_path / "pytorch_model.bin", tmp_path / "target"
    target.mkdir()
    damage(weights, path, mark)
    with pytest.raises(UserError, match=said) as caught:
        pop2piano.convert(path, target, Progress(), plan=TINY)
    assert caught.value.path == str(path) and not list(target.iterdir())
    assert not mark.exists(), "it was executed"


def test_a_graph_that_computes_something_else_is_deleted(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = pop2piano_graph.write_decoder
    monkeypatch.setattr(
        pop2piano_graph, "write_decoder", lambda path, plan, *rest: real(path, with_activation(plan, "silu"), *rest)
    )
    with pytest.raises(UserError, match="differs from the original by"):
        pop2piano.convert(exported / pop2piano.WEIGHTS, tmp_path, Progress(), plan=TINY)
    assert not list(tmp_path.iterdir())


def test_a_folder_without_the_weights_is_refused_by_the_library(weights: dict[str, Tensor], tmp_path: Path) -> None:
    """Found by other names than the hub's; of another size, so that nothing is installed."""
    library = Library(tmp_path / "models")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "notes.txt").write_text("nothing")
    with pytest.raises(UserError, match=r"pytorch_model.bin or model.safetensors or .*ckpt"):
        library.import_folder("pop2piano", mine, Progress())
    torch.save({"state_dict": weights}, mine / "epoch=7.ckpt")
    with pytest.raises(UserError, match=r"This checkpoint is not Pop2Piano: .* have another shape"):
        library.import_folder("pop2piano", mine, Progress())
    assert library.status("pop2piano") is Status.MISSING
    with pytest.raises(UserError, match="not installed") as caught:
        library.folder("pop2piano")
    assert "reprise models install pop2piano" in str(caught.value)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_published_configuration(tmp_path: Path) -> None:
    """Installed as a user does, then the same tokens as transformers for several seeds, lengths and numbers of windows."""
    hub = tmp_path / "hub"
    hub.mkdir()
    write_random(hub, PUBLISHED, 4, ending=0.03)
    library = Library(tmp_path / "models")
    folder = library.import_folder("pop2piano", hub, Progress())
    assert library.verify("pop2piano") is Status.INSTALLED
    original = pop2piano.torch_model(PUBLISHED, read(hub / pop2piano.WEIGHTS, PUBLISHED))
    model = Pop2Piano(folder, "gelu_new", device="cpu")
    compared = 0
    for seed, (windows, frames, most) in enumerate(((3, 30, 255), (24, 44, 100), (7, 71, 140))):
        mel, composers = pop2piano.made_up(windows, frames, PUBLISHED.width, seed)
        wanted = ended(pop2piano.generated(original, mel, composers, most, END).tolist())
        assert model.greedy(mel, composers, most) == wanted
        compared += sum(map(len, wanted))
    assert compared > 500
    close_sessions()
