"""From a model and its data to one file, and back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import podium
from podium.bundle.model_part import ModelPart, runtime_of
from podium.errors import (
    BundleError,
    InvalidRows,
    MissingExtra,
    SetupError,
    SignatureError,
    UntrustedModel,
)
from podium.signature import Field, Signature
from podium.table import Table

RANDOM = np.random.default_rng(0)
ROWS = pd.DataFrame(
    {
        "age": RANDOM.integers(18, 80, 60),
        "income": RANDOM.normal(50_000, 10_000, 60),
        "plan": RANDOM.choice(["basic", "pro"], 60),
    }
)
LEFT = pd.Series(RANDOM.choice([True, False], 60), name="left")
SPENT = pd.Series(RANDOM.normal(200, 30, 60), name="spent")


class Odd(RegressorMixin, BaseEstimator):
    """An estimator of somebody's own, which no safe format knows, and whose loop isn't recorded."""

    def fit(self, X, y):
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X):
        return np.array([self.mean_ for _ in np.asarray(X)])


class Forgetful(Odd):
    """Its answer isn't in what is saved of it."""

    def __getstate__(self):
        return {}

    def predict(self, X):
        return np.full(len(X), getattr(self, "mean_", 0.0))


class Unsaveable(Odd):
    def __getstate__(self):
        raise TypeError("can't")


@pytest.fixture
def pipeline():
    columns = make_column_transformer(
        (StandardScaler(), ["age", "income"]), (OneHotEncoder(handle_unknown="ignore"), ["plan"])
    )
    return make_pipeline(columns, LogisticRegression())


def test_a_pipeline_comes_back_with_its_answers(pipeline, tmp_path):
    pipeline.fit(ROWS, LEFT)

    bundle = podium.pack(pipeline, ROWS, LEFT, name="churn", path=tmp_path, title="Who leaves?")

    loaded = podium.load(tmp_path / "churn.podium")
    outputs = loaded.predict(ROWS)
    assert (loaded.name, loaded.card.title) == ("churn", "Who leaves?")
    assert loaded.digest == bundle.digest
    assert outputs.predictions.tolist() == pipeline.predict(ROWS).tolist()
    np.testing.assert_allclose(outputs.probabilities, pipeline.predict_proba(ROWS), rtol=1e-12)
    assert loaded.signature.output.classes == (False, True)
    assert loaded.signature.output.name == "left"


def test_polars_rows_go_to_the_estimator_as_polars(tmp_path):
    rows = pl.DataFrame(ROWS.to_dict("list"))
    columns = make_column_transformer(
        (StandardScaler(), ["age", "income"]), (OneHotEncoder(handle_unknown="ignore"), ["plan"])
    )
    model = make_pipeline(columns, LinearRegression()).fit(rows, SPENT)

    bundle = podium.pack(model, rows, SPENT, name="spent", path=tmp_path)

    assert bundle.signature.frame == "polars"
    np.testing.assert_allclose(bundle.predict(rows).predictions, model.predict(rows), rtol=1e-12)


def test_pandas_categories_and_missing_values_arrive_as_in_training(tmp_path):
    rows = ROWS.assign(
        plan=ROWS["plan"].astype("category"), income=ROWS["income"].where(ROWS["age"] > 30)
    )
    model = HistGradientBoostingClassifier(max_iter=10, categorical_features="from_dtype")
    model.fit(rows, LEFT)

    bundle = podium.pack(model, rows, LEFT, name="churn", path=tmp_path)

    assert bundle.predict(rows).predictions.tolist() == model.predict(rows).tolist()
    row = {"age": 30, "income": None, "plan": "pro"}
    assert bundle.predict(row).predictions[0] in (True, False)


def test_one_row_a_list_of_rows_columns_and_arrays_are_all_rows(pipeline, tmp_path):
    bundle = podium.pack(pipeline.fit(ROWS, LEFT), ROWS, LEFT, name="churn", path=tmp_path)
    row = ROWS.iloc[0].to_dict()

    answers = [
        bundle.predict(row),
        bundle.predict([row]),
        bundle.predict({name: [value] for name, value in row.items()}),
        bundle.predict(ROWS.iloc[:1]),
        bundle.predict(ROWS.iloc[:1].to_numpy()),
    ]

    assert len({float(one.probabilities[0, 0]) for one in answers}) == 1


def test_bad_rows_are_refused_with_every_cell(pipeline, tmp_path):
    bundle = podium.pack(pipeline.fit(ROWS, LEFT), ROWS, LEFT, name="churn", path=tmp_path)

    with pytest.raises(InvalidRows) as caught:
        bundle.predict([{"age": "x", "income": 1.0, "plan": 7}])

    assert [cell.field for cell in caught.value.cells] == ["age", "plan"]


