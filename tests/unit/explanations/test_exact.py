"""Every compiled family of trees and sums, through pipelines: against brute force on 8 fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import catboost
import lightgbm
import msgspec
import numpy as np
import pandas as pd
import pytest
import xgboost
from numpy.typing import NDArray
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    BayesianRidge,
    ElasticNet,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    SGDRegressor,
)
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
)
from sklearn.svm import LinearSVC, LinearSVR
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeRegressor,
)

from podium.compile import compile_model
from podium.explanations import trees
from podium.explanations.explain import Explainer
from podium.explanations.explanation import Explanation
from podium.explanations.number import Number, numbers_in
from podium.program import Program
from podium.program.operations import Finite, Forest, Single
from podium.runtimes.signatures import signature_of
from podium.runtimes.sklearn import SklearnRuntime
from podium.signature.cells import Findings, check_columns
from podium.table import Table

N_ROWS, N_BACKGROUND, N_SAMPLE = 240, 24, 60
NUMBERS = ["a", "b", "c", "d", "e"]
WORDS = ["kind", "place", "level"]


def frame() -> pd.DataFrame:
    """Five numbers, two with gaps and one of whole numbers, and three categories, one with gaps."""
    random = np.random.default_rng(7)
    rows = pd.DataFrame(random.normal(size=(N_ROWS, 5)).round(2), columns=NUMBERS)
    rows["e"] = random.integers(0, 4, N_ROWS).astype(float)
    for name, labels in zip(
        WORDS, (["x", "y", "z"], list("pqrstuvw"), ["low", "high"]), strict=True
    ):
        rows[name] = random.choice(labels, N_ROWS)
    rows.loc[rows.index % 5 == 0, "b"] = np.nan
    rows.loc[rows.index % 7 == 0, "d"] = np.nan
    rows.loc[rows.index % 6 == 0, "kind"] = None
    return rows


ROWS = frame()
_SIGNAL = (
    ROWS["a"]
    + ROWS["b"].fillna(0.5) * ROWS["c"]
    + (ROWS["kind"] == "x") * ROWS["e"]
    + (ROWS["place"].isin(list("pqr"))) * 1.5
    - (ROWS["level"] == "low") * ROWS["d"].fillna(1.0)
)
NUMBER, POSITIVE = _SIGNAL, np.exp(_SIGNAL / 4)
TWO, THREE = (_SIGNAL > 0.5).to_numpy(), np.digitize(_SIGNAL, [-0.5, 1.5])


def filled(model: Any) -> Any:
    """Numbers filled, with indicators, and scaled; categories filled and one-hot."""
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    words = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    )
    columns = make_column_transformer((numbers, NUMBERS), (words, WORDS), sparse_threshold=0)
    return make_pipeline(columns, model)


def coded(model: Any) -> Any:
    """Numbers as they are, with gaps; categories as codes, missing ones as NaN."""
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return make_pipeline(make_column_transformer((codes, WORDS), remainder="passthrough"), model)


def worded(model: Any) -> Any:
    """Numbers as they are, with gaps; categories as their labels."""
    labels = SimpleImputer(strategy="most_frequent")
    return make_pipeline(make_column_transformer((labels, WORDS), remainder="passthrough"), model)


def shaped(model: Any) -> Any:
    """Numbers as splines and bins."""
    return make_pipeline(
        make_column_transformer(
            (SplineTransformer(n_knots=4), ["a", "c"]),
            (
                make_pipeline(SimpleImputer(), KBinsDiscretizer(4, encode="onehot-dense")),
                ["b", "d"],
            ),
            (OneHotEncoder(sparse_output=False), WORDS),
            remainder="passthrough",
        ),
        model,
    )


CASES: dict[str, tuple[Any, Any, str, str]] = {
    # Trees and forests.
    "tree": (filled(DecisionTreeRegressor(max_depth=6)), NUMBER, "trees", "identity"),
    "tree with gaps": (coded(DecisionTreeRegressor()), NUMBER, "trees", "identity"),
    "tree of classes": (coded(DecisionTreeClassifier(max_depth=5)), THREE, "trees", "probability"),
    "stump": (filled(DecisionTreeRegressor(max_depth=1)), NUMBER, "trees", "identity"),
    "extra tree": (filled(ExtraTreeRegressor(max_depth=7)), NUMBER, "trees", "identity"),
    "forest": (coded(RandomForestRegressor(12)), NUMBER, "trees", "identity"),
    "forest of two": (filled(RandomForestClassifier(12)), TWO, "trees", "probability"),
    "forest of three": (coded(RandomForestClassifier(12)), THREE, "trees", "probability"),
    "extra trees": (filled(ExtraTreesRegressor(8)), NUMBER, "trees", "identity"),
    "extra trees of classes": (filled(ExtraTreesClassifier(8)), THREE, "trees", "probability"),
    "bagging": (coded(BaggingRegressor(n_estimators=5, max_features=0.7)), NUMBER, "trees", "identity"),
    "bagging of classes": (filled(BaggingClassifier(n_estimators=5)), TWO, "trees", "probability"),
    "adaboost": (filled(AdaBoostClassifier(n_estimators=8)), THREE, "trees", "log-odds"),
    "adaboost of trees": (
        filled(AdaBoostClassifier(DecisionTreeClassifier(max_depth=3), n_estimators=8)),
        TWO, "trees", "log-odds",
    ),
    # Boosters.
    "boosting": (filled(GradientBoostingRegressor(n_estimators=20)), NUMBER, "trees", "identity"),
    "boosting of two": (filled(GradientBoostingClassifier(n_estimators=15)), TWO, "trees", "log-odds"),
    "boosting of three": (
        filled(GradientBoostingClassifier(n_estimators=9)), THREE, "trees", "log-odds",
    ),
    "histograms": (coded(HistGradientBoostingRegressor(max_iter=20)), NUMBER, "trees", "identity"),
    "histograms, poisson": (
        coded(HistGradientBoostingRegressor(loss="poisson", max_iter=20)), POSITIVE, "trees", "log",
    ),
    "histograms of two": (coded(HistGradientBoostingClassifier(max_iter=15)), TWO, "trees", "log-odds"),
    "histograms of three": (
        coded(HistGradientBoostingClassifier(max_iter=9)), THREE, "trees", "log-odds",
    ),
    "histograms with sets": (
        coded(HistGradientBoostingRegressor(max_iter=15, categorical_features=[0, 1, 2])),
        NUMBER, "trees", "identity",
    ),
    "xgboost": (coded(xgboost.XGBRegressor(n_estimators=20)), NUMBER, "trees", "identity"),
    "xgboost of two": (coded(xgboost.XGBClassifier(n_estimators=9)), TWO, "trees", "log-odds"),
    "xgboost of three": (coded(xgboost.XGBClassifier(n_estimators=9)), THREE, "trees", "log-odds"),
    "lightgbm": (
        coded(lightgbm.LGBMRegressor(n_estimators=20, verbose=-1)), NUMBER, "trees", "identity",
    ),
    "lightgbm of two": (
        coded(lightgbm.LGBMClassifier(n_estimators=9, verbose=-1)), TWO, "trees", "log-odds",
    ),
    "lightgbm of three": (
        coded(lightgbm.LGBMClassifier(n_estimators=5, verbose=-1)), THREE, "trees", "log-odds",
    ),
    "catboost": (
        filled(catboost.CatBoostRegressor(iterations=15, verbose=0, allow_writing_files=False)),
        NUMBER, "trees", "identity",
    ),
    "catboost of three": (
        filled(catboost.CatBoostClassifier(iterations=9, verbose=0, allow_writing_files=False)),
        THREE, "trees", "log-odds",
    ),
    "catboost with counts by category": (
        worded(
            catboost.CatBoostRegressor(
                iterations=15,
                verbose=0,
                allow_writing_files=False,
                cat_features=[0, 1, 2],
                max_ctr_complexity=1,
            )
        ),
        NUMBER, "trees", "identity",
    ),
    # Sums.
    "linear": (filled(LinearRegression()), NUMBER, "additive", "identity"),
    "ridge": (filled(Ridge()), NUMBER, "additive", "identity"),
    "lasso": (filled(Lasso(0.01)), NUMBER, "additive", "identity"),
    "elastic net": (filled(ElasticNet(0.01)), NUMBER, "additive", "identity"),
    "bayesian": (filled(BayesianRidge()), NUMBER, "additive", "identity"),
    "huber": (filled(HuberRegressor()), NUMBER, "additive", "identity"),
    "sgd": (filled(SGDRegressor()), NUMBER, "additive", "identity"),
    "svr": (filled(LinearSVR()), NUMBER, "additive", "identity"),
    "poisson": (filled(PoissonRegressor()), POSITIVE, "additive", "log"),
    "gamma": (filled(GammaRegressor()), POSITIVE, "additive", "log"),
    "logistic": (filled(LogisticRegression()), TWO, "additive", "log-odds"),
    "logistic of three": (filled(LogisticRegression()), THREE, "additive", "log-odds"),
    "splines and bins": (
        shaped(make_pipeline(SimpleImputer(), Ridge())), NUMBER, "additive", "identity",
    ),
    "discriminant": (filled(LinearDiscriminantAnalysis()), THREE, "additive", "log-odds"),
    "gauss": (filled(GaussianNB(var_smoothing=0.1)), THREE, "additive", "log-odds"),
    "bernoulli": (filled(BernoulliNB()), TWO, "additive", "log-odds"),
    "margin": (filled(LinearSVC()), THREE, "additive", "identity"),
    "margin of ridge": (filled(RidgeClassifier()), TWO, "additive", "identity"),
    # A scaled target, and sums of both.
    "scaled target": (
        TransformedTargetRegressor(coded(RandomForestRegressor(5)), transformer=StandardScaler()),
        NUMBER, "trees", "identity",
    ),
    "logarithm of the target": (
        TransformedTargetRegressor(
            coded(HistGradientBoostingRegressor(max_iter=9)), func=np.log, inverse_func=np.exp
        ),
        POSITIVE, "trees", "log",
    ),
    "voting": (
        VotingRegressor([("r", filled(Ridge())), ("f", coded(RandomForestRegressor(5)))]),
        NUMBER, "trees", "identity",
    ),
}  # fmt: skip


def program_of(
    model: Any, target: Any, rows: pd.DataFrame = ROWS, n_sample: int = N_SAMPLE
) -> tuple[Program, Table]:
    """The program of a model that is fitted on the rows, and the rows as it takes them."""
    for part in (model, *getattr(model, "named_steps", {}).values()):
        if "random_state" in part.get_params():
            part.set_params(random_state=0)
    fitted, table = model.fit(rows, target), Table.of(rows)
    names = tuple(target.columns) if isinstance(target, pd.DataFrame) else ("y",)
    signature = signature_of(fitted, table, names)
    original = SklearnRuntime(fitted, signature)
    sample = table.take(slice(0, n_sample))
    compiled = compile_model(fitted, signature, sample, original=original.predict)
    assert compiled.program is not None, compiled.why
    findings = Findings(recorded_max=0)
    columns = check_columns(signature, dict(table.columns), len(rows), "table", findings)
    return compiled.program, columns


def in_double(program: Program) -> Program:
    """The same program with sums of double precision, as the explanation adds."""
    operations = [
        msgspec.structs.replace(one, is_single_sum=False)
        if isinstance(one, Forest)
        else Finite(one.x)
        if isinstance(one, Single)
        else one
        for one in program.plan.operations
    ]
    plan = program.plan.renumbered(operations, {at: at for at in range(len(operations))})
    return Program(plan, program.signature)


def number(program: Program, explained: Explanation) -> Callable[[Table], NDArray[np.float64]]:
    """The explained number, from what the program returns."""
    asked = Number(explained.output, explained.label)

    def values(table: Table) -> NDArray[np.float64]:
        outputs = program.predict(table)
        if explained.link == "log":
            return np.log(outputs.predictions)
        if explained.link != "log-odds":
            return numbers_in(program.signature, outputs, asked)
        assert outputs.probabilities is not None
        logs = np.log(outputs.probabilities)
        own = logs[:, explained.label]
        return np.asarray(own - (logs.sum(axis=1) - own) / (logs.shape[1] - 1))

    return values


def margin(program: Program, explained: Explanation) -> Callable[[Table], NDArray[np.float64]]:
    """The number behind a label without a probability: the score of its class."""
    register = program.plan.operations[program.plan.answers[0].register].x  # type: ignore[union-attr]

    def values(table: Table) -> NDArray[np.float64]:
        scores = program.register(register, table)
        if scores.shape[1] == 1:
            return np.asarray(scores[:, 0] if explained.label else -scores[:, 0])
        own = scores[:, explained.label]
        return np.asarray(own - (scores.sum(axis=1) - own) / (scores.shape[1] - 1))

    return values


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_contributions_are_those_of_brute_force(case: str, brute_force: Any) -> None:
    model, target, method, link = CASES[case]
    program, table = program_of(model, target)
    background, rows = table.take(slice(0, N_BACKGROUND)), table.take(np.array([210, 211]))
    double = in_double(program)

    explanations = Explainer(program, background).explain(rows)

    for at, explained in enumerate(explanations):
        assert (explained.method, explained.link) == (method, link)
        of = margin if link == "identity" and explained.label is not None else number
        value = of(double, explained)
        row = rows.take(slice(at, at + 1))
        truth = brute_force(value, background, row)
        size = max(1.0, *map(abs, truth.values()), abs(explained.value))
        exactly = 1e-12 if double.is_single == program.is_single else 1e-5
        assert explained.contributions == pytest.approx(truth, abs=exactly * size)
        assert any(truth.values())
        total = explained.base + sum(explained.contributions.values())
        assert total == pytest.approx(explained.value, abs=1e-12 * size)
        answer = of(program, explained)(row)[0]
        rounded = 1e-6 if program.is_single else 1e-12
        assert explained.value == pytest.approx(answer, abs=rounded * size)


def test_each_class_can_be_explained(brute_force: Any) -> None:
    program, table = program_of(coded(RandomForestClassifier(9)), THREE)
    background, row = table.take(slice(0, N_BACKGROUND)), table.take(slice(40, 41))
    explainer = Explainer(program, background)

    each = [explainer.explain(row, label=label)[0] for label in range(3)]

    for explained in each:
        truth = brute_force(number(program, explained), background, row)
        assert explained.contributions == pytest.approx(truth, abs=1e-12)
    assert sum(one.value for one in each) == pytest.approx(1)


def test_each_output_can_be_explained(brute_force: Any) -> None:
    targets = pd.DataFrame({"one": NUMBER, "two": POSITIVE})
    program, table = program_of(filled(RandomForestRegressor(6)), targets)
    background, row = table.take(slice(0, N_BACKGROUND)), table.take(slice(40, 41))

    explained = Explainer(program, background).explain(row, output=1)[0]

    truth = brute_force(number(program, explained), background, row)
    assert explained.method == "trees"
    assert explained.contributions == pytest.approx(truth, abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("n_background", [1, 64, 65, 128, 129, 200])
def test_any_number_of_background_rows_is_averaged(n_background: int) -> None:
    program, table = program_of(coded(HistGradientBoostingRegressor(max_iter=8)), NUMBER)
    row = table.take(slice(230, 231))

    whole = Explainer(program, table.take(slice(0, n_background))).explain(row)[0]
    each = [
        Explainer(program, table.take(slice(at, at + 1))).explain(row)[0]
        for at in range(n_background)
    ]

    for name, contribution in whole.contributions.items():
        mean = np.mean([one.contributions[name] for one in each])
        assert contribution == pytest.approx(mean, abs=1e-12)


def test_fields_that_meet_before_the_model_are_explained_without_the_short_way(
    brute_force: Any,
) -> None:
    model = make_pipeline(PolynomialFeatures(2), Ridge())
    program, table = program_of(model, NUMBER, ROWS[["a", "c", "e"]])
    background, row = table.take(slice(0, N_BACKGROUND)), table.take(slice(40, 41))

    explained = Explainer(program, background).explain(row)[0]

    truth = brute_force(number(program, explained), background, row)
    assert explained.method == "enumeration"
    assert explained.contributions == pytest.approx(truth, abs=1e-12)


def test_texts_are_one_field_whatever_their_terms() -> None:
    texts = pd.DataFrame(
        {"text": ["good day", "bad day", "good night", "bad rain"] * 20, "x": np.arange(80.0)}
    )
    columns = make_column_transformer(
        (TfidfVectorizer(), "text"), remainder="passthrough", sparse_threshold=0
    )
    target = texts["text"].str.contains("good") + texts["x"] / 10
    program, table = program_of(make_pipeline(columns, Ridge()), target, texts)

    explained = Explainer(program, table.take(slice(0, 40))).explain(table.take(slice(60, 61)))[0]

    assert explained.method == "additive"
    assert explained.contributions["text"] == pytest.approx(0.5, abs=0.05)
    assert explained.contributions["x"] == pytest.approx(4, abs=0.1)


@pytest.mark.parametrize(
    ("n_columns", "n_categories"), [pytest.param(400, 2, marks=pytest.mark.slow), (3, 3_000)]
)
def test_many_columns_and_categories_are_explained_exactly(
    n_columns: int, n_categories: int
) -> None:
    n_rows = max(n_categories, 200)
    random = np.random.default_rng(0)
    names = [f"x{at}" for at in range(1, n_columns)]
    rows = pd.DataFrame(random.normal(size=(n_rows, n_columns - 1)), columns=names)
    rows["place"] = [f"place {at % n_categories}" for at in range(n_rows)]
    encoder = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["place"]), remainder="passthrough"
    )
    target = rows["x1"] * 2 + (rows["place"] < "place 1") * 1.0
    program, table = program_of(make_pipeline(encoder, Ridge(solver="lsqr")), target, rows, 5)
    background, row = table.take(slice(0, 100)), table.take(slice(150, 151))

    explained = Explainer(program, background).explain(row)[0]

    assert explained.method == "additive"
    assert len(explained.contributions) == n_columns
    assert explained.contributions["place"] != 0
    total = explained.base + sum(explained.contributions.values())
    assert total == pytest.approx(explained.value, abs=1e-11)


def test_without_a_compiler_coalitions_are_enumerated(monkeypatch: pytest.MonkeyPatch) -> None:
    program, table = program_of(coded(HistGradientBoostingRegressor(max_iter=8)), NUMBER)
    background, row = table.take(slice(0, N_BACKGROUND)), table.take(slice(40, 41))
    walked = Explainer(program, background).explain(row)[0]
    monkeypatch.setattr(trees, "_shapley", None)

    enumerated = Explainer(program, background).explain(row)[0]

    assert (walked.method, enumerated.method) == ("trees", "enumeration")
    assert walked.contributions == pytest.approx(enumerated.contributions, abs=1e-12)


def test_many_rows_are_explained_as_each_of_them() -> None:
    program, table = program_of(coded(HistGradientBoostingClassifier(max_iter=5)), THREE)
    explainer = Explainer(program, table.take(slice(0, N_BACKGROUND)))
    rows = table.take(slice(50, 90))

    together = explainer.explain(rows)

    alone = [explainer.explain(rows.take(slice(at, at + 1)))[0] for at in range(rows.n_rows)]
    assert {one.label for one in together} == {0, 1, 2}
    for one, other in zip(together, alone, strict=True):
        assert one.label == other.label
        assert one.contributions == pytest.approx(other.contributions, abs=1e-14)
