"""Verification refuses every program that differs, by however little."""

from __future__ import annotations

import re

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from podium.compile import Fitted, compile_model, verify
from podium.compile.exporters.trees import MODELS, tree_of
from podium.compile.nodes import forest_of
from podium.compile.verify import Candidate, compare
from podium.errors import ModelError
from podium.outputs import Outputs
from podium.program import Program
from podium.program.kernel import LEAF, MISSING_LEFT
from podium.program.operations import Encode, Forest, Matmul, OneHot, Scale

replace = msgspec.structs.replace


def spoiled(plan, kind, /, **changes):
    """The plan with changes in its operations of a kind; a callable gets the operation."""
    operations = tuple(
        replace(o, **{n: c(o) if callable(c) else c for n, c in changes.items()})
        if isinstance(o, kind)
        else o
        for o in plan.operations
    )
    assert any(isinstance(o, kind) for o in plan.operations)
    return replace(plan, operations=operations)


def refused(case, plan):
    """What verification says of the program of a plan."""
    found = verify(case.program(plan), case.original.predict, case.sample)
    assert not found.is_equal
    assert found.why
    return found


def plan_of(case):
    compiled = case.compile()
    assert compiled.program is not None, compiled.why
    return compiled.program.plan


def inner(forest):
    return (forest.kind & LEAF) == 0


@pytest.fixture(scope="module")
def diabetes():
    return load_diabetes(return_X_y=True, as_frame=True)


@pytest.fixture(scope="module")
def hist(diabetes):
    X, y = diabetes
    return HistGradientBoostingRegressor(max_iter=10, random_state=0).fit(X, y), X


@pytest.fixture(scope="module")
def forest():
    X, y = load_wine(return_X_y=True, as_frame=True)
    return RandomForestClassifier(10, random_state=0).fit(X, y), X


@pytest.fixture(scope="module")
def mixed():
    random = np.random.default_rng(0)
    colour = random.choice(["red", "green", "blue", "grey"], 400, p=[0.5, 0.3, 0.15, 0.05])
    X = pd.DataFrame({"colour": colour, "size": random.normal(20, 5, 400)})
    y = X["size"] + X["colour"].map({"red": 1, "green": 5, "blue": 9, "grey": 30})
    return X, y


def test_less_instead_of_less_or_equal_is_refused(make_case, hist):
    case = make_case(*hist)
    plan = plan_of(case)

    wrong = spoiled(plan, Forest, threshold=lambda o: np.nextafter(o.threshold, -np.inf))

    refused(case, wrong)


@pytest.mark.slow
def test_less_instead_of_less_or_equal_is_refused_in_single_precision(make_case, forest):
    case = make_case(*forest)
    plan = plan_of(case)

    def below(o):
        # The largest number of single precision that went left goes right now.
        single = o.threshold.astype(np.float32)
        at = np.where(single > o.threshold, np.nextafter(single, np.float32(-np.inf)), single)
        return np.nextafter(at, np.float32(-np.inf)).astype(np.float64)

    refused(case, spoiled(plan, Forest, threshold=below))


def test_one_wrong_threshold_among_hundreds_is_refused(make_case, hist):
    case = make_case(*hist)
    plan = plan_of(case)

    def one_wrong(o):
        threshold = o.threshold.copy()
        at = np.flatnonzero(inner(o))[-1]
        threshold[at] = np.nextafter(threshold[at], np.inf)
        return threshold

    assert "thresholds" in refused(case, spoiled(plan, Forest, threshold=one_wrong)).why


def test_thresholds_of_single_precision_are_refused(make_case, hist):
    case = make_case(*hist)
    plan = plan_of(case)

    wrong = spoiled(plan, Forest, threshold=lambda o: o.threshold.astype("f4").astype("f8"))

    refused(case, wrong)


def test_rounding_rows_that_training_did_not_round_is_refused(make_case, hist):
    case = make_case(*hist)

    refused(case, spoiled(plan_of(case), Forest, is_single_input=True))


@pytest.mark.slow
def test_not_rounding_rows_that_training_rounded_is_refused(make_case, forest):
    case = make_case(*forest)

    refused(case, spoiled(plan_of(case), Forest, is_single_input=False))


