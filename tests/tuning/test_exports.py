"""Exported folders: whole or not there, made once, and enough to answer without the run, its base or torch."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from desktop.errors import UsageError, UserError
from desktop.jobs.progress import Cancelled, Progress
from desktop.jobs.tuning_jobs import ExportJob, Recipe, Records
from desktop.models.library import Library
from desktop.tuning.export_folder import replacing
from desktop.tuning.exports import export, onnx_of
from desktop.tuning.model_card import Family, is_export, read_card
from desktop.tuning.predict import open_model
from desktop.tuning.runs import Runs, RunState, new_id
from tests.tuning.exporting import tiny_run
from tests.tuning.training import tiny

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def _one_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs and exports of this module's own, and torch with one thread: these networks are small."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPRISE_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("REPRISE_THREADS", "1")
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def run(place: Path) -> str:
    """A tuned T5 whose file of examples is gone."""
    found = tiny_run(place, "t5")
    (place / "t5.csv").unlink()
    return found


def made(model: str, **how: str) -> Path:
    return onnx_of(model, Progress(), library=Library(), **how)


def python(code: str, *arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, check=check, capture_output=True, text=True, timeout=100)


def test_a_folder_that_stands_for_itself(run: str, place: Path) -> None:
    target = place / "out" / "mine"
    result = export(ExportJob(model=run, output=str(target)), Progress())
    assert result["files"] == {"folder": str(target)} and result["precision"] == "fp32" and result["check"]["equal"] == 1.0
    assert result["sizes"] == {path.name: path.stat().st_size for path in target.iterdir()}
    card = read_card(target)
    assert (card.family, card.run, card.weights, card.base_title) == (Family.SEQ2SEQ, run, "best", "t5")
    assert card.prompt is not None and card.prompt.inputs == ("text",) and "loss" in card.scores
    words = (target / "README.md").read_text()
    assert "licence: LicenseRef-Unknown" in words and "decoder.onnx" in words and ".part" not in words
    moved = shutil.move(target, place / "moved")
    rows = [{"text": "abc"}, {"text": "hgfedcba"}]
    assert open_model(Path(moved), device="cpu").answer(rows) == open_model(made(run), device="cpu").answer(rows)


def test_made_once_for_each_weights_and_precision(run: str) -> None:
    first = made(run)
    stamp = (first / "model.json").stat().st_mtime_ns
    assert made(run[:4]) == first and (first / "model.json").stat().st_mtime_ns == stamp
    other = made(run, weights="last", precision="int8")
    assert other.parent == first.parent and read_card(other).precision == "int8" and read_card(other).weights == "last"
    # Training that goes on replaces the weights.
    weights = first.parent / "best" / "adapter_model.safetensors"
    os.utime(weights, ns=(1, 1))
    assert made(run) == first and (first / "model.json").stat().st_mtime_ns != stamp


def test_two_at_once_make_it_once(run: str, place: Path) -> None:
    base = tiny.make_base(place / "both", "t5")
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: read_card(made(str(base), precision="int8")), range(2))
    assert first == second


def test_an_export_outlives_the_base(run: str, place: Path) -> None:
    first = made(run)
    (place / "t5").rename(place / "elsewhere")
    try:
        assert made(run) == first
        with pytest.raises(UserError, match="no such folder"):
            made(run, precision="fp16")
        assert not (first.parent / "onnx-best-fp16").exists()
    finally:
        (place / "elsewhere").rename(place / "t5")


def test_bases_are_exported_too_and_the_oldest_forgotten(place: Path) -> None:
    bases = [tiny.make_base(place / f"base{number}", "t5", seed=number) for number in range(5)]
    folders = [made(str(base)) for base in bases]
    assert [folder.is_dir() for folder in folders] == [False, True, True, True, True]
    assert made(str(bases[1])) == folders[1]
    assert read_card(folders[-1]).run == "" and read_card(folders[-1]).prompt is not None
    assert open_model(folders[-1], device="cpu").prompt({"text": "as it is"}) == "as it is"


def test_refuses_folders_of_others(run: str, place: Path) -> None:
    foreign = place / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="something else"):
        export(ExportJob(model=run, output=str(foreign)), Progress())
    with pytest.raises(UserError, match="a file, not a folder"):
        export(ExportJob(model=run, output=str(foreign / "thesis.txt")), Progress())
    assert [path.name for path in foreign.iterdir()] == ["thesis.txt"] and (foreign / "thesis.txt").read_text() == "years of work"


def test_replaces_an_older_export_and_takes_a_folder_for_a_model(run: str, place: Path) -> None:
    target = place / "again"
    export(ExportJob(model=run, output=str(target)), Progress())
    export(ExportJob(model=run, output=str(target), precision="int8"), Progress())
    assert read_card(target).precision == "int8" and not [path for path in place.iterdir() if path.name.startswith(".")]
    copy = export(ExportJob(model=str(target), output=str(place / "copy"), precision="int8"), Progress())
    assert is_export(Path(copy["files"]["folder"]))
    with pytest.raises(UsageError, match="own folder"):
        export(ExportJob(model=str(target), output=str(target), precision="int8"), Progress())
    with pytest.raises(UsageError, match="exported as int8"):
        export(ExportJob(model=str(target), output=str(place / "third")), Progress())


def test_a_run_without_weights_says_so(place: Path) -> None:
    runs = Runs()
    run = runs.create(
        new_id(), name="Young", records=Records(source="a.csv"), recipe=Recipe(base=str(place)), base="t5", method="lora"
    )
    with pytest.raises(UserError, match=r"Young has no best weights yet.*first evaluation"):
        made(run.id)
    runs.update(run.id, state=RunState.STOPPED)
    with pytest.raises(UserError, match="reprise tune resume"):
        made("Young")
    runs.close()


def test_damaged_folders_are_named(run: str, place: Path) -> None:
    target = place / "damaged"
    shutil.copytree(made(run), target)
    with (target / "decoder.onnx").open("r+b") as file:
        file.truncate(100)
    with pytest.raises(UserError, match=r"100 bytes instead of .*decoder\.onnx"):
        open_model(target)
    (target / "encoder.onnx").unlink()
    (target / "decoder.onnx").unlink()
    with pytest.raises(UserError, match="is missing: decoder"):
        made(str(target))
    (target / "model.json").write_text('{"format": 1, "family": "oracle", "files": {}}')
    with pytest.raises(UserError, match="not valid"):
        open_model(target)


def test_a_cancelled_or_killed_export_leaves_what_was_there(run: str, place: Path) -> None:
    target = place / "kept"
    export(ExportJob(model=run, output=str(target)), Progress())
    before = sorted(path.name for path in target.iterdir())

    class Cancelling(Progress):
        def checkpoint(self) -> None:
            if [path for path in place.iterdir() if path.name.startswith(".kept")]:
                raise Cancelled

    with pytest.raises(Cancelled):
        export(ExportJob(model=run, output=str(target)), Cancelling())
    assert sorted(path.name for path in target.iterdir()) == before
    # Killed when the old folder has been moved aside, and the new one is not in its place yet.
    killed = python(
        """
        import os, signal, sys
        from pathlib import Path
        from desktop.tuning import export_folder
        move = Path.replace
        def dying(self, other):
            move(self, other)
            os.kill(os.getpid(), signal.SIGKILL)
        Path.replace = dying
        with export_folder.replacing(Path(sys.argv[1])) as hidden:
            (hidden / "half").write_text("a")
        """,
        target,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL and not target.exists()
    with pytest.raises(RuntimeError), replacing(target):
        raise RuntimeError
    assert sorted(path.name for path in target.iterdir()) == before
    assert not [path for path in place.iterdir() if path.name.startswith(".kept")]


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of processes")
def test_a_full_disk_is_explained_and_leaves_nothing(run: str, place: Path) -> None:
    folder = made(run)
    full = python(
        """
        import resource, signal, sys
        from desktop.errors import UserError
        from desktop.jobs.progress import Progress
        from desktop.jobs.tuning_jobs import ExportJob
        from desktop.tuning.exports import export
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        try:
            export(ExportJob(model=sys.argv[1], output=sys.argv[2]), Progress())
        except UserError as error:
            print(error)
        """,
        folder,
        place / "full",
    )
    assert "larger than the system allows" in full.stdout
    assert not [path for path in place.iterdir() if "full" in path.name]


def test_answers_without_torch(run: str, place: Path) -> None:
    found = python(
        """
        import sys
        from pathlib import Path
        from desktop.jobs.progress import Progress
        from desktop.jobs.tuning_jobs import AskJob
        from desktop.tuning.ask import ask
        print(len(ask(AskJob(model=sys.argv[1], texts=("abc",), device="cpu"), Progress())["answers"]))
        heavy = ("torch", "transformers", "peft", "accelerate", "datasets", "pyarrow", "pandas")
        print([name for name in heavy if name in sys.modules])
        """,
        made(run),
    )
    assert found.stdout.split("\n")[:2] == ["1", "[]"]
