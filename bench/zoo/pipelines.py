"""Pipelines as tutorials, galleries and beginners' notebooks write them, on real data."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from bench.zoo.case import Case
from bench.zoo.data import file_of, rows_of
from sklearn import (
    calibration,
    cluster,
    datasets,
    decomposition,
    discriminant_analysis,
    ensemble,
    feature_selection,
    gaussian_process,
    linear_model,
    multiclass,
    naive_bayes,
    neighbors,
    neural_network,
    preprocessing,
    svm,
    tree,
)
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import (
    ColumnTransformer,
    TransformedTargetRegressor,
    make_column_selector,
    make_column_transformer,
)
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

TITLE = "Pipelines in the manner of tutorials and notebooks"


class ColumnsOf(BaseEstimator, TransformerMixin):
    """Some columns of a frame."""

    def __init__(self, names=()):
        self.names = names

    def fit(self, _, y=None):  # noqa: ARG002 - as scikit-learn calls it
        return self

    def transform(self, X):
        return X[list(self.names)]


class Outliers(BaseEstimator, TransformerMixin):
    """Numbers beyond 1.5 times the range between quartiles become its ends."""

    def fit(self, X, y=None):  # noqa: ARG002 - as scikit-learn calls it
        low, high = np.nanpercentile(X, [25, 75], axis=0)
        self.low_, self.high_ = low - 1.5 * (high - low), high + 1.5 * (high - low)
        return self

    def transform(self, X):
        return np.clip(X, self.low_, self.high_)


class GroupMeans(BaseEstimator, TransformerMixin):
    """The mean of the weights of each origin."""

    def fit(self, X, y=None):  # noqa: ARG002 - as scikit-learn calls it
        self.means_ = X.groupby("Origin")["Weight_in_lbs"].mean()
        self.mean_ = X["Weight_in_lbs"].mean()
        return self

    def transform(self, X):
        X = X[["Displacement", "Weight_in_lbs", "Origin"]].copy()
        X["mean"] = X["Origin"].map(self.means_).fillna(self.mean_)
        X["relative"] = X["Weight_in_lbs"] / X["mean"]
        return X.drop(columns="Origin")


class TopCategories(BaseEstimator, TransformerMixin):
    """Rare labels become one."""

    def __init__(self, n_most=2):
        self.n_most = n_most

    def fit(self, X, y=None):  # noqa: ARG002 - as scikit-learn calls it
        self.kept_ = {name: X[name].value_counts().index[: self.n_most].tolist() for name in X}
        return self

    def transform(self, X):
        X = X.copy()
        for name, kept in self.kept_.items():
            X[name] = X[name].where(X[name].isin(kept), "other")
        return X


@cache
def _mail() -> tuple[Any, Any]:
    """Reports of people and places, as texts and labels."""
    rows = pd.read_csv(file_of("vega_datasets", "_data/la-riots.csv"))
    texts = (rows["address"].fillna("?") + " " + rows["neighborhood"].fillna("?")).tolist()
    return pd.Series(texts, name="text"), (rows["type"] == "Homicide").to_numpy()


@cache
def _weather() -> tuple[Any, Any]:
    rows = pd.read_csv(file_of("vega_datasets", "_data/seattle-weather.csv"), parse_dates=["date"])
    return rows.drop(columns="weather"), rows["weather"]


@cache
def _people() -> tuple[Any, Any]:
    rows = pd.read_csv(file_of("vega_datasets", "_data/la-riots.csv"))
    names = rows["last_name"].fillna("") + ", " + rows["first_name"].fillna("")
    X = rows[["age", "gender", "race", "neighborhood", "death_date"]].assign(name=names)
    return X, (rows["type"] == "Homicide").astype(int)


DATA: dict[str, Callable[[], tuple[Any, Any]]] = {
    "mail": _mail,
    "weather": _weather,
    "people": _people,
    "digits": lambda: datasets.load_digits(return_X_y=True),
    "wine numbers": lambda: datasets.load_wine(return_X_y=True),
    "diabetes frame": lambda: datasets.load_diabetes(return_X_y=True, as_frame=True),
}
NUMBERS, WORDS = (
    make_column_selector(dtype_include="number"),
    make_column_selector(dtype_exclude="number"),
)
LOGISTIC = linear_model.LogisticRegression(max_iter=2000)


def mixed(numbers: Any = None, words: Any = None, **options: Any) -> ColumnTransformer:
    """Numbers and words, each in a pipeline, as most tutorials begin."""
    return make_column_transformer(
        (numbers or make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
        (
            words
            or make_pipeline(
                SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
            ),
            WORDS,
        ),
        **options,
    )


def parts_of_day(df):
    df = df.copy()
    df["month"], df["weekday"] = df["date"].dt.month, df["date"].dt.dayofweek
    df["weekend"] = (df["weekday"] >= 5).astype(int)
    return df.drop(columns="date")


def seasons(df):
    angle = 2 * np.pi * df["date"].dt.dayofyear / 365.25
    return df.assign(sin=np.sin(angle), cos=np.cos(angle)).drop(columns="date")


def since(df):
    days = (df["date"] - pd.Timestamp("2012-01-01")).dt.days
    return df.drop(columns="date").assign(days=days, range=df["temp_max"] - df["temp_min"])


def season_names(df):
    month = df["date"].dt.month
    name = np.select([month <= 2, month <= 5, month <= 8], ["winter", "spring", "summer"], "autumn")
    return pd.DataFrame({"season": name, "rain": df["precipitation"], "wind": df["wind"]})


def people(df):
    df = df.copy()
    df["family"] = df["name"].str.split(",").str[0].str.len()
    df["is_young"] = np.where(df["age"] < 25, 1, 0)
    df["age"] = df["age"].fillna(32.0)
    df["gender"] = df["gender"].map({"Male": 1, "Female": 0}).fillna(1)
    return df[["family", "is_young", "age", "gender"]]


def age_bands(df):
    bands = pd.cut(df["age"], [0, 18, 30, 50, 120], labels=["child", "young", "adult", "old"])
    return pd.DataFrame({"band": bands, "race": df["race"].fillna("?").str.lower()})


def death_month(df):
    month = df["death_date"].str[5:7]
    return pd.DataFrame({"month": month.fillna("00"), "race": df["race"].fillna("?")})


def of_penguins(df):
    return df.assign(
        area=df["bill_length_mm"] * df["bill_depth_mm"], heavy=df["body_mass_g"] > 4200
    )


ONE_HOT = OneHotEncoder(handle_unknown="ignore")
TREE = tree.DecisionTreeClassifier(max_depth=5, random_state=0)
FOREST = ensemble.RandomForestClassifier(20, random_state=0)
BOOST = ensemble.HistGradientBoostingClassifier(max_iter=20, random_state=0)

# Of each data set, models by what they are.
MODELS: dict[str, dict[str, Any]] = {
    "penguins": {
        "selectors, logistic": make_pipeline(mixed(), LOGISTIC),
        "selectors, forest": make_pipeline(mixed(), FOREST),
        "selectors, boosting": make_pipeline(mixed(sparse_threshold=0), BOOST),
        "selectors, svc": make_pipeline(mixed(), svm.SVC(probability=True, random_state=0)),
        "selectors, neighbours": make_pipeline(mixed(), neighbors.KNeighborsClassifier()),
        "selectors, network": make_pipeline(
            mixed(), neural_network.MLPClassifier((20,), max_iter=300, random_state=0)
        ),
        "drops first of one-hot": make_pipeline(
            mixed(
                words=make_pipeline(
                    SimpleImputer(strategy="constant", fill_value="missing"),
                    OneHotEncoder(drop="first", handle_unknown="ignore"),
                )
            ),
            LOGISTIC,
        ),
        "ordinal for trees": make_pipeline(
            make_column_transformer(
                (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), WORDS),
                remainder="passthrough",
            ),
            BOOST,
        ),
        "categorical features by name": make_pipeline(
            make_column_transformer(
                (
                    OrdinalEncoder(
                        handle_unknown="use_encoded_value",
                        unknown_value=np.nan,
                        encoded_missing_value=np.nan,
                    ),
                    ["island", "sex"],
                ),
                remainder="passthrough",
            ),
            ensemble.HistGradientBoostingClassifier(categorical_features=[0, 1], random_state=0),
        ),
        "indicator of missing": make_pipeline(
            mixed(numbers=make_union(SimpleImputer(), MissingIndicator(features="all"))), LOGISTIC
        ),
        "imputer with indicator": make_pipeline(
            mixed(numbers=make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())), TREE
        ),
        "nearest imputer": make_pipeline(mixed(numbers=KNNImputer()), LOGISTIC),
        "select k best": make_pipeline(
            mixed(), feature_selection.SelectKBest(feature_selection.f_classif, k=5), LOGISTIC
        ),
        "select percentile": make_pipeline(
            mixed(sparse_threshold=0), feature_selection.SelectPercentile(percentile=60), LOGISTIC
        ),
        "grid search": GridSearchCV(
            Pipeline([("prep", mixed()), ("model", LOGISTIC)]), {"model__C": [0.1, 1.0]}, cv=3
        ),
        "random search": RandomizedSearchCV(
            Pipeline([("prep", mixed()), ("model", FOREST)]),
            {"model__max_depth": [3, 5, None]},
            n_iter=2,
            cv=3,
            random_state=0,
        ),
        "own function first": make_pipeline(FunctionTransformer(of_penguins), mixed(), LOGISTIC),
        "lambda for one column": make_pipeline(
            make_column_transformer(
                (
                    make_pipeline(FunctionTransformer(lambda d: np.log(d) / 2), SimpleImputer()),
                    ["body_mass_g"],
                ),
                (make_pipeline(SimpleImputer(), StandardScaler()), ["bill_length_mm"]),
            ),
            LOGISTIC,
        ),
        "top categories of one's own": make_pipeline(
            make_column_transformer(
                (make_pipeline(TopCategories(), ONE_HOT), ["island"]),
                (SimpleImputer(), ["bill_length_mm", "bill_depth_mm"]),
            ),
            LOGISTIC,
        ),
        "polynomials": make_pipeline(
            mixed(
                numbers=make_pipeline(
                    SimpleImputer(), StandardScaler(), preprocessing.PolynomialFeatures(2)
                )
            ),
            LOGISTIC,
        ),
        "bins": make_pipeline(
            mixed(numbers=make_pipeline(SimpleImputer(), preprocessing.KBinsDiscretizer(4))),
            LOGISTIC,
        ),
        "quantiles": make_pipeline(
            mixed(
                numbers=make_pipeline(
                    SimpleImputer(), preprocessing.QuantileTransformer(n_quantiles=50)
                )
            ),
            LOGISTIC,
        ),
        "yeo-johnson": make_pipeline(
            mixed(numbers=make_pipeline(SimpleImputer(), preprocessing.PowerTransformer())),
            LOGISTIC,
        ),
        "target encoder": make_pipeline(
            mixed(words=preprocessing.TargetEncoder(random_state=0)), LOGISTIC
        ),
        "bagging": make_pipeline(
            mixed(sparse_threshold=0),
            ensemble.BaggingClassifier(TREE, n_estimators=10, random_state=0),
        ),
        "frames between steps": make_pipeline(
            make_column_transformer((SimpleImputer(), NUMBERS)), StandardScaler(), LOGISTIC
        ).set_output(transform="pandas"),
    },
    "cars": {
        "selectors, ridge": make_pipeline(mixed(), linear_model.Ridge()),
        "selectors, lasso cv": make_pipeline(mixed(), linear_model.LassoCV(cv=3)),
        "selectors, elastic net": make_pipeline(mixed(), linear_model.ElasticNet(alpha=0.1)),
        "selectors, forest": make_pipeline(
            mixed(), ensemble.RandomForestRegressor(20, random_state=0)
        ),
        "selectors, boosting": make_pipeline(
            mixed(), ensemble.GradientBoostingRegressor(n_estimators=30, random_state=0)
        ),
        "logarithm of the target": TransformedTargetRegressor(
            make_pipeline(mixed(), linear_model.Ridge()), func=np.log1p, inverse_func=np.expm1
        ),
        "target through a power": TransformedTargetRegressor(
            make_pipeline(mixed(), linear_model.Ridge()),
            transformer=preprocessing.PowerTransformer(),
        ),
        "stacking": make_pipeline(
            mixed(sparse_threshold=0),
            ensemble.StackingRegressor(
                [
                    ("ridge", linear_model.RidgeCV()),
                    ("forest", ensemble.RandomForestRegressor(10, random_state=0)),
                ],
                cv=3,
            ),
        ),
        "voting": make_pipeline(
            mixed(sparse_threshold=0),
            ensemble.VotingRegressor(
                [
                    ("ridge", linear_model.Ridge()),
                    ("tree", tree.DecisionTreeRegressor(max_depth=4)),
                ]
            ),
        ),
        "group means of one's own": make_pipeline(GroupMeans(), linear_model.LinearRegression()),
        "columns of one's own": make_pipeline(
            ColumnsOf(["Displacement", "Weight_in_lbs"]), linear_model.LinearRegression()
        ),
        "union of own columns": make_pipeline(
            FeatureUnion(
                [
                    ("a", make_pipeline(ColumnsOf(["Displacement"]), StandardScaler())),
                    ("b", make_pipeline(ColumnsOf(["Horsepower"]), SimpleImputer())),
                ]
            ),
            linear_model.LinearRegression(),
        ),
        "support vectors": make_pipeline(mixed(), svm.SVR(C=10)),
        "splines": make_pipeline(
            mixed(numbers=make_pipeline(SimpleImputer(), preprocessing.SplineTransformer(4))),
            linear_model.Ridge(),
        ),
        "huber": make_pipeline(
            mixed(sparse_threshold=0), linear_model.HuberRegressor(max_iter=500)
        ),
        "poisson": make_pipeline(mixed(), linear_model.PoissonRegressor(max_iter=500)),
        "gaussian process": make_pipeline(
            mixed(sparse_threshold=0),
            gaussian_process.GaussianProcessRegressor(alpha=1.0, normalize_y=True),
        ),
        "recursive elimination": make_pipeline(
            mixed(sparse_threshold=0),
            feature_selection.RFE(linear_model.Ridge(), n_features_to_select=4),
        ),
        "grid over steps": GridSearchCV(
            Pipeline([("prep", mixed()), ("model", linear_model.Ridge())]),
            {"model": [linear_model.Ridge(), linear_model.Lasso(alpha=0.01)]},
            cv=3,
        ),
        "dummies before": make_pipeline(
            FunctionTransformer(lambda d: d.assign(usa=(d["Origin"] == "USA") * 1)),
            make_column_transformer((SimpleImputer(), NUMBERS)),
            linear_model.Ridge(),
        ),
    },
}


MODELS |= {
    "mail": {
        "tf-idf, logistic": make_pipeline(TfidfVectorizer(), LOGISTIC),
        "tf-idf of pairs": make_pipeline(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LOGISTIC
        ),
        "counts, naive bayes": make_pipeline(
            CountVectorizer(stop_words="english"), naive_bayes.MultinomialNB()
        ),
        "binary counts, bernoulli": make_pipeline(
            CountVectorizer(binary=True), naive_bayes.BernoulliNB()
        ),
        "characters, svm": make_pipeline(
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 3)), svm.LinearSVC()
        ),
        "hashed, sgd": make_pipeline(
            HashingVectorizer(n_features=512), linear_model.SGDClassifier(random_state=0)
        ),
        "latent semantics": make_pipeline(
            TfidfVectorizer(), decomposition.TruncatedSVD(10, random_state=0), LOGISTIC
        ),
        "best terms": make_pipeline(
            CountVectorizer(), feature_selection.SelectKBest(feature_selection.chi2, k=40), LOGISTIC
        ),
        "split by python": make_pipeline(
            CountVectorizer(tokenizer=str.split, token_pattern=None), LOGISTIC
        ),
        "lowered by python": make_pipeline(TfidfVectorizer(preprocessor=str.lower), LOGISTIC),
        "cleaned by a lambda": make_pipeline(
            TfidfVectorizer(preprocessor=lambda s: s.lower().replace("st.", "street")), LOGISTIC
        ),
        "cleaned before": make_pipeline(
            FunctionTransformer(lambda s: s.str.lower().str.replace("&", "and")),
            TfidfVectorizer(),
            LOGISTIC,
        ),
        "trees of terms": make_pipeline(CountVectorizer(max_features=50), FOREST),
        "grid over pairs": GridSearchCV(
            Pipeline([("v", TfidfVectorizer()), ("m", LOGISTIC)]), {"v__min_df": [1, 2]}, cv=3
        ),
    },
    "weather": {
        "parts of the date": make_pipeline(
            FunctionTransformer(parts_of_day), StandardScaler(), LOGISTIC
        ),
        "parts, trees": make_pipeline(FunctionTransformer(parts_of_day), FOREST),
        "seasons as a circle": make_pipeline(
            FunctionTransformer(seasons), StandardScaler(), LOGISTIC
        ),
        "days since": make_pipeline(FunctionTransformer(since), StandardScaler(), LOGISTIC),
        "names of seasons": make_pipeline(
            FunctionTransformer(season_names),
            make_column_transformer((ONE_HOT, ["season"]), remainder="passthrough"),
            LOGISTIC,
        ),
        "date in a column transformer": make_pipeline(
            make_column_transformer(
                (
                    FunctionTransformer(lambda d: d[["date"]].assign(date=d["date"].dt.month)),
                    ["date"],
                ),
                (StandardScaler(), ["temp_max", "temp_min", "wind"]),
            ),
            BOOST,
        ),
        "day names": make_pipeline(
            FunctionTransformer(
                lambda d: pd.DataFrame({"day": d["date"].dt.day_name(), "wind": d["wind"]})
            ),
            make_column_transformer((ONE_HOT, ["day"]), remainder="passthrough"),
            TREE,
        ),
    },
    "people": {
        "families": make_pipeline(FunctionTransformer(people), StandardScaler(), LOGISTIC),
        "bands of age": make_pipeline(FunctionTransformer(age_bands), ONE_HOT, LOGISTIC),
        "months of texts": make_pipeline(FunctionTransformer(death_month), ONE_HOT, LOGISTIC),
        "text beside numbers": make_pipeline(
            make_column_transformer(
                (TfidfVectorizer(analyzer="char", ngram_range=(1, 2)), "name"),
                (SimpleImputer(), ["age"]),
                (
                    make_pipeline(
                        SimpleImputer(strategy="constant", fill_value="?"),
                        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=5),
                    ),
                    ["race", "neighborhood"],
                ),
            ),
            LOGISTIC,
        ),
    },
    "iris": {
        "scaled neighbours": make_pipeline(StandardScaler(), neighbors.KNeighborsClassifier()),
        "components, logistic": make_pipeline(StandardScaler(), decomposition.PCA(2), LOGISTIC),
        "union of components and best": make_pipeline(
            make_union(decomposition.PCA(2), feature_selection.SelectKBest(k=1)),
            svm.SVC(kernel="linear"),
        ),
        "discriminants": make_pipeline(
            StandardScaler(), discriminant_analysis.LinearDiscriminantAnalysis()
        ),
        "kernel approximation": make_pipeline(
            StandardScaler(), Nystroem(n_components=20, random_state=0), svm.LinearSVC()
        ),
        "random features": make_pipeline(RBFSampler(gamma=0.5, random_state=0), LOGISTIC),
        "one against the rest": multiclass.OneVsRestClassifier(
            make_pipeline(StandardScaler(), LOGISTIC)
        ),
        "voting, soft": ensemble.VotingClassifier(
            [("a", LOGISTIC), ("b", FOREST), ("c", naive_bayes.GaussianNB())], voting="soft"
        ),
        "stacking": ensemble.StackingClassifier(
            [("a", FOREST), ("b", make_pipeline(StandardScaler(), svm.LinearSVC()))],
            LOGISTIC,
            cv=3,
        ),
        "calibrated": calibration.CalibratedClassifierCV(
            make_pipeline(StandardScaler(), svm.LinearSVC()), cv=3
        ),
        "isotonic": calibration.CalibratedClassifierCV(
            naive_bayes.GaussianNB(), method="isotonic", cv=3
        ),
        "own products": make_pipeline(
            FunctionTransformer(lambda X: np.c_[X, X[:, 0] * X[:, 1]]), StandardScaler(), LOGISTIC
        ),
        "outliers of one's own": make_pipeline(Outliers(), StandardScaler(), LOGISTIC),
        "clusters as features": make_pipeline(
            cluster.KMeans(5, n_init=3, random_state=0), LOGISTIC
        ),
        "adaboost": ensemble.AdaBoostClassifier(TREE, n_estimators=10, random_state=0),
        "extra trees": ensemble.ExtraTreesClassifier(20, random_state=0),
    },
    "breast_cancer": {
        "scaled logistic": make_pipeline(StandardScaler(), LOGISTIC),
        "robust, l1": make_pipeline(
            preprocessing.RobustScaler(),
            linear_model.LogisticRegression(l1_ratio=1, solver="liblinear", C=0.5),
        ),
        "from model": make_pipeline(
            StandardScaler(),
            feature_selection.SelectFromModel(
                linear_model.LogisticRegression(l1_ratio=1, solver="liblinear", C=0.5)
            ),
            FOREST,
        ),
        "tuned threshold": TunedThresholdClassifierCV(
            make_pipeline(StandardScaler(), LOGISTIC), cv=3
        ),
        "fixed threshold": FixedThresholdClassifier(
            make_pipeline(StandardScaler(), LOGISTIC), threshold=0.3
        ),
        "variance threshold": make_pipeline(
            feature_selection.VarianceThreshold(0.01), StandardScaler(), LOGISTIC
        ),
        "sequential selection": make_pipeline(
            StandardScaler(),
            feature_selection.SequentialFeatureSelector(
                linear_model.RidgeClassifier(), n_features_to_select=4, cv=2
            ),
            LOGISTIC,
        ),
        "normalized rows": make_pipeline(preprocessing.Normalizer(), svm.SVC(gamma="auto")),
        "isolation": ensemble.IsolationForest(n_estimators=20, random_state=0),
        "network": make_pipeline(
            StandardScaler(), neural_network.MLPClassifier((10,), max_iter=200, random_state=0)
        ),
    },
    "digits": {
        "components, svc": make_pipeline(decomposition.PCA(20, random_state=0), svm.SVC()),
        "scaled, sgd": make_pipeline(
            preprocessing.MinMaxScaler(), linear_model.SGDClassifier(random_state=0)
        ),
        "factors": make_pipeline(decomposition.FactorAnalysis(10, random_state=0), LOGISTIC),
        "forest": ensemble.RandomForestClassifier(30, random_state=0),
    },
    "diabetes frame": {
        "polynomial ridge": make_pipeline(
            preprocessing.PolynomialFeatures(2, include_bias=False),
            StandardScaler(),
            linear_model.Ridge(),
        ),
        "partial least squares of components": make_pipeline(
            StandardScaler(), decomposition.PCA(5), linear_model.LinearRegression()
        ),
        "bayesian ridge": make_pipeline(StandardScaler(), linear_model.BayesianRidge()),
        "quantile": make_pipeline(
            StandardScaler(), linear_model.QuantileRegressor(quantile=0.9, alpha=0.1)
        ),
        "boosted quantile": ensemble.GradientBoostingRegressor(
            loss="quantile", alpha=0.9, n_estimators=30, random_state=0
        ),
        "neighbours by distance": make_pipeline(
            StandardScaler(), neighbors.KNeighborsRegressor(weights="distance")
        ),
        "target between 0 and 1": TransformedTargetRegressor(
            linear_model.Ridge(), transformer=preprocessing.MinMaxScaler()
        ),
        "tree": tree.DecisionTreeRegressor(max_depth=6, random_state=0),
    },
    "linnerud": {
        "several numbers": make_pipeline(StandardScaler(), linear_model.Ridge()),
        "several by trees": ensemble.RandomForestRegressor(10, random_state=0),
    },
}


def _fitted(data: str, model: Any) -> tuple[Any, Any]:
    X, y = DATA[data]() if data in DATA else rows_of(data)
    return model.fit(X, y), X


CASES = [
    Case(f"{data}: {name}", lambda data=data, model=model: _fitted(data, model))
    for data, models in MODELS.items()
    for name, model in models.items()
]