def test_children_the_wrong_way_round_are_refused(make_case, hist):
    case = make_case(*hist)
    tree = tree_of(DecisionTreeRegressor(max_depth=3).fit(hist[1], np.arange(len(hist[1]))))
    swapped = tree._replace(left=tree.right, right=tree.left)

    plan = replace(
        plan_of(case), operations=(plan_of(case).operations[0], forest_of(0, [swapped], 0.0))
    )

    refused(case, plan)


def test_one_leaf_that_is_off_by_a_millionth_is_refused(make_case, hist):
    case = make_case(*hist)

    def off(o):
        values = o.values.copy()
        values[len(values) // 2] *= 1 + 1e-4
        return values

    refused(case, spoiled(plan_of(case), Forest, values=off))


def test_missing_values_that_go_the_other_way_are_refused(make_case, diabetes):
    X, y = diabetes
    X = X.where(np.random.default_rng(0).random(X.shape) > 0.1)
    case = make_case(HistGradientBoostingRegressor(max_iter=10).fit(X, y), X)

    wrong = spoiled(
        plan_of(case), Forest, kind=lambda o: o.kind ^ np.uint8(MISSING_LEFT) * inner(o)
    )

    refused(case, wrong)


@pytest.mark.slow
def test_a_forest_that_takes_what_the_original_refuses_is_refused(make_case, diabetes):
    X, y = diabetes
    X = X.where(np.random.default_rng(0).random(X.shape) > 0.1)
    case = make_case(make_pipeline(DecisionTreeRegressor(random_state=0)).fit(X, y), X)
    plan = plan_of(case)

    assert refused(case, spoiled(plan, Forest, refuses="missing or infinite")).why


def test_classes_in_the_wrong_order_are_refused(make_case, forest):
    case = make_case(*forest)
    plan = plan_of(case)
    answer = replace(plan.answers[0], classes=plan.answers[0].classes[::-1])

    found = refused(case, replace(plan, answers=(answer,)))

    assert found.n_labels > 0


def test_classes_of_another_type_are_refused(make_case, forest):
    case = make_case(*forest)
    plan = plan_of(case)
    answer = replace(plan.answers[0], classes=tuple(map(float, plan.answers[0].classes)))

    refused(case, replace(plan, answers=(answer,)))


def test_probabilities_in_the_wrong_order_are_refused(make_case):
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    case = make_case(model, X)
    plan = plan_of(case)

    wrong = spoiled(plan, Matmul, weights=lambda o: -o.weights, bias=lambda o: -o.bias)

    refused(case, wrong)


def test_a_dropped_category_is_refused(make_case, mixed):
    X, y = mixed
    columns = ColumnTransformer(
        [("c", OneHotEncoder(handle_unknown="ignore"), ["colour"])], remainder="passthrough"
    )
    case = make_case(make_pipeline(columns, LinearRegression()).fit(X, y), X)

    def without_last(o):
        (coding,) = o.codings
        codes = np.delete(coding.codes, len(coding.labels) - 1)
        return (replace(coding, labels=coding.labels[:-1], codes=codes),)

    refused(case, spoiled(plan_of(case), OneHot, codings=without_last))


@pytest.mark.parametrize("which", [-1, -2], ids=["unknown", "missing"])
def test_a_wrong_code_for_what_training_never_saw_is_refused(make_case, mixed, which):
    X, y = mixed
    X = X.assign(colour=X["colour"].where(X.index % 9 != 0).astype(object))
    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=77, encoded_missing_value=-3
    )
    columns = ColumnTransformer([("c", encoder, ["colour"])], remainder="passthrough")
    model = make_pipeline(columns, LinearRegression()).fit(X, y)
    case = make_case(model, X, {"fields": [{"name": "colour", "unknown": "warn"}]})

    def moved(o):
        (coding,) = o.codings
        codes = coding.codes.copy()
        codes[which] += 1
        return (replace(coding, codes=codes),)

    refused(case, spoiled(plan_of(case), Encode, codings=moved))


def test_a_program_that_refuses_what_the_original_predicts_is_refused(make_case, mixed):
    X, y = mixed
    columns = ColumnTransformer([("c", OneHotEncoder(handle_unknown="ignore"), ["colour"])])
    model = make_pipeline(columns, LinearRegression()).fit(X, y)
    case = make_case(model, X, {"fields": [{"name": "colour", "unknown": "warn"}]})

    def strict(o):
        return tuple(replace(c, refuses_unknown=True) for c in o.codings)

    found = refused(case, spoiled(plan_of(case), OneHot, codings=strict))

    assert "the original predicts 3 rows that the program refuses" in found.why


