"""The user's preferences: each declared once, kept in ``settings.json``; the preferences page is built from them.

settings = load()
save(replace(settings, theme="dark"))
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from desktop.errors import UsageError, UserError
from desktop.jobs.guards import hours
from desktop.jobs.guards.after import Action
from desktop.jobs.job import DIFFICULTIES, STYLES
from desktop.jobs.video_jobs import DEFAULT_RESTORER, ENCODERS, STEADINESS
from desktop.paths import atomic_write, config_dir

RECENT_FILES = 12

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Option:
    """What the preferences page shows of a setting.

    Attributes:
        key: name of the field of Settings.
        group: heading on the page; "" for what is kept but not shown.
        choices: valid values, empty when any of the type will do.
        low, high: bounds of a number.
        kind: "text", "number", "switch", "choice", "file", "folder", "hours" or "list".
        files: what the dialog for a file offers, "Title (*.ending)".
        restart: whether a change takes effect at the next start only.
    """

    key: str
    title: str
    help: str
    group: str
    default: object
    kind: str
    choices: tuple[str, ...] = ()
    low: int = 0
    high: int = 0
    files: str = ""
    restart: bool = False

    def problem(self, value: object) -> str:
        """Why ``value`` will not do; "" when it will."""
        if self.kind == "switch":
            return "" if isinstance(value, bool) else "must be true or false"
        if self.kind == "number":
            right = isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high
            return "" if right else f"must be a whole number from {self.low} to {self.high}"
        if self.kind == "list":
            right = isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)
            return "" if right else "must be a list of texts"
        if not isinstance(value, str):
            return "must be a text"
        if self.kind == "hours":
            return hours.problem(value)
        return "" if not self.choices or value in self.choices else f"must be one of {', '.join(self.choices)}"


def _option(default: object, kind: str, title: str, help: str, group: str, **more: Any) -> Any:
    return field(default=default, metadata={"title": title, "help": help, "group": group, "kind": kind, **more})


@dataclass(frozen=True)
class Settings:
    """All preferences. Raises UsageError for a value that will not do.

    ``unknown`` holds what a later version wrote; it is kept.
    """

    theme: str = _option(
        "system",
        "choice",
        "Theme",
        "Light, dark, or whatever the system uses.",
        "Appearance",
        choices=("system", "light", "dark"),
    )
    style: str = _option("pop", "choice", "Style", "How new covers accompany the melody.", "Covers", choices=STYLES)
    difficulty: str = _option(
        "medium", "choice", "Difficulty", "How much the hands of new covers have to do.", "Covers", choices=DIFFICULTIES
    )
    soundfont: str = _option(
        "",
        "file",
        "SoundFont",
        "SF2 or SF3 file that plays covers; empty for the one of Reprise.",
        "Covers",
        files="SoundFonts (*.sf2 *.sf3)",
    )
    output: str = _option("", "folder", "Output folder", "Where new covers go; empty for the folder of the song.", "Covers")
    restorer: str = _option(DEFAULT_RESTORER, "text", "Restorer", "Id of the model that restores faces.", "")
    fidelity: int = _option(
        50, "number", "Fidelity", "0 restores faces most, 100 stays closest to the clip; in per cent.", "Video", high=100
    )
    steadiness: str = _option(
        "low", "choice", "Steadiness", "How strongly flicker of restored faces is reduced.", "Video", choices=STEADINESS
    )
    encoder: str = _option("auto", "choice", "Encoder", "What restored clips are encoded with.", "Video", choices=ENCODERS)
    device: str = _option(
        "auto",
        "choice",
        "Device",
        "Where models run: the GPU if there is one that works, always the GPU, or always the CPU.",
        "Computer",
        choices=("auto", "cuda", "cpu"),
    )
    threads: int = _option(
        0,
        "number",
        "CPU threads",
        "Threads for the models, of all workers together; 0 for all cores.",
        "Computer",
        high=256,
        restart=True,
    )
    workers: int = _option(
        1,
        "number",
        "Jobs at a time",
        "Each takes memory of its own, and they share the cores.",
        "Computer",
        low=1,
        high=16,
        restart=True,
    )
    free_space: int = _option(
        2,
        "number",
        "Free space",
        "Work stands still while a disk it writes to has less left than this; in GB, at most a twentieth of the disk; 0 for no "
        "limit.",
        "Unattended work",
        high=100_000,
    )
    battery: int = _option(
        20,
        "number",
        "Battery",
        "Work stands still while the computer runs on a battery with less than this; in per cent, 0 for no limit.",
        "Unattended work",
        high=95,
    )
    quiet_hours: str = _option(
        "", "hours", "Quiet hours", "When nothing runs, for example 22:00-07:00; empty for never.", "Unattended work"
    )
    keep_awake: bool = _option(
        True, "switch", "Keep the computer awake", "It does not go to sleep by itself while work runs.", "Unattended work"
    )
    when_done: str = _option(
        "nothing",
        "choice",
        "When all is done",
        "What happens when no work is left in the queue.",
        "Unattended work",
        choices=tuple(str(action) for action in Action),
    )
    done_command: str = _option(
        "",
        "text",
        "Command",
        "What runs when all is done, if you chose that; REPRISE_DONE and REPRISE_FAILED hold how many jobs ended how.",
        "Unattended work",
    )
    grace: int = _option(
        60,
        "number",
        "Time to change your mind",
        "Seconds before the computer sleeps or shuts down, or the command runs, in which you can call it off.",
        "Unattended work",
        high=3600,
    )
    offline: bool = _option(
        False, "switch", "Work offline", "Never use the network; models must be installed or imported.", "Network", restart=True
    )
    cluster_address: str = _option(
        "",
        "text",
        "Cluster",
        "Other computers that do jobs too: HOST or HOST:PORT of the one where `reprise cluster start` runs; empty for none.",
        "Other computers",
    )
    cluster_key: str = _option(
        "",
        "file",
        "Key of the cluster",
        "The cluster's key file; empty for this computer's own.",
        "Other computers",
        files="Keys (*.key)",
    )
    history_days: int = _option(
        30, "number", "Keep history", "Days after which ended jobs leave the list; their files stay.", "History", low=1, high=3650
    )
    log_days: int = _option(
        14, "number", "Keep logs of jobs", "Days after which the log of an ended job is removed.", "History", low=1, high=3650
    )
    recent: tuple[str, ...] = _option((), "list", "Recent files", "Songs and covers that were opened last.", "")
    unknown: dict[str, Any] = field(default_factory=dict, compare=False, metadata={})

    def __post_init__(self) -> None:
        for option in OPTIONS:
            problem = option.problem(getattr(self, option.key))
            if problem:
                raise UsageError(f"{option.key}: {problem}")

    def with_recent(self, path: Path | str) -> Settings:
        """The same with a file in front of the recent ones."""
        path = str(Path(path).absolute())
        return replace(self, recent=(path, *(other for other in self.recent if other != path))[:RECENT_FILES])

    def apply(self) -> None:
        """Put into the environment what workers learn from there; what the user put there wins."""
        if self.offline:
            os.environ.setdefault("REPRISE_OFFLINE", "1")


OPTIONS: tuple[Option, ...] = tuple(
    Option(one.name, default=one.default, **one.metadata) for one in fields(Settings) if one.metadata
)
"""All settings, in the order of the preferences page."""

UPGRADES: tuple[Callable[[dict[str, Any]], None], ...] = ()
"""Step n changes the values of version n + 1 into those of version n + 2, in place. Never change one that was released."""


def load(path: Path | None = None, warn: Callable[[str], None] = _log.warning) -> Settings:
    """The user's settings.

    A value that will not do becomes the default, an unreadable file is put aside; ``warn`` is told of either in words for people.
    """
    try:
        path = path or settings_file()
    except UserError as error:
        warn(f"The settings could not be read: {error}")
        return Settings()
    found = _read(path, warn)
    version = found.pop("version", 1)
    if isinstance(version, int) and 1 <= version <= len(UPGRADES):
        for step in UPGRADES[version - 1 :]:
            step(found)
    values: dict[str, Any] = {}
    for option in OPTIONS:
        value = found.pop(option.key, option.default)
        problem = option.problem(value)
        if problem:
            warn(f"The setting {option.key} {problem}; {option.default!r} is used ({path})")
            value = option.default
        values[option.key] = tuple(value) if isinstance(value, list) else value
    if found:
        warn(f"Settings that this version does not know are kept as they are: {', '.join(sorted(found))} ({path})")
    return Settings(**values, unknown=found)


def save(settings: Settings, path: Path | None = None) -> None:
    """Write the settings; raises UserError when that cannot be done. Only what differs from the default is written."""
    values = {option.key: getattr(settings, option.key) for option in OPTIONS}
    changed = {option.key: values[option.key] for option in OPTIONS if values[option.key] != option.default}
    content = {"version": len(UPGRADES) + 1, **settings.unknown, **changed}
    with atomic_write(path or settings_file(), "w") as file:
        json.dump(content, file, indent=2, ensure_ascii=False)
        file.write("\n")


def settings_file() -> Path:
    """Where the settings are kept."""
    return config_dir() / "settings.json"


def _read(path: Path, warn: Callable[[str], None]) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict):
            return content
    except FileNotFoundError:
        return {}
    except OSError as error:
        warn(f"The settings could not be read: {error.strerror} ({path})")
        return {}
    except (ValueError, RecursionError):
        pass
    aside = path.with_name(f"{path.name}.broken-{time.strftime('%Y%m%d-%H%M%S')}")
    try:
        path.replace(aside)
        warn(f"The settings were damaged and were put aside as {aside}; the defaults are used.")
    except OSError as error:
        warn(f"The settings are damaged and could not be put aside: {error.strerror} ({path})")
    return {}
