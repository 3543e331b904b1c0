"""What all job kinds have in common, and how their fields are checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

import msgspec

from desktop.errors import UsageError


class Job(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """Base of all job kinds.

    Attributes:
        runner: dotted name of ``run(job, progress) -> Result``.
        resumable: whether unfinished work in the scratch folder is worth keeping for another try.
        is_remembered: whether the sources are watched while it runs, so that the same work is known again.
        source_noun: what messages call a source.
        incidental: fields that say where a result goes, where it is made, or what is made beside it, but not what it is.
        device: "auto", "cpu" or "cuda".
    """

    runner: ClassVar[str] = ""
    resumable: ClassVar[bool] = False
    is_remembered: ClassVar[bool] = False
    source_noun: ClassVar[str] = "file"
    incidental: ClassVar[frozenset[str]] = frozenset({"output", "device"})
    device: str = "auto"

    def __post_init__(self) -> None:
        choose("device", self.device, ("auto", "cpu", "cuda"))

    @property
    def title(self) -> str:
        """What the queue shows for this job."""
        return type(self).__name__

    @property
    def sources(self) -> tuple[Path, ...]:
        """Files (or folders) of the user that the job reads."""
        return ()

    @property
    def folders(self) -> tuple[Path, ...]:
        """Folders of the user that the job writes into; what a killed worker leaves there is cleared."""
        return ()

    @property
    def place(self) -> str:
        """Where the results go, as an absolute path; jobs that share it replace each other's results. "" where none are left."""
        output = getattr(self, "output", "")
        return str(Path(output).absolute()) if output else ""

    @property
    def results(self) -> Mapping[str, Path]:
        """The files that come of it, by kind, where several do of one place; empty where ``place`` is the file."""
        return {}

    @property
    def manners(self) -> Mapping[str, str]:
        """What else files of some kinds depend on, which the other kinds do not."""
        return {}

    def elsewhere(self, number: int) -> Self:
        """The same job with another place: the ``number``-th of that name."""
        place = Path(self.place)
        return msgspec.structs.replace(self, output=str(place.with_name(f"{place.stem} {number}{place.suffix}")))


Result = dict[str, object]
"""What a run returns: plain data (str, int, float, bool, None, lists and dicts of them)."""


def require(field: str, value: str) -> None:
    """Raise UsageError unless ``value`` is something."""
    if not value.strip():
        raise UsageError(f"{field}: must not be empty")


def choose(field: str, value: str, valid: Sequence[str]) -> None:
    """Raise UsageError unless ``value`` is one of ``valid``."""
    if value not in valid:
        raise UsageError(f"{field}: '{value}' is not one of {', '.join(valid)}")