def test_a_program_that_predicts_what_the_original_refuses_is_refused(make_case, mixed):
    X, y = mixed
    columns = ColumnTransformer([("c", OneHotEncoder(), ["colour"])])
    model = make_pipeline(columns, LinearRegression()).fit(X, y)
    case = make_case(model, X, {"fields": [{"name": "colour", "unknown": "warn"}]})

    def lax(o):
        return tuple(replace(c, refuses_unknown=False) for c in o.codings)

    found = refused(case, spoiled(plan_of(case), OneHot, codings=lax))

    assert "the program predicts a row that the original refuses" in found.why


@pytest.mark.parametrize("off", [1e-8, 1e-6])
def test_a_scale_that_is_off_by_a_little_is_refused(make_case, mixed, off):
    X, y = mixed
    model = make_pipeline(StandardScaler(), LinearRegression()).fit(X[["size"]], y)
    case = make_case(model, X[["size"]])

    wrong = spoiled(plan_of(case), Scale, divide=lambda o: o.divide * (1 + 100 * off))

    assert refused(case, wrong).difference > off


def test_a_boundary_that_belongs_to_the_other_class_is_refused(make_case):
    X = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0] * 20})
    y = [0, 0, 1, 1] * 20
    model = GradientBoostingClassifier(n_estimators=2, init="zero", max_depth=1).fit(X, y)
    case = make_case(model, X)
    plan = plan_of(case)
    zero = spoiled(plan, Forest, values=lambda o: o.values * 0)

    refused(case, zero)


def test_a_program_that_refuses_every_batch_but_no_single_row_is_refused(make_case, diabetes):
    X, y = diabetes
    case = make_case(LinearRegression().fit(X, y), X)
    program = case.compile().program

    class AloneOnly(Program):
        def predict(self, table):
            if table.n_rows > 1:
                raise ModelError("one at a time, please")
            return super().predict(table)

    found = verify(AloneOnly(program.plan, program.signature), case.original.predict, case.sample)

    assert not found.is_equal
    assert "rows that the program refuses" in found.why


def test_an_exporter_that_fails_in_an_unforeseen_way_leaves_the_original(
    make_case, diabetes, monkeypatch
):
    X, y = diabetes

    def failing(_estimator, _build, _x):
        raise BufferError("nobody thought of this")

    monkeypatch.setitem(MODELS, "sklearn.DecisionTreeRegressor", failing)
    case = make_case(DecisionTreeRegressor(max_depth=4).fit(X, y), X)

    compiled = case.compile()

    assert compiled.program is None
    assert "BufferError: nobody thought of this" in compiled.why
    assert not compiled.report[-1].is_compiled


def test_an_original_that_refuses_its_own_training_data_compiles_to_nothing(make_case, mixed):
    X, y = mixed
    case = make_case(make_pipeline(StandardScaler(), LinearRegression()).fit(X[["size"]], y), X[["size"]])  # fmt: skip

    def broken(_):
        raise ModelError("no")

    found = verify(case.compile().program, broken, case.sample)

    assert not found.is_equal
    assert "refuses its training data" in found.why


def test_a_wrong_exporter_gives_no_program_and_is_reported(make_case, diabetes, monkeypatch):
    X, y = diabetes

    def wrong(estimator, build, x):
        tree = tree_of(estimator)
        forest = forest_of(
            build.matrix(x),
            [tree._replace(threshold=tree.threshold + 1e-6)],
            0.0,
            is_single_input=True,
        )
        return Fitted(values=build.add(forest))

    monkeypatch.setitem(MODELS, "sklearn.DecisionTreeRegressor", wrong)
    case = make_case(DecisionTreeRegressor(max_depth=4).fit(X, y), X)

    compiled = case.compile()

    assert compiled.program is None
    assert "differs from the original" in compiled.why
    assert [line.is_compiled for line in compiled.report] == [False]
    assert compiled.report[0].difference > 1e-9


def test_the_figures_of_a_right_program_are_reported(make_case):
    X, y = load_wine(return_X_y=True, as_frame=True)
    case = make_case(HistGradientBoostingClassifier(max_iter=5).fit(X, y), X)

    found = case.compile().verification

    assert found.is_equal
    assert found.n_rows == len(X)
    assert found.n_perturbed > 1_000
    assert found.n_labels == 0
    assert found.difference <= 1e-12
    assert found.tolerance == 1e-9


