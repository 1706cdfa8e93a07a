"""The boosters of XGBoost, as its guide and its users configure them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xgboost
from bench.zoo.booster_rows import (
    BREAST_CANCER,
    CARS,
    CARS_WORDS,
    DIABETES,
    IRIS,
    LINNERUD,
    PENGUINS,
    PENGUINS_WORDS,
    QUERIES,
    WINE,
    Rows,
    case,
    counts,
    early,
    fitted,
    labels,
    lifetimes,
    logistic,
    numbers,
    ranked,
    squared,
    weighted,
    words,
)
from bench.zoo.case import Case
from sklearn.calibration import CalibratedClassifierCV
from sklearn.multioutput import MultiOutputRegressor

XGB: dict[str, Any] = {"n_estimators": 30, "n_jobs": 1, "random_state": 0}


def _xgb(name: str, kind: Any, rows: Callable[[], Rows], **options: Any) -> Case:
    return case(f"XGBoost: {name}", lambda: kind(**XGB | options), rows)


def _xgb_native(name: str, rows: Callable[[], Rows], **options: Any) -> Case:
    def fit() -> tuple[Any, Any]:
        X, y = rows()
        matrix = xgboost.DMatrix(X, y, enable_categorical=True)
        return xgboost.train({"nthread": 1, **options}, matrix, 30), X

    def ask(model: Any, X: Any) -> Any:
        answer = model.predict(xgboost.DMatrix(X, enable_categorical=True))
        return answer if options["objective"].startswith("reg") else None

    return Case(f"XGBoost, native: {name}", fit, ask)


def _xgb_aft() -> tuple[Any, Any]:
    X, y = numbers("diabetes")
    matrix = xgboost.DMatrix(X)
    matrix.set_float_info("label_lower_bound", y)
    matrix.set_float_info("label_upper_bound", np.where(np.arange(len(y)) % 4 == 0, np.inf, y))
    return xgboost.train({"objective": "survival:aft", "nthread": 1}, matrix, 30), X


def _xgb_unseen() -> tuple[Any, Any]:
    """A category that the frame knows and the rows of training don't have."""
    X, y = words("cars")
    seen = (X["Origin"] != "Japan").to_numpy()
    model = xgboost.XGBRegressor(enable_categorical=True, **XGB)
    return model.fit(X[seen], y[seen]), X


R, C = xgboost.XGBRegressor, xgboost.XGBClassifier
XGB_CASES = (
    _xgb("a regression with gaps", R, CARS),
    _xgb("a regression on an array", R, DIABETES),
    *(
        _xgb(objective, R, CARS, objective=objective)
        for objective in (
            "reg:absoluteerror",
            "reg:pseudohubererror",
            "reg:squaredlogerror",
            "reg:gamma",
            "reg:tweedie",
        )
    ),
    _xgb("count:poisson", R, counts, objective="count:poisson"),
    _xgb("a quantile", R, CARS, objective="reg:quantileerror", quantile_alpha=0.8),
    _xgb(
        "three quantiles",
        R,
        CARS,
        objective="reg:quantileerror",
        quantile_alpha=[0.1, 0.5, 0.9],
    ),
    _xgb("survival:cox", R, lifetimes, objective="survival:cox"),
    _xgb("an objective of one's own", R, CARS, objective=squared),
    _xgb(
        "classes and an objective of one's own",
        C,
        BREAST_CANCER,
        objective=logistic,
    ),
    _xgb("two classes", C, BREAST_CANCER),
    _xgb("three classes with gaps", C, PENGUINS),
    _xgb("multi:softmax", C, WINE, objective="multi:softmax"),
    _xgb("binary:hinge", C, BREAST_CANCER, objective="binary:hinge"),
    _xgb("binary:logitraw", C, BREAST_CANCER, objective="binary:logitraw"),
    _xgb("several labels", C, labels),
    _xgb("several labels, trees of all", C, labels, multi_strategy="multi_output_tree"),
    _xgb("several numbers", R, LINNERUD),
    _xgb(
        "several numbers, trees of all",
        R,
        LINNERUD,
        multi_strategy="multi_output_tree",
    ),
    _xgb("categories", R, CARS_WORDS, enable_categorical=True),
    _xgb(
        "categories in sets",
        C,
        PENGUINS_WORDS,
        enable_categorical=True,
        max_cat_to_onehot=1,
    ),
    Case("XGBoost: a category that training never saw", _xgb_unseen),
    _xgb("dart", C, PENGUINS, booster="dart", rate_drop=0.2),
    _xgb("gblinear", R, DIABETES, booster="gblinear"),
    _xgb("gblinear, three classes", C, IRIS, booster="gblinear"),
    _xgb("a random forest", xgboost.XGBRFRegressor, CARS),
    _xgb("a random forest of classes", xgboost.XGBRFClassifier, WINE),
    _xgb(
        "leaves that grow best first",
        R,
        CARS,
        grow_policy="lossguide",
        max_leaves=12,
    ),
    _xgb("tree_method exact", R, CARS, tree_method="exact"),
    _xgb("tree_method approx", C, WINE, tree_method="approx"),
    _xgb("monotone constraints", R, CARS, monotone_constraints=(0, 0, -1, -1)),
    _xgb(
        "interaction constraints",
        R,
        CARS,
        interaction_constraints=[["Cylinders", "Displacement"], ["Horsepower", "Weight_in_lbs"]],
    ),
    _xgb("another value for missing", R, CARS, missing=8.0),
    _xgb(
        "regularized and subsampled",
        C,
        BREAST_CANCER,
        reg_alpha=1,
        reg_lambda=5,
        gamma=0.5,
        subsample=0.7,
        colsample_bytree=0.6,
        scale_pos_weight=2,
    ),
    Case("XGBoost: weights", lambda: weighted(R(**XGB), numbers("cars"))),
    Case(
        "XGBoost: early stopping",
        lambda: early(
            R(**XGB | {"n_estimators": 200, "early_stopping_rounds": 3}),
            numbers("cars"),
            verbose=False,
        ),
    ),
    Case(
        "XGBoost: a ranker",
        lambda: fitted(xgboost.XGBRanker(**XGB), ranked(), qid=QUERIES),
    ),
    _xgb_native("a regression", CARS, objective="reg:squarederror"),
    _xgb_native("two classes", BREAST_CANCER, objective="binary:logistic"),
    _xgb_native("three classes", WINE, objective="multi:softprob", num_class=3),
    case("XGBoost: calibrated", lambda: CalibratedClassifierCV(C(**XGB), cv=2), BREAST_CANCER),
    case("XGBoost: several numbers, one by one", lambda: MultiOutputRegressor(R(**XGB)), LINNERUD),
    _xgb("several trees a round", R, CARS, num_parallel_tree=4, subsample=0.7),
    _xgb("a base score for each class", C, WINE, base_score=[0.2, 0.3, 0.5]),
    Case("XGBoost, native: survival:aft", _xgb_aft, lambda *_: None),
)
