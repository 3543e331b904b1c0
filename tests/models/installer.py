"""Installs a model in a process of its own: ``python installer.py ROOT URL [LIMIT]``.

Prints the folder, or the error's kind and text. With LIMIT no file may grow beyond that many bytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.models.library import Library
from tests.models.site import from_url


def main() -> None:
    root, url, *limit = sys.argv[1:]
    if limit:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit[0]), int(limit[0])))
    try:
        print(Library(Path(root), from_url(url)).install("tiny", Progress()))
    except UserError as error:
        print(type(error).__name__, error)
        sys.exit(1)


if __name__ == "__main__":
    main()
