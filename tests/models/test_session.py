"""Sessions on real graphs: what they report, what they refuse, and that they stay warm."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.errors import UsageError, UserError
from desktop.models import onnxfile, runtime
from desktop.models.library import Library, Status
from desktop.models.session import close_sessions, open_session
from tests.models import graphs

W = graphs.tensor("w", 1, graphs.floats(1, 2, 3, 4), 4)
X = np.zeros(4, np.float32)


@pytest.fixture(autouse=True)
def cold() -> Iterator[None]:
    close_sessions()
    yield
    close_sessions()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "add.onnx"
    path.write_bytes(graphs.add(W))
    return path


def test_a_session_tells_what_it_is_and_runs(model: Path) -> None:
    session = open_session(model, device="cpu", threads=1)
    assert (session.device, session.precision, session.providers) == ("CPU", "fp32", ("CPUExecutionProvider",))
    assert [(port.name, port.type, port.shape) for port in session.inputs] == [("x", "tensor(float)", (4,))]
    assert [port.name for port in session.outputs] == ["y"]
    assert session.run({"x": X})[0].tolist() == [1, 2, 3, 4]
    assert session.run({"x": X + 1}, ["y"])[0].tolist() == [2, 3, 4, 5]


def test_the_real_transcription_model_opens_and_hears_a_tone(basic_pitch: Path) -> None:
    session = open_session(basic_pitch)
    assert session.precision == "fp32" and session.device in ("CPU", "CUDA")
    tone = np.sin(2 * np.pi * 440 * np.arange(43844) / 22050).astype(np.float32).reshape(1, -1, 1)
    [note] = session.run({session.inputs[0].name: tone}, ["StatefulPartitionedCall:1"])
    assert note.shape == (1, 172, 88) and int(note[0].mean(axis=0).argmax()) + 21 == 69


def test_every_bundled_graph_opens(tmp_path: Path) -> None:
    library = Library(tmp_path)
    for entry in library.entries():
        if library.status(entry.id) is Status.BUNDLED:
            for file in entry.files:
                if file.name.endswith(".onnx"):
                    session = open_session(library.folder(entry.id) / file.name)
                    assert session.inputs and session.outputs and session.precision in ("fp32", "fp16")


def test_half_precision_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "half.onnx"
    path.write_bytes(graphs.add(graphs.tensor("w", 10, graphs.halves(1, 2, 3, 4), 4), kind=10))
    session = open_session(path)
    assert session.precision == "fp16"
    assert session.run({"x": X.astype(np.float16)})[0].tolist() == [1, 2, 3, 4]


def test_an_open_session_stays_warm_until_the_file_changes(model: Path) -> None:
    session = open_session(model)
    assert open_session(str(model)) is session
    assert open_session(model, threads=2) is not session
    model.write_bytes(graphs.add(graphs.tensor("w", 1, graphs.floats(9, 9, 9, 9), 4)))
    os.utime(model, (1, 1))
    changed = open_session(model)
    assert changed is not session and changed.run({"x": X})[0].tolist() == [9, 9, 9, 9]
    assert session.run({"x": X})[0].tolist() == [1, 2, 3, 4], "who holds the old one keeps it"


def test_threads_share_one_session(model: Path) -> None:
    found, wrong = [], []

    def use() -> None:
        session = open_session(model)
        found.append(session)
        for value in range(50):
            if session.run({"x": X + value})[0].tolist() != [value + 1, value + 2, value + 3, value + 4]:
                wrong.append(value)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1 and not wrong


def test_bound_outputs_feed_the_next_call(model: Path) -> None:
    session = open_session(model)
    state: object = X
    for _ in range(3):
        state = session.run_bound({"x": state}, ["y"], keep={"y"})["y"]
    assert not isinstance(state, np.ndarray)
    assert session.run_bound({"x": state}, ["y"])["y"].tolist() == [4, 8, 12, 16]


def test_wrong_shapes_are_value_errors_that_name_the_file(model: Path) -> None:
    with pytest.raises(ValueError, match=r"add\.onnx"):
        open_session(model).run({"x": np.zeros(5, np.float32)})


def test_memory_that_cannot_be_had_is_a_memory_error(tmp_path: Path) -> None:
    path = tmp_path / "huge.onnx"
    path.write_bytes(graphs.add(graphs.tensor("w", 7, (1 << 46).to_bytes(8, "little"), 1), operator="Expand", kind=1, size=1))
    session = open_session(path)
    with pytest.raises(MemoryError, match=r"huge\.onnx"):
        session.run({"x": np.zeros(1, np.float32)})


@pytest.mark.parametrize("content", [b"", b"just text", b"\x08\x08", b"PK\x03\x04" * 100, graphs.add(W)[:40], b"\xff" * 100])
def test_what_is_not_onnx_is_refused_with_its_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        open_session(path)
    assert str(path) in str(caught.value)


def test_a_truncated_real_model_is_refused(basic_pitch: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.onnx"
    path.write_bytes(basic_pitch.read_bytes()[:100_000])
    with pytest.raises(UserError, match="damaged"):
        open_session(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.onnx", tmp_path):
        with pytest.raises(UserError) as caught:
            open_session(path)
        assert str(path) in str(caught.value)


def test_a_file_beyond_the_limit_of_protobuf_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.truncate(onnxfile.MAX_BYTES + 1)
    started = time.process_time()
    with pytest.raises(UserError, match="larger than"):
        open_session(path)
    assert time.process_time() - started < 1


def test_a_newer_format_and_operator_set_are_explained(tmp_path: Path) -> None:
    for content in (b"\x08\x63" + graphs.add(W)[2:], graphs.add(W, opset=999)):
        path = tmp_path / "new.onnx"
        path.write_bytes(content)
        with pytest.raises(UserError, match="newer ONNX Runtime") as caught:
            open_session(path)
        assert "Update" in caught.value.remedy


def test_operators_of_a_library_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "custom.onnx"
    path.write_bytes(graphs.add(W, operator="Secret", domain="com.example"))
    (tmp_path / "libcustom_ops.so").write_bytes(b"never loaded")
    with pytest.raises(UserError, match="operators that ONNX Runtime does not have"):
        open_session(path)


def test_weights_beside_the_model_are_used(tmp_path: Path) -> None:
    path = tmp_path / "add.onnx"
    (tmp_path / "add.data").write_bytes(graphs.floats(5, 6, 7, 8))
    path.write_bytes(graphs.add(graphs.external("w", "add.data", 4)))
    assert open_session(path).run({"x": X})[0].tolist() == [5, 6, 7, 8]


@pytest.mark.parametrize(
    "location", ["../secret.data", "/etc/hostname", "a/../../secret.data", "C:\\secret", "..\\secret.data", ""]
)
def test_weights_outside_the_models_folder_are_refused(tmp_path: Path, location: str) -> None:
    (tmp_path / "secret.data").write_bytes(graphs.floats(1, 2, 3, 4))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "add.onnx").write_bytes(graphs.add(graphs.external("w", location, 4)))
    with pytest.raises(UserError, match="The model refers to"):
        open_session(folder / "add.onnx")


@pytest.mark.skipif(os.name == "nt", reason="links need a right on Windows")
def test_weights_behind_a_link_are_refused(tmp_path: Path) -> None:
    (tmp_path / "real.data").write_bytes(graphs.floats(1, 2, 3, 4))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "link.data").symlink_to(tmp_path / "real.data")
    (folder / "inner.data").symlink_to("also.data")
    (folder / "also.data").write_bytes(graphs.floats(1, 2, 3, 4))
    for location in ("link.data", "inner.data", "missing.data"):
        (folder / "add.onnx").write_bytes(graphs.add(graphs.external("w", location, 4)))
        with pytest.raises(UserError, match=f"refers to '{location}'"):
            open_session(folder / "add.onnx")


def test_weights_hidden_in_a_nested_graph_are_found() -> None:
    inner = graphs.block(5, graphs.external("deep", "../deep.data", 4))
    node = graphs.block(4, b"If") + graphs.block(5, graphs.block(6, inner))
    constant = graphs.block(4, b"Constant") + graphs.block(5, graphs.block(5, graphs.external("c", "c.data", 2)))
    function = graphs.block(25, graphs.block(7, constant))
    content = graphs.number(1, 8) + graphs.block(7, graphs.block(1, node)) + graphs.block(8, graphs.number(2, 13)) + function
    assert facts_of(content).external == {"../deep.data", "c.data"}


def facts_of(content: bytes) -> onnxfile.GraphFacts:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.onnx"
        path.write_bytes(content)
        return onnxfile.read(path)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, len(graphs.add(W)) - 1), st.binary(min_size=1, max_size=4))
def test_any_damage_is_read_or_refused_but_never_crashes_the_reader(at: int, noise: bytes) -> None:
    content = bytearray(graphs.add(W))
    content[at : at + len(noise)] = noise
    try:
        facts_of(bytes(content))
    except UserError as error:
        assert error.path


def test_an_unknown_device_is_a_usage_error(model: Path) -> None:
    with pytest.raises(UsageError, match="device"):
        open_session(model, device="abacus")


def test_cuda_is_given_or_refused_but_never_silently_replaced(model: Path) -> None:
    try:
        session = open_session(model, device="cuda")
    except UserError as error:
        assert "reprise doctor" in error.remedy
    else:
        assert session.device == "CUDA" and session.run({"x": X})[0].tolist() == [1, 2, 3, 4]


def test_a_gpu_without_its_libraries_falls_back_and_says_so(
    model: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """As on a computer whose driver is there and whose CUDA packages are not: ONNX Runtime itself really fails to load them."""
    if runtime.CUDA not in runtime.load().get_available_providers() or runtime.cuda_devices():
        pytest.skip("needs an ONNX Runtime built for CUDA on a computer without a GPU")
    monkeypatch.setattr(runtime, "cuda_devices", lambda: 1)
    session = open_session(model, device="auto")
    assert session.device == "CPU" and session.run({"x": X})[0].tolist() == [1, 2, 3, 4]
    assert session.note.startswith("The GPU could not be used: ") and "\n" not in session.note
    with pytest.raises(UserError, match="The GPU could not be used") as caught:
        open_session(model, device="cuda")
    assert "reprise doctor" in caught.value.remedy
    assert capfd.readouterr() == ("", "")


def test_what_onnx_runtime_writes_is_kept_away_from_the_terminal(model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with runtime.captured() as said:
        print("from Python")
        os.write(2, b"from C\n")
    open_session(model, device="auto")
    assert said.text == "from Python\nfrom C\n"
    assert capfd.readouterr() == ("", "")


def test_a_process_without_stderr_can_open_sessions(model: Path) -> None:
    code = (
        "import os, sys; os.close(2); sys.stderr = None\n"
        "from desktop.models.session import open_session\n"
        "print(open_session(sys.argv[1]).device)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(model)], stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0 and done.stdout.strip() in ("CPU", "CUDA")


def test_inference_imports_no_torch(model: Path) -> None:
    code = "import sys; from desktop.models.session import open_session; open_session(sys.argv[1]); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, str(model)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
