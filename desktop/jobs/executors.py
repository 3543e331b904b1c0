"""Where jobs run: the slots of this computer, and how a worker is started in one."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from desktop.jobs.cores import THREADS, cores
from desktop.jobs.job import AnyJob

_THREAD_VARIABLES = (THREADS, "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True)
class Slot:
    """Room for one worker.

    Attributes:
        name: "cpu-1", "cuda-0", "express": unique.
        device: "cpu" or "cuda".
        threads: threads that native code may use.
        express: takes only jobs that the user is waiting for (priority above 0), so that they never queue behind long ones.
        environment: variables of its worker.
    """

    name: str
    device: str
    threads: int
    express: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)

    def suits(self, job: AnyJob, priority: int, *, gpus: bool) -> bool:
        """Whether this slot takes ``job``; ``gpus``: whether there is any slot with a GPU."""
        if self.express and priority <= 0:
            return False
        return job.device != "cuda" or self.device == "cuda" or not gpus


def local_slots(workers: int = 1, *, threads: int = 0, gpus: int | None = None, cpus: int | None = None) -> tuple[Slot, ...]:
    """The slots of this computer: one for each GPU, CPU slots up to ``workers`` in all, and the express slot.

    Args:
        workers: jobs that may run at the same time, at least 1; a GPU has its slot in any case.
        threads: threads for all workers together, which share them as evenly as can be; 0 for one a CPU core, and when there is
            only one worker its libraries choose.
        gpus, cpus: what this computer has; looked up when None.
    """
    gpus = gpu_count() if gpus is None else gpus
    plain = max(max(1, workers) - gpus, 0)
    count = gpus + plain
    whole, left = divmod(threads or (cores() if cpus is None else cpus), count)
    shares = [max(1, whole + (n < left)) for n in range(count)]
    limited = threads > 0 or count > 1

    def slot(name: str, device: str, share: int, gpu: dict[str, str], *, express: bool = False) -> Slot:
        environment = dict.fromkeys(_THREAD_VARIABLES, str(share)) if limited else {}
        return Slot(name, device, share, express=express, environment=environment | gpu)

    hidden = {"CUDA_VISIBLE_DEVICES": "-1"} if gpus else {}
    return (
        *(slot(f"cuda-{n}", "cuda", shares[n], {"CUDA_VISIBLE_DEVICES": _visible(n)}) for n in range(gpus)),
        *(slot(f"cpu-{n + 1}", "cpu", shares[gpus + n], hidden) for n in range(plain)),
        slot("express", "cpu", shares[-1], hidden, express=True),
    )


def gpu_count() -> int:
    """NVIDIA GPUs that this process may use, found without loading anything of CUDA."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return len([word for word in chosen.split(",") if word.strip() and word.strip() != "-1"])
    if sys.platform == "win32":
        return _ask_driver()
    driver = Path("/proc/driver/nvidia/gpus")
    try:
        return len(list(driver.iterdir()))
    except OSError:
        return 0


def program_command() -> list[str]:
    """The command that starts this program, in a frozen build as well."""
    if getattr(sys, "frozen", False):
        return [sys.executable]
    # -P: a file in the current folder must not be taken for a module.
    return [sys.executable, "-P", "-m", "desktop"]


def program_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Variables for it: ours, ``extra``, and the way to this package when it runs from a checkout.

    Threads of OpenMP (torch's) that wait for work sleep instead of looking for it in a loop: beside other programs a training
    is several times faster for it. Those of OpenBLAS (NumPy's) do so after a tenth of a millisecond (2^18 ticks, not 2^26):
    finding beats takes half the processor time then, and a tenth less by the clock.
    """
    root = Path(__file__).resolve().parents[2]
    patience = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_THREAD_TIMEOUT": "18"}
    environment = {**patience, **os.environ, "PYTHONUTF8": "1", **(extra or {})}
    if (root / "pyproject.toml").is_file():
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(root)]))
    return environment


def _visible(n: int) -> str:
    chosen = [word.strip() for word in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if word.strip()]
    return chosen[n] if n < len(chosen) else str(n)


def _ask_driver() -> int:
    import shutil
    import subprocess

    tool = shutil.which("nvidia-smi")
    if tool is None:
        return 0
    try:
        listed = subprocess.run([tool, "-L"], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())