def test_the_report_says_which_step_differs(make_case, mixed, monkeypatch):
    from podium.compile.exporters import preprocess
    from podium.runtimes.frames import frame_for

    def wrong(estimator, build, x):
        return build.features(build.scale(build.matrix(x), subtract=estimator.mean_ + 1e-3))

    X, y = mixed
    model = make_pipeline(StandardScaler(), LinearRegression()).fit(X[["size"]], y)
    case = make_case(model, X[["size"]])
    monkeypatch.setitem(preprocess.TRANSFORMERS, "sklearn.StandardScaler", wrong)

    compiled = compile_model(
        model,
        case.signature,
        case.sample,
        original=case.original.predict,
        frame=lambda table: frame_for(case.signature, table),
    )

    lines = {line.step: line for line in compiled.report}
    assert compiled.program is None
    assert not lines["Pipeline / standardscaler"].is_compiled
    assert lines["Pipeline / standardscaler"].difference > 1e-4
    assert lines["Pipeline / linearregression"].is_compiled


@pytest.mark.slow
def test_all_of_hundreds_of_columns_are_compared_in_few_calls(make_case):
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(300, 400)), columns=[f"n{i}" for i in range(400)])
    case = make_case(LinearRegression().fit(X, X.sum(axis=1)), X)
    plan, n_calls = plan_of(case), 0
    program = case.program(plan)

    def counted(table):  # in place of the original: how slow that is decides how often it is asked
        nonlocal n_calls
        n_calls += 1
        return program.predict(table)

    right = verify(program, counted, case.sample)

    def last(o):
        weights = o.weights.copy()
        weights[-1] *= 1 + 1e-6
        return weights

    wrong = spoiled(plan, Matmul, weights=last)
    assert right.is_equal
    assert right.n_perturbed > 4_000  # each column, within and beyond what training had
    assert n_calls < 20
    assert "and 3 more: " in refused(case, wrong).why or "training data" in refused(case, wrong).why


@pytest.mark.slow
def test_the_categories_of_many_columns_are_compared_in_few_calls(make_case):
    random = np.random.default_rng(0)
    X = pd.DataFrame({f"c{i}": random.choice(list("abcd"), 200) for i in range(120)})
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    model = make_pipeline(encoder, LinearRegression()).fit(X, random.normal(size=200))
    case = make_case(model, X, {"fields": [{"name": n, "unknown": "warn"} for n in X]})
    plan, n_calls = plan_of(case), 0
    program = case.program(plan)

    def counted(table):  # in place of the original: how slow that is decides how often it is asked
        nonlocal n_calls
        n_calls += 1
        return program.predict(table)

    def moved(o):
        *before, coding = o.codings
        codes = coding.codes.copy()
        codes[-1] += 1e-4
        return (*before, replace(coding, codes=codes))

    right = verify(program, counted, case.sample)

    assert right.is_equal
    assert right.n_perturbed == 100 * 4 * 3 + 100 * 3  # categories, and unknown ones
    assert n_calls < 6
    wrong = refused(case, spoiled(plan, Encode, codings=moved))
    assert wrong.why.startswith("c19 and 1 more: unknown category")  # c19 and c119


@pytest.mark.slow
@pytest.mark.parametrize("n_columns", [9, 300])
def test_groups_that_are_refused_hide_no_difference_of_the_others(make_case, n_columns):
    random = np.random.default_rng(0)
    X = pd.DataFrame({f"n{i}": random.uniform(1, 2, 200) for i in range(n_columns)})
    case = make_case(LinearRegression().fit(X, X.sum(axis=1)), X)

    def picky(table):
        if any((column < 0).any() for name, column in table.columns.items() if name != "n7"):
            raise ModelError("below zero")
        return case.original.predict(table)

    def wrong(table):
        outputs = picky(table)
        return Outputs(outputs.predictions + (np.abs(table.columns["n7"]) > 50))

    right, found = (
        compare(
            Candidate(signature=case.signature, predict=predict, splits=lambda *_: ()),
            picky,
            case.sample,
        )
        for predict in (picky, wrong)
    )

    assert right.is_equal
    assert right.n_refused
    assert re.match(r"n7(?: and 2 more)?: beyond extremes", found.why)
