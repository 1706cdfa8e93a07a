"""Models of one's own classes, most of which wrap fitted ones: thresholds, means, hurdles, targets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import check_array, check_is_fitted, check_X_y, validate_data

SIZES = ["Cylinders", "Displacement", "Horsepower", "Weight_in_lbs"]


class Threshold(ClassifierMixin, BaseEstimator):
    """The second class from a threshold of its own on."""

    def __init__(self, model=None, threshold=0.3):
        self.model = model
        self.threshold = threshold

    def fit(self, X, y):
        self.model_ = clone(self.model or make_pipeline(StandardScaler(), LogisticRegression()))
        self.model_.fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X)

    def predict(self, X):
        check_is_fitted(self)
        return (self.predict_proba(X)[:, 1] >= self.threshold).astype(int)


class ThresholdByName(Threshold):
    """The same, with the classes chosen by place."""

    def predict(self, X):
        return self.classes_[(self.predict_proba(X)[:, 1] >= self.threshold).astype(int)]


class ThresholdByWhere(Threshold):
    """The same with texts."""

    def predict(self, X):
        p = self.model_.predict_proba(X)[:, 1]
        return np.where(p > self.threshold, self.model_.classes_[1], self.model_.classes_[0])


class Blend(RegressorMixin, BaseEstimator):
    """The mean of two models."""

    def __init__(self, weight=0.6):
        self.weight = weight

    def fit(self, X, y):
        self.linear_ = make_pipeline(StandardScaler(), Ridge()).fit(X, y)
        self.forest_ = GradientBoostingRegressor(n_estimators=20, random_state=0).fit(X, y)
        return self

    def predict(self, X):
        return self.weight * self.linear_.predict(X) + (1 - self.weight) * self.forest_.predict(X)


class ManyMeans(RegressorMixin, BaseEstimator):
    """The mean of a list of models, by numpy."""

    def fit(self, X, y):
        models = [
            Ridge(),
            RandomForestRegressor(10, max_depth=4, random_state=0),
            LinearRegression(),
        ]
        self.models_ = [model.fit(X, y) for model in models]
        return self

    def predict(self, X):
        return np.mean([model.predict(X) for model in self.models_], axis=0)


class ManyColumns(ManyMeans):
    """The same beside each other, as the guide on stacking writes it."""

    def predict(self, X):
        predictions = np.column_stack([model.predict(X) for model in self.models_])
        return np.mean(predictions, axis=1)


class ManyMedians(ManyMeans):
    """Their median."""

    def predict(self, X):
        return np.median(np.array([model.predict(X) for model in self.models_]), axis=0)


class ManyWeights(ManyMeans):
    """Their weighted mean."""

    def predict(self, X):
        return np.average([m.predict(X) for m in self.models_], axis=0, weights=[0.5, 0.3, 0.2])


class SumOfMany(ManyMeans):
    """Their sum by a loop."""

    def predict(self, X):
        total = np.zeros(X.shape[0])
        for model in self.models_:
            total += model.predict(X)
        return total / len(self.models_)


class SoftVote(ClassifierMixin, BaseEstimator):
    """The class with the largest mean probability."""

    def fit(self, X, y):
        self.classes_ = unique_labels(y)
        self.models_ = {
            "linear": make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y),
            "forest": RandomForestClassifier(10, max_depth=4, random_state=0).fit(X, y),
        }
        return self

    def predict_proba(self, X):
        return np.mean([model.predict_proba(X) for model in self.models_.values()], axis=0)

    def predict(self, X):
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]


class LogTarget(RegressorMixin, BaseEstimator):
    """Trained on the logarithm of the target."""

    def __init__(self, model=None):
        self.model = model

    def fit(self, X, y):
        self.model_ = clone(self.model or LinearRegression()).fit(X, np.log1p(y))
        return self

    def predict(self, X):
        return np.expm1(self.model_.predict(X))


class Rounded(LogTarget):
    """Rounded, and not below zero."""

    def fit(self, X, y):
        self.model_ = clone(self.model or LinearRegression()).fit(X, y)
        return self

    def predict(self, X):
        return np.clip(np.round(self.model_.predict(X), 1), 0, None)


class Hurdle(RegressorMixin, BaseEstimator):
    """How likely it is more than the usual, times how much."""

    def fit(self, X, y):
        is_more = np.asarray(y) > np.median(y)
        self.classifier_ = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, is_more)
        self.regressor_ = Ridge().fit(X[is_more], y[is_more])
        return self

    def predict(self, X):
        return self.classifier_.predict_proba(X)[:, 1] * np.maximum(0, self.regressor_.predict(X))


class TwoStages(Hurdle):
    """The second model only where the first says so."""

    def predict(self, X):
        return np.where(self.classifier_.predict(X), self.regressor_.predict(X), 0.0)


class Residuals(RegressorMixin, BaseEstimator):
    """A linear model, and a boosted one for what it leaves."""

    def fit(self, X, y):
        self.linear_ = LinearRegression().fit(X, y)
        rest = y - self.linear_.predict(X)
        self.boosted_ = HistGradientBoostingRegressor(max_iter=20, random_state=0).fit(X, rest)
        return self

    def predict(self, X):
        trend = self.linear_.predict(X)
        return trend + self.boosted_.predict(X)


class WithColumns(RegressorMixin, BaseEstimator):
    """Prepares its frame itself: encodes, fills, computes, scales, and predicts."""

    def fit(self, X, y):
        self.encoder_ = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        self.encoder_.fit(X[["Origin"]])
        self.medians_ = X[SIZES].median()
        self.scaler_ = StandardScaler().fit(self._prepared(X))
        self.model_ = Ridge().fit(self.scaler_.transform(self._prepared(X)), y)
        return self

    def _prepared(self, X):
        X = X.copy()
        X["Origin"] = self.encoder_.transform(X[["Origin"]])
        X[SIZES] = X[SIZES].fillna(self.medians_)
        X["ratio"] = X["Horsepower"] / X["Weight_in_lbs"]
        return X

    def predict(self, X):
        return self.model_.predict(self.scaler_.transform(self._prepared(X)))


class ByGroup(RegressorMixin, BaseEstimator):
    """A model for each group, chosen row by row."""

    def fit(self, X, y):
        numbers = X[SIZES].fillna(100)
        self.models_ = {
            group: Ridge().fit(numbers[X["Origin"] == group], y[X["Origin"] == group])
            for group in sorted(X["Origin"].unique())
        }
        return self

    def predict(self, X):
        numbers = X[SIZES].fillna(100)
        out = np.zeros(X.shape[0])
        for group, model in self.models_.items():
            out = np.where(X["Origin"] == group, model.predict(numbers), out)
        return out


class Formula(RegressorMixin, BaseEstimator):
    """Needs no library: least squares by hand."""

    def fit(self, X, y):
        X, y = check_X_y(X, y)
        A = np.column_stack([np.ones(len(X)), X])
        self.coef_ = np.linalg.lstsq(A, y, rcond=None)[0]
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):
        check_is_fitted(self)
        X = check_array(X)
        return self.coef_[0] + X @ self.coef_[1:]


class TemplateClassifier(ClassifierMixin, BaseEstimator):
    """Like the template of scikit-learn: the class of the nearest centre."""

    def fit(self, X, y):
        X, y = validate_data(self, X, y)
        self.classes_ = unique_labels(y)
        self.centers_ = np.array([X[y == label].mean(axis=0) for label in self.classes_])
        return self

    def predict(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, reset=False)
        away = np.column_stack([((X - center) ** 2).sum(axis=1) for center in self.centers_])
        return self.classes_[np.argmin(away, axis=1)]


class Logit(ClassifierMixin, BaseEstimator):
    """Logistic regression by hand, with probabilities."""

    def fit(self, X, y):
        X = np.asarray(X, float)
        self.classes_ = np.unique(y)
        self.mean_, self.std_ = X.mean(axis=0), X.std(axis=0)
        Z = (X - self.mean_) / self.std_
        self.w_, self.b_ = np.zeros(X.shape[1]), 0.0
        target = (y == self.classes_[1]).astype(float)
        for _ in range(100):
            off = 1 / (1 + np.exp(-(Z @ self.w_ + self.b_))) - target
            self.w_ -= 0.5 * Z.T @ off / len(Z)
            self.b_ -= 0.5 * off.mean()
        return self

    def decision_function(self, X):
        return (np.asarray(X) - self.mean_) / self.std_ @ self.w_ + self.b_

    def predict_proba(self, X):
        p = 1 / (1 + np.exp(-self.decision_function(X)))
        return np.vstack([1 - p, p]).T

    def predict(self, X):
        return self.classes_[(self.decision_function(X) > 0).astype(int)]


class Rules(ClassifierMixin, BaseEstimator):
    """Rules of thumb, without a model."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        conditions = [X["flipper_length_mm"] > 206, X["bill_length_mm"].fillna(40) > 43.3]
        return np.select(conditions, ["Gentoo", "Chinstrap"], default="Adelie")