def test_metrics_are_measured_on_the_holdout_where_there_is_one(pipeline, tmp_path):
    pipeline.fit(ROWS[:40], LEFT[:40])

    bundle = podium.pack(
        pipeline, ROWS[:40], LEFT[:40], name="churn", path=tmp_path, holdout=(ROWS[40:], LEFT[40:])
    )

    accuracy = next(one for one in bundle.card.metrics if one.name == "accuracy")
    assert accuracy.value == pytest.approx(pipeline.score(ROWS[40:], LEFT[40:]))
    assert (bundle.card.metrics_on, bundle.card.n_metric_rows, bundle.card.n_rows) == (
        "holdout",
        20,
        40,
    )


def test_the_card_holds_the_model_the_time_and_the_versions(pipeline, tmp_path):
    import sklearn

    bundle = podium.pack(
        pipeline.fit(ROWS, LEFT), ROWS, LEFT, name="churn", path=tmp_path, limits=["Only adults."]
    )

    card = bundle.card
    assert card.model == "Pipeline: ColumnTransformer, LogisticRegression"
    assert card.libraries["scikit-learn"] == sklearn.__version__
    assert card.created.endswith("Z")
    assert card.limits == ("Only adults.",)
    assert card.python.startswith(f"{sys.version_info.major}.{sys.version_info.minor}")


def test_the_baseline_counts_every_row_of_every_field(pipeline, tmp_path):
    rows = ROWS.assign(income=ROWS["income"].where(ROWS["age"] > 30))
    model = HistGradientBoostingClassifier(max_iter=5).fit(rows[["age", "income"]], LEFT)

    baseline = podium.pack(model, rows[["age", "income"]], LEFT, name="c", path=tmp_path).baseline

    income = baseline.fields["income"]
    assert income.n_missing == int((ROWS["age"] <= 30).sum())
    assert sum(income.counts) + income.n_missing == income.n_rows == 60
    assert sum(baseline.outputs["left"].counts) == 60


def test_several_targets_have_a_name_each(tmp_path):
    y = pd.DataFrame({"spent": SPENT, "visits": SPENT / 10})
    X = ROWS[["age", "income"]]

    bundle = podium.pack(LinearRegression().fit(X, y), X, y, name="two", path=tmp_path)

    assert [one.name for one in bundle.signature.outputs] == ["spent", "visits"]
    assert bundle.predict(X[:3]).predictions.shape == (3, 2)


def test_several_classes_at_once_keep_their_labels(tmp_path):
    y = pd.DataFrame({"left": LEFT, "plan": ROWS["plan"]}).astype(str)
    X = ROWS[["age", "income"]]
    model = MultiOutputClassifier(LogisticRegression(max_iter=1_000)).fit(X, y)

    bundle = podium.pack(model, X, y, name="two", path=tmp_path)

    assert bundle.signature.outputs[1].classes == ("basic", "pro")
    assert bundle.predict(X).predictions.tolist() == model.predict(X).tolist()


@pytest.mark.parametrize(
    ("model", "task"),
    [
        (KMeans(2, n_init=1), "clustering"),
        (IsolationForest(n_estimators=10, random_state=0), "anomaly"),
    ],
)
def test_models_without_a_target_are_packed_without_metrics(model, task, tmp_path):
    X = ROWS[["age", "income"]]

    bundle = podium.pack(model.fit(X), X, name="groups", path=tmp_path)

    assert bundle.signature.output.task == task
    assert bundle.card.metrics == ()


def test_a_signature_is_corrected_by_toml(pipeline, tmp_path):
    file = tmp_path / "churn.toml"
    file.write_text(
        '[[fields]]\nname = "age"\ntitle = "Age"\nunit = "years"\n'
        "bounds = { minimum = 18, maximum = 120 }\n"
        '[[outputs]]\nname = "leaves"\n'
    )

    bundle = podium.pack(
        pipeline.fit(ROWS, LEFT), ROWS, LEFT, name="churn", path=tmp_path, signature=file
    )

    assert bundle.signature.field("age").unit == "years"
    assert bundle.signature.output.name == "leaves"
    with pytest.raises(InvalidRows, match="from 18 to 120"):
        bundle.predict({"age": 7, "income": 1.0, "plan": "pro"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fields = 3", "must be tables"),
        ('[[fields]]\nname = "agee"', "no field is called 'agee'"),
        ('[[fields]]\nname = "age"\ncolour = "red"', "unknown field"),
        ('[[fields]]\nname = "age"\ntype = "number"', "number"),
        ("[[columns]]\n", "'columns' isn't part"),
        ("[[fields", "valid TOML"),
    ],
)
def test_a_wrong_correction_says_what_is_wrong(pipeline, tmp_path, text, said):
    file = tmp_path / "churn.toml"
    file.write_text(text)

    with pytest.raises(SignatureError, match=said):
        podium.pack(
            pipeline.fit(ROWS, LEFT), ROWS, LEFT, name="churn", path=tmp_path, signature=file
        )


