"""The preferences' card about other computers, and the window's queue on a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from desktop.jobs.job import RestoreJob
from desktop.jobs.states import State
from desktop.ui.app import Parts
from desktop.ui.cluster_card import ClusterCard
from tests.jobs.cluster.cluster import Cluster


@pytest.fixture
def card(parts: Parts) -> ClusterCard:
    """The card, in sight."""
    parts.clustering.start(parts.window.say)
    parts.window.go("preferences")
    found = parts.window.panel_of("preferences").findChild(ClusterCard)
    assert found is not None
    return found


def fill_in(card: ClusterCard, address: str) -> None:
    card.address.setText(address)
    card.address.editingFinished.emit()


def test_an_address_is_checked_and_remembered_and_a_missing_key_leaves_this_computer(
    parts: Parts, card: ClusterCard, qtbot: QtBot, tmp_path: Path
) -> None:
    prefs = parts.window.services.prefs
    assert not card.switch.isEnabled() and card.state_text == "This computer works alone."
    fill_in(card, "what / ever")
    card.switch.setChecked(True)
    assert card.state_text.startswith("'what / ever' is not an address") and prefs.now.cluster_address == ""
    fill_in(card, "studio.local")
    card.switch.setChecked(True)
    assert prefs.now.cluster_address == "studio.local"
    assert "key file could not be read" in parts.window.notes()[-1].text
    number = parts.queue.submit(RestoreJob(source=str(tmp_path / "none.mpg"), output=str(tmp_path / "out.mkv")))
    qtbot.waitUntil(lambda: parts.store.row(number).state is State.FAILED, timeout=60_000)
    card.switch.setChecked(False)
    assert prefs.now.cluster_address == "" and card.address.text() == "studio.local"


@pytest.mark.slow
def test_jobs_go_to_a_cluster_that_is_turned_on_and_stay_here_when_it_is_lost(
    parts: Parts, card: ClusterCard, qtbot: QtBot, tmp_path: Path, home_with_models: Path
) -> None:
    cluster = Cluster(home_with_models)
    try:
        cluster.join("studio").said("Joined")
        fill_in(card, cluster.address)
        card.test()
        qtbot.waitUntil(lambda: card.state_text.startswith("One computer takes part; 1 job"), timeout=60_000)
        card.switch.setChecked(True)
        qtbot.waitUntil(lambda: parts.clustering.is_well, timeout=60_000)
        first = parts.queue.submit(RestoreJob(source=str(tmp_path / "none.mpg"), output=str(tmp_path / "out.mkv")))
        qtbot.waitUntil(lambda: parts.store.row(first).state is State.FAILED, timeout=60_000)
        assert parts.store.row(first).node == "studio"
    finally:
        cluster.close()
    qtbot.waitUntil(lambda: parts.clustering.is_lost, timeout=60_000)
    qtbot.waitUntil(lambda: any("works alone" in note.text for note in parts.window.notes()), timeout=10_000)
    second = parts.queue.submit(RestoreJob(source=str(tmp_path / "none.mpg"), output=str(tmp_path / "out.mkv")))
    qtbot.waitUntil(lambda: parts.store.row(second).state is State.FAILED, timeout=60_000)
    assert parts.store.row(second).node == ""
