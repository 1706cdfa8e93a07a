"""What a model refers to: refused where nothing else can import it, named where it is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import catboost
import joblib
import lightgbm
import msgspec
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import podium
from podium.bundle.libraries import packages_in
from podium.bundle.trust import file_digest
from podium.cli.pack import packed
from podium.errors import BundleError, MissingExtra, ModelError, SetupError

RANDOM = np.random.default_rng(0)
ROWS = pd.DataFrame({"a": RANDOM.normal(size=60), "b": RANDOM.normal(size=60)})
SUM = (ROWS.a * 10 + ROWS.b).rename("t")

SCRIPT = """
import functools, json, pickle, sys
import joblib, numpy as np, pandas as pd, podium
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

class Doubler(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None): return self
    def transform(self, X): return np.asarray(X) * (2 if len(X) else 1)  # so it isn't compiled
    def times(self, X): return X * (2 if len(X) else 1)
    def __sklearn_is_fitted__(self): return True

def twice(X): return X * (2 if len(X) else 1)

def made():
    def inner(X): return X * (2 if len(X) else 1)
    return inner

X = pd.DataFrame({"a": [1.0, 2.0, 4.0, 7.0], "b": [3.0, 1.0, 2.0, 2.0]})
y = X.a + X.b
steps = {
    "class": Doubler(),
    "deep": make_column_transformer((FeatureUnion([("d", make_pipeline(Doubler()))]), ["a"])),
    "function": FunctionTransformer(twice),
    "partial": FunctionTransformer(functools.partial(twice)),
    "method": FunctionTransformer(Doubler().times),
    "lambda": FunctionTransformer(lambda X: X * (2 if len(X) else 1)),
    "inner": FunctionTransformer(made()),
}
said = {}
for name, step in steps.items():
    model = make_pipeline(step, StandardScaler(), LinearRegression()).fit(X, y)
    try:
        podium.pack(model, X, y, name="m")
    except podium.PodiumError as error:
        said[name] = [type(error).__name__, error.message, error.hint]
model = make_pipeline(Doubler(), LinearRegression()).fit(X, y)
pickle.dump(model, open("plain.pkl", "wb"))
joblib.dump(model, "small.joblib", compress=3)
X.assign(t=y).to_csv("rows.csv", index=False)
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory) -> tuple[Path, dict[str, list[str]]]:
    """The folder in which a training script ran, and what it was told."""
    folder = tmp_path_factory.mktemp("script")
    (folder / "train.py").write_text(SCRIPT, "utf-8")
    done = subprocess.run(
        [sys.executable, "train.py"], cwd=folder, capture_output=True, text=True, check=True
    )
    return folder, json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "named"),
    [
        ("class", "the class Doubler of the script train.py"),
        ("deep", "the class Doubler of the script train.py"),
        ("function", "the function twice of the script train.py, line"),
        ("partial", "the function twice of the script train.py"),
        ("method", "the class Doubler of the script train.py"),
        ("lambda", "a lambda of the script train.py, line"),
        ("inner", "the function made.inner of the script train.py"),
    ],
)
def test_what_a_script_defines_is_refused_by_name_with_what_to_do(step, named, script):
    folder, said = script

    kind, message, hint = said[step]

    assert kind == "SetupError"
    assert named in message
    assert "installed package" in hint
    assert "@podium.model" in hint
    assert not (folder / "m.podium").exists()


@pytest.mark.slow
@pytest.mark.parametrize("file", ["plain.pkl", "small.joblib"])
def test_a_file_that_a_script_wrote_says_which_class_to_move(file, script):
    folder, _ = script
    trust = f"sha256:{file_digest(folder / file)}"

    with pytest.raises(SetupError, match="needs Doubler of the script") as caught:
        packed(str(folder / file), data=folder / "rows.csv", target="t", trust=(trust,))

    assert "installed package" in caught.value.hint