class Lenient(LogisticRegression):
    """A library's class with another threshold, by `super()`."""

    def predict(self, X):
        return (super().predict_proba(X)[:, 1] > 0.2).astype(int)


class Named(RandomForestClassifier):
    """A library's class under another name, with other defaults."""

    def __init__(self, n_estimators=15, max_depth=5, random_state=0):
        super().__init__(n_estimators=n_estimators, max_depth=max_depth, random_state=random_state)


class OwnPipeline(Pipeline):
    """A pipeline with more methods."""

    def predict_label(self, X):
        return ["yes" if one else "no" for one in self.predict(X)]


class NoBase:
    """Nothing of scikit-learn's but a model inside."""

    def __init__(self, model):
        self.model = model

    def predict(self, X):
        frame = pd.DataFrame(X)
        return self.model.predict(frame.to_numpy()) * 1.05 + 2


class Texts(ClassifierMixin, BaseEstimator):
    """Vectorizes its column of texts, and looks for a word."""

    def fit(self, X, y):
        self.vectorizer_ = TfidfVectorizer()
        self.model_ = LogisticRegression().fit(self.vectorizer_.fit_transform(X["text"]), y)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X):
        p = self.model_.predict_proba(self.vectorizer_.transform(X["text"]))[:, 1]
        p = np.where(X["text"].str.contains("urgent"), np.maximum(p, 0.9), p)
        return np.c_[1 - p, p]

    def predict(self, X):
        return np.where(self.predict_proba(X)[:, 1] > 0.5, "spam", "ham")


