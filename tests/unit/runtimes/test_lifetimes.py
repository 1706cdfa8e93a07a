"""Regressions of lifelines; `make test-others` runs these tests where lifelines can be installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from lifelines import (
    AalenAdditiveFitter,
    CoxPHFitter,
    CoxTimeVaryingFitter,
    GeneralizedGammaRegressionFitter,
    LogLogisticAFTFitter,
    LogNormalAFTFitter,
    PiecewiseExponentialRegressionFitter,
    WeibullAFTFitter,
)
from lifelines.datasets import load_rossi

import podium
from podium.bundle.bundle import Bundle
from podium.errors import InvalidRows, ModelError, SetupError

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

ROSSI = load_rossi()
ROSSI = ROSSI.assign(kind=np.where(ROSSI["age"] > 25, "old", "young"))
NUMBERS = ROSSI.drop(columns="kind")
FORMULA = "kind + np.log(age) + prio:fin"
TIMES = [52, 10]


def spline(**options: Any) -> CoxPHFitter:
    return CoxPHFitter(baseline_estimation_method="spline", n_baseline_knots=3, **options)


# A fitter, the options of its `fit`, what it is asked, and the columns that it reads.
FITTERS: dict[str, tuple[Any, dict[str, Any], str, set[str]]] = {
    "cox": (CoxPHFitter(), {}, "risk", set(NUMBERS) - {"week", "arrest"}),
    "strata": (
        CoxPHFitter(),
        {"strata": ["wexp", "mar"], "formula": "age * prio"},
        "risk",
        {"age", "prio"},
    ),
    "formula": (CoxPHFitter(), {"formula": FORMULA}, "risk", {"kind", "age", "prio", "fin"}),
    "spline": (spline(), {"formula": "age"}, "expectation", {"age"}),
    "spline in strata": (
        spline(strata=["wexp"]),
        {"formula": "age"},
        "expectation",
        {"age", "wexp"},
    ),
    "weibull": (
        WeibullAFTFitter(),
        {"formula": FORMULA, "ancillary": "race"},
        "median",
        {"kind", "age", "prio", "fin", "race"},
    ),
    "lognormal": (LogNormalAFTFitter(), {"formula": "age + prio"}, "median", {"age", "prio"}),
    "loglogistic": (LogLogisticAFTFitter(), {"formula": "age"}, "median", {"age"}),
    "additive": (AalenAdditiveFitter(1.0), {"formula": "age"}, "expectation", {"age"}),
    "gamma": (
        GeneralizedGammaRegressionFitter(penalizer=1.0),
        {},
        "expectation",
        set(NUMBERS) - {"week", "arrest"},
    ),
    "piecewise": (
        PiecewiseExponentialRegressionFitter(breakpoints=[20, 40]),
        {},
        "expectation",
        set(NUMBERS) - {"week", "arrest"},
    ),
}


@pytest.fixture(scope="module", params=FITTERS)
def fitted(request: pytest.FixtureRequest) -> tuple[str, Any]:
    fitter, options, *_ = FITTERS[request.param]
    rows = ROSSI if "formula" in options else NUMBERS
    return request.param, fitter.fit(rows, "week", "arrest", **options)


def packed(model: Any, path: Any, rows: pd.DataFrame = ROSSI) -> Bundle:
    return podium.pack(model, rows, name="arrests", path=path, importance=False)


def asked_of(bundle: Bundle, rows: pd.DataFrame) -> np.ndarray:
    return bundle.predict(rows[list(bundle.signature.names)]).predictions


def test_a_regression_predicts_what_suits_its_kind(fitted, tmp_path):
    name, fitter = fitted
    _, _, output, columns = FITTERS[name]

    bundle = packed(fitter, tmp_path)

    assert [one.name for one in bundle.signature.outputs] == [output]
    assert set(bundle.signature.names) == columns
    assert bundle.card.model == type(fitter).__name__
    method = {"risk": "predict_partial_hazard"}.get(output, f"predict_{output}")
    np.testing.assert_allclose(asked_of(bundle, ROSSI), getattr(fitter, method)(ROSSI), rtol=1e-9)


def test_survival_at_some_times_stands_beside_it(fitted, tmp_path):
    name, fitter = fitted
    rows = ROSSI[100:140]

    bundle = packed(podium.SurvivalAt(fitter, TIMES), tmp_path)

    names = [FITTERS[name][2], "survival_52", "survival_10"]
    assert [one.name for one in bundle.signature.outputs] == names
    curves = fitter.predict_survival_function(rows, times=sorted(TIMES))
    theirs = curves.loc[TIMES, rows.index].to_numpy().T
    np.testing.assert_allclose(asked_of(bundle, rows)[:, 1:], theirs, rtol=1e-9)
    np.testing.assert_allclose(asked_of(bundle, rows[:1])[0, 1:], theirs[0], rtol=1e-9)


def test_an_additive_curve_is_a_step_between_the_times_of_training():
    fitter = AalenAdditiveFitter(1.0).fit(ROSSI, "week", "arrest", formula="age")
    survival = podium.SurvivalAt(fitter, [0.5, 10.5])

    outputs = survival.predict(ROSSI[:5])

    assert (outputs[:, 1] == 1.0).all()
    curve = fitter.predict_survival_function(ROSSI[:5])
    np.testing.assert_array_equal(outputs[:, 2], curve.loc[10.0])


def test_nothing_of_single_training_rows_is_in_the_bundle(fitted, tmp_path):
    bundle = packed(podium.SurvivalAt(fitted[1], TIMES), tmp_path)

    loaded = bundle.runtime.estimator.estimator.fitter
    for part in (loaded, getattr(loaded, "_model", loaded)):
        by_row = [k for k, v in vars(part).items() if getattr(v, "shape", ())[:1] == (len(ROSSI),)]
        assert not by_row
    assert hasattr(fitted[1], "durations")  # of the fitter that was packed nothing is gone


def test_strata_and_categories_are_those_of_training(tmp_path):
    options = {"strata": ["wexp", "mar"], "formula": "age + C(race)"}
    fitter = CoxPHFitter().fit(ROSSI, "week", "arrest", **options)

    bundle = packed(podium.SurvivalAt(fitter, TIMES), tmp_path)

    categories = {one.name: set(one.labels) for one in bundle.signature.fields if one.labels}
    assert categories == {"wexp": {0, 1}, "mar": {0, 1}, "race": {0, 1}}
    row = {"wexp": 1, "mar": 0, "age": 20, "race": 1}
    assert bundle.predict(row).predictions.shape == (1, 3)
    with pytest.raises(InvalidRows, match="wexp: isn't a known category"):
        bundle.predict(row | {"wexp": 5})
    with pytest.raises(InvalidRows, match="age: is missing"):
        bundle.predict(row | {"age": None})


def test_rows_whose_index_repeats_itself_keep_their_order(tmp_path):
    rows = ROSSI.set_axis([0, 0, *range(2, len(ROSSI))])
    fitter = CoxPHFitter().fit(ROSSI, "week", "arrest", strata=["wexp"], formula="age")

    found = podium.SurvivalAt(fitter, TIMES).predict(rows[["wexp", "age"]])

    np.testing.assert_array_equal(found, podium.SurvivalAt(fitter, TIMES).predict(ROSSI))


def test_rows_may_be_an_array_in_the_order_of_the_columns(tmp_path):
    fitter = CoxPHFitter().fit(NUMBERS, "week", "arrest")
    array = NUMBERS.drop(columns=["week", "arrest"]).to_numpy()

    bundle = podium.pack(fitter, array, name="arrests", path=tmp_path)

    np.testing.assert_allclose(
        bundle.predict(array[:5]).predictions, fitter.predict_partial_hazard(NUMBERS[:5])
    )


def test_no_error_is_measured_on_durations_that_may_be_censored(tmp_path):
    fitter = WeibullAFTFitter().fit(ROSSI, "week", "arrest", formula="age")

    bundle = podium.pack(fitter, ROSSI, ROSSI["week"], name="arrests", path=tmp_path)

    assert bundle.card.metrics == ()
    assert any("censored" in note for note in bundle.card.notes)


@pytest.mark.parametrize(
    ("times", "why"),
    [([], "there are no times"), ([53], "53 isn't among"), ([-1], "-1 isn't among")],
)
def test_the_curve_of_a_cox_model_ends_with_the_training_times(times, why):
    fitter = CoxPHFitter().fit(NUMBERS, "week", "arrest")

    with pytest.raises(SetupError, match=why):
        podium.SurvivalAt(fitter, times)


def test_the_curve_of_a_formula_goes_on():
    fitter = WeibullAFTFitter().fit(ROSSI, "week", "arrest", formula="age")

    later = podium.SurvivalAt(fitter, [520]).predict(ROSSI[:5])[:, 1]

    assert ((later > 0) & (later < 0.5)).all()
    with pytest.raises(SetupError, match="inf isn't among"):
        podium.SurvivalAt(fitter, [float("inf")])


def test_what_is_not_fitted_or_has_no_curve_is_refused(tmp_path):
    spells = pd.DataFrame(
        {
            "id": [1, 1, 2, 2, 3, 3, 4, 4],
            "start": [0, 5] * 4,
            "stop": [5, 10, 5, 9, 5, 12, 5, 11],
            "x": [0.1, 0.3, 0.2, 0.7, 0.9, 0.4, 0.6, 0.2],
            "event": [0, 1, 0, 1, 0, 0, 0, 1],
        }
    )
    varying = CoxTimeVaryingFitter().fit(spells, id_col="id", event_col="event")

    assert packed(varying, tmp_path, spells).signature.names == ("x",)
    with pytest.raises(SetupError, match="CoxTimeVaryingFitter has no survival function"):
        podium.SurvivalAt(varying, [1])
    with pytest.raises(SetupError, match="CoxPHFitter isn't fitted"):
        packed(CoxPHFitter(), tmp_path)


def test_strata_that_training_had_but_not_together_are_refused(tmp_path):
    rows = ROSSI[(ROSSI["wexp"] == 0) | (ROSSI["mar"] == 0)]
    fitter = CoxPHFitter().fit(rows, "week", "arrest", strata=["wexp", "mar"], formula="age")
    bundle = packed(podium.SurvivalAt(fitter, TIMES), tmp_path, rows)

    with pytest.raises(ModelError, match="raised StatError"):
        bundle.predict({"wexp": 1, "mar": 1, "age": 20})