def test_an_estimator_of_ones_own_is_a_pickle_that_needs_trust(tmp_path, monkeypatch):
    model = Odd().fit(ROWS, SPENT)

    bundle = podium.pack(model, ROWS[["age", "income"]], SPENT, name="odd", path=tmp_path)

    assert bundle.runtime_name == "pickle"
    again = podium.load(tmp_path / "odd.podium")
    with pytest.raises(UntrustedModel) as caught:
        again.start()
    assert caught.value.digest == bundle.options["sha256"]
    trusted = podium.load(tmp_path / "odd.podium", trust=f"sha256:{caught.value.digest}")
    assert trusted.predict({"age": 40, "income": 1.0}).predictions[0] == model.mean_


@pytest.mark.slow
def test_a_compiled_bundle_needs_neither_the_estimator_nor_its_library(pipeline, tmp_path):
    bundle = podium.pack(pipeline.fit(ROWS, LEFT), ROWS, LEFT, name="churn", path=tmp_path)

    assert bundle.is_compiled
    assert bundle.requires == ()
    script = (
        "import sys; sys.modules.update(dict.fromkeys(['sklearn', 'scipy', 'pandas', 'skops']))\n"
        "import podium\n"
        f"bundle = podium.load({str(tmp_path / 'churn.podium')!r})\n"
        "print(bundle.predict({'age': 40, 'income': 5e4, 'plan': 'pro'}).predictions[0])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    row = pd.DataFrame([{"age": 40, "income": 5e4, "plan": "pro"}])
    assert done.stdout.strip() == str(pipeline.predict(row)[0]), done.stderr


@pytest.mark.slow
def test_what_cannot_be_compiled_says_which_step_and_why(tmp_path):
    model = make_pipeline(StandardScaler(), Odd()).fit(ROWS[["age", "income"]], SPENT)

    bundle = podium.pack(model, ROWS[["age", "income"]], SPENT, name="odd", path=tmp_path)

    assert not bundle.is_compiled
    assert bundle.runtime_name == "pickle"
    assert not bundle.compilation.is_compiled
    wrong = [step for step in bundle.compilation.steps if not step.is_compiled]
    assert "Odd" in wrong[0].estimator
    assert "it loops over rows" in wrong[0].why


@pytest.mark.slow
def test_the_original_is_packed_beside_its_program_on_request(pipeline, tmp_path):
    model = pipeline.fit(ROWS, LEFT)

    with_it = podium.pack(model, ROWS, LEFT, name="a", path=tmp_path, keep_original=True)
    without = podium.pack(model, ROWS, LEFT, name="b", path=tmp_path)

    assert with_it.is_compiled
    table = Table.of(ROWS)
    assert with_it.original().predict(table).predictions.tolist() == model.predict(ROWS).tolist()
    with pytest.raises(SetupError, match="without its original"):
        without.original()


@pytest.mark.slow
def test_without_compiling_the_estimator_itself_is_served(pipeline, tmp_path):
    bundle = podium.pack(
        pipeline.fit(ROWS, LEFT), ROWS, LEFT, name="churn", path=tmp_path, compiles=False
    )

    assert bundle.runtime_name == "skops"
    assert bundle.compilation is None
    assert bundle.predict(ROWS).predictions.tolist() == pipeline.predict(ROWS).tolist()


def test_a_joblib_file_is_not_loaded_without_trust(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (Path.write_text, (tmp_path / "boom", "it ran"))

    joblib.dump(Bomb(), tmp_path / "model.joblib")

    with pytest.raises(UntrustedModel, match="runs the code inside it"):
        podium.pack(tmp_path / "model.joblib", ROWS, LEFT, name="churn", path=tmp_path)

    assert not (tmp_path / "boom").exists()


def test_a_joblib_file_that_is_trusted_is_packed(pipeline, tmp_path):
    file = tmp_path / "model.joblib"
    joblib.dump(pipeline.fit(ROWS, LEFT), file)
    with pytest.raises(UntrustedModel) as caught:
        podium.pack(file, ROWS, LEFT, name="churn", path=tmp_path)

    bundle = podium.pack(
        file, ROWS, LEFT, name="churn", path=tmp_path, trust=f"sha256:{caught.value.digest}"
    )

    assert bundle.predict(ROWS).predictions.tolist() == pipeline.predict(ROWS).tolist()


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "x" * 65, "naïve", "a b", "a\n"])
def test_a_name_that_can_be_no_address_is_refused(pipeline, tmp_path, name):
    with pytest.raises(SetupError, match="can't be the name"):
        podium.pack(pipeline, ROWS, LEFT, name=name, path=tmp_path)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("model", "rows", "truth", "said"),
    [
        (LinearRegression(), ROWS[["age"]], None, "isn't fitted"),
        (StandardScaler().fit(ROWS[["age"]]), ROWS[["age"]], None, "has no predict"),
        (LinearRegression().fit(ROWS[["age"]], SPENT), None, None, "X is missing"),
        (LinearRegression().fit(ROWS[["age"]], SPENT), ROWS[["income"]], None, "'age'"),
        (LinearRegression().fit(ROWS[["age"]], SPENT), ROWS[["age"]], SPENT[:5], "5 rows"),
        (object(), ROWS, None, "has no predict"),
        (Forgetful().fit(ROWS, SPENT), ROWS[["age"]], None, "differently after it was saved"),
        (Unsaveable().fit(ROWS, SPENT), ROWS[["age"]], None, "can't be saved"),
    ],
)
def test_what_cannot_be_packed_says_why(model, rows, truth, said, tmp_path):
    with pytest.raises(SetupError, match=said):
        podium.pack(model, rows, truth, name="x", path=tmp_path)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_whole_signature_stands_in_for_the_data(pipeline, tmp_path):
    first = podium.pack(pipeline.fit(ROWS, LEFT), ROWS, LEFT, name="churn", path=tmp_path)

    second = podium.pack(pipeline, name="churn", path=tmp_path, signature=first.signature)

    assert isinstance(second.signature, Signature)
    assert second.predict(ROWS).predictions.tolist() == pipeline.predict(ROWS).tolist()


