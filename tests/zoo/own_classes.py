"""Transformers of one's own classes, as scikit-learn's guide and many a notebook have them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    OneToOneFeatureMixin,
    TransformerMixin,
)
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

SIZES = ["Cylinders", "Displacement", "Horsepower", "Weight_in_lbs"]


class Own(TransformerMixin, BaseEstimator):
    """A transformer that learns nothing unless it says so."""

    def fit(self, X, y=None):
        self.is_fitted_ = True
        return self


class CheckedLog(Own):
    """Logarithms, with the checks of scikit-learn's guide before 1.6."""

    def fit(self, X, y=None):
        X = check_array(X)
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        check_is_fitted(self)
        X = check_array(X)
        if X.shape[1] != self.n_features_in_:
            raise ValueError("Shape of input is different from what was seen in `fit`")
        return np.log1p(np.abs(X))


class ValidatedScaler(OneToOneFeatureMixin, Own):
    """Scaled by the median, with the checks of the guide since 1.6."""

    def fit(self, X, y=None):
        X = validate_data(self, X)
        self.center_ = np.median(X, axis=0)
        self.scale_ = np.percentile(X, 75, axis=0) - np.percentile(X, 25, axis=0)
        return self

    def transform(self, X):
        check_is_fitted(self, ["center_", "scale_"])
        X = validate_data(self, X, reset=False)
        return (X - self.center_) / self.scale_


class GappyScaler(Own):
    """The same with missing numbers, which stay."""

    def fit(self, X, y=None):
        X = validate_data(self, X, ensure_all_finite="allow-nan", dtype=np.float64)
        self.mean_ = np.nanmean(X, axis=0)
        return self

    def transform(self, X):
        X = validate_data(
            self, X, reset=False, ensure_all_finite="allow-nan", dtype=np.float64, copy=True
        )
        return X - self.mean_


class ByPlaces(Own):
    """Values of a frame, column by column."""

    def transform(self, X):
        X = X.values if isinstance(X, pd.DataFrame) else np.asarray(X)
        parts = [X[:, i] / (1 + X[:, (i + 1) % X.shape[1]]) for i in range(X.shape[1])]
        return np.column_stack([X, *parts])


class MedianByName(Own):
    """Medians kept by the names of columns; works with arrays and frames."""

    def fit(self, X, y=None):
        self.columns_ = list(getattr(X, "columns", range(X.shape[1])))
        self.medians_ = dict(
            zip(self.columns_, np.nanmedian(np.asarray(X, float), axis=0), strict=True)
        )
        return self

    def transform(self, X):
        X = pd.DataFrame(X, columns=self.columns_).copy()
        for column in self.columns_:
            X[column] = X[column].fillna(self.medians_[column])
        return X


class Capper(Own):
    """Numbers beyond quantiles become these, over the frame at once."""

    def __init__(self, low=0.05, high=0.95):
        self.low = low
        self.high = high

    def fit(self, X, y=None):
        numbers = X.select_dtypes(include=np.number)
        self.columns_ = numbers.columns
        self.low_ = numbers.quantile(self.low)
        self.high_ = numbers.quantile(self.high)
        return self

    def transform(self, X):
        X = X.copy()
        X[self.columns_] = X[self.columns_].clip(lower=self.low_, upper=self.high_, axis=1)
        return X[self.columns_].fillna(self.low_)


class IqrOutliersToGaps(Own):
    """Outliers by the interquartile range become missing, then the median."""

    def fit(self, X, y=None):
        X = X[SIZES]
        q1, q3 = X.quantile(0.25), X.quantile(0.75)
        self.low_, self.high_ = q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)
        self.median_ = X.median()
        return self

    def transform(self, X):
        X = X[SIZES].copy()
        X = X.mask((X < self.low_) | (X > self.high_))  # noqa: SIM300 - a frame, no constant
        return X.fillna(self.median_)


class GroupImputer(Own):
    """Missing numbers become the median of their group."""

    def __init__(self, group="Origin", column="Horsepower"):
        self.group = group
        self.column = column

    def fit(self, X, y=None):
        self.by_group_ = X.groupby(self.group)[self.column].median()
        self.overall_ = X[self.column].median()
        return self

    def transform(self, X):
        X = X.copy()
        fill = X[self.group].map(self.by_group_).fillna(self.overall_)
        X[self.column] = X[self.column].fillna(fill)
        return X.drop(columns=[self.group])


class SmoothedTargetEncoder(Own):
    """Means of the target by category, drawn towards the mean of all."""

    def __init__(self, columns=("Origin",), smoothing=10.0):
        self.columns = columns
        self.smoothing = smoothing

    def fit(self, X, y):
        self.global_mean_ = np.mean(y)
        self.means_ = {}
        for c in self.columns:
            stats = pd.Series(np.asarray(y), index=X.index).groupby(X[c]).agg(["mean", "count"])
            weight = 1 / (1 + np.exp(-(stats["count"] - 1) / self.smoothing))
            self.means_[c] = self.global_mean_ * (1 - weight) + stats["mean"] * weight
        return self

    def transform(self, X, y=None):
        X = X.copy()
        for c in self.columns:
            X[c + "_te"] = X[c].map(self.means_[c]).fillna(self.global_mean_)
            del X[c]
        return X


