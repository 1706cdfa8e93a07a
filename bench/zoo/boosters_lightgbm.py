"""The boosters of LightGBM, as its guide and its users configure them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lightgbm
from bench.zoo.booster_rows import (
    BREAST_CANCER,
    CARS,
    CARS_WORDS,
    DIABETES,
    FLOWERS,
    PENGUINS,
    PENGUINS_WORDS,
    WINE,
    Rows,
    case,
    counts,
    early,
    fitted,
    logistic,
    numbers,
    ranked,
    squared,
    weighted,
)
from bench.zoo.case import Case

LGB: dict[str, Any] = {"n_estimators": 30, "n_jobs": 1, "random_state": 0, "verbose": -1}
LGB_NATIVE: dict[str, Any] = {"num_threads": 1, "seed": 0, "verbose": -1}


def _lgb(name: str, kind: Any, rows: Callable[[], Rows], **options: Any) -> Case:
    return case(f"LightGBM: {name}", lambda: kind(**LGB | options), rows)


def _lgb_native(name: str, rows: Callable[[], Rows], **options: Any) -> Case:
    def fit() -> tuple[Any, Any]:
        X, y = rows()
        return lightgbm.train({**LGB_NATIVE, **options}, lightgbm.Dataset(X, y), 30), X

    def ask(model: Any, X: Any) -> Any:
        return model.predict(X) if options["objective"].startswith("reg") else None

    return Case(f"LightGBM, native: {name}", fit, ask)


LR, LC = lightgbm.LGBMRegressor, lightgbm.LGBMClassifier
LGB_CASES = (
    _lgb("a regression with gaps", LR, CARS),
    _lgb("a regression on an array", LR, DIABETES),
    *(
        _lgb(objective, LR, CARS, objective=objective)
        for objective in (
            "regression_l1",
            "huber",
            "fair",
            "mape",
            "gamma",
            "tweedie",
        )
    ),
    _lgb("poisson", LR, counts, objective="poisson"),
    _lgb("a quantile", LR, CARS, objective="quantile", alpha=0.9),
    _lgb("reg_sqrt", LR, CARS, reg_sqrt=True),
    _lgb("linear trees", LR, DIABETES, linear_tree=True),
    _lgb(
        "linear trees with gaps",
        LR,
        CARS,
        linear_tree=True,
        min_child_samples=10,
    ),
    _lgb("linear trees of classes", LC, WINE, linear_tree=True),
    _lgb("an objective of one's own", LR, CARS, objective=squared),
    _lgb(
        "classes and an objective of one's own",
        LC,
        BREAST_CANCER,
        objective=logistic,
    ),
    _lgb("two classes", LC, BREAST_CANCER),
    _lgb("three classes with gaps", LC, PENGUINS),
    _lgb("classes that are texts", LC, FLOWERS),
    _lgb("one class against the others", LC, WINE, objective="multiclassova"),
    _lgb("cross_entropy", LR, BREAST_CANCER, objective="cross_entropy"),
    _lgb(
        "cross_entropy_lambda",
        LR,
        BREAST_CANCER,
        objective="cross_entropy_lambda",
    ),
    _lgb("an unbalanced target", LC, BREAST_CANCER, is_unbalance=True, sigmoid=0.7),
    _lgb("categories", LR, CARS_WORDS),
    _lgb("categories of classes", LC, PENGUINS_WORDS, min_child_samples=5),
    _lgb("dart", LR, CARS, boosting_type="dart"),
    _lgb("goss", LC, WINE, data_sample_strategy="goss"),
    _lgb(
        "a random forest",
        LR,
        CARS,
        boosting_type="rf",
        subsample=0.6,
        subsample_freq=1,
    ),
    _lgb(
        "a random forest of classes",
        LC,
        WINE,
        boosting_type="rf",
        subsample=0.6,
        subsample_freq=1,
    ),
    _lgb("extra trees", LC, PENGUINS, extra_trees=True),
    _lgb("zeros are missing", LR, DIABETES, zero_as_missing=True),
    _lgb("nothing is missing", LR, CARS, use_missing=False),
    _lgb("monotone constraints", LR, CARS, monotone_constraints=[0, 0, -1, -1]),
    _lgb(
        "regularized and subsampled",
        LC,
        BREAST_CANCER,
        reg_alpha=1,
        reg_lambda=5,
        subsample=0.7,
        subsample_freq=2,
        colsample_bytree=0.6,
        num_leaves=7,
        path_smooth=2,
    ),
    Case(
        "LightGBM: weights", lambda: weighted(LC(class_weight="balanced", **LGB), numbers("wine"))
    ),
    Case(
        "LightGBM: early stopping",
        lambda: early(
            LR(**LGB | {"n_estimators": 200}),
            numbers("cars"),
            callbacks=[lightgbm.early_stopping(3, verbose=False)],
        ),
    ),
    Case(
        "LightGBM: a ranker",
        lambda: fitted(lightgbm.LGBMRanker(**LGB), ranked(), group=[13] * 34),
    ),
    _lgb("linear trees, dart", LR, DIABETES, linear_tree=True, boosting_type="dart"),
    _lgb(
        "a random forest of linear trees",
        LR,
        DIABETES,
        boosting_type="rf",
        subsample=0.6,
        subsample_freq=1,
        linear_tree=True,
    ),
    _lgb_native("a regression", CARS, objective="regression"),
    _lgb_native("two classes", BREAST_CANCER, objective="binary"),
    _lgb_native("three classes", WINE, objective="multiclass", num_class=3),
    _lgb_native("linear trees", DIABETES, objective="regression", linear_tree=True),
)
