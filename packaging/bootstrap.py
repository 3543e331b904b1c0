#!/usr/bin/env python3
"""From nothing but Python to a running Reprise.

    python3 packaging/bootstrap.py demo          install, turn the demo song into a piano cover, show it
    python3 packaging/bootstrap.py window        install, open the application
    python3 packaging/bootstrap.py test [--all]  install with the test tools, run the tests
    python3 packaging/bootstrap.py install       install only

Everything goes into ``.venv`` beside ``pyproject.toml``; a later start installs again only when the requirements have
changed. Uses the standard library alone, and old grammar in this file, so that an old Python can still say what it lacks.
"""

import sys

OLDEST = (3, 11)


def main(argv):  # type: (list[str]) -> int
    """Exit code of the command in ``argv``."""
    if sys.version_info < OLDEST:
        version = "%d.%d" % tuple(sys.version_info[:2])  # noqa: UP031
        sys.stderr.write(
            "Reprise needs Python %d.%d or newer; this is Python %s (%s).\n" % (OLDEST + (version, sys.executable))  # noqa: UP031, RUF005
            + "Install a newer one from python.org or your system's packages and start this again with it.\n"
        )
        return 2
    from bootstrapping.commands import run

    return run(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
