"""Models in the files of other systems."""

from __future__ import annotations

import catboost
import joblib
import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.linear_model import LinearRegression

import podium
from podium.errors import SetupError, UntrustedModel
from podium.packing.model_file import load_model_file, mlflow_file

RANDOM = np.random.default_rng(0)
X = pd.DataFrame(RANDOM.normal(size=(120, 3)), columns=["a", "b", "c"])
NUMBER = X["a"] * 2 - X["b"] + 1
CLASS = (NUMBER > 1).astype(int)


@pytest.mark.parametrize("suffix", ["json", "ubj"])
def test_xgboost_files_are_packed_without_a_pickle(suffix, tmp_path):
    model = xgboost.XGBClassifier(n_estimators=5, max_depth=3).fit(X, CLASS)
    model.save_model(tmp_path / f"model.{suffix}")
    other = xgboost.XGBRegressor(n_estimators=5, max_depth=3).fit(X, NUMBER)
    other.save_model(tmp_path / f"other.{suffix}")

    bundle = podium.pack(tmp_path / f"model.{suffix}", X, CLASS, name="m", path=tmp_path)
    numbers = podium.pack(tmp_path / f"other.{suffix}", X, NUMBER, name="n", path=tmp_path)

    assert bundle.is_compiled
    assert bundle.predict(X).predictions.tolist() == model.predict(X).tolist()
    np.testing.assert_allclose(numbers.predict(X).predictions, other.predict(X), rtol=1e-5)


@pytest.mark.filterwarnings("ignore:.*is deprecated")  # in newer versions of XGBoost
@pytest.mark.parametrize("booster", ["gbtree", "gblinear"])
def test_a_native_booster_of_xgboost_is_packed_as_its_class(booster, tmp_path):
    rows = xgboost.DMatrix(X, CLASS)
    native = xgboost.train({"objective": "binary:logistic", "booster": booster}, rows, 5)
    native.save_model(tmp_path / "model.json")

    bundle = podium.pack(native, X, CLASS, name="m", path=tmp_path)
    of_file = podium.pack(tmp_path / "model.json", X, CLASS, name="f", path=tmp_path)

    assert bundle.is_compiled
    for one in (bundle, of_file):
        probabilities = one.predict(X).probabilities
        np.testing.assert_allclose(probabilities[:, 1], native.predict(rows), rtol=1e-5)


def test_a_native_booster_of_lightgbm_is_packed(tmp_path):
    native = lightgbm.train({"verbose": -1}, lightgbm.Dataset(X, NUMBER), 5)

    bundle = podium.pack(native, X, NUMBER, name="m", path=tmp_path)

    assert bundle.is_compiled
    np.testing.assert_allclose(bundle.predict(X).predictions, native.predict(X), rtol=1e-9)


@pytest.mark.parametrize(
    ("objective", "n_classes"), [("binary", 2), ("multiclass", 3), ("multiclassova", 3)]
)
def test_a_native_booster_of_lightgbm_answers_with_classes(objective, n_classes, tmp_path):
    said = {"objective": objective, "verbose": -1, "num_leaves": 4}
    said |= {"num_class": n_classes} if n_classes > 2 else {}
    classes = np.arange(len(X)) % n_classes
    native = lightgbm.train(said, lightgbm.Dataset(X, classes), 5)
    native.save_model(tmp_path / "model.txt")

    for given in (native, tmp_path / "model.txt"):
        bundle = podium.pack(given, X, classes, name="m", path=tmp_path)
        answers = bundle.predict(X)

        assert bundle.is_compiled
        assert bundle.signature.output.classes == tuple(range(n_classes))
        theirs = native.predict(X)
        shares = theirs if n_classes > 2 else np.column_stack([1 - theirs, theirs])
        np.testing.assert_allclose(answers.probabilities, shares, rtol=1e-9)
        np.testing.assert_array_equal(answers.predictions, shares.argmax(axis=1))


def test_a_native_model_of_catboost_is_packed(tmp_path):
    options = {"depth": 3, "verbose": False, "allow_writing_files": False}
    native = catboost.CatBoost({"iterations": 5, **options}).fit(X, NUMBER)

    bundle = podium.pack(native, X, NUMBER, name="m", path=tmp_path)

    assert bundle.is_compiled
    np.testing.assert_allclose(bundle.predict(X).predictions, native.predict(X), rtol=1e-9)


