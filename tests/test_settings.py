"""Preferences: declared once, kept through damage, versions and unknown keys."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desktop import settings
from desktop.errors import UsageError, UserError
from desktop.settings import OPTIONS, RECENT_FILES, Settings, load, save


def test_defaults_without_a_file(home: Path) -> None:
    said: list[str] = []
    assert load(warn=said.append) == Settings() and said == []
    assert not settings.settings_file().exists()


def test_what_is_saved_comes_back(home: Path) -> None:
    changed = replace(Settings(), theme="dark", workers=3, offline=True, output="/müsic", recent=("/a", "/b"))
    save(changed)
    assert settings.settings_file().is_relative_to(home)
    assert load() == changed


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.key)
def test_every_setting_is_described(option: settings.Option) -> None:
    assert option.title and option.help.endswith(".") and not option.problem(option.default)
    assert (option.kind == "choice") == bool(option.choices)
    assert (option.kind == "number") == (option.high > option.low)
    assert option.problem(object())


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("theme", "pink", "one of system, light, dark"),
        ("workers", 0, "from 1 to 16"),
        ("workers", True, "from 1 to 16"),
        ("offline", "yes", "true or false"),
        ("recent", [1], "list of texts"),
        ("output", None, "must be a text"),
    ],
)
def test_a_value_that_will_not_do(tmp_path: Path, key: str, value: Any, said: str) -> None:
    with pytest.raises(UsageError, match=f"{key}: .*{said}"):
        replace(Settings(), **{key: value})
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"version": 1, key: value, "style": "stride"}))
    warnings: list[str] = []
    found = load(path, warnings.append)
    assert found == replace(Settings(), style="stride")
    assert len(warnings) == 1 and key in warnings[0] and said in warnings[0]


def test_unknown_settings_are_kept_and_said(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"version": 7, "hologram": {"on": true}, "theme": "light"}')
    warnings: list[str] = []
    found = load(path, warnings.append)
    assert found.theme == "light" and "hologram" in warnings[0]
    save(replace(found, theme="dark"), path)
    written = json.loads(path.read_text())
    assert written["hologram"] == {"on": True} and written["theme"] == "dark"


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b"\xff\xfe\x00", b"null"])
def test_a_damaged_file_is_put_aside(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(content)
    warnings: list[str] = []
    assert load(path, warnings.append) == Settings()
    (aside,) = tmp_path.glob("settings.json.broken-*")
    assert aside.read_bytes() == content and str(aside) in warnings[0]


def test_old_versions_are_upgraded_step_by_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def colour_became_theme(values: dict[str, Any]) -> None:
        values["theme"] = values.pop("colour")

    def dark_became_light(values: dict[str, Any]) -> None:
        values["theme"] = "light"

    monkeypatch.setattr(settings, "UPGRADES", (colour_became_theme, dark_became_light))
    path = tmp_path / "settings.json"
    path.write_text('{"version": 1, "colour": "dark"}')
    assert load(path).theme == "light"
    path.write_text('{"version": 2, "theme": "dark"}')
    assert load(path).theme == "light"
    path.write_text('{"version": 3, "theme": "dark"}')
    assert load(path).theme == "dark"
    save(load(path), path)
    assert json.loads(path.read_text())["version"] == 3


def test_recent_files_are_in_order_and_few(tmp_path: Path) -> None:
    current = Settings()
    for n in range(RECENT_FILES + 3):
        current = current.with_recent(tmp_path / str(n))
    current = current.with_recent(tmp_path / "5")
    assert current.recent[:2] == (str(tmp_path / "5"), str(tmp_path / str(RECENT_FILES + 2)))
    assert len(current.recent) == len(set(current.recent)) == RECENT_FILES


def test_offline_reaches_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPRISE_OFFLINE", "0")
    replace(Settings(), offline=True).apply()
    assert os.environ["REPRISE_OFFLINE"] == "0", "what the user put into the environment wins"
    monkeypatch.delenv("REPRISE_OFFLINE")
    Settings().apply()
    assert "REPRISE_OFFLINE" not in os.environ
    replace(Settings(), offline=True).apply()
    assert os.environ["REPRISE_OFFLINE"] == "1"
    monkeypatch.delenv("REPRISE_OFFLINE")


def test_saving_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="folder does not exist"):
        save(Settings(), tmp_path / "no" / "settings.json")
