"""Curves as SVG: well-formed, gaps left open, round marks, no more points than can be seen."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.video.comparison.charts import AFTER, BEFORE, Line, Panel, draw_chart, ticks

SVG = "{http://www.w3.org/2000/svg}"


def chart(times: np.ndarray, *columns: np.ndarray, cuts: tuple[float, ...] = (), title: str = "a & <b>") -> ElementTree.Element:
    colours = (BEFORE, AFTER)
    lines = tuple(Line(f"line {n}", column, colours[n % 2]) for n, column in enumerate(columns))
    return ElementTree.fromstring(
        draw_chart(title, times, [Panel("Error", "levels", lines), Panel("Other", "", lines[:1])], cuts)
    )


def curves(root: ElementTree.Element, colour: str) -> list[str]:
    return [p.get("d", "") for p in root.iter(f"{SVG}path") if p.get("stroke") == colour and p.get("stroke-linejoin")]


def test_a_gap_parts_the_curve_and_a_lone_value_is_a_dot() -> None:
    values = np.array([1.0, 2.0, np.nan, 4.0, np.nan, 3.0, 2.5])
    root = chart(np.arange(7.0), values, values + 1)
    assert len(curves(root, AFTER)) == 2
    assert sum(c.get("fill") == AFTER for c in root.iter(f"{SVG}circle")) == 1
    texts = [t.text for t in root.iter(f"{SVG}text")]
    assert {"a & <b>", "Error", "Other", "levels", "line 0", "line 1"} <= set(texts)


def test_everything_stays_inside_the_picture() -> None:
    rng = np.random.default_rng(0)
    root = chart(np.linspace(3, 3700, 500), rng.normal(0, 1e4, 500), rng.normal(0, 1e-5, 500), cuts=(100.0, 2000.0, 9999.0))
    width, height = (float(root.get(name, "0")) for name in ("width", "height"))
    for path in (*curves(root, BEFORE), *curves(root, AFTER)):
        x, y = np.array([[float(v) for v in p.split()] for p in re.split("[ML]", path)[1:]]).T
        assert min(x.min(), y.min()) >= 0 and x.max() <= width and y.max() <= height
    dotted = [p for p in root.iter(f"{SVG}path") if p.get("stroke-dasharray")]
    assert len(dotted) == 4, "two cuts in each of two panels; the third is outside"
    assert any(t.text == "0:30:00" for t in root.iter(f"{SVG}text"))


def test_a_long_clip_is_drawn_with_its_peaks_and_few_points() -> None:
    values = np.zeros(200_000)
    values[123_456] = 50.0
    root = chart(np.arange(200_000) / 25, values)
    (path,) = curves(root, BEFORE)[:1]
    points = re.split("[ML]", path)[1:]
    assert len(points) < 4000
    assert min(float(p.split()[1]) for p in points) < max(float(p.split()[1]) for p in points) - 50


@pytest.mark.parametrize("values", [np.full(5, np.nan), np.full(5, 3.0), np.zeros(5), np.full(1, 2.0)])
def test_odd_columns_are_drawn(values: np.ndarray) -> None:
    assert chart(np.arange(len(values)) * 0.04, values).tag == f"{SVG}svg"


@given(st.floats(-1e6, 1e6), st.floats(1e-4, 1e6))
def test_marks_are_round_and_inside(low: float, span: float) -> None:
    marks = ticks(low, low + span)
    assert 2 <= len(marks) <= 7
    step = marks[1] - marks[0]
    assert all(low - 1e-6 * span <= mark <= low + span * (1 + 1e-6) for mark in marks)
    assert round(step / 10 ** np.floor(np.log10(step) + 1e-9), 3) in (1, 2, 2.5, 5)
