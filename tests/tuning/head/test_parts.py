"""The parts of a head's training: minimising, losses, probabilities, thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from desktop.errors import UserError
from desktop.models.classifier_head import Trust
from desktop.tuning.head import trust
from desktop.tuning.head.classes import OUTSIDE, UNKNOWN, classes_of
from desktop.tuning.head.lbfgs import Lbfgs
from desktop.tuning.head.scores import scores_of, temperature_of
from desktop.tuning.head.softmax import Features, Objective
from desktop.tuning.head.trust import Judged

RANDOM = np.random.default_rng(4)


def objective(rows: int = 120, width: int = 7, labels: int = 4, penalty: float = 0.01) -> Objective:
    codes = np.arange(rows) % labels
    values = RANDOM.normal(size=(rows, width)) + codes[:, None] * np.linspace(0, 0.5, width)
    features = Features([values[:50].astype(np.float16), values[50:].astype(np.float16)], codes)
    return Objective(features, labels, features.scales(), penalty)


def test_the_gradient_is_the_losss() -> None:
    function = objective()
    point = RANDOM.normal(size=function.start().size) * 0.3
    _, gradient = function(point)
    for place in RANDOM.choice(point.size, 8, replace=False):
        step = np.zeros(point.size)
        step[place] = 1e-3
        measured = (function(point + step)[0] - function(point - step)[0]) / 2e-3
        assert measured == pytest.approx(gradient[place], abs=2e-4)


def test_lbfgs_finds_the_minimum_that_scipy_finds() -> None:
    function = objective()
    solver = Lbfgs(function.start(), function)
    steps = 0
    while solver.step(function) > 1e-9 and steps < 200:
        steps += 1
    wanted = minimize(function, function.start(), jac=True, method="L-BFGS-B", options={"maxiter": 500, "ftol": 1e-12})
    assert solver.value == pytest.approx(wanted.fun, rel=1e-4) and 5 < steps < 100


def test_lbfgs_goes_on_from_its_state_to_the_last_bit() -> None:
    function = objective()
    whole = Lbfgs(function.start(), function)
    for _ in range(5):
        whole.step(function)
    taken_up = Lbfgs.restored(whole.state())
    for _ in range(6):
        whole.step(function)
        taken_up.step(function)
    assert np.array_equal(whole.point, taken_up.point) and whole.value == taken_up.value


def test_features_are_the_rows_wherever_the_pieces_end() -> None:
    values = RANDOM.normal(size=(30, 3)).astype(np.float16)
    codes = np.arange(30)
    chosen = np.array([0, 3, 9, 10, 11, 29])
    some = Features([values[:10], values[10:11], values[11:]], codes, chosen)
    assert np.array_equal(np.concatenate([part for _, part in some.parts()]), values[chosen].astype(np.float32))
    fewer = some.only(np.isin(some.codes, [9, 11, 29]), codes + 100, 2, seed=1)
    assert len(fewer) == 2 and set(fewer.codes) < {109, 111, 129}


def test_temperature_undoes_what_logits_were_multiplied_with() -> None:
    codes = RANDOM.integers(0, 3, 4000)
    logits = RANDOM.normal(size=(4000, 3)).astype(np.float32)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    drawn = np.array([RANDOM.choice(3, p=share / share.sum()) for share in shares.astype(np.float64)])
    assert temperature_of(logits * np.float32(2.5), drawn) == pytest.approx(2.5, rel=0.15)
    assert temperature_of(logits, np.full(4000, UNKNOWN)) == 1.0
    assert scores_of(logits, codes).accuracy == pytest.approx(float((logits.argmax(axis=1) == codes).mean()))


def test_scores_count_labels_that_cannot_be_answered() -> None:
    logits = np.array([[5, 0], [5, 0], [0, 5], [5, 0]], np.float32)
    found = scores_of(logits, np.array([0, 0, 1, UNKNOWN]))
    assert found.accuracy == 0.75
    # Label 0 is answered three times for two rows; label 1 is right.
    assert found.macro_f1 == pytest.approx((0.8 + 1.0) / 2)


def test_rows_of_no_label_are_told_by_their_labels_name() -> None:
    classes = classes_of(["cards", "loans", "Out of scope", "loans"])
    assert classes.labels == ("cards", "loans") and classes.outside == {"Out of scope"}
    assert classes.codes(["loans", "Out of scope", "rates"]).tolist() == [1, OUTSIDE, UNKNOWN]
    assert classes_of(["cards", "loans"], ["loans", "oos"]).outside == {"oos"}
    assert classes_of(["oos", "cards"]).labels == ("cards", "oos")
    with pytest.raises(UserError, match="same label"):
        classes_of(["cards", "cards"])


def test_confidence_is_the_share_of_right_answers_and_knows_strangers() -> None:
    count = 3000
    right = RANDOM.random(count) < 0.85
    signs = np.stack([RANDOM.normal(right * 2.0, 1), RANDOM.normal(right * 0.2, 0.1), RANDOM.normal(0, 1, count)], axis=1)
    weights = trust.calibrated(trust.weighed(Judged(signs, right)), Judged(signs, right))
    sure = trust.confidences(weights, signs)
    assert sure.mean() == pytest.approx(0.85, abs=0.01)
    for low, high in ((0.2, 0.6), (0.6, 0.95)):
        band = (sure > low) & (sure < high)
        assert sure[band].mean() == pytest.approx(right[band].mean(), abs=0.08)
    # What says nothing gets next to no weight; nothing counts against an answer.
    assert weights.energy < 0.1 * weights.odds and min(weights.odds, weights.likeness, weights.energy) >= 0


def test_a_threshold_keeps_95_percent_or_declines_strangers() -> None:
    sure = np.linspace(0, 1, 201)
    right = sure > 0.2
    nothing = np.empty(0)
    choice = trust.choose(sure, right, nothing, nothing)
    assert np.mean(sure[right] >= choice.threshold) == pytest.approx(0.95, abs=0.01) and "95 %" in choice.chosen
    choice = trust.choose(sure, right, np.linspace(0.1, 0.5, 40), nothing)
    assert 0.45 < choice.threshold < 0.52 and "40 rows outside" in choice.chosen
    assert trust.choose(sure, np.zeros(201, np.bool_), nothing, nothing).threshold == 0.5


def test_the_usual_weights_are_in_every_signs_own_units() -> None:
    signs = RANDOM.normal(size=(500, 3)) * [5.0, 0.1, 2.0] + [3.0, 0.6, 8.0]
    found = trust.usual(signs)
    assert isinstance(found, Trust) and found.likeness > found.odds > 0