class RareLabels(Own):
    """Rare categories under one name, then numbers."""

    def fit(self, X, y=None):
        share = X["Origin"].value_counts(normalize=True)
        self.frequent_ = share[share > 0.2].index.tolist()
        names = [*self.frequent_, "Other"]
        self.codes_ = {name: code for code, name in enumerate(names)}
        return self

    def transform(self, X):
        X = X.copy()
        X["Origin"] = X["Origin"].where(X["Origin"].isin(self.frequent_), "Other")
        X["Origin"] = X["Origin"].map(self.codes_).astype(int)
        return X


class Interactions(Own):
    """Products of each two columns, by loops."""

    def transform(self, X):
        X = X[["Cylinders", "Displacement", "Weight_in_lbs"]].copy()
        names = X.columns.tolist()
        for i in range(len(names)):
            for j in range(i + 1, len(names)):
                X[f"{names[i]}_x_{names[j]}"] = X[names[i]] * X[names[j]]
        return X


class Dropper(Own):
    """Columns that are nearly empty or constant go."""

    def fit(self, X, y=None):
        numbers = X.select_dtypes("number")
        gone = [c for c in numbers if numbers[c].nunique() < 2 or numbers[c].isna().mean() > 0.5]
        self.to_drop_ = [*gone, *X.columns.difference(numbers.columns)]
        self.feature_names_out_ = [c for c in X.columns if c not in self.to_drop_]
        return self

    def transform(self, X):
        return X.drop(columns=self.to_drop_, errors="ignore")

    def get_feature_names_out(self, input_features=None):
        return np.array(self.feature_names_out_)


class PrefixedBins(ClassNamePrefixFeaturesOutMixin, Own):
    """Bins of each column; names by the class."""

    def fit(self, X, y=None):
        X = check_array(X, ensure_min_samples=2)
        self.edges_ = [np.quantile(X[:, i], [0.25, 0.5, 0.75]) for i in range(X.shape[1])]
        self._n_features_out = X.shape[1]
        return self

    def transform(self, X):
        X = check_array(X)
        out = np.zeros_like(X)
        for i, edges in enumerate(self.edges_):
            out[:, i] = np.digitize(X[:, i], edges)
        return out


class SearchedBins(Own):
    """Bins by np.searchsorted, in an array made for them."""

    def fit(self, X, y=None):
        self.edges_ = [
            np.unique(np.quantile(column, [0.1, 0.5, 0.9])) for column in np.asarray(X).T
        ]
        return self

    def transform(self, X):
        X = np.asarray(X, dtype=float)
        out = np.empty(X.shape)
        for i in range(X.shape[1]):
            out[:, i] = np.searchsorted(self.edges_[i], X[:, i], side="right")
        return out


class WeightTiers(Own):
    """Intervals with names, and these as numbers."""

    def transform(self, X):
        X = X[["Weight_in_lbs", "Displacement"]].copy()
        bins = [0, 2200, 3000, 4000, np.inf]
        tier = pd.cut(X["Weight_in_lbs"], bins=bins, labels=["light", "mid", "heavy", "huge"])
        X["tier"] = tier.map({"light": 0, "mid": 1, "heavy": 2, "huge": 3}).astype(float)
        X["class"] = np.select(
            [X["Displacement"] < 100, X["Displacement"].between(100, 200)], [0.0, 1.0], default=2.0
        )
        return X


class ByApply(Own):
    """Functions of columns through `apply`, `pipe` and `assign`."""

    def transform(self, X):
        return (
            X[SIZES]
            .apply(lambda column: np.sqrt(column.clip(lower=0)))
            .pipe(lambda df: df.fillna(df.shape[1]))
            .assign(load=lambda df: df["Weight_in_lbs"] / df["Displacement"])
            .add_prefix("root_")
        )


class ByEval(Own):
    """New columns by `eval`."""

    def transform(self, X):
        X = X[SIZES].fillna(100)
        X = X.eval("power = Horsepower / Weight_in_lbs")
        return X.eval("big = (Displacement > 200) * Cylinders")


class LogOrNot(Own):
    """Logarithms of the columns that were skewed in training."""

    def __init__(self, threshold=0.5):
        self.threshold = threshold

    def fit(self, X, y=None):
        X = pd.DataFrame(X)
        skew = X.skew(numeric_only=True)
        self.skewed_ = skew[skew.abs() > self.threshold].index.tolist()
        self.shift_ = X[self.skewed_].min()
        return self

    def transform(self, X):
        X = pd.DataFrame(X).copy()
        for c in self.skewed_:
            X[c] = np.log1p((X[c] - self.shift_[c]).clip(lower=0))
        return X


class Polynomials(Own):
    """Powers of each column beside it."""

    def __init__(self, degree=3):
        self.degree = degree

    def transform(self, X):
        X = np.array(X, dtype=np.float64, copy=True)
        return np.hstack([X**d for d in range(1, self.degree + 1)])


