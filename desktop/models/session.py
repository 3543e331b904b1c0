"""ONNX Runtime sessions: safe to open, kept warm, honest about the device they run on."""

from __future__ import annotations

import contextlib
import re
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop.errors import UserError
from desktop.jobs.job import choose
from desktop.models import cpu, onnxfile, runtime

Array = npt.NDArray[Any]

_KEPT = 8
_REMEDY = "Verify the model with `reprise models verify`, or install it again."
_NO_MEMORY = re.compile(r"failed to allocate|out of memory|CUDA failure 2\b|bad_alloc|CUBLAS_STATUS_ALLOC_FAILED", re.IGNORECASE)
_INTERRUPTED = "terminate flag"
_TOO_NEW = re.compile(r"unsupported model ir version|opset \d+ is under development|till opset", re.IGNORECASE)


class Interrupted(Exception):
    """A call was ended by ``interrupt_calls``."""


@dataclass(frozen=True)
class Port:
    """An input or output: ``type`` as ONNX Runtime writes it ("tensor(float)"), free dimensions by name or None."""

    name: str
    type: str
    shape: tuple[int | str | None, ...]


class Session:
    """A model ready to run; may be used by several threads at once.

    Attributes:
        path: the ONNX file.
        device: "CPU" or "CUDA": where it really runs.
        precision: of most of its weights ("fp32", "fp16", "int8", ...).
        providers: what ONNX Runtime gave, best first.
        note: why it runs on the CPU although a GPU was there; empty otherwise.
    """

    def __init__(self, path: Path, native: Any, precision: str, note: str) -> None:
        self.path = path
        self.native = native
        self.precision = precision
        self.providers: tuple[str, ...] = tuple(native.get_providers())
        self.device = "CUDA" if runtime.CUDA in self.providers else "CPU"
        self.note = note
        self.inputs = tuple(Port(port.name, port.type, tuple(port.shape)) for port in native.get_inputs())
        self.outputs = tuple(Port(port.name, port.type, tuple(port.shape)) for port in native.get_outputs())

    def run(self, feeds: Mapping[str, Array], outputs: Sequence[str] | None = None) -> list[Array]:
        """Outputs (all, or those named, in that order) for the inputs by name.

        Raises:
            MemoryError: the device cannot hold it; a smaller batch may fit.
            ValueError: an input's shape or type does not fit the graph.
            UserError: ONNX Runtime failed; names the file.
            Interrupted: ``interrupt_calls`` ended it.
        """
        with _call() as options:
            try:
                return list(self.native.run(list(outputs) if outputs is not None else None, dict(feeds), options))
            except Exception as error:
                raise self.explained(error) from error

    def run_bound(self, feeds: Mapping[str, Any], outputs: Sequence[str], keep: Collection[str] = ()) -> dict[str, Any]:
        """Like ``run``, but the outputs in ``keep`` stay on the device and may be fed to the next call as they are.

        For loops that feed their outputs back (caches, recurrent state), where copying would cost more than computing.

        Args:
            feeds: arrays, or values that an earlier call kept.
            outputs: names of the wanted outputs, with those in ``keep``.

        Returns:
            Arrays by name, and OrtValues for the names in ``keep``.
        """
        binding = self.native.io_binding()
        device = self.device.lower()
        for name, value in feeds.items():
            if isinstance(value, np.ndarray):
                binding.bind_cpu_input(name, np.ascontiguousarray(value))
            else:
                binding.bind_ortvalue_input(name, value)
        for name in outputs:
            binding.bind_output(name, device if name in keep else "cpu")
        with _call() as options:
            try:
                self.native.run_with_iobinding(binding, options)
            except Exception as error:
                raise self.explained(error) from error
        values = dict(zip(outputs, binding.get_outputs(), strict=True))
        return {name: value if name in keep else value.numpy() for name, value in values.items()}

    def bind(self, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> Binding:
        """A call that can be made again and again over the same memory, for loops whose steps are short.

        Args:
            inputs: arrays in C order, or values on the device. What is written into an array after this counts on the CPU only.
            outputs: arrays in C order, or values on the device, that receive the results; they may be inputs, too.
        """
        binding = self.native.io_binding()
        for bound, values in ((binding.bind_input, inputs), (binding.bind_output, outputs)):
            for name, value in values.items():
                place = _place(value)
                if place.device == "cpu" and self.device != "CPU" and bound == binding.bind_input:
                    # Moved to the device where it is needed there.
                    binding.bind_cpu_input(name, value)
                else:
                    bound(name, place.device, 0, place.dtype, place.shape, place.address)
        return Binding(self, binding, (dict(inputs), dict(outputs)))

    def explained(self, error: Exception) -> Exception:
        """What to raise for a call that failed."""
        if isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)):
            return MemoryError(f"{self.path.name} on {self.device}: {error}")
        if _INTERRUPTED in str(error):
            return Interrupted(f"{self.path.name} was interrupted")
        if type(error).__name__ == "InvalidArgument":
            return ValueError(f"{self.path.name}: {error}")
        return UserError(f"The model failed to run: {error}", path=self.path, remedy=_REMEDY)


