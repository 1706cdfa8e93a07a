"""What `compile.py` measures: models of every family that compiles, and the rows to ask them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from catboost import CatBoostClassifier, CatBoostRegressor
from category_encoders import CatBoostEncoder
from feature_engine.encoding import MeanEncoder, RareLabelEncoder
from feature_engine.imputation import MeanMedianImputer
from imblearn.ensemble import BalancedRandomForestClassifier
from imblearn.pipeline import make_pipeline as make_sampling_pipeline
from imblearn.under_sampling import RandomUnderSampler
from interpret.glassbox import ExplainableBoostingRegressor
from lightgbm import LGBMClassifier, LGBMRegressor
from mlxtend.regressor import StackingRegressor as MlxtendStacking
from sklearn import datasets
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingRegressor,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingRegressor,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, Matern, WhiteKernel
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    SGDClassifier,
)
from sklearn.mixture import GaussianMixture
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    LocalOutlierFactor,
    NearestCentroid,
)
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC, SVR, LinearSVC
from sklearn.tree import DecisionTreeRegressor
from sklego.preprocessing import ColumnCapper
from skrub import tabular_pipeline
from xgboost import XGBRegressor

N_ROWS = 10_000
SEED: dict[str, Any] = {"random_state": 0}
# Boosters as many people leave them, in one thread.
XGB: dict[str, Any] = {"n_estimators": 100, "n_jobs": 1, **SEED}
LGBM: dict[str, Any] = {"n_estimators": 100, "n_jobs": 1, "verbose": -1, **SEED}
CAT: dict[str, Any] = {
    "iterations": 100,
    "thread_count": 1,
    "verbose": 0,
    "allow_writing_files": False,
    "random_seed": 0,
}


def numbers() -> pd.DataFrame:
    """Eight columns of numbers."""
    random = np.random.default_rng(0)
    return pd.DataFrame({f"x{i}": random.normal(i, 1 + i, N_ROWS) for i in range(8)})


def mixed() -> pd.DataFrame:
    """Five columns of numbers, some missing, and three of words."""
    random = np.random.default_rng(1)
    rows = numbers().iloc[:, :5].copy()
    rows.iloc[::19, 2] = np.nan
    rows["city"] = random.choice([f"city {i}" for i in range(20)], N_ROWS)
    rows["plan"] = random.choice(["free", "basic", "pro"], N_ROWS)
    rows["device"] = random.choice(["phone", "desktop", "tablet", "tv"], N_ROWS)
    return rows


def gaps() -> pd.DataFrame:
    """Numbers of which some are missing."""
    rows = numbers()
    random = np.random.default_rng(4)
    return rows.mask(random.random(rows.shape) < 0.03)


def iris() -> pd.DataFrame:
    """Flowers, drawn again and again: many are equally near."""
    rows = datasets.load_iris(as_frame=True).data
    return rows.sample(N_ROWS, replace=True, random_state=0).reset_index(drop=True)


def lines() -> pd.DataFrame:
    """Lines of English."""
    names = ("iris", "wine", "breast_cancer", "diabetes", "linnerud", "digits")
    texts = [t for n in names for t in getattr(datasets, f"load_{n}")().DESCR.splitlines() if t]
    return pd.DataFrame({"text": np.random.default_rng(5).choice(texts, N_ROWS)})


def target(rows: pd.DataFrame) -> Any:
    """A number a row: a curve of some columns, and noise."""
    if "text" in rows:
        return rows["text"].str.len().astype(float)
    first, second, *_, last = (rows.iloc[:, i].fillna(0.0) for i in range(4))
    noise = np.random.default_rng(2).normal(size=len(rows))
    return first * 2 + np.sin(second) * 3 + last + noise


def columns(rows: pd.DataFrame, words: Any = None) -> ColumnTransformer:
    """Numbers filled and scaled, words one-hot or as told."""
    names = [name for name in rows if rows[name].dtype.kind != "f"]
    numeric = [name for name in rows if name not in names]
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numeric),
            ("words", words or OneHotEncoder(handle_unknown="ignore", sparse_output=False), names),
        ]
    )


def own(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns made as notebooks make them."""
    plans = {"free": 0.0, "basic": 1.0, "pro": 2.0}
    return frame.assign(
        x2=frame["x2"].fillna(0.0),
        share=frame["x0"] / (frame["x1"].abs() + 1.0),
        size=np.log1p(frame["x3"].clip(lower=0.0)),
        plan=frame["plan"].map(plans),
        is_phone=frame["device"].isin(["phone", "tablet"]).astype(float),
    ).drop(columns=["city", "device"])