class Boosted(ClassifierMixin, BaseEstimator):
    """Two libraries' boosted trees, half each."""

    def fit(self, X, y):
        from lightgbm import LGBMClassifier
        from xgboost import XGBClassifier

        self.classes_ = np.unique(y)
        self.xgb_ = XGBClassifier(n_estimators=10, max_depth=3).fit(X, y)
        self.lgb_ = LGBMClassifier(n_estimators=10, max_depth=3, verbose=-1).fit(X, y)
        return self

    def predict_proba(self, X):
        return (self.xgb_.predict_proba(X) + self.lgb_.predict_proba(X)) / 2

    def predict(self, X):
        return self.predict_proba(X).argmax(axis=1)


def _numbers(X, y):
    return X[SIZES].fillna(100), y


def _two(X, y):
    return X, y.astype(int)


def _words(X, y):
    return X, np.where(y, "benign", "malignant")


def _as_they_are(X, y):
    return X, y


def _mails(_X, _y):
    words = ["buy", "now", "urgent", "meeting", "lunch", "free", "offer", "report", "cheap", "team"]
    texts = np.random.default_rng(0).choice(words, (200, 5))
    X = pd.DataFrame({"text": [" ".join(row) for row in texts]})
    return X, np.where(X["text"].str.contains("free|cheap"), "spam", "ham")


# Models, the data on which they are fitted, and what is made of it before.
MODELS: list[tuple[Any, str, Any]] = [
    *((one(), "breast_cancer", _two) for one in (Threshold, ThresholdByName, Logit)),
    (Lenient(solver="liblinear"), "breast_cancer", _two),
    *((one(), "breast_cancer", _words) for one in (ThresholdByName, ThresholdByWhere, Named)),
    (Boosted(), "breast_cancer", _two),
    *((one(), "cars", _numbers) for one in (Blend, ManyMeans, LogTarget, Rounded, Hurdle)),
    *((one(), "cars", _numbers) for one in (TwoStages, Residuals, Formula)),
    *((one(), "diabetes", _as_they_are) for one in (Blend, ManyColumns, ManyMedians)),
    *((one(), "diabetes", _as_they_are) for one in (ManyWeights, SumOfMany, Hurdle, Formula)),
    (LogTarget(PoissonRegressor()), "diabetes", _as_they_are),
    *((one(), "cars", _as_they_are) for one in (WithColumns, ByGroup)),
    *((one(), "iris", _as_they_are) for one in (TemplateClassifier, SoftVote)),
    *((one(), "wine", _as_they_are) for one in (TemplateClassifier, SoftVote)),
    (Rules(), "penguins", _as_they_are),
    (Texts(), "penguins", _mails),
    (
        OwnPipeline([("scaler", StandardScaler()), ("model", Lenient())]),
        "breast_cancer",
        _two,
    ),
]