class Distances(Own):
    """Distances to centres, by hand."""

    def fit(self, X, y=None):
        X = validate_data(self, X)
        self.centers_ = X[[0, len(X) // 2, -1]]
        return self

    def transform(self, X):
        X = validate_data(self, X, reset=False)
        distances = [np.sqrt(((X - center) ** 2).sum(axis=1)) for center in self.centers_]
        return np.stack(distances, axis=1)


class Projection(Own):
    """Onto the first components, by a product of matrices."""

    def fit(self, X, y=None):
        X = check_array(X)
        self.mean_ = X.mean(axis=0)
        self.components_ = np.linalg.svd(X - self.mean_, full_matrices=False)[2][:2]
        return self

    def transform(self, X):
        X = check_array(X)
        return (X - self.mean_) @ self.components_.T


class FlagsAndFills(Own):
    """A flag for each column that had gaps, and means in these."""

    def fit(self, X, y=None):
        self.means_ = X.mean(numeric_only=True).to_dict()
        self.gappy_ = [c for c in self.means_ if X[c].isnull().any()]
        return self

    def transform(self, X):
        X = X.loc[:, list(self.means_)].copy()
        for c in self.gappy_:
            X[f"{c}_was_missing"] = X[c].isnull().astype("int8")
        return X.fillna(self.means_)


class Selector(Own):
    """Columns of a type, chosen at each call."""

    def __init__(self, dtype="number"):
        self.dtype = dtype

    def transform(self, X):
        assert isinstance(X, pd.DataFrame), "a frame is needed"
        return X.select_dtypes(include=[self.dtype]).fillna(0).to_numpy()


class OneHotByHand(Own):
    """A column for each known category, by loops over these."""

    def fit(self, X, y=None):
        self.categories_ = sorted(X["Origin"].dropna().unique())
        return self

    def transform(self, X):
        hot = pd.DataFrame(index=X.index)
        for category in self.categories_:
            hot[f"Origin_{category}"] = (X["Origin"] == category).astype(float)
        return pd.concat([X[["Cylinders", "Displacement"]], hot], axis=1)


class NewColumns(Own):
    """A frame made anew, with the index of the rows."""

    def transform(self, X):
        out = pd.DataFrame(index=X.index)
        out["per_cylinder"] = X["Displacement"].div(X["Cylinders"])
        out["log_weight"] = np.log(X["Weight_in_lbs"])
        out.columns = [f"f_{name}" for name in out.columns]
        return out


class WithOutput(Own):
    """Names for a frame that `set_output` makes of an array."""

    def transform(self, X):
        X = np.asarray(X, dtype=float)
        return np.c_[X[:, :2], X[:, 0] - X[:, 1]]

    def get_feature_names_out(self, input_features=None):
        return ["a", "b", "difference"]


class NestedScaler(Own):
    """Columns scaled by a scaler of scikit-learn's inside."""

    def fit(self, X, y=None):
        from sklearn.preprocessing import StandardScaler

        self.columns_ = [c for c in X.columns if X[c].dtype.kind in "if"]
        self.scaler_ = StandardScaler().fit(X[self.columns_])
        return self

    def transform(self, X):
        X = X.copy()
        X[self.columns_] = self.scaler_.transform(X[self.columns_])
        return X[self.columns_].fillna(0)


class NestedEncoder(Own):
    """One column one-hot by an encoder inside, beside the others."""

    def fit(self, X, y=None):
        from sklearn.preprocessing import OneHotEncoder

        self.encoder_ = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        self.encoder_.fit(X[["Origin"]])
        return self

    def transform(self, X):
        hot = self.encoder_.transform(X[["Origin"]])
        names = self.encoder_.get_feature_names_out(["Origin"])
        hot = pd.DataFrame(hot, columns=names, index=X.index)
        return pd.concat([X.drop(columns="Origin").fillna(0), hot], axis=1)


class ClusterFeature(Own):
    """The cluster and the distances to centres, of a model inside."""

    def fit(self, X, y=None):
        from sklearn.cluster import KMeans

        self.kmeans_ = KMeans(3, n_init=1, random_state=0).fit(X)
        return self

    def transform(self, X):
        return np.column_stack([X, self.kmeans_.transform(X), self.kmeans_.predict(X)])


# By the data on which they are fitted.
CLASSES: dict[str, list[Any]] = {
    "cars": [
        *(Capper, IqrOutliersToGaps, GroupImputer, SmoothedTargetEncoder, RareLabels),
        *(Interactions, Dropper, WeightTiers, ByApply, ByEval, FlagsAndFills, Selector),
        *(OneHotByHand, NewColumns, NestedScaler, NestedEncoder),
    ],
    "iris": [
        *(CheckedLog, ValidatedScaler, ByPlaces, PrefixedBins, SearchedBins, LogOrNot),
        *(Polynomials, Distances, Projection, WithOutput, ClusterFeature, MedianByName),
        GappyScaler,
    ],
    "wine": [
        *(CheckedLog, ValidatedScaler, ByPlaces, PrefixedBins, SearchedBins, LogOrNot),
        *(Polynomials, Distances, Projection, MedianByName, GappyScaler, ClusterFeature),
    ],
}
