"""The doctor on this very computer, and its words for others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from desktop.jobs.job import DoctorJob, InstallJob
from desktop.jobs.progress import Progress
from desktop.models import doctor
from desktop.models.checks import libraries, machine, probe
from desktop.models.job import run_install
from desktop.models.report import report
from tests.models.site import Recorder


def test_the_doctor_finds_a_working_cpu_session_and_the_codecs(home: Path) -> None:
    progress = Recorder()
    result: Any = doctor.run(DoctorJob(), progress)
    cpu = result["sessions"][0]
    assert cpu["device"] == "cpu" and cpu["ok"] and cpu["providers"] == ["CPUExecutionProvider"]
    assert {"mp3", "aac", "flac", "vorbis", "opus", "h264"} <= set(result["codecs"]["read"])
    assert {"python", "reprise", "PySide6", "torch", "av"} <= set(result["versions"])
    assert result["system"]["cpu"]["cores"] >= 1 and result["system"]["memory"]["total"] > 1 << 28
    assert {folder["name"] for folder in result["folders"]} == {"data", "settings", "cache", "models", "logs"}
    assert all(folder["free"] > 0 and not folder["problem"] for folder in result["folders"])
    models = {model["id"]: model["status"] for model in result["models"]}
    assert models["basic-pitch"] == "missing" and models["timgm6mb"] == "bundled"
    assert progress.fractions[-1] == 1.0
    assert msgspec.json.decode(msgspec.json.encode(result)) == result, "plain data"


def test_the_report_says_everything_that_was_found(home: Path) -> None:
    result: Any = doctor.run(DoctorJob(), Progress())
    text = report(result)
    for word in ("Processor", "Memory", "CPU: works", "mp3", "basic-pitch", "timgm6mb", str(home), result["versions"]["python"]):
        assert word in text
    assert text.endswith("No problem found.") == (not result["problems"])


def test_insisting_on_a_gpu_tells_whether_there_is_one(home: Path) -> None:
    result: Any = doctor.run(DoctorJob(device="cuda"), Progress())
    [session] = result["sessions"]
    assert session["ok"] or ("CUDA" in result["problems"][0]["what"] and "driver" in result["problems"][0]["remedy"])


def test_a_damaged_model_is_a_problem_with_its_remedy(home: Path, basic_pitch: Path) -> None:
    done = run_install(InstallJob(model="basic-pitch", folder=str(basic_pitch)), Progress())
    assert done["status"] == "installed" and done["size"] == 230444
    path = Path(str(done["folder"])) / "nmp.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    result: Any = doctor.run(DoctorJob(device="cpu"), Progress())
    [problem] = [problem for problem in result["problems"] if "Basic Pitch" in problem["what"]]
    assert "reprise models install basic-pitch" in problem["remedy"]
    assert "damaged" in report(result) and "reprise models install basic-pitch" in report(result)


def test_a_file_where_a_folder_should_be_is_a_problem(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "log").write_text("in the way")
    result: Any = doctor.run(DoctorJob(), Progress())
    [problem] = [problem for problem in result["problems"] if "logs" in problem["what"]]
    assert "REPRISE_HOME" in problem["remedy"] and str(home / "log") in problem["what"]


def test_the_probes_graph_computes_what_it_says() -> None:
    result = probe.probe("cpu")
    assert result["ok"] and result["got"] == "CPU" and 0 < result["milliseconds"] < 60_000


def test_missing_libraries_are_named_with_the_command_of_each_family() -> None:
    lost = [library for library in libraries.LIBRARIES if library.name in ("libEGL.so.1", "libGL.so.1")]
    assert libraries.command(lost, ["ubuntu", "debian"]) == "sudo apt-get install libegl1 libgl1"
    assert libraries.command(lost, ["fedora"]) == "sudo dnf install libglvnd-egl libglvnd-glx"
    assert libraries.command(lost, ["endeavouros", "arch"]) == "sudo pacman -S --needed libglvnd"
    assert "libEGL.so.1, libGL.so.1" in libraries.command(lost, ["nixos"])
    assert libraries.command([], ["debian"]) == ""


def test_the_distribution_is_read_from_its_file(tmp_path: Path) -> None:
    release = tmp_path / "os-release"
    release.write_text('NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\n')
    assert libraries.families(release) == ["linuxmint", "ubuntu", "debian"]
    assert libraries.families(tmp_path / "none") == []


@pytest.mark.skipif(sys.platform != "linux", reason="the check is for Linux")
def test_a_library_that_is_hidden_is_found_missing() -> None:
    code = (
        "import ctypes\n"
        "real = ctypes.CDLL\n"
        "def hide(name, *more):\n"
        "    if name == 'libpulse.so.0': raise OSError(name)\n"
        "    return real(name, *more)\n"
        "ctypes.CDLL = hide\n"
        "from desktop.models.checks import libraries\n"
        "print('libpulse.so.0' in [library.name for library in libraries.missing()])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_gpus_are_read_from_the_drivers_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = "NVIDIA RTX A2000, 12282, 11000, 580.65.06, 8.6"
    expected = {
        "name": "NVIDIA RTX A2000",
        "memory": 12282 << 20,
        "free": 11000 << 20,
        "driver": "580.65.06",
        "capability": "8.6",
    }
    assert machine.parse_gpus(f"{line}\n\nnonsense\n") == [expected]
    if os.name == "posix":
        tool = tmp_path / "nvidia-smi"
        tool.write_text(f"#!/bin/sh\necho '{line}'\n")
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        assert machine.gpus() == [expected]
        tool.write_text("#!/bin/sh\nexit 9\n")
        assert machine.gpus() == []


def test_the_report_of_a_computer_in_trouble() -> None:
    result = {
        "versions": {"reprise": "0.1", "python": "3.12"},
        "system": {
            "platform": "X",
            "cpu": {"name": "C", "cores": 1, "threads": 2, "features": []},
            "memory": {"total": 0, "available": 0},
        },
        "gpus": [{"name": "G", "memory": 8 << 30, "free": 1 << 30, "driver": "500", "capability": "8.6"}],
        "sessions": [{"device": "cuda", "ok": False, "got": "", "providers": [], "milliseconds": 0.0, "note": "no libcublas"}],
        "codecs": {"version": "", "read": [], "missing": ["mp3"], "write": []},
        "folders": [{"name": "data", "path": "/d", "free": 0, "problem": "Permission denied"}],
        "models": [{"id": "m", "title": "M", "status": "corrupt", "size": 1000}],
        "libraries": {"missing": ["libEGL.so.1"], "command": "sudo apt-get install libegl1"},
        "problems": [{"what": "One", "remedy": "Do this"}, {"what": "Two", "remedy": ""}],
    }
    text = report(result)
    assert "CUDA: failed (no libcublas)" in text and "unknown" in text and "missing: libEGL.so.1" in text
    assert text.endswith("2 problems found:\n- One\n  Do this\n- Two")
