"""``reprise measure`` as a command: table, JSON, files, refusals."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import av
import numpy as np
import pytest

from desktop.models.library import Library, Status
from tests.e2e.command import reprise


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips of six pictures without faces, one of them noisy."""
    if Library().status("mtcnn") is not Status.INSTALLED:
        pytest.skip("needs the model mtcnn")
    folder = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:96, 0:128]
    for name, noise in (("before", 12.0), ("after", 1.0)):
        with av.open(str(folder / f"{name}.mkv"), "w") as file:
            stream = file.add_stream("ffv1", rate=25)
            stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv444p"
            for t in range(6):
                plane = 128 + 60 * np.sin((x + 2 * t) / 7 + y / 11) + rng.normal(0, noise, x.shape)
                picture = np.repeat(np.clip(plane, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
                file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            file.mux(stream.encode(None))
    return folder


def test_a_table_a_plot_and_a_file(clips: Path, tmp_path: Path) -> None:
    plot, table = tmp_path / "new" / "x.svg", tmp_path / "x.csv"
    done = reprise("measure", clips / "before.mkv", clips / "after.mkv", "--plot", plot, "--table", table)
    assert done.code == 0, done.err
    lines = {line.split("  ")[0]: line for line in done.out.splitlines()}
    assert "better" in lines["Warping error"] and "levels" in lines["Warping error"]
    assert str(plot) in done.out and str(table) in done.out
    assert ElementTree.parse(plot).getroot().tag.endswith("svg")
    assert len(table.read_text().splitlines()) == 7


def test_json_ends_with_the_result(clips: Path) -> None:
    before, after = clips / "before.mkv", clips / "after.mkv"
    done = reprise("measure", before, after, "--truth", after, "--json")
    assert done.code == 0, done.err
    last = done.events[-1]
    assert last["event"] == "done" and last["result"]["measures"]["psnr"]["after"] == 100.0
    assert last["result"]["measures"]["psnr"]["before"] < 30 and last["result"]["better"]["psnr"] == "higher"


def test_what_cannot_be_compared_is_told(clips: Path, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")
    done = reprise("measure", clips / "before.mkv", tmp_path / "a.mp4")
    assert done.code == 1 and "a.mp4" in done.err and "Traceback" not in done.err
    done = reprise("measure", clips / "before.mkv", clips / "after.mkv", "--plot", tmp_path / "x.pdf")
    assert done.code == 2 and ".svg" in done.err
