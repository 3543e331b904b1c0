"""Small real runners for the tests of the queue; ``source`` of the job carries what they need."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from desktop.errors import UsageError, UserError
from desktop.jobs.job import CoverJob
from desktop.jobs.progress import Progress
from desktop.paths import atomic_write

Result = dict[str, Any]


def quick(job: CoverJob, progress: Progress) -> Result:
    return {"source": job.source, "pid": os.getpid(), "device": "CPU"}


def steps(job: CoverJob, progress: Progress) -> Result:
    """All kinds of events, in 20 steps of 10 ms."""
    for step in range(20):
        progress.at(step / 20, f"step {step}")
        progress.metric("loss", 1.0 / (step + 1), step)
        time.sleep(0.01)
    progress.preview("notes", {"bar": 1, "data": b"\x00\x01"})
    progress.artifact("midi", Path(job.source), "a file")
    progress.log("nearly there")
    progress.log("careful", "warning")
    progress.at(1.0, "finished")
    return {"steps": 20}


def long(job: CoverJob, progress: Progress) -> Result:
    """A minute in small steps, writing a file atomically at the end."""
    with atomic_write(job.source) as file:
        for step in range(6000):
            file.write(b"x")
            progress.at(step / 6000, "working")
            time.sleep(0.01)
    return {}


def deaf(job: CoverJob, progress: Progress) -> Result:
    """Never looks whether it should stop."""
    progress.at(0.1, "deaf")
    time.sleep(60)
    return {}


def naps(job: CoverJob, progress: Progress) -> Result:
    """Two seconds in which it does not look whether it should stop."""
    progress.at(0.1, "asleep")
    time.sleep(2)
    progress.log("awake")
    return {}


def locked(job: CoverJob, progress: Progress) -> Result:
    """Native code that keeps the interpreter's lock for a minute."""
    progress.at(0.1, "locked")
    ctypes.PyDLL(None).sleep(60)
    return {}


def noisy(job: CoverJob, progress: Progress) -> Result:
    """Prints what would wreck the protocol, from Python, from C's file descriptor and from a child."""
    for _ in range(200):
        print("garbage \x00\xff" * 10)
        os.write(1, b"\xff\xfe\x00\x00\x00\x05 raw bytes\n")
    subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
    assert sys.stdin.read() == ""
    progress.at(0.5, "still here")
    return {"fine": True}


def prints_then_dies(job: CoverJob, progress: Progress) -> Result:
    progress.at(0.5, "about to die")
    print("last words")
    print("downloading 10 %\rdownloading 20 %", file=sys.stderr)
    os._exit(41)


def crashes(job: CoverJob, progress: Progress) -> Result:
    progress.at(0.3, "near the edge")
    ctypes.string_at(8)
    return {}


def eats_memory(job: CoverJob, progress: Progress) -> Result:
    raise MemoryError


def raises_user_error(job: CoverJob, progress: Progress) -> Result:
    raise UserError("The file is not a song", path=job.source, remedy="Choose another file.")


def raises_usage_error(job: CoverJob, progress: Progress) -> Result:
    raise UsageError("style: 'polka' is not one of pop, ballad")


def raises_bug(job: CoverJob, progress: Progress) -> Result:
    return {"never": 1 / 0}


def exits(job: CoverJob, progress: Progress) -> Result:
    sys.exit("a library gave up")


def unsendable(job: CoverJob, progress: Progress) -> Result:
    progress.preview("odd", {"value": object()})
    return {"value": object()}


def arrays(job: CoverJob, progress: Progress) -> Result:
    import numpy as np

    progress.metric("mean", float(np.float32(0.5)))
    return {"scalar": np.float32(0.5), "list": np.arange(3), "path": Path("a") / "b"}


def breaks_protocol(job: CoverJob, progress: Progress) -> Result:
    """Writes to every open descriptor, the protocol's among them."""
    progress.at(0.5, "breaking")
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, b"\xff" * 100)
        except OSError:
            continue
    time.sleep(60)
    return {}


def with_helper(job: CoverJob, progress: Progress) -> Result:
    """Starts a helper that outlives the job if nobody ends it; writes its number into ``source``."""
    helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
    Path(job.source).write_text(str(helper.pid))
    for _ in range(6000):
        progress.at(0.5, "with helper")
        time.sleep(0.01)
    return {}


def dies_while_writing(job: CoverJob, progress: Progress) -> Result:
    """kill -9 of itself in the middle of an atomic write, the first time; ``source`` is written the second time."""
    marker = progress.scratch() / "tried"
    again = Path(job.source + ".tried").exists()
    marker.write_text("x")
    with atomic_write(job.source) as file:
        file.write(b"half")
        file.flush()
        if not again:
            Path(job.source + ".tried").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        file.write(b" whole")
    return {}


def threads(job: CoverJob, progress: Progress) -> Result:
    return {name: os.environ.get(name, "") for name in ("OMP_NUM_THREADS", "REPRISE_THREADS", "CUDA_VISIBLE_DEVICES")}


def chatty(job: CoverJob, progress: Progress) -> Result:
    """A hundred thousand reports."""
    for step in range(100_000):
        progress.at(step / 100_000, "chatting")
    return {}


def leaves_a_thread(job: CoverJob, progress: Progress) -> Result:
    """A thread that goes on reporting after the run."""
    import threading

    def talk() -> None:
        for _ in range(100):
            progress.log("from the grave")
            time.sleep(0.01)

    threading.Thread(target=talk, daemon=True).start()
    time.sleep(0.05)
    return {}


def stays_silent(job: CoverJob, progress: Progress) -> Result:
    """Stops its own process for as long as nobody wakes it."""
    progress.at(0.5, "going to sleep")
    os.kill(os.getpid(), signal.SIGSTOP)
    return {}


def leaves_a_mark(job: CoverJob, progress: Progress) -> Result:
    """Adds a line to ``source``."""
    with Path(job.source).open("a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(0.02)
    return {}


def leaves_a_mark_beside_another(job: CoverJob, progress: Progress) -> Result:
    """The same; the first of a worker waits until another worker has left one in that folder, too."""
    result = leaves_a_mark(job, progress)
    end = time.monotonic() + 60
    while time.monotonic() < end and len({path.read_text() for path in Path(job.source).parent.glob("*.mark")}) < 2:
        time.sleep(0.02)
    return result