@dataclass(frozen=True)
class _Place:
    device: str
    dtype: Any
    shape: Sequence[int]
    address: int


def _place(value: Any) -> _Place:
    """Where an array or a value on a device lies."""
    if isinstance(value, np.ndarray):
        if not value.flags.c_contiguous:
            raise ValueError("only arrays in C order can be bound")
        return _Place("cpu", value.dtype.type, value.shape, value.ctypes.data)
    return _Place(value.device_name().lower(), value.element_type(), value.shape(), value.data_ptr())


class Binding:
    """See ``Session.bind``; holds on to the memory that it is about."""

    def __init__(self, session: Session, native: Any, held: tuple[dict[str, Any], dict[str, Any]]) -> None:
        self._session, self._native, self._held = session, native, held

    def run(self) -> None:
        """Make the call; raises as ``Session.run`` does."""
        with _call() as options:
            try:
                self._session.native.run_with_iobinding(self._native, options)
            except Exception as error:
                raise self._session.explained(error) from error


_calls: set[Any] = set()
_calling = threading.Lock()


def interrupt_calls() -> None:
    """End the calls of all sessions that run at this moment, at their next operator; they raise Interrupted."""
    with _calling:
        for options in _calls:
            options.terminate = True


@contextlib.contextmanager
def _call() -> Iterator[Any]:
    """Options of one call, by which it can be interrupted while it runs."""
    options = runtime.load().RunOptions()
    # Failures are raised; the copy that ONNX Runtime prints would only clutter the terminal.
    options.log_severity_level = 4
    with _calling:
        _calls.add(options)
    try:
        yield options
    finally:
        with _calling:
            _calls.discard(options)


_sessions: OrderedDict[tuple[object, ...], Session] = OrderedDict()
_opening = threading.Lock()


def open_session(path: Path | str, *, device: str = "auto", threads: int | None = None, spin: bool = False) -> Session:
    """Session of an ONNX file; a file that was opened before and has not changed since is not loaded again.

    Args:
        device: "auto" takes the GPU when there is one that works, "cuda" insists on it, "cpu" stays away from it.
        threads: threads of one operator; this process's share of the cores when None.
        spin: threads wait for their part of the next operator in a loop. Graphs of many short operators are an eighth to a fifth
            faster by it while nothing else needs the processor, and several times slower when something does.

    Raises:
        UserError: not an ONNX file, damaged, too new, too large, refers to files outside its folder or to operators that need a
            library of their own, or "cuda" cannot be had.
    """
    choose("device", device, ("auto", "cpu", "cuda"))
    file = Path(path).absolute()
    try:
        stat = file.stat()
    except OSError as error:
        raise UserError(f"The model cannot be opened: {error.strerror}", path=file, remedy=_REMEDY) from error
    key = (file, stat.st_mtime_ns, stat.st_size, device, threads, spin)
    with _opening:
        found = _sessions.get(key)
        if found is None:
            found = _open(file, device, threads or cpu.granted(), spin)
            for old in [old for old in _sessions if old[0] == file and old[1:3] != key[1:3]]:
                del _sessions[old]
            while len(_sessions) >= _KEPT:
                _sessions.popitem(last=False)
            _sessions[key] = found
        _sessions.move_to_end(key)
        return found


