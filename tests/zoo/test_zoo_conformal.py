"""Conformal models of MAPIE: intervals as outputs, and the model inside."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import podium
from podium.errors import SetupError

pytestmark = pytest.mark.slow  # MAPIE takes a second to load


def split_regressor(X, y, **options):
    from mapie.regression import SplitConformalRegressor

    options = {"confidence_level": [0.9, 0.5], "prefit": False} | options
    return SplitConformalRegressor(LinearRegression(), **options).fit(X, y).conformalize(X, y)


def pack(model, X, folder, **options):
    return podium.pack(model, X, name="m", path=folder, importance=False, **options)


def test_intervals_of_a_split_model_become_outputs(zoo, tmp_path):
    X, y = zoo.data("diabetes")
    model = split_regressor(X, y)

    for place, level in enumerate((0.9, 0.5)):
        bundle = pack(model, X, tmp_path, intervals=level)

        assert bundle.is_compiled, bundle.compilation.why
        assert [one.name for one in bundle.signature.outputs] == ["prediction", "lower", "upper"]
        middle, bounds = model.predict_interval(X)
        expected = np.column_stack([middle, bounds[:, :, place]])
        np.testing.assert_allclose(bundle.predict(X).predictions, expected, rtol=1e-12)


def test_a_model_whose_widths_differ_is_packed_as_it_is_with_its_intervals(zoo, tmp_path):
    from mapie.conformity_scores import GammaConformityScore

    X, y = zoo.data("diabetes")
    model = split_regressor(X, y, confidence_level=0.9, conformity_score=GammaConformityScore())

    bundle = pack(model, X, tmp_path, intervals=0.9)

    assert "differ from row to row" in bundle.compilation.why
    np.testing.assert_array_equal(
        bundle.predict(X).predictions[:, 1:], model.predict_interval(X)[1][:, :, 0]
    )


def test_without_intervals_the_model_inside_compiles(zoo, tmp_path):
    from mapie.classification import SplitConformalClassifier

    X, y = zoo.data("diabetes")
    assert pack(split_regressor(X, y), X, tmp_path).is_compiled

    X, y = (part.to_numpy() for part in zoo.data("breast_cancer"))
    inner = LogisticRegression(max_iter=10_000)
    classifier = SplitConformalClassifier(inner, prefit=False).fit(X, y).conformalize(X, y)
    bundle = pack(classifier, X, tmp_path)

    assert bundle.is_compiled
    assert bundle.signature.output.has_probabilities
    assert any("sets of labels aren't outputs" in note for note in bundle.card.notes)


def test_a_level_that_the_model_was_not_made_with_is_refused(zoo, tmp_path):
    X, y = zoo.data("diabetes")

    with pytest.raises(SetupError, match=r"has no intervals of 0\.8") as caught:
        pack(split_regressor(X, y), X, tmp_path, intervals=0.8)

    assert "0.9, 0.5" in str(caught.value.hint)
