"""A cover played by a VST3 instrument, through pedalboard (extra ``vst``; its licence is GPL-3.0).

The plug-in runs in a process of its own, ``python -m desktop --instrument FOLDER``: plug-ins crash, hang and print.
"""

from __future__ import annotations

import json
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic

import numpy as np

from desktop.errors import UserError
from desktop.jobs.executors import program_command, program_environment
from desktop.jobs.progress import Progress
from desktop.piano.cover import Cover
from desktop.piano.instrument_host import NOTES, PLAYED, PROBLEM, SOUND, TASK
from desktop.piano.live.schedule import schedule
from desktop.piano.synth import TAIL, Samples, normalise

SWITCH = "--instrument"
PATIENCE_S = 240.0
"""Seconds without a sign of life after which the plug-in is taken for hung; some take a minute to load."""
_POLL_S = 0.2


def play(cover: Cover, instrument: Path | str, rate: int = 44100, progress: Progress | None = None) -> Samples:
    """Play ``cover`` and return float32 [n, 2] in -1..1, as loud as ``synth.render`` makes it; time 0 = the source's time 0.

    Both hands go to channel 1, with the pedal. Raises UserError when pedalboard is missing, the file is no VST3 instrument, or
    the plug-in crashes, hangs or stays silent.
    """
    progress = progress or Progress()
    path = plugin_path(Path(instrument))
    if find_spec("pedalboard") is None:
        raise UserError(
            "Playing through a VST3 instrument needs the package pedalboard, which is not installed",
            remedy='Install it: pip install "reprise-studio[vst]". Its licence is GPL-3.0.',
        )
    plan = schedule(cover, one_channel=True)
    seconds = max(cover.duration, plan.end + TAIL)
    with tempfile.TemporaryDirectory(prefix="instrument-", dir=progress.scratch()) as made:
        folder = Path(made)
        np.savez(folder / NOTES, seconds=plan.seconds, data=plan.data)
        (folder / TASK).write_text(json.dumps({"plugin": str(path), "rate": rate, "seconds": seconds}), encoding="utf-8")
        progress.at(0.0, f"Loading {path.stem}")
        _run(folder, path, progress)
        sound = np.fromfile(folder / SOUND, "<f4").reshape(-1, 2).T.copy()
    if float(np.abs(sound).max(initial=0.0)) < 1e-5:
        raise UserError(
            f"{path.stem} stayed silent",
            path=path,
            remedy="It may need a sound library, a licence or a preset.",
        )
    normalise(sound)
    return sound.T


def plugin_path(path: Path) -> Path:
    """The plug-in that a path means: a file inside a bundle stands for the bundle. Raises UserError when there is none."""
    bundle = next((folder for folder in path.parents if folder.suffix.lower() == ".vst3"), path)
    if bundle.suffix.lower() != ".vst3":
        raise UserError("This is not a VST3 plug-in", path=path, remedy="Choose a file or folder that ends in .vst3.")
    if not bundle.exists():
        raise UserError("The instrument is not there", path=path, remedy="Choose another one, or install it again.")
    return bundle.absolute()


def _run(folder: Path, path: Path, progress: Progress) -> None:
    """Let the other process play; raises UserError when it did not get there."""
    with (folder / "errors.txt").open("wb") as errors, _child(folder, errors.fileno()) as child:
        lines: SimpleQueue[str | None] = SimpleQueue()
        threading.Thread(target=_read, args=(child, lines), name="instrument", daemon=True).start()
        stage, heard = "loading", monotonic()
        while True:
            progress.checkpoint()
            try:
                line = lines.get(timeout=_POLL_S)
            except Empty:
                if monotonic() - heard > PATIENCE_S:
                    raise UserError(f"{path.stem} does not answer any more", path=path, remedy="Try another one.") from None
                continue
            if line is None:
                break
            if line.startswith(PLAYED):
                stage, heard = "playing", monotonic()
                progress.at(float(line.split()[1]), f"{path.stem} is playing")
        code = child.wait()
    if (folder / PROBLEM).is_file():
        problem = json.loads((folder / PROBLEM).read_text(encoding="utf-8"))
        raise UserError(problem["message"], path=path, remedy=problem["remedy"])
    if code != 0:
        raise UserError(
            f"{path.stem} crashed while {stage} ({_ending(code)})",
            path=path,
            remedy="Try another one, or update it.",
        )


@contextmanager
def _child(folder: Path, errors: int) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(
        [*program_command(), SWITCH, str(folder)],
        env=program_environment(),
        # It ends when this pipe does, so it never outlives the worker.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                stream.close()


def _read(child: subprocess.Popen[bytes], lines: SimpleQueue[str | None]) -> None:
    assert child.stdout is not None
    try:
        for line in child.stdout:
            lines.put(line.decode("utf-8", "replace"))
    except ValueError:
        pass  # closed meanwhile: nobody waits for more
    lines.put(None)


def _ending(code: int) -> str:
    """An exit code in words."""
    if code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            pass
    return f"exit code {code}"