@dataclass(frozen=True)
class Case:
    """A model, and the rows that it is fitted on and asked for.

    Attributes:
        make: the model, for these rows.
        rows: of the table.
        n_classes: of a classifier; 0 for a model of numbers, or of no truth.
        n_trained: on so many of the rows it is fitted.
        only_shares: only probabilities are asked for.
    """

    make: Callable[[pd.DataFrame], Any]
    rows: Callable[[], pd.DataFrame] = numbers
    n_classes: int = 0
    n_trained: int = N_ROWS
    only_shares: bool = False

    def truth(self, rows: pd.DataFrame) -> Any:
        """What the model is to learn."""
        y = target(rows)
        if self.n_classes == 0:
            return y - y.min() + 1.0
        return np.array(["high", "low", "middle"])[
            pd.qcut(y, self.n_classes, labels=False, duplicates="drop")
        ]


def _scaled(model: Any, **options: Any) -> Case:
    return Case(lambda _: make_pipeline(StandardScaler(), model), **options)


def _bare(model: Any, **options: Any) -> Case:
    return Case(lambda _: model, **options)


def _columns(model: Any, words: Any = None, **options: Any) -> Case:
    return Case(lambda rows: make_pipeline(columns(rows, words), model), mixed, **options)


def _after(*steps: Any, **options: Any) -> Case:
    return Case(lambda _: make_pipeline(*steps), **options)


@dataclass(frozen=True)
class Formula:
    """A model of statsmodels, as one that is fitted on rows.

    Attributes:
        kind: of `statsmodels.formula.api`.
        text: without the target.
    """

    kind: str
    text: str

    def fit(self, rows: pd.DataFrame, truth: Any) -> Any:
        """What fitting returns."""
        return getattr(smf, self.kind)(f"truth ~ {self.text}", rows.assign(truth=truth)).fit()


