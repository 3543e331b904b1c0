"""The table of ``reprise measure``."""

from __future__ import annotations

from desktop.cli.measuring import comparison, sparkline

RESULT = {
    "reference": "truth",
    "measures": {
        "psnr_faces": {"before": 28.001, "after": 29.514, "truth": None},
        "warping": {"before": 3.0, "after": 3.5, "truth": 2.0},
        "sharpness": {"before": 4.0, "after": 5.0, "truth": 5.1},
        "niqe": {"before": 6.0, "after": 6.001, "truth": None},
    },
    "better": {"psnr_faces": "higher", "warping": "lower", "sharpness": "neither", "niqe": "lower"},
    "curves": {"psnr_faces": {"before": [28.0, 28.0], "after": [28.0, 30.0]}, "warping": {"before": [3.0], "after": [3.5]}},
}


def test_changes_say_which_way_is_better() -> None:
    heads, lines = comparison(RESULT)
    assert heads == ["Measure", "Before", "After", "Change", "Before over time", "After over time"]
    assert lines[0] == ["PSNR of faces", "28.00 dB", "29.51 dB", "+1.51 better", "▁▁", "▁█"]
    assert lines[1][:4] == ["Warping error", "3.00 levels", "3.50 levels", "+0.50 worse"] and lines[1][4:] == ["", ""]
    assert lines[2][3] == "+1.00" and lines[3][3] == "same"


def test_without_truth_likeness_is_to_the_clip_before() -> None:
    result = {
        "reference": "before",
        "measures": {"psnr": {"before": None, "after": 40.0}},
        "better": {"psnr": "neither"},
        "curves": {},
    }
    heads, lines = comparison(result, bars=False)
    assert heads == ["Measure", "Before", "After", "Change"]
    assert lines == [["PSNR of the whole to the clip before", "-", "40.00 dB", ""]]


def test_bars_leave_gaps_blank() -> None:
    assert sparkline([0.0, None, 1.0], 0.0, 1.0) == "▁ █"
    assert sparkline([2.0] * 100, 2.0, 2.0) == "▅" * 24
    assert sparkline([], 0.0, 1.0) == ""