def close_sessions() -> None:
    """Forget all sessions that are kept warm; their memory is freed when the last user lets go."""
    with _opening:
        _sessions.clear()


def _open(path: Path, device: str, threads: int, spin: bool) -> Session:
    facts = onnxfile.read(path)
    onnxfile.external_files(path, facts)
    wanted, note = _providers(device)
    try:
        native, said = _create(path, wanted, threads, spin)
    except UserError as error:
        # A GPU whose driver or libraries fail must not cost the job when the CPU will do.
        if device != "auto" or len(wanted) == 1:
            raise
        note = f"The GPU could not be used: {error.message}"
        native, said = _create(path, [runtime.CPU], threads, spin)
    session = Session(path, native, facts.precision, note)
    if len(wanted) > 1 and session.device != "CUDA" and not note:
        session.note = f"The GPU could not be used: {_gpu_trouble(runtime.preload_cuda() or said)}"
    if device == "cuda" and session.device != "CUDA":
        raise UserError(
            session.note or "The GPU could not be used",
            path=path,
            remedy="Choose the device auto or cpu; `reprise doctor` says what is missing.",
        )
    return session


def _providers(device: str) -> tuple[list[Any], str]:
    """Providers to ask for, best first, and why the GPU is not among them though ``device`` is "cuda"."""
    if device == "cpu":
        return [runtime.CPU], ""
    if runtime.CUDA not in runtime.load().get_available_providers():
        return [runtime.CPU], "This build of ONNX Runtime has no CUDA" if device == "cuda" else ""
    if not runtime.cuda_devices():
        return [runtime.CPU], "There is no NVIDIA GPU, or no driver for it" if device == "cuda" else ""
    runtime.preload_cuda()
    # Shapes vary from call to call: trying every convolution algorithm for each of them takes longer than it saves.
    return [(runtime.CUDA, {"cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested"}), runtime.CPU], ""


def _gpu_trouble(said: str) -> str:
    """What ONNX Runtime printed about its CUDA libraries, shortened to their names where it names them."""
    missing = dict.fromkeys(Path(name).name for name in re.findall(r"Failed to load ([^\s:]+)", said))
    return (
        f"CUDA libraries are missing: {', '.join(missing)}"
        if missing
        else " ".join(said.split()) or "ONNX Runtime gives no reason"
    )


def _create(path: Path, providers: list[Any], threads: int, spin: bool) -> tuple[Any, str]:
    ort = runtime.load()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Threads that wait in a loop burn a third more processor time for the same result, which the window and its sound need.
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spin)))
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.log_severity_level = 2
    with runtime.captured() as said:
        try:
            native = ort.InferenceSession(str(path), options, providers=providers, enable_fallback=0)
        except Exception as error:
            raise _explain_open(error, path) from error
    return native, said.text


def _explain_open(error: Exception, path: Path) -> UserError:
    text = " ".join(str(error).split())
    if too_new := _TOO_NEW.search(text):
        return UserError(f"This model needs a newer ONNX Runtime: {text[too_new.start() :]}", path=path, remedy="Update Reprise.")
    if _NO_MEMORY.search(text):
        return UserError(
            "There is not enough memory for this model", path=path, remedy="Close other programs, or choose the CPU."
        )
    if "is not a registered function/op" in text:
        return UserError("This model needs operators that ONNX Runtime does not have", path=path, remedy=f"({text})")
    return UserError(f"The model cannot be opened: {text}", path=path, remedy=_REMEDY)
