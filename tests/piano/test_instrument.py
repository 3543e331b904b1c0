"""Playing through a VST3 instrument: what the other process is told and gives back, and every way in which it can end.

pedalboard is an extra. Most tests put a small module of that name in its place, which the other process really imports, obeys and
dies of; the last one uses the real one with a plug-in named by REPRISE_TEST_VST3.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from desktop.errors import UserError
from desktop.jobs.events import AnyEvent, Progressed
from desktop.jobs.progress import Cancelled, Progress
from desktop.piano import instrument
from desktop.piano.cover import LEFT, RIGHT
from desktop.piano.instrument import play, plugin_path
from tests.piano.live.small import small_cover

RATE = 8000
STAND_IN = """
import os, time
import numpy as np

class VST3Plugin:
    name = "Stand-in"
    is_instrument = True

    @staticmethod
    def get_plugin_names_for_file(path):
        if "Broken" in path:
            raise ImportError("unsupported plugin format or scan failure.")
        return ["Stand-in"]

    def __init__(self, path, plugin_name):
        print("a plug-in that talks")
        if "Crash" in path:
            os.abort()
        if "Hang" in path:
            time.sleep(60)
        self.is_instrument = "Effect" not in path
        self.silent = "Silent" in path

    def __call__(self, messages, duration, sample_rate, num_channels, buffer_size, reset):
        if num_channels != 1:
            raise ValueError("does not support 2-channel output")
        sound = np.zeros((1, round(duration * sample_rate)), np.float32)
        for data, second in messages:
            if data[0] == 0x90 and not self.silent:
                sound[0, round(second * sample_rate)] += data[2] / 127
        return sound
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Makes plug-ins that behave as their names say."""
    package = tmp_path / "packages"
    package.mkdir()
    (package / "pedalboard.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(package)
    monkeypatch.setenv("PYTHONPATH", str(package))

    def make(name: str) -> Path:
        bundle = tmp_path / f"{name}.vst3"
        (bundle / "Contents").mkdir(parents=True)
        return bundle

    return make


def test_notes_sound_at_their_times_on_both_sides(plugin: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    class Telling(Progress):
        said: list[float] = []  # noqa: RUF012

        def emit(self, event: AnyEvent) -> None:
            if isinstance(event, Progressed):
                self.said.append(event.fraction)

    late = ((18.0, 19.0, 60, 127, RIGHT), (34.0, 35.0, 64, 127, LEFT))
    progress = Telling()
    sound = play(small_cover((*late, (0.0, 1.0, 72, 127, RIGHT))), plugin("Good"), RATE, progress)
    assert sound.dtype == np.float32
    assert sound.shape == (round((17.5 + instrument.TAIL) * RATE), 2)
    assert np.flatnonzero(sound[:, 0]).tolist() == [0, 9 * RATE, 17 * RATE]
    assert np.array_equal(sound[:, 0], sound[:, 1])
    assert progress.said == sorted(progress.said)
    assert progress.said[-1] == 1.0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Crash", "crashed while loading"),
        ("Effect", "is an effect"),
        ("Broken", "unsupported plugin format"),
        ("Silent", "stayed silent"),
    ],
)
def test_whatever_a_plug_in_does_is_said(plugin: Callable[[str], Path], name: str, words: str) -> None:
    path = plugin(name)
    with pytest.raises(UserError, match=words) as caught:
        play(small_cover(), path, RATE)
    assert caught.value.remedy
    assert caught.value.path == str(path)


def test_one_that_hangs_is_ended_and_so_is_one_that_was_cancelled(
    plugin: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Impatient(Progress):
        def checkpoint(self) -> None:
            if time.monotonic() > begin + 0.5:
                raise Cancelled

    begin = time.monotonic()
    path = plugin("Hang")
    with pytest.raises(Cancelled):
        play(small_cover(), path, RATE, Impatient())
    monkeypatch.setattr(instrument, "PATIENCE_S", 0.5)
    with pytest.raises(UserError, match="does not answer"):
        play(small_cover(), path, RATE)
    assert time.monotonic() - begin < 50, "it hangs for a minute"


def test_files_that_are_no_plug_ins(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a VST3"):
        plugin_path(tmp_path / "piano.sf2")
    with pytest.raises(UserError, match="not there"):
        plugin_path(tmp_path / "Piano.vst3")
    inner = tmp_path / "Real.vst3" / "Contents" / "x86_64-linux" / "Real.so"
    inner.parent.mkdir(parents=True)
    inner.touch()
    assert plugin_path(inner) == tmp_path / "Real.vst3"
    if find_spec("pedalboard") is None:
        with pytest.raises(UserError, match="pedalboard") as caught:
            play(small_cover(), inner)
        assert "GPL-3.0" in caught.value.remedy


@pytest.mark.slow
def test_a_real_instrument() -> None:
    path = os.environ.get("REPRISE_TEST_VST3", "")
    if not path or find_spec("pedalboard") is None:
        pytest.skip("needs pedalboard and REPRISE_TEST_VST3, the path of an instrument")
    sound = play(small_cover(), path)
    assert float(np.abs(sound).max()) > 0.01
    assert sound.shape[1] == 2