KERNEL = RBF(3.0) + WhiteKernel(0.1)
FIXED: dict[str, Any] = {"optimizer": None, **SEED}
FAMILIES: dict[str, dict[str, Case]] = {
    "linear": {
        "scaler + linear regression": _scaled(LinearRegression()),
        "scaler + logistic regression": _scaled(LogisticRegression(), n_classes=2),
        "the same, probabilities only": _scaled(
            LogisticRegression(), n_classes=2, only_shares=True
        ),
        "scaler + logistic regression, 3 classes": _scaled(LogisticRegression(), n_classes=3),
        "the same, probabilities only, 3 classes": _scaled(
            LogisticRegression(), n_classes=3, only_shares=True
        ),
        "columns + logistic regression": _columns(LogisticRegression(max_iter=500), n_classes=2),
        "scaler + Poisson regression": _scaled(PoissonRegressor()),
        "scaler + SGD, 3 classes": _scaled(SGDClassifier(**SEED), n_classes=3),
        "scaler + linear SVC": _scaled(LinearSVC(**SEED), n_classes=2),
    },
    "trees": {
        "tree of depth 12": _bare(DecisionTreeRegressor(max_depth=12, **SEED)),
        "forest, 100 trees of depth 12": _bare(RandomForestRegressor(100, max_depth=12, **SEED)),
        "forest of classes, 100 trees of depth 12": _bare(
            RandomForestClassifier(100, max_depth=12, **SEED), n_classes=2
        ),
        "extra trees, 100": _bare(ExtraTreesRegressor(100, **SEED), n_trained=2_000),
        "isolation forest": _bare(IsolationForest(**SEED)),
    },
    "boosting": {
        "histogram boosting": _bare(HistGradientBoostingRegressor(**SEED)),
        "columns + histogram boosting": _columns(
            HistGradientBoostingClassifier(**SEED), n_classes=2
        ),
        "gradient boosting": _bare(
            GradientBoostingClassifier(**SEED), n_classes=2, n_trained=4_000
        ),
        "XGBoost": _bare(XGBRegressor(**XGB)),
        "LightGBM": _bare(LGBMRegressor(**LGBM)),
        "LightGBM, 3 classes": _bare(LGBMClassifier(**LGBM), n_classes=3),
        "CatBoost": _bare(CatBoostRegressor(**CAT)),
        "CatBoost, 2 classes": _bare(CatBoostClassifier(**CAT), n_classes=2),
        "CatBoost, categories": _bare(
            CatBoostRegressor(cat_features=["city", "plan", "device"], **CAT), rows=mixed
        ),
        "LightGBM, linear trees": _bare(LGBMRegressor(linear_tree=True, **LGBM)),
        "columns + XGBoost": Case(
            lambda rows: TransformedTargetRegressor(
                make_pipeline(columns(rows), XGBRegressor(**XGB)), func=np.log, inverse_func=np.exp
            ),
            mixed,
        ),
    },
    "statistics": {
        "least squares by a formula": Case(
            lambda _: Formula("ols", "C(city) + plan * x0 + I(x1 ** 2) + bs(x3, df=5)"), mixed
        ),
        "generalized linear model by a formula": Case(
            lambda _: Formula("glm", "x0 + x1 * x2 + x3")
        ),
        "explainable boosting machine": _bare(
            ExplainableBoostingRegressor(outer_bags=2, max_rounds=500, **SEED), n_trained=4_000
        ),
    },
    "ensembles": {
        "imbalanced-learn's balanced forest": _bare(
            BalancedRandomForestClassifier(100, max_depth=12, **SEED), n_classes=2
        ),
        "AdaBoost": _bare(AdaBoostClassifier(**SEED), n_classes=2, n_trained=2_000),
        "bagging": _bare(BaggingRegressor(**SEED), n_trained=2_000),
        "voting": _scaled(
            VotingClassifier([("a", LogisticRegression()), ("b", GaussianNB())], voting="soft"),
            n_classes=3,
        ),
        "stacking": _scaled(
            StackingRegressor([("a", Ridge()), ("b", DecisionTreeRegressor(max_depth=5, **SEED))])
        ),
        "mlxtend's stacking": _scaled(
            MlxtendStacking([Ridge(), DecisionTreeRegressor(max_depth=5, **SEED)], Ridge())
        ),
        "calibrated": _scaled(CalibratedClassifierCV(LinearSVC(**SEED)), n_classes=2),
        "one against the rest": _scaled(OneVsRestClassifier(LogisticRegression()), n_classes=3),
    },
    "neighbours": {
        "neighbours, iris": _bare(KNeighborsClassifier(), rows=iris, n_classes=3, n_trained=150),
        "neighbours, iris, brute": _bare(
            KNeighborsClassifier(algorithm="brute"), rows=iris, n_classes=3, n_trained=150
        ),
        "neighbours of 442": _scaled(KNeighborsRegressor(), n_trained=442),
        "neighbours of 442, by distance": _scaled(
            KNeighborsRegressor(weights="distance"), n_trained=442
        ),
        "neighbours of 442, brute": _scaled(KNeighborsRegressor(algorithm="brute"), n_trained=442),
        "neighbours of 5,000": _scaled(KNeighborsClassifier(), n_classes=2, n_trained=5_000),
        "neighbours of 5,000, manhattan": _scaled(
            KNeighborsRegressor(p=1, algorithm="ball_tree"), n_trained=5_000
        ),
        "neighbours of 5,000, brute": _scaled(
            KNeighborsRegressor(algorithm="brute"), n_trained=5_000
        ),
        "local outlier factor": _scaled(LocalOutlierFactor(novelty=True), n_trained=1_000),
        "nearest centroid": _scaled(NearestCentroid(), n_classes=3),
        "neighbours fill gaps": _after(
            KNNImputer(), StandardScaler(), Ridge(), rows=gaps, n_trained=300
        ),
    },
    "kernels": {
        "Gaussian process": _scaled(GaussianProcessRegressor(KERNEL, **FIXED), n_trained=442),
        "Gaussian process, Matern": _scaled(
            GaussianProcessRegressor(Matern(3.0) + WhiteKernel(0.1), **FIXED), n_trained=442
        ),
        "Gaussian process of classes": _scaled(
            GaussianProcessClassifier(1.0 * RBF(3.0), **FIXED), n_classes=2, n_trained=300
        ),
        "kernel ridge": _scaled(KernelRidge(kernel="rbf"), n_trained=442),
        "SVC": _scaled(SVC(), n_classes=3, n_trained=1_000),
        "SVR": _scaled(SVR(), n_trained=1_000),
    },
    "bayes": {
        "Gaussian naive Bayes": _bare(GaussianNB(), n_classes=3),
        "linear discriminant analysis": _bare(LinearDiscriminantAnalysis(), n_classes=3),
        "quadratic discriminant analysis": _bare(QuadraticDiscriminantAnalysis(), n_classes=3),
    },
    "networks": {
        "scaler + MLP of 100": _scaled(
            MLPRegressor(solver="lbfgs", max_iter=5_000, tol=0.1, **SEED), n_trained=500
        ),
    },
    "clusters": {
        "scaler + k-means": _scaled(KMeans(8, n_init=1, **SEED)),
        "Gaussian mixture": _bare(GaussianMixture(3, **SEED)),
    },
    "preprocessing": {
        "PCA + logistic regression": _after(
            StandardScaler(), PCA(4), LogisticRegression(), n_classes=2
        ),
        "polynomials + ridge": _after(StandardScaler(), PolynomialFeatures(), Ridge()),
        "splines + ridge": _after(SplineTransformer(), Ridge()),
        "bins + ridge": _after(KBinsDiscretizer(quantile_method="averaged_inverted_cdf"), Ridge()),
        "powers + ridge": _after(PowerTransformer(), Ridge()),
        "quantiles + ridge": _after(QuantileTransformer(**SEED), Ridge()),
        "selection + ridge": _after(StandardScaler(), SelectKBest(f_regression, k=4), Ridge()),
        "feature_engine's rare labels + ridge": Case(
            lambda _: make_pipeline(
                MeanMedianImputer(), RareLabelEncoder(0.05, 4), MeanEncoder(), Ridge()
            ),
            mixed,
        ),
        "skrub's tabular pipeline + ridge": Case(lambda _: tabular_pipeline(Ridge()), mixed),
        "scikit-lego's capper + ridge": _after(ColumnCapper(), StandardScaler(), Ridge()),
        "imbalanced-learn's sampler + logistic regression": Case(
            lambda _: make_sampling_pipeline(
                RandomUnderSampler(**SEED), StandardScaler(), LogisticRegression()
            ),
            n_classes=2,
        ),
        "a function of one's own + ridge": Case(
            lambda _: make_pipeline(FunctionTransformer(own), StandardScaler(), Ridge()), mixed
        ),
        "target encoder + ridge": _columns(Ridge(), TargetEncoder(target_type="continuous")),
        "category_encoders' CatBoostEncoder + ridge": _columns(Ridge(), CatBoostEncoder()),
    },
    "text": {
        "words + logistic regression": Case(
            lambda _: make_pipeline(
                ColumnTransformer([("t", TfidfVectorizer(), "text")]), LogisticRegression()
            ),
            lines,
            n_classes=2,
        ),
        "words + naive Bayes": Case(
            lambda _: make_pipeline(
                ColumnTransformer([("t", TfidfVectorizer(), "text")]), MultinomialNB()
            ),
            lines,
            n_classes=3,
        ),
    },
    "constants": {"constant": _bare(DummyRegressor())},
}
CASES = {name: case for family in FAMILIES.values() for name, case in family.items()}
