"""Fine-tuning by commands: examples in, a labelled file out; a run that is killed, paused, ended and taken up."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from desktop.jobs.states import State
from desktop.jobs.store import Store
from desktop.paths import resources
from desktop.tuning.runs import Run, Runs, RunState
from tests.e2e.command import Answer, reprise, start
from tests.tuning.training.tiny import make_base, make_rows
from tests.waiting import PATIENCE_S

EXAMPLES = resources() / "demo" / "departments.csv"


@pytest.fixture(scope="module")
def _home(tmp_path_factory: pytest.TempPathFactory, machine_models: Path) -> Iterator[None]:
    """One REPRISE_HOME for the module's commands."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPRISE_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("REPRISE_MODELS", str(machine_models))
        yield


@pytest.fixture(scope="module")
def tuned(_home: None, installed: object) -> str:
    """Id of a run that sends messages to departments."""
    installed("minilm")  # type: ignore[operator]
    answer = reprise("tune", "new", EXAMPLES, "--name", "departments", "--test", "0.15", "--json")
    assert answer.code == 0, answer.err
    return str(result(answer)["run"])


def result(answer: Answer) -> dict[str, object]:
    last = answer.events[-1]
    assert last["event"] == "done", answer.out + answer.err
    return dict(last["result"])


def test_a_run_is_scored_exported_asked_and_labels_a_file(tuned: str, tmp_path: Path) -> None:
    scored = result(reprise("evaluate", "departments", "--baseline", "--json"))
    assert scored["rows"] == 96 and float(scored["accuracy"]) > 0.9  # type: ignore[arg-type]
    assert scored["baseline"]["accuracy"] < 0.3  # type: ignore[index]
    rows = [json.loads(line) for line in Path(str(scored["rows_file"])).read_text().splitlines()]
    assert sum(row["expected"] == row["answer"] for row in rows) == round(96 * float(scored["accuracy"]))  # type: ignore[arg-type]

    folder = tmp_path / "model"
    assert reprise("export", tuned[:6], "-o", folder).code == 0
    answer = reprise("ask", folder, "Where is my parcel?", "Do you have a job for me?")
    assert answer.code == 0 and "Shipping" in answer.out and "Jobs" in answer.out

    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text('id,text,note\n7,"Where, please, is my ""parcel""?",x\n8,I forgot my password,\n', encoding="utf-8")
    answer = reprise("label", folder, source, "-o", output, "--threshold", "0")
    assert answer.code == 0, answer.err
    with output.open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert [(row["id"], row["text"], row["note"]) for row in found] == [
        ("7", 'Where, please, is my "parcel"?', "x"),
        ("8", "I forgot my password", ""),
    ]
    assert [row["label"] for row in found] == ["Shipping", "Account"]
    assert all(0 < float(row["confidence"]) <= 1 for row in found)


def test_runs_are_listed_shown_noted_and_removed(tuned: str) -> None:
    assert reprise("tune", "note", "departments", "For the shop").code == 0
    shown = reprise("tune", "show", tuned)
    assert shown.code == 0 and "For the shop" in shown.out and "Accuracy" in shown.out
    listed = json.loads(reprise("tune", "list", "--json").out)
    assert [run["id"] for run in listed if run["name"] == "departments"] == [tuned]
    missing = reprise("tune", "show", "nothing-like-it")
    assert missing.code == 1 and "tune list" in missing.err


@pytest.fixture(scope="module")
def tiny(_home: None, tmp_path_factory: pytest.TempPathFactory) -> list[str | Path]:
    """The words of a command that trains a tiny decoder for some seconds."""
    folder = tmp_path_factory.mktemp("tiny")
    base, rows = make_base(folder / "base", "llama"), make_rows(folder / "rows.csv", 300)
    options = {
        "--base": base,
        "--method": "lora",
        "--epochs": 40,
        "--batch": 8,
        "--rate": 0.01,
        "--eval-every": 60,
        "--checkpoint-every": 25,
        "--patience": 0,
        "--max-tokens": 48,
        "--max-answer": 8,
    }
    return ["tune", "new", rows, "-o", "answer", *(word for pair in options.items() for word in map(str, pair)), "--json"]


def newest() -> Run:
    runs = Runs()
    try:
        return runs.all()[0]
    finally:
        runs.close()


def past(child: subprocess.Popen[str], step: int) -> Run:
    """Wait until the newest run has done a step."""
    deadline = time.monotonic() + 2 * PATIENCE_S
    while time.monotonic() < deadline:
        assert child.poll() is None, child.communicate()
        runs = Runs()
        try:
            found = [run for run in runs.all() if run.state is RunState.RUNNING and len(runs.points(run.id, step - 1)["step"])]
        finally:
            runs.close()
        if found:
            return found[0]
        time.sleep(0.05)
    raise AssertionError("the run does not get on")


@pytest.mark.skipif(os.name != "posix", reason="needs kill -9")
def test_a_run_is_killed_taken_up_and_ended(tiny: list[str | Path]) -> None:
    with start(*tiny) as child:
        run = past(child, 60)
        store = Store()
        worker = store.rows(State.RUNNING)[-1].worker_pid
        store.close()
        os.kill(worker, signal.SIGKILL)
        _, said = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 1 and "Traceback" not in said
    assert newest().can_resume
    with start("tune", "resume", run.id, "--json") as child:
        past(child, 110)
        stopped = reprise("tune", "stop", run.id)
        assert stopped.code == 0, stopped.err
        out, said = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 0, said
    ended = json.loads(out.splitlines()[-1])["result"]
    assert ended["stopped"] == "asked" and ended["run"] == run.id
    runs = Runs()
    try:
        points = runs.points(run.id)
        # Every step once, in order: nothing is lost and nothing counted twice.
        assert points["step"].tolist() == list(range(1, ended["steps"] + 1))
        assert np.isfinite(points["loss"]).all() and points["loss"][-20:].mean() < points["loss"][:20].mean()
        assert runs.get(run.id).state is RunState.DONE
    finally:
        runs.close()
    answer = reprise("ask", run.id, "abcdef")
    assert answer.code == 0, answer.err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"text,label\n", "only a header"),
        (b"only\none\ntwo\n", "column"),
        (b"text,label\na,x\nb,x\nc,x\nd,x\n", "same label"),
    ],
)
def test_what_cannot_be_trained_on_is_told(_home: None, tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    answer = reprise("tune", "new", path)
    assert answer.code in (1, 2) and words in answer.err.lower() and "Traceback" not in answer.err, answer.err
    assert "resume" not in answer.err