class Half(TransformerMixin, BaseEstimator):
    """Of this module, which belongs to no package."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.asarray(X) / (2 if len(X) else 1)  # so it isn't compiled


@pytest.mark.slow
def test_a_module_of_no_package_is_packed_with_a_note(tmp_path):
    model = make_pipeline(Half(), LinearRegression()).fit(ROWS, SUM)

    bundle = podium.pack(model, ROWS, SUM, name="half", path=tmp_path)

    assert any(f"the module {__name__.split('.')[0]}" in note for note in bundle.card.notes)


def test_a_function_of_an_installed_library_is_no_reason_to_refuse(tmp_path):
    model = make_pipeline(FunctionTransformer(np.nan_to_num), LinearRegression()).fit(ROWS, SUM)

    bundle = podium.pack(model, ROWS, SUM, name="n", path=tmp_path)

    assert bundle.card.notes == ()
    assert set(bundle.card.libraries) == {"numpy", "pandas", "podium", "scikit-learn"}


def regression():
    import statsmodels.api as sm  # takes half a second to load

    return sm.OLS(SUM, ROWS)


# What fits a model, the libraries on its card, and what it needs where it is served.
ORIGINALS = {
    "statsmodels": (lambda: regression().fit(), {"statsmodels"}, ("pandas",)),
    "catboost": (
        lambda: catboost.CatBoostRegressor(3, verbose=0, allow_writing_files=False).fit(ROWS, SUM),
        {"catboost"},
        ("catboost", "pandas"),
    ),
    "lightgbm": (
        lambda: lightgbm.LGBMRegressor(n_estimators=3, verbose=-1).fit(ROWS, SUM),
        {"lightgbm", "scikit-learn"},
        ("lightgbm", "pandas", "sklearn"),
    ),
    "xgboost": (
        lambda: xgboost.XGBRegressor(n_estimators=3).fit(ROWS, SUM),
        {"scikit-learn", "xgboost-cpu"},
        ("pandas", "sklearn", "xgboost"),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("library", ["statsmodels", "catboost", "lightgbm", "xgboost"])
def test_the_card_names_the_libraries_of_the_model_and_no_others(library, tmp_path):
    fit, own, requires = ORIGINALS[library]

    bundle = podium.pack(fit(), ROWS, SUM, name="m", path=tmp_path, compiles=False)

    assert {*bundle.card.libraries} - {"numpy", "pandas", "podium", "pyarrow", "scipy"} == own
    assert bundle.requires == requires


@pytest.mark.slow
@pytest.mark.parametrize(
    ("library", "command"),
    [
        ("statsmodels", "pip install statsmodels"),
        ("catboost", "catboost"),
        ("lightgbm", "lightgbm"),
    ],
)
def test_a_library_that_is_missing_where_it_is_served_is_named(
    library, command, tmp_path, monkeypatch
):
    fit, _, _ = ORIGINALS[library]
    bundle = podium.pack(fit(), ROWS, SUM, name="m", path=tmp_path, compiles=False)
    again = podium.load(bundle.path, trust=f"sha256:{bundle.options['sha256']}")
    needs = bundle.options.get("packages", ())
    for module in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.setattr("podium.bundle.libraries.installed", lambda name: "")

    with pytest.raises(MissingExtra, match=f"m needs {library}, which is not installed") as caught:
        again.start()

    assert command in caught.value.hint
    assert "sklearn" not in caught.value.hint
    assert list(needs) == (["statsmodels"] if library == "statsmodels" else [])


def test_a_bundle_can_name_no_option_of_pip():
    assert packages_in({"packages": ["--index-url=x", "a b", "fine-one", 3]}) == ("fine-one",)
    assert packages_in({"packages": "fine"}) == ()


@pytest.fixture
def older(tmp_path):
    """A bundle that says it was packed with an older scikit-learn."""
    bundle = podium.pack(
        LinearRegression().fit(ROWS, SUM), ROWS, SUM, name="old", path=tmp_path, compiles=False
    )
    libraries = bundle.card.libraries | {"scikit-learn": "1.0.2", "numpy": "1; rm"}
    bundle.card = msgspec.structs.replace(bundle.card, libraries=libraries)
    return bundle


def test_a_model_that_raises_in_another_version_names_both(older):
    older.start()
    del older.runtime.estimator.coef_

    with pytest.raises(ModelError, match="raised AttributeError") as caught:
        older.predict({"a": 1.0, "b": 2.0})

    assert f"scikit-learn 1.0.2 ({__import__('sklearn').__version__} is installed here)" in str(
        caught.value.message
    )
    assert "pip install scikit-learn==1.0.2;" in caught.value.hint
    assert "rm" not in caught.value.hint


def test_a_model_that_can_not_be_loaded_in_another_version_names_both(older, monkeypatch):
    def fails(*_args, **_kwargs):
        raise AttributeError("no such attribute")

    monkeypatch.setattr("skops.io.loads", fails)

    with pytest.raises(BundleError, match=r"it was packed with scikit-learn 1\.0\.2"):
        older.start()


def test_a_model_that_raises_in_the_version_that_packed_it_blames_no_version(tmp_path):
    bundle = podium.pack(
        LinearRegression().fit(ROWS, SUM), ROWS, SUM, name="m", path=tmp_path, compiles=False
    )
    bundle.start()
    del bundle.runtime.estimator.coef_

    with pytest.raises(ModelError) as caught:
        bundle.predict({"a": 1.0, "b": 2.0})

    assert caught.value.message == "the model raised AttributeError"


def test_a_pickle_of_another_version_that_fails_names_both(tmp_path):
    model = NearestNeighbors().fit(ROWS)
    joblib.dump(model, tmp_path / "m.joblib")
    content = (tmp_path / "m.joblib").read_bytes()
    now = __import__("sklearn").__version__.encode()
    other = content.replace(now, b"0" + now[1:]).replace(b"_unsupervised", b"_unsupervisex")
    (tmp_path / "m.joblib").write_bytes(other)

    with pytest.raises((BundleError, SetupError)) as caught:
        podium.pack(
            tmp_path / "m.joblib",
            ROWS,
            SUM,
            name="m",
            trust=f"sha256:{file_digest(tmp_path / 'm.joblib')}",
        )

    assert f"scikit-learn 0{now[1:].decode()} wrote it" in str(caught.value)