def test_a_lightgbm_text_is_packed_without_a_pickle(tmp_path):
    model = lightgbm.LGBMRegressor(n_estimators=5, verbose=-1).fit(X, NUMBER)
    model.booster_.save_model(tmp_path / "model.txt")

    bundle = podium.pack(tmp_path / "model.txt", X, NUMBER, name="m", path=tmp_path)

    assert bundle.is_compiled
    np.testing.assert_allclose(bundle.predict(X).predictions, model.predict(X), rtol=1e-9)


@pytest.mark.parametrize("is_file", [False, True])
def test_a_sum_of_models_of_catboost_is_packed(is_file, tmp_path):
    """It has no parameters, not even the loss."""
    parts = [
        catboost.CatBoostRegressor(
            iterations=5, random_seed=seed, verbose=0, allow_writing_files=False
        ).fit(X, NUMBER)
        for seed in (1, 2)
    ]
    whole = catboost.sum_models(parts, weights=[0.5, 0.5])
    whole.save_model(str(tmp_path / "model.cbm"))

    bundle = podium.pack(
        tmp_path / "model.cbm" if is_file else whole, X, NUMBER, name="m", path=tmp_path
    )

    assert bundle.is_compiled
    np.testing.assert_allclose(bundle.predict(X).predictions, whole.predict(X), rtol=1e-9)


@pytest.mark.parametrize(
    ("kind", "truth"), [(catboost.CatBoostClassifier, CLASS), (catboost.CatBoostRegressor, NUMBER)]
)
def test_a_catboost_file_is_packed_without_a_pickle(kind, truth, tmp_path):
    model = kind(iterations=5, depth=3, verbose=False, allow_writing_files=False).fit(X, truth)
    model.save_model(str(tmp_path / "model.cbm"))

    bundle = podium.pack(tmp_path / "model.cbm", X, truth, name="m", path=tmp_path)

    assert bundle.is_compiled
    np.testing.assert_allclose(bundle.predict(X).predictions, model.predict(X), rtol=1e-9)


def mlflow_folder(folder, flavour, file):
    folder.mkdir(exist_ok=True)
    key = "pickled_model" if flavour == "sklearn" else "data"
    (folder / "MLmodel").write_text(
        "artifact_path: model\nflavors:\n  python_function:\n    loader_module: mlflow\n"
        f"  {flavour}:\n    {key}: {file}\nmlflow_version: 3.1.0\n"
    )
    return folder


def test_an_mlflow_folder_of_scikit_learn_is_a_pickle_that_needs_trust(tmp_path):
    folder = mlflow_folder(tmp_path / "model", "sklearn", "model.pkl")
    model = LinearRegression().fit(X, NUMBER)
    joblib.dump(model, folder / "model.pkl")

    with pytest.raises(UntrustedModel) as caught:
        podium.pack(folder, X, NUMBER, name="m", path=tmp_path)
    bundle = podium.pack(
        folder, X, NUMBER, name="m", path=tmp_path, trust=f"sha256:{caught.value.digest}"
    )

    np.testing.assert_allclose(bundle.predict(X).predictions, model.predict(X))


def test_an_mlflow_folder_of_a_booster_needs_none(tmp_path):
    folder = mlflow_folder(tmp_path / "model", "xgboost", "model.ubj")
    model = xgboost.XGBRegressor(n_estimators=3).fit(X, NUMBER)
    model.save_model(folder / "model.ubj")

    bundle = podium.pack(folder, X, NUMBER, name="m", path=tmp_path)

    np.testing.assert_allclose(bundle.predict(X).predictions, model.predict(X), rtol=1e-5)


def test_an_mlflow_folder_can_name_no_file_elsewhere(tmp_path):
    folder = mlflow_folder(tmp_path / "model", "sklearn", "../../etc/passwd")

    with pytest.raises(SetupError, match="outside its folder"):
        mlflow_file(folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("flavors: {spark: {}}", "no supported flavour"),
        ("flavors: [", "can't be read"),
        ("nothing: 1", "can't be read"),
        ("flavors: {sklearn: {}}", "can't be read"),
    ],
)
def test_a_folder_that_cannot_be_read_says_why(text, said, tmp_path):
    (tmp_path / "MLmodel").write_text(text)

    with pytest.raises(SetupError, match=said):
        mlflow_file(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", b'{"learner": 3}'),
        ("a.txt", b"tree\nversion=v4\n"),
        ("a.cbm", b"CBM1 and no more"),
    ],
)
def test_half_a_file_of_a_booster_is_refused(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(SetupError, match="can't load"):
        load_model_file(tmp_path / name, ())
