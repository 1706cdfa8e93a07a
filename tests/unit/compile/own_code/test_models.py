"""Models of one's own classes, and the fitted ones that they call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.decomposition import NMF
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import podium
from podium.compile import Compiled, compile_model
from podium.errors import ModelError
from podium.runtimes.signatures import signature_of
from podium.runtimes.sklearn import SklearnRuntime
from podium.table import Table

X = pd.DataFrame(
    {"size": np.arange(60.0), "age": np.arange(60.0) % 7, "kind": ["a", "b", "c"] * 20}
)
NUMBERS = X[["size", "age"]]
Y = np.arange(60.0) ** 2
IS_LARGE = (X["size"] + X["age"] > 33).to_numpy()


def compiled(model: Any, X: pd.DataFrame = NUMBERS) -> Compiled:
    table = Table.of(X)
    signature = signature_of(model, table)
    original = SklearnRuntime(model, signature)
    return compile_model(model, signature, table, original=original.predict)


class Own(BaseEstimator):
    """Predicts by a function of itself and the rows."""

    def __init__(self, how: Any, **parts: Any) -> None:
        self.how = how
        vars(self).update(parts)

    def predict(self, X: Any) -> Any:
        return self.how(self, X)


class Number(RegressorMixin, Own):
    pass


class Label(ClassifierMixin, Own):
    pass


def is_real(rows: Any) -> bool:
    return type(rows) in (pd.DataFrame, np.ndarray)


def test_models_that_it_calls_are_exported_in_its_place():
    def hurdle(self: Any, X: Any) -> Any:
        share = self.classifier.predict_proba(X)[:, 1]
        return np.where(share > 0.2, share * np.expm1(self.regressor.predict(X)), 0)

    model = Number(
        hurdle,
        classifier=make_pipeline(StandardScaler(), LogisticRegression()).fit(NUMBERS, IS_LARGE),
        regressor=DecisionTreeRegressor(max_depth=4).fit(NUMBERS, np.log1p(Y)),
    )

    found = compiled(model)

    assert found.why == ""
    assert [one.step for one in found.report][-2:] == ["Number / DecisionTreeRegressor", "Number"]


def test_a_library_is_as_before_also_after_an_error():
    before = {name: vars(Ridge.__mro__[2])[name] for name in vars(Ridge.__mro__[2])}
    ridge = Ridge().fit(NUMBERS, Y)

    def failing(_: Any, X: Any) -> Any:
        if not is_real(X):
            raise KeyboardInterrupt
        return ridge.predict(X)

    with pytest.raises(KeyboardInterrupt):
        compiled(Number(failing))
    assert {name: vars(Ridge.__mro__[2])[name] for name in before} == before
    assert type(ridge.predict(NUMBERS)) is np.ndarray


def test_a_model_may_be_a_global_or_a_closure_and_constants_are_predicted_as_ever():
    ridge = Ridge().fit(NUMBERS, Y)

    def shifted(_: Any, X: Any) -> Any:
        usual = ridge.predict(pd.DataFrame({"size": [30.0], "age": [3.0]}))[0]
        return ridge.predict(X) - usual

    assert compiled(Number(shifted)).why == ""


def test_what_a_model_lacks_it_lacks_while_it_is_recorded():
    def either(self: Any, X: Any) -> Any:
        if hasattr(self.svc, "predict_proba"):
            return np.array(["maybe"] * 1000)
        return np.where(self.svc.predict(X), "large", "small")

    model = Label(either, svc=SVC(kernel="linear").fit(NUMBERS, IS_LARGE))
    model.classes_ = np.array(["large", "small"], object)

    assert compiled(model).why == ""


def test_verification_finds_what_is_another_model_while_it_is_recorded():
    trees = [DecisionTreeClassifier().fit(NUMBERS, X["size"] > least) for least in (30, 31)]

    def lying(_: Any, X: Any) -> Any:
        return trees[is_real(X)].predict(X)

    model = Label(lying)
    model.classes_ = np.array([False, True])

    found = compiled(model)

    assert found.program is None
    assert "differs from the original" in found.why


def test_a_model_without_an_exporter_is_named_with_the_line_that_calls_it():
    nmf = NMF(2, init="random", random_state=0, max_iter=1000).fit(NUMBERS)

    found = compiled(Number(lambda self, X: self.nmf.transform(X)[:, 0] * 2, nmf=nmf))

    assert found.program is None
    assert "line " in found.why
    assert "self.nmf.transform(X)" in found.why
    assert "what it returns for a row depends on the rows beside it" in found.why
    assert found.report[0].estimator == "sklearn.NMF"


@pytest.mark.parametrize(
    "classes", [[False, True], [0, 1], [1, 2], ["no", "yes"], [1.0, 2.0]], ids=str
)
def test_labels_keep_their_type(classes: list[Any]):
    of_type = np.array(classes, object if isinstance(classes[0], str) else None)
    tree = DecisionTreeClassifier(max_depth=3).fit(NUMBERS, of_type[IS_LARGE.astype(int)])

    for how in (
        lambda self, X: self.tree.predict(X),
        lambda self, X: self.classes_[np.argmax(self.tree.predict_proba(X), axis=1)],
        lambda self, X: self.tree.classes_[(self.tree.predict_proba(X)[:, 1] > 0.5).astype(int)],
        lambda self, X: self.classes_[np.where(X["size"] > 30, -1, -2)],
    ):
        model = Label(how, tree=tree)
        model.classes_ = of_type
        assert compiled(model).why == ""


def test_a_place_beyond_the_constants_is_refused_as_it_is_an_error():
    model = Number(lambda self, X: self.prices[(X["size"] // 10).astype(int)])
    model.prices = np.array([1.0, 2.0, 4.0, 8.0, 9.0, 7.0])

    found = compiled(model)

    assert found.program is not None
    assert found.program.predict(Table.of(NUMBERS[:12])).predictions.tolist()[-2:] == [2.0, 2.0]
    with pytest.raises(ModelError):
        found.program.predict(Table.of(NUMBERS[:2].assign(size=[60.0, 1.0])))


def test_a_label_that_is_none_of_the_classes_is_refused():
    model = Label(lambda _, X: np.where(X["size"] > 1000, "huge", "usual"))
    model.classes_ = np.array(["odd", "usual"], object)

    found = compiled(model)

    assert found.program is None or found.program.predict(Table.of(NUMBERS[:2])) is not None
    if found.program is not None:
        with pytest.raises(ModelError):
            found.program.predict(Table.of(NUMBERS[:2].assign(size=[2000.0, 1.0])))


def test_columns_reach_a_model_by_their_names_and_what_encoders_return_has_the_form_they_are_set_to():
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).set_output(
        transform="pandas"
    )
    encoder.fit(X[["kind"]])
    ridge = Ridge().fit(X[["age", "size"]].assign(is_b=(X["kind"] == "b") * 1.0), Y)

    def by_name(_: Any, X: Any) -> Any:
        X = X.copy()
        X["is_b"] = encoder.transform(X[["kind"]])["kind_b"]
        return ridge.predict(X[["age", "size", "is_b"]])

    assert compiled(Number(by_name), X).why == ""


def test_numbers_of_single_precision_are_compared_and_added_as_numpy_does():
    xgboost = pytest.importorskip("xgboost")
    booster = xgboost.XGBClassifier(n_estimators=5, max_depth=2).fit(NUMBERS, IS_LARGE)
    single = np.float32(booster.predict_proba(NUMBERS)[3, 1])

    above = np.nextafter(
        np.float64(single), 2
    )  # as a plain number it is rounded to the share itself
    for threshold in (float(single), single, np.nextafter(single, 1), above, float(above)):
        model = Label(
            lambda self, X, t=threshold: (booster.predict_proba(X)[:, 1] >= t).astype(int)
        )
        model.classes_ = np.array([0, 1])
        assert compiled(model).why == ""
    mixed = Number(lambda _, X: booster.predict_proba(X)[:, 1] / 3 + X["age"] * np.float64(0.1))
    assert compiled(mixed).why == ""


@pytest.mark.parametrize(
    ("how", "is_exact"),
    [
        (lambda ms, X: np.mean([m.predict(X) for m in ms], axis=0), True),
        (lambda ms, X: np.array([m.predict(X) for m in ms]).T.max(axis=1), True),
        (lambda ms, X: np.average([m.predict(X) for m in ms], axis=0, weights=[3, 1, 2]), True),
        (lambda ms, X: np.median([m.predict(X) for m in ms[:2]], axis=0), True),
        (lambda ms, X: np.std(np.vstack([m.predict(X) for m in ms]), axis=0), True),
        (lambda ms, X: sum(m.predict(X) for m in ms) / len(ms), True),
        (lambda ms, X: np.mean([m.predict(X) for m in ms], axis=1)[0] + 0 * X["age"], False),
        (lambda ms, X: np.mean([m.predict(X) for m in ms]) + 0 * X["age"], False),
    ],
)
def test_lists_of_predictions_are_averaged_model_by_model(how: Any, is_exact: bool):
    models = [
        LinearRegression().fit(NUMBERS, Y),
        Ridge(100).fit(NUMBERS, Y),
        DecisionTreeRegressor(max_depth=3).fit(NUMBERS, Y),
    ]

    found = compiled(Number(lambda self, X: how(self.models, X), models=models))

    assert (found.why == "") == is_exact
    assert is_exact or "depends on the other rows" in found.why


def test_an_array_of_whole_numbers_keeps_its_type():
    def halves(_: Any, X: Any) -> Any:
        out = np.zeros((X.shape[0], 2), dtype=int)
        out[:, 0] = X["size"].fillna(0) / 2
        return out[:, 0] + 0.5

    assert compiled(Number(halves)).why == ""


def test_probabilities_and_labels_share_the_models_inside():
    class Both(ClassifierMixin, BaseEstimator):
        def __init__(self, tree: Any) -> None:
            self.tree = tree
            self.classes_ = tree.classes_

        def predict_proba(self, X: Any) -> Any:
            p = self.tree.predict_proba(np.log1p(X))[:, 1]
            return np.vstack([1 - p, p]).T

        def predict(self, X: Any) -> Any:
            return self.predict_proba(X)[:, 1] > 0.3

    tree = DecisionTreeClassifier(max_depth=3).fit(np.log1p(NUMBERS), IS_LARGE)

    found = compiled(Both(tree))

    assert found.why == ""
    assert found.program is not None
    names = [type(one).__name__ for one in found.program.plan.operations]
    assert names.count("Forest") == 1
    assert [one.step for one in found.report] == ["Both / DecisionTreeClassifier", "Both"]


def test_labels_are_encoded_and_numbers_scaled_back():
    from sklearn.preprocessing import LabelEncoder, MinMaxScaler

    words = LabelEncoder().fit(["small", "large"])
    kinds = LabelEncoder().fit(X["kind"])
    scaler = MinMaxScaler().fit(Y[:, None])
    coded = X.assign(kind=kinds.transform(X["kind"]))
    tree = DecisionTreeClassifier(max_depth=3).fit(coded, IS_LARGE.astype(int))
    ridge = Ridge().fit(coded, scaler.transform(Y[:, None])[:, 0])

    def worded(self: Any, X: Any) -> Any:
        return words.inverse_transform(tree.predict(X.assign(kind=kinds.transform(X["kind"]))))

    def scaled_back(self: Any, X: Any) -> Any:
        X = X.assign(kind=kinds.transform(X["kind"]))
        return scaler.inverse_transform(ridge.predict(X).reshape(-1, 1)).ravel()

    label = Label(worded)
    label.classes_ = words.classes_
    assert compiled(label, X).why == ""
    assert compiled(Number(scaled_back), X).why == ""


def test_an_array_of_texts_has_the_names_that_a_frame_gives_it_and_groups_are_not_selected():
    from sklearn.impute import SimpleImputer

    imputer = SimpleImputer(strategy="most_frequent").fit(X[["kind"]])
    ridge = Ridge().fit(NUMBERS, Y)

    def renamed(_: Any, X: Any) -> Any:
        kind = pd.DataFrame(imputer.transform(X[["kind"]]), columns=["k"], index=X.index)
        return np.where(kind["k"] == "b", ridge.predict(X[["size", "age"]]), 0)

    def grouped(_: Any, X: Any) -> Any:
        out, mask = np.zeros(len(X)), (X["kind"] == "b").to_numpy()
        if mask.any():
            out[mask] = ridge.predict(X.loc[mask, ["size", "age"]])
        return out

    assert compiled(Number(renamed), X).why == ""
    assert "let np.where choose" in compiled(Number(grouped), X).why


def test_a_class_of_a_script_needs_no_pickle(tmp_path):
    model = Number(lambda self, X: self.ridge.predict(X) * 2, ridge=Ridge().fit(NUMBERS, Y))

    bundle = podium.pack(model, NUMBERS, name="m", path=tmp_path / "m.podium")

    assert bundle.is_compiled
    assert podium.load(tmp_path / "m.podium").predict(NUMBERS[:3]).predictions == pytest.approx(
        model.predict(NUMBERS[:3])
    )


def test_a_class_without_a_module_is_ones_own():
    names: dict[str, Any] = {}
    exec(
        """
class Blend:
    def __init__(self, ridge):
        self.ridge = ridge
    def predict(self, X):
        return self.ridge.predict(X) / 2
""",
        names,
    )

    assert compiled(names["Blend"](Ridge().fit(NUMBERS, Y))).why == ""
