"""Models of imbalanced-learn, as its user guide and tutorials write them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from bench.zoo.case import Case
from bench.zoo.data import rows_of
from imblearn import FunctionSampler
from imblearn.combine import SMOTEENN, SMOTETomek
from imblearn.ensemble import (
    BalancedBaggingClassifier,
    BalancedRandomForestClassifier,
    EasyEnsembleClassifier,
    RUSBoostClassifier,
)
from imblearn.over_sampling import ADASYN, SMOTE, SMOTENC, BorderlineSMOTE, RandomOverSampler
from imblearn.pipeline import Pipeline, make_pipeline
from imblearn.under_sampling import (
    EditedNearestNeighbours,
    InstanceHardnessThreshold,
    NearMiss,
    RandomUnderSampler,
    TomekLinks,
)
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline as ordinary_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

TITLE = "imbalanced-learn: pipelines with samplers, and its ensembles"


def _fit(model: Any, data: str) -> tuple[Any, Any]:
    X, y = rows_of(data)
    return model.fit(X, y), X


def _mixed() -> ColumnTransformer:
    """Numbers filled and scaled, words filled and one-hot, as galleries do it."""
    numbers = ordinary_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    words = ordinary_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    )
    is_number = make_column_selector(dtype_include="number")
    is_word = make_column_selector(dtype_exclude="number")
    return make_column_transformer((numbers, is_number), (words, is_word), sparse_threshold=0)


def _without_outliers(X: Any, y: Any) -> tuple[Any, Any]:
    """The function that the user guide gives to a FunctionSampler."""
    is_normal = IsolationForest(random_state=0).fit_predict(X) == 1
    return X[is_normal], y[is_normal]


def _categories_first() -> tuple[Any, Any]:
    """SMOTENC on raw columns, before they are encoded."""
    X, y = rows_of("penguins")
    X = X.dropna()
    y = y.loc[X.index]
    words = ["island", "sex"]
    encode = ColumnTransformer([("words", OneHotEncoder(), words)], remainder=StandardScaler())
    model = make_pipeline(
        SMOTENC(categorical_features=words, random_state=0), encode, LogisticRegression()
    )
    return model.fit(X, y), X


def _rare(n_rare: int = 40) -> tuple[Any, Any]:
    """The breast cancer data with few malignant tumours."""
    X, y = rows_of("breast_cancer")
    keep = pd.concat([X[y], X[~y].iloc[:n_rare]]).index
    return X.loc[keep], y.loc[keep]


def _rare_fit(model: Any) -> tuple[Any, Any]:
    X, y = _rare()
    return model.fit(X, y), X


def _rare_array_fit(model: Any) -> tuple[Any, Any]:
    X, y = _rare()
    return model.fit(X.to_numpy(), y.to_numpy()), X.to_numpy()


def _searched() -> Any:
    model = Pipeline(
        [
            ("scale", StandardScaler()),
            ("sample", SMOTE(random_state=0)),
            ("classify", LogisticRegression(max_iter=500)),
        ]
    )
    return GridSearchCV(model, {"classify__C": [0.1, 1.0], "sample__k_neighbors": [3, 5]}, cv=3)


def _nested() -> Any:
    inner = make_pipeline(RandomOverSampler(random_state=0), SelectKBest(k=4), LogisticRegression())
    return ordinary_pipeline(_mixed(), CalibratedClassifierCV(inner, cv=3))


TREE = DecisionTreeClassifier(max_depth=4, random_state=0)
RARE: dict[str, Any] = {
    "SMOTE and a logistic regression": make_pipeline(
        StandardScaler(), SMOTE(random_state=0), LogisticRegression()
    ),
    "ADASYN and a forest": make_pipeline(
        ADASYN(random_state=0), RandomForestClassifier(50, random_state=0)
    ),
    "BorderlineSMOTE, PCA and neighbours": make_pipeline(
        StandardScaler(), BorderlineSMOTE(random_state=0), PCA(8), KNeighborsClassifier()
    ),
    "SMOTEENN and a support vector machine": make_pipeline(
        StandardScaler(), SMOTEENN(random_state=0), SVC()
    ),
    "SMOTETomek and gradient boosting": make_pipeline(
        SMOTETomek(random_state=0), GradientBoostingClassifier(n_estimators=30, random_state=0)
    ),
    "over- and undersampling, one after another": make_pipeline(
        SMOTE(sampling_strategy=0.3, random_state=0),
        RandomUnderSampler(sampling_strategy=0.6, random_state=0),
        HistGradientBoostingClassifier(max_iter=30, random_state=0),
    ),
    "NearMiss": make_pipeline(NearMiss(), TREE),
    "TomekLinks and EditedNearestNeighbours": make_pipeline(
        TomekLinks(), EditedNearestNeighbours(), TREE
    ),
    "a search over a pipeline with SMOTE": _searched(),
    "BalancedRandomForestClassifier": BalancedRandomForestClassifier(
        50, sampling_strategy="all", replacement=True, bootstrap=False, random_state=0
    ),
    "EasyEnsembleClassifier": EasyEnsembleClassifier(5, random_state=0),
    "EasyEnsembleClassifier of trees": EasyEnsembleClassifier(8, estimator=TREE, random_state=0),
    "RUSBoostClassifier": RUSBoostClassifier(n_estimators=30, random_state=0),
    "RUSBoostClassifier of trees": RUSBoostClassifier(TREE, n_estimators=20, random_state=0),
    "BalancedBaggingClassifier": BalancedBaggingClassifier(random_state=0),
    "BalancedBaggingClassifier with SMOTE": BalancedBaggingClassifier(
        make_pipeline(StandardScaler(), LogisticRegression()),
        sampler=SMOTE(random_state=0),
        max_features=0.5,
        random_state=0,
    ),
    "BalancedBaggingClassifier of boosting": BalancedBaggingClassifier(
        HistGradientBoostingClassifier(max_iter=20, random_state=0), n_estimators=4, random_state=0
    ),
}
MIXED: dict[str, Any] = {
    "columns, then SMOTE": make_pipeline(_mixed(), SMOTE(random_state=0), LogisticRegression()),
    "columns, then a balanced forest": make_pipeline(
        _mixed(), BalancedRandomForestClassifier(30, random_state=0)
    ),
    "RandomUnderSampler on raw columns": make_pipeline(
        RandomUnderSampler(random_state=0), _mixed(), EasyEnsembleClassifier(4, random_state=0)
    ),
    "RandomOverSampler, then ordinal codes": make_pipeline(
        RandomOverSampler(random_state=0),
        make_column_transformer(
            (
                OrdinalEncoder(encoded_missing_value=-1),
                make_column_selector(dtype_exclude="number"),
            ),
            remainder=SimpleImputer(),
        ),
        RUSBoostClassifier(TREE, n_estimators=10, random_state=0),
    ),
    "a calibrated pipeline with a sampler, inside a pipeline": _nested(),
}
CASES = [
    *(Case(name, lambda model=model: _rare_fit(model)) for name, model in RARE.items()),
    *(Case(name, lambda model=model: _fit(model, "penguins")) for name, model in MIXED.items()),
    Case("SMOTENC before the encoder", _categories_first),
    Case(
        "FunctionSampler with one's own function",
        lambda: _rare_array_fit(
            make_pipeline(
                StandardScaler(), FunctionSampler(func=_without_outliers), LogisticRegression()
            )
        ),
    ),
    Case(
        "InstanceHardnessThreshold",
        lambda: _wine(make_pipeline(InstanceHardnessThreshold(random_state=0), TREE)),
    ),
    Case(
        "three classes, of which one is rare",
        lambda: _wine(BalancedRandomForestClassifier(30, random_state=0)),
    ),
    Case(
        "RUSBoost with three classes",
        lambda: _wine(RUSBoostClassifier(n_estimators=20, random_state=0)),
    ),
]


def _wine(model: Any) -> tuple[Any, Any]:
    X, y = rows_of("wine")
    keep = np.flatnonzero((y != 2) | (np.arange(len(y)) % 4 == 0))
    return model.fit(X.iloc[keep], y.iloc[keep]), X