def test_an_onnx_graph_answers_with_the_classes_of_its_target(pipeline, tmp_path):
    from skl2onnx import to_onnx

    X = ROWS[["age", "income"]]
    y = LEFT.map({True: "yes", False: "no"})
    model = LogisticRegression(max_iter=1_000).fit(X, y)
    sample = X.to_numpy(np.float32)[:1]
    for zipmap in (True, False):
        graph = to_onnx(model, sample, options={"zipmap": zipmap})
        (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())

        bundle = podium.pack(tmp_path / "model.onnx", X, y, name="churn", path=tmp_path)

        outputs = bundle.predict(X)
        assert bundle.signature.output.classes == ("no", "yes")
        assert bundle.requires == ("onnx",)
        assert outputs.predictions.tolist() == model.predict(X).tolist()
        np.testing.assert_allclose(outputs.probabilities, model.predict_proba(X), atol=1e-5)


def test_a_library_that_is_missing_is_named_with_its_extra(tmp_path, monkeypatch):
    X = ROWS[["age", "income"]]
    monkeypatch.setitem(sys.modules, "skops.io", None)
    monkeypatch.setitem(sys.modules, "skops", None)

    with pytest.raises(MissingExtra, match="the extra 'sklearn'"):
        podium.pack(
            LinearRegression().fit(X, SPENT), X, SPENT, name="x", path=tmp_path, compiles=False
        )


@pytest.mark.parametrize("path", ["/tmp/evil.py:f", "evil.py:f", "os", "os:", "a b:c", "../x:f"])
def test_a_bundle_can_name_no_file_to_run(path, tmp_path):
    signature = Signature(fields=(Field(name="x"),))
    part = ModelPart(runtime="python", files={}, options={"function": path})

    with pytest.raises(BundleError, match="has no module and function"):
        runtime_of(part, signature, "stranger", ())


def test_a_bundle_can_name_no_function_that_is_no_model():
    signature = Signature(fields=(Field(name="x"),))
    part = ModelPart(runtime="python", files={}, options={"function": "os:system"})

    with pytest.raises(SetupError):
        runtime_of(part, signature, "stranger", ())


def test_a_whole_signature_of_a_function_must_name_its_parameters(tmp_path, monkeypatch):
    (tmp_path / "halves.py").write_text(
        "import podium\n\n@podium.model\ndef half(x: float) -> float:\n    return x / 2\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import halves

    said = Signature(fields=(Field(name="x", unit="m"),))
    bundle = podium.pack(halves.half, name="half", path=tmp_path, signature=said)

    assert bundle.signature.field("x").unit == "m"
    other = Signature(fields=(Field(name="y"),))
    with pytest.raises(SetupError, match="the function takes x"):
        podium.pack(halves.half, name="half", path=tmp_path, signature=other)
