"""The boosters of CatBoost, as its guide and its users configure them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import catboost
from bench.zoo.booster_rows import (
    BREAST_CANCER,
    CARS,
    CARS_WORDS,
    DIABETES,
    FLOWERS,
    LINNERUD,
    PENGUINS,
    PENGUINS_LABELS,
    QUERIES,
    WINE,
    Rows,
    case,
    counts,
    early,
    fitted,
    labels,
    lifetimes,
    numbers,
    ranked,
    words,
)
from bench.zoo.case import Case
from sklearn.calibration import CalibratedClassifierCV

CAT: dict[str, Any] = {
    "iterations": 30,
    "thread_count": 1,
    "random_seed": 0,
    "verbose": 0,
    "allow_writing_files": False,
}


def _cat(name: str, kind: Any, rows: Callable[[], Rows], **options: Any) -> Case:
    return case(f"CatBoost: {name}", lambda: kind(**CAT | options), rows)


def _adelie() -> Rows:
    X, y = PENGUINS_LABELS()
    return X, y == 0


def _coded() -> Rows:
    """Two columns of words, and one of numbers that are codes."""
    X, y = words("cars", as_categories=False)
    return X.assign(
        Cylinders=X["Cylinders"].astype(int), maker=[f"m{n % 60}" for n in range(len(X))]
    ), y


def _reviews() -> Rows:
    """A column of texts beside numbers."""
    X, y = numbers("penguins")
    said = [
        f"a {'heavy' if mass > 4000 else 'light'} bird of {kind}"
        for mass, kind in zip(X["body_mass_g"], y, strict=True)
    ]
    return X.assign(text=said), y


def _cut() -> tuple[Any, Any]:
    """A classifier with another threshold."""
    X, y = BREAST_CANCER()
    model = CC(**CAT).fit(X, y)
    model.set_probability_threshold(0.3)
    return model, X


def _sum() -> tuple[Any, Any]:
    """Two models, added up."""
    X, y = CARS()
    parts = [CR(**CAT | {"random_seed": seed}).fit(X, y) for seed in (1, 2)]
    return catboost.sum_models(parts, weights=[0.5, 0.5]), X


def _pool() -> tuple[Any, Any]:
    X, y = PENGUINS_LABELS()
    pool = catboost.Pool(X, y, cat_features=["island", "sex"])
    return catboost.train(pool, CAT | {"loss_function": "MultiClass"}), X


CR, CC = catboost.CatBoostRegressor, catboost.CatBoostClassifier
WORDS = {"cat_features": ["island", "sex"]}
CODES = {"cat_features": ["Origin", "Cylinders", "maker"]}
CAT_CASES = (
    _cat("a regression with gaps", CR, CARS),
    _cat("a regression on an array", CR, DIABETES),
    *(
        _cat(loss, CR, CARS, loss_function=loss)
        for loss in (
            "MAE",
            "Huber:delta=2",
            "Quantile:alpha=0.9",
            "MAPE",
            "LogCosh",
            "Expectile:alpha=0.3",
            "Tweedie:variance_power=1.5",
        )
    ),
    _cat("Poisson", CR, counts, loss_function="Poisson"),
    _cat(
        "MultiQuantile",
        CR,
        CARS,
        loss_function="MultiQuantile:alpha=0.1,0.5,0.9",
    ),
    _cat("RMSEWithUncertainty", CR, CARS, loss_function="RMSEWithUncertainty"),
    _cat("MultiRMSE", CR, LINNERUD, loss_function="MultiRMSE"),
    _cat("Cox", CR, lifetimes, loss_function="Cox"),
    _cat("two classes", CC, BREAST_CANCER),
    _cat("three classes with gaps", CC, PENGUINS),
    _cat("classes that are texts", CC, FLOWERS),
    _cat("MultiClassOneVsAll", CC, WINE, loss_function="MultiClassOneVsAll"),
    _cat("CrossEntropy", CC, BREAST_CANCER, loss_function="CrossEntropy"),
    _cat(
        "Focal",
        CC,
        BREAST_CANCER,
        loss_function="Focal:focal_alpha=0.4;focal_gamma=1.5",
    ),
    _cat("MultiLogloss", CC, labels, loss_function="MultiLogloss"),
    _cat("MultiCrossEntropy", CC, labels, loss_function="MultiCrossEntropy"),
    _cat("categories", CR, _coded, **CODES),
    _cat(
        "categories of two classes",
        CC,
        _adelie,
        **WORDS,
    ),
    _cat("categories of three classes", CC, PENGUINS_LABELS, **WORDS),
    _cat("categories one by one", CR, _coded, one_hot_max_size=255, **CODES),
    _cat("categories, some one by one", CR, _coded, one_hot_max_size=5, **CODES),
    _cat(
        "categories and borders together",
        CR,
        _coded,
        max_ctr_complexity=5,
        model_size_reg=0,
        **CODES,
    ),
    _cat("categories, each by itself", CR, _coded, max_ctr_complexity=1, **CODES),
    _cat("categories, Lossguide", CR, _coded, grow_policy="Lossguide", **CODES),
    _cat("categories, Depthwise", CC, PENGUINS_LABELS, grow_policy="Depthwise", **WORDS),
    _cat("categories as pandas has them", CR, CARS_WORDS, cat_features=["Origin"]),
    _cat(
        "categories, other counters",
        CR,
        _coded,
        simple_ctr=["BinarizedTargetMeanValue", "Counter"],
        **CODES,
    ),
    _cat(
        "categories, ordered boosting",
        CC,
        PENGUINS_LABELS,
        boosting_type="Ordered",
        **WORDS,
    ),
    _cat("Depthwise", CR, CARS, grow_policy="Depthwise"),
    _cat("a monotone constraint", CR, CARS, monotone_constraints=[0, 0, -1, -1]),
    _cat("class weights", CC, WINE, auto_class_weights="Balanced"),
    _cat(
        "Bernoulli and regularized",
        CC,
        BREAST_CANCER,
        bootstrap_type="Bernoulli",
        subsample=0.7,
        l2_leaf_reg=9,
    ),
    _cat("texts", CC, _reviews, text_features=["text"]),
    Case(
        "CatBoost: early stopping",
        lambda: early(CR(**CAT | {"iterations": 300}), numbers("cars"), early_stopping_rounds=5),
    ),
    Case(
        "CatBoost: a ranker",
        lambda: fitted(catboost.CatBoostRanker(**CAT), ranked(), group_id=QUERIES),
    ),
    case("CatBoost: calibrated", lambda: CalibratedClassifierCV(CC(**CAT), cv=2), BREAST_CANCER),
    Case("CatBoost: another threshold", _cut),
    Case("CatBoost: a sum of models", _sum),
    Case("CatBoost, native: three classes with categories", _pool),
)
