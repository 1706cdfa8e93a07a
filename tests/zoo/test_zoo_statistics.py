"""Models of statsmodels compile, of columns and of formulas, and refuse what these refuse."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import podium
from podium.bundle.bundle import Bundle
from podium.errors import ModelError

pytestmark = pytest.mark.slow  # statsmodels takes a second to load
BODY = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm"]


@cache
def penguins() -> pd.DataFrame:
    from bench.zoo.data import rows_of

    X, y = rows_of("penguins")
    frame = X.assign(species=y).dropna().reset_index(drop=True)
    return frame.assign(
        male=(frame["sex"] == "male").astype(int),
        code=frame["species"].astype("category").cat.codes.astype(int),
        kind=frame["species"].astype("category"),
    )


def with_constant() -> pd.DataFrame:
    import statsmodels.api as sm  # takes a second to load

    return sm.add_constant(penguins()[BODY])


def check(results: Any, X: Any, folder: Any) -> Bundle:
    """Pack, and fail unless there is a program that predicts as the original does."""
    bundle = podium.pack(results, X, name="m", path=folder, importance=False)

    assert bundle.compilation is not None
    assert bundle.is_compiled, bundle.compilation.why
    ours = bundle.predict(X[list(bundle.signature.names)] if hasattr(X, "columns") else X)
    numbers = ours.predictions if ours.probabilities is None else ours.probabilities
    theirs = np.asarray(results.predict(X))
    numbers = numbers[:, 1] if numbers.ndim > theirs.ndim else numbers  # of two classes
    np.testing.assert_allclose(numbers, theirs, rtol=1e-11)
    return bundle


def formula(kind: str, text: str, **options: Any) -> Any:
    import statsmodels.formula.api as smf

    quiet = {"disp": 0} if kind in ("logit", "probit", "mnlogit", "poisson") else {}
    return getattr(smf, kind)(text, penguins(), **options).fit(**quiet)


def test_least_squares_of_columns_compile_with_the_constant_as_a_column(tmp_path):
    import statsmodels.api as sm

    X = with_constant()

    bundle = check(sm.OLS(penguins()["body_mass_g"], X).fit(), X, tmp_path)

    assert bundle.signature.names == ("const", *BODY)
    check(sm.OLS(penguins()["body_mass_g"].to_numpy(), X.to_numpy()).fit(), X.to_numpy(), tmp_path)


@pytest.mark.parametrize(
    "name", ["WLS", "RLM", "QuantReg", "Probit", "Logit", "MNLogit", "Poisson"]
)
def test_a_model_of_columns_compiles(name, tmp_path):
    import statsmodels.api as sm

    X, rows = with_constant(), penguins()
    truths = {"Probit": "male", "Logit": "male", "MNLogit": "code", "Poisson": "code"}
    quiet = {"disp": 0} if name in truths else {}
    y = rows[truths.get(name, "body_mass_g")]
    if name == "MNLogit":
        X = X[["const", "bill_depth_mm"]]

    check(getattr(sm, name)(y, X).fit(**quiet), X, tmp_path)


@pytest.mark.parametrize(
    ("family", "link"),
    [
        ("Gamma", "InversePower"),
        ("Poisson", "Sqrt"),
        ("NegativeBinomial", "Log"),
        ("Gaussian", "Identity"),
        *(("Binomial", link) for link in ("Logit", "Probit", "Cauchy", "CLogLog", "LogLog")),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_generalized_linear_model_compiles_with_its_link(family, link, tmp_path):
    import statsmodels.api as sm

    families = sm.families
    y = "male" if family == "Binomial" else "body_mass_g"
    chosen = getattr(families, family)(getattr(families.links, link)())

    check(formula("glm", f"{y} ~ bill_depth_mm + island", family=chosen), penguins(), tmp_path)


FORMULAS = [
    "C(species) + C(year)",
    "C(species, Treatment('Gentoo')) * flipper_length_mm",
    "C(sex, Sum):C(year, Helmert) + C(species, Diff) + C(island, Poly)",
    "kind + sex:bill_depth_mm - 1",
    "np.log(flipper_length_mm) + I(bill_depth_mm**2) + Q('bill_length_mm')",
    "np.where(bill_depth_mm > 17, 1.0, 0.0) + (sex == 'male') + C(species, levels=LEVELS)",
    "cr(bill_depth_mm, df=4, constraints='center') + cr(bill_length_mm, df=3, constraints='center')",
    "bs(bill_depth_mm, df=5) + standardize(bill_length_mm) + center(flipper_length_mm)",
    "cc(bill_depth_mm, 4, constraints='center') + te(bs(bill_length_mm, 4), flipper_length_mm)",
    "te(cr(bill_depth_mm, 3), cc(bill_length_mm, 3), year, constraints='center')",
]
LEVELS = ["Gentoo", "Adelie", "Chinstrap"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_operations(text, tmp_path):
    check(formula("ols", f"body_mass_g ~ {text}"), penguins(), tmp_path)


def test_a_formula_takes_the_columns_that_it_reads_and_its_categories_are_choices(tmp_path):
    bundle = check(
        formula("ols", "body_mass_g ~ C(year) + sex + bill_depth_mm"), penguins(), tmp_path
    )

    fields = {field.name: field.type for field in bundle.signature.fields}
    assert fields == {"bill_depth_mm": "float", "sex": "category", "year": "category"}
    assert {*bundle.signature.fields[2].labels} == {2007, 2008, 2009}
    assert bundle.card.model == "OLS: body_mass_g ~ C(year) + sex + bill_depth_mm"


def test_a_level_that_training_lacked_and_a_missing_value_are_refused(tmp_path):
    results = formula("ols", "body_mass_g ~ species + np.log(bill_depth_mm)")
    bundle = check(results, penguins(), tmp_path)

    for row in (["Emperor", 17.0], [None, 17.0], ["Adelie", None]):
        with pytest.raises(podium.errors.PodiumError):
            bundle.predict(pd.DataFrame([row], columns=["species", "bill_depth_mm"]))


def test_a_factor_that_cannot_be_recorded_is_named(tmp_path):
    results = formula("ols", "body_mass_g ~ np.cumsum(bill_depth_mm)")

    bundle = podium.pack(results, penguins(), name="m", path=tmp_path, importance=False)

    assert not bundle.is_compiled
    assert "`np.cumsum(bill_depth_mm)` in its formula" in bundle.compilation.why


def test_numbers_beyond_the_knots_of_a_spline_are_refused(tmp_path):
    bundle = check(formula("ols", "body_mass_g ~ bs(bill_depth_mm, df=4)"), penguins(), tmp_path)

    with pytest.raises(ModelError):
        bundle.predict(pd.DataFrame({"bill_depth_mm": [100.0]}))


def test_a_discrete_model_answers_with_classes_and_probabilities(tmp_path):
    import statsmodels.api as sm

    X, rows = with_constant(), penguins()
    logit = sm.Logit(rows["male"], X).fit(disp=0)
    bundle = podium.pack(logit, X, rows["male"], name="m", path=tmp_path, importance=False)
    outputs = bundle.predict(X)

    assert bundle.is_compiled
    assert bundle.signature.output.classes == (0, 1)
    np.testing.assert_allclose(outputs.probabilities[:, 1], logit.predict(X), rtol=1e-12)
    np.testing.assert_array_equal(outputs.predictions, (logit.predict(X) > 0.5).astype(int))
    assert bundle.card.metrics[0].name == "accuracy"


def test_classes_of_several_are_those_of_the_target(tmp_path):
    import statsmodels.api as sm
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    rows = penguins()
    X, kinds = with_constant()[["const", "bill_depth_mm"]], rows["kind"].cat.as_ordered()
    models = {
        "multinomial": sm.MNLogit(rows["species"], X).fit(disp=0),
        "ordered": OrderedModel(kinds, X[["bill_depth_mm"]]).fit(disp=0, method="bfgs"),
    }
    for name, results in models.items():
        some = X if name == "multinomial" else X[["bill_depth_mm"]]
        bundle = podium.pack(results, some, name=name, path=tmp_path, importance=False)

        assert bundle.is_compiled, bundle.compilation.why
        assert bundle.signature.output.classes == ("Adelie", "Chinstrap", "Gentoo")
        shares = bundle.predict(some).probabilities
        np.testing.assert_allclose(shares, results.predict(some), rtol=1e-9)


INTERVALS = {
    "ols": ["mean", "mean_ci_lower", "mean_ci_upper", "obs_ci_lower", "obs_ci_upper"],
    "glm": ["mean", "mean_ci_lower", "mean_ci_upper"],
    "logit": ["predicted", "ci_lower", "ci_upper"],
}


@pytest.mark.parametrize("kind", INTERVALS)
def test_intervals_become_outputs(kind, tmp_path):
    import statsmodels.api as sm

    y = "male" if kind == "logit" else "body_mass_g"
    options = {"family": sm.families.Gamma(sm.families.links.Log())} if kind == "glm" else {}
    results = formula(kind, f"{y} ~ species * bill_depth_mm", **options)

    bundle = podium.pack(
        results, penguins(), name="m", path=tmp_path, intervals=0.9, importance=False
    )

    assert bundle.is_compiled, bundle.compilation.why
    assert [output.name for output in bundle.signature.outputs] == INTERVALS[kind]
    X = penguins()[list(bundle.signature.names)]
    frame = results.get_prediction(X).summary_frame(alpha=0.1)[INTERVALS[kind]]
    np.testing.assert_allclose(bundle.predict(X).predictions, frame, rtol=1e-9)


def test_a_model_without_intervals_says_so(tmp_path):
    results = formula("rlm", "body_mass_g ~ species")

    with pytest.raises(podium.errors.SetupError, match="RLM of statsmodels has no intervals"):
        podium.pack(results, penguins(), name="m", path=tmp_path, intervals=0.9)
    with pytest.raises(podium.errors.SetupError, match="intervals can't be 95"):
        podium.pack(formula("ols", "male ~ sex"), penguins(), name="m", intervals=95)


def test_rows_that_lack_a_value_are_left_out_as_in_training(tmp_path):
    import statsmodels.formula.api as smf

    rows = penguins().copy()
    rows.loc[:4, "sex"] = None
    results = smf.ols("body_mass_g ~ sex + species", rows).fit()

    bundle = podium.pack(results, rows, rows["body_mass_g"], name="m", path=tmp_path)

    assert bundle.is_compiled, bundle.compilation.why
    assert bundle.card.n_rows == len(rows) - 5
    assert "5 of 333 rows lack a value and were left out, as in training." in bundle.card.notes


@pytest.fixture
def formulaic(monkeypatch):
    import statsmodels.formula

    monkeypatch.setattr(statsmodels.formula.options, "formula_engine", "formulaic")


@pytest.mark.usefixtures("formulaic")
@pytest.mark.parametrize(
    "text",
    [
        "C(species, contr.sum) * bill_depth_mm + scale(bill_length_mm)",
        "species:sex + center(bill_depth_mm) + I(bill_length_mm**2) - 1",
        "bs(bill_depth_mm, df=5) + np.log(bill_length_mm) + C(year) + Q('sex')",
        "cr(bill_depth_mm, df=4) + cc(flipper_length_mm, df=3) + poly(bill_length_mm, 3)",
        "bs(bill_depth_mm, df=6, include_intercept=True, extrapolation='clip') + hashed(species, 5)",
        "bs(bill_length_mm, df=5, extrapolation='zero')",
        "cs(bill_depth_mm, df=4, extrapolation='zero') + poly(bill_length_mm, 2, raw=True)",
        "bs(bill_depth_mm, df=4, extrapolation='extend') + hashed(species, 4) : bill_length_mm",
    ],
)
@pytest.mark.filterwarnings("ignore")  # formulaic warns of categories that training lacked
def test_a_formula_that_formulaic_read_becomes_operations(text, tmp_path):
    results = formula("ols", f"body_mass_g ~ {text}")

    check(results, penguins(), tmp_path)
    bundle = podium.pack(
        results, penguins(), name="m", path=tmp_path, importance=False, compiles=False
    )
    X = penguins()[list(bundle.signature.names)]
    np.testing.assert_allclose(bundle.predict(X).predictions, results.predict(X), rtol=1e-12)


@pytest.mark.usefixtures("formulaic")
def test_lags_in_a_formula_say_why_they_do_not_compile(tmp_path):
    results = formula("ols", "body_mass_g ~ lag(bill_depth_mm)")

    bundle = podium.pack(results, penguins(), name="m", path=tmp_path, importance=False)

    assert "lag() takes numbers from other rows" in bundle.compilation.why
