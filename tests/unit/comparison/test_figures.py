"""Figures that are no means: they are those of a card, and their rows tell how sure they are."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, r2_score, roc_auc_score

from podium.comparison.estimates import interval, paired
from podium.comparison.figures import balanced_accuracy, f1_macro, r2, roc_auc

N_ROWS = 600


def labels(n_classes, chance, n=N_ROWS):
    happened = chance.choice(
        n_classes, n, p=np.arange(1, n_classes + 1) / sum(range(n_classes + 1))
    )
    predicted = np.where(chance.random(n) < 0.7, happened, chance.integers(0, n_classes, n))
    return happened.astype(float), predicted.astype(float)


def shares(chance, n=N_ROWS):
    happened = (chance.random(n) < 0.3).astype(float)
    return happened, np.round(chance.normal(happened, 1), 1)  # some are equal


def numbers(chance, n=N_ROWS):
    truth = chance.normal(10, 3, n)
    return truth, chance.normal(0, 2, n) ** 2


def theirs_r2(truth, square):
    return r2_score(truth, truth + np.sqrt(square))


def theirs_f1(happened, predicted):
    return f1_score(happened, predicted, average="macro")


FIGURES = [
    pytest.param(balanced_accuracy, balanced_accuracy_score, lambda c: labels(2, c), id="balanced"),
    pytest.param(balanced_accuracy, balanced_accuracy_score, lambda c: labels(5, c), id="of five"),
    pytest.param(f1_macro, theirs_f1, lambda c: labels(2, c), id="F1"),
    pytest.param(f1_macro, theirs_f1, lambda c: labels(4, c), id="F1 of four"),
    pytest.param(roc_auc, roc_auc_score, shares, id="AUC"),
    pytest.param(r2, theirs_r2, numbers, id="R2"),
]


@pytest.mark.parametrize(("ours", "theirs", "rows"), FIGURES)
def test_the_mean_of_the_rows_is_the_figure(ours, theirs, rows):
    columns = rows(np.random.default_rng(3))

    found = ours(*columns)

    assert found.shape == (N_ROWS,)
    assert found.mean() == pytest.approx(theirs(*columns), rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("ours", "theirs", "rows"), FIGURES)
def test_the_spread_of_the_rows_is_that_of_the_figure_in_new_samples(ours, theirs, rows):
    chance = np.random.default_rng(4)
    figures = [theirs(*rows(chance)) for _ in range(300)]

    found = ours(*rows(chance))

    # A standard deviation of 300 figures is known within 4 %, the estimate of one sample within 15 %.
    assert found.std() / np.sqrt(N_ROWS) == pytest.approx(np.std(figures), rel=0.25)


def test_equal_versions_have_no_difference_and_a_better_one_has():
    chance = np.random.default_rng(5)
    happened, better = shares(chance, 4_000)
    worse = better + chance.normal(0, 1.5, 4_000)
    a, b = roc_auc(happened, worse), roc_auc(happened, better)

    low, high = interval(paired(a, b))

    assert 0 < low < b.mean() - a.mean() < high
    assert paired(a, a).difference == 0


def test_what_cannot_be_measured_is_none():
    assert roc_auc(np.ones(9), np.arange(9.0)) is None
    assert r2(np.full(9, 2.0), np.ones(9)) is None


def test_a_class_that_is_only_predicted_counts_for_f1_alone():
    happened, predicted = np.array([0.0, 0, 1, 1]), np.array([0.0, 3, 1, 1])

    assert balanced_accuracy(happened, predicted).mean() == pytest.approx(0.75)
    assert f1_macro(happened, predicted).mean() == pytest.approx((2 / 3 + 1 + 0) / 3)
