"""Results go out together: finished in the scratch folder first, then all of them into place, or none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from desktop.paths import atomic_write


def publish(files: Mapping[Path, Path]) -> None:
    """Copy each finished file to its place; a failure on any leaves the places as they were.

    Args:
        files: finished file -> where it belongs.

    Raises:
        UserError: the disk is full, no permission, ...
    """
    with ExitStack() as stack:
        for finished, place in files.items():
            target = stack.enter_context(atomic_write(place))
            with finished.open("rb") as source:
                shutil.copyfileobj(source, target, 1 << 20)
            # What can fail fails here, while every other place is still untouched.
            target.flush()
            os.fsync(target.fileno())
