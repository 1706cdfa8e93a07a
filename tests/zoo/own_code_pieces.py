"""Preprocessing as people write it: functions and classes of one's own, on frames and arrays."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

SIZES = ["Cylinders", "Displacement", "Horsepower", "Weight_in_lbs"]
BILLS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
MEANS = pd.Series({"bill_length_mm": 43.9, "bill_depth_mm": 17.2})
STDS = pd.Series({"bill_length_mm": 5.5, "bill_depth_mm": 2.0})


class Piece(NamedTuple):
    """One piece of preprocessing.

    Attributes:
        data: the set that it is written for.
        how: a function of the data, or a transformer.
        why: a part of the sentence that says why it can't be compiled; empty if it can.
    """

    data: str
    how: Any
    why: str = ""

    @property
    def name(self) -> str:
        """Of the function or class."""
        return str(getattr(self.how, "__name__", type(self.how).__name__))


class Own(BaseEstimator, TransformerMixin):
    """A transformer that learns nothing unless it says so."""

    def fit(self, X, y=None):
        return self


def ratio(df):
    return df[SIZES].assign(ratio=df["Horsepower"] / df["Weight_in_lbs"])


def logs(df):
    df = df[SIZES].copy()
    for name in SIZES:
        df[name] = np.log1p(df[name])
    return df


def filled_and_clipped(df):
    df = df[SIZES].fillna(90)
    df["Horsepower"] = df["Horsepower"].clip(50, 200)
    return df


def filled_by_column(df):
    return df[SIZES].fillna({"Horsepower": 93.5, "Cylinders": 4})


def heavy(df):
    df = df[["Weight_in_lbs", "Displacement"]].copy()
    df["heavy"] = np.where(df["Weight_in_lbs"] > 3000, 1, 0)
    return df


def tiers(df):
    weight = df["Weight_in_lbs"]
    tier = np.select([weight < 2200, weight < 3000, weight >= 4000], [0, 1, 3], default=2)
    return pd.DataFrame({"tier": tier, "weight": weight})


def cut(df):
    df = df[["Displacement"]].copy()
    df["bin"] = pd.cut(df["Displacement"], [0, 100, 200, 300, 500], labels=False)
    return df


def cut_with_numbers(df):
    df = df[["Displacement"]].copy()
    df["bin"] = pd.cut(df["Displacement"], [0, 150, 250, 500], labels=[10, 20, 40], right=False)
    return df.astype({"bin": float})


def origin_numbers(df):
    df = df.drop(columns=["Horsepower"])
    df["Origin"] = df["Origin"].map({"USA": 0, "Europe": 1, "Japan": 2})
    return df


def missing_flag(df):
    df = df[SIZES].copy()
    df["no_power"] = df["Horsepower"].isna().astype(int)
    df["Horsepower"] = df["Horsepower"].fillna(df["Displacement"] / 2)
    return df


def own_dummies(df):
    df = df.copy()
    for origin in ("USA", "Japan"):
        df[f"is_{origin}"] = (df["Origin"] == origin).astype(int)
    return df.drop(["Origin", "Horsepower"], axis=1)


def american(df):
    df = df[["Origin", "Displacement"]].copy()
    df["imported"] = ~df["Origin"].isin(["USA"])
    df["both"] = (df["imported"] & (df["Displacement"] < 120)).astype(int)
    return df[["Displacement", "both"]]


def corrected_rows(df):
    df = df[SIZES].copy()
    df.loc[df["Horsepower"].isna(), "Horsepower"] = 100
    df.loc[df["Cylinders"] > 6, "Displacement"] = 350
    return df


def renamed(df):
    df = df.rename(columns={"Weight_in_lbs": "weight", "Displacement": "size"})
    df["density"] = df.weight / df["size"]
    return df[["weight", "size", "density"]]


def beside(df):
    more = pd.DataFrame({"product": df["Cylinders"] * df["Displacement"]})
    return pd.concat([df[["Cylinders", "Displacement"]], more], axis=1)


def lambdas(df):
    df = df[["Cylinders", "Displacement"]].copy()
    df["square"] = df["Displacement"].apply(lambda v: v**2 / 1000)
    return df


def only_numbers(df):
    return df.select_dtypes("number").fillna(0)


def applied(df):
    return df[["Cylinders", "Displacement"]].apply(np.sqrt)


def sums_of_rows(df):
    df = df[SIZES].copy()
    df["total"] = df[SIZES].sum(axis=1)
    df["mean"] = df[["Cylinders", "Displacement"]].mean(axis=1)
    df["most"] = df[["Cylinders", "Horsepower"]].max(axis=1)
    return df.fillna(0)


def standardized(df):
    return (df[list(MEANS.index)].fillna(MEANS) - MEANS) / STDS


def bill_shape(df):
    df = df[BILLS].fillna(0)
    df["shape"] = (df["bill_length_mm"] / (df["bill_depth_mm"] + 1e-3)).round(1)
    return df


def rounded(df):
    df = df[BILLS].fillna(40)
    df["kilos"] = (df["body_mass_g"] / 1000).round().astype(int)
    df["rest"] = df["body_mass_g"] % 1000
    return df


def male(df):
    df = df[[*BILLS, "sex"]].fillna({"sex": "female"})
    df["sex"] = df["sex"].map({"male": 1, "female": 0})
    return df.fillna(45)


def cyclic(df):
    angle = 2 * np.pi * (df["year"] - 2007) / 3
    return df.assign(s=np.sin(angle), c=np.cos(angle))[["s", "c"]]


def ranges(df):
    df = df[BILLS].fillna(0)
    df["usual"] = df["body_mass_g"].between(3500, 5000).astype(int)
    df["far"] = np.abs(df["body_mass_g"] - 4200)
    return df


def piped(df):
    return df[BILLS].pipe(lambda d: d.fillna(10)).pipe(np.sqrt)


def replaced_numbers(df):
    df = df[["year"]].copy()
    df["late"] = df["year"].replace({2007: 0, 2008: 1, 2009: 5})
    return df


def lower(df):
    return pd.DataFrame({"n": df["Origin"].str.lower().map({"usa": 1}).fillna(0)})


def lengths_of_names(df):
    origin = df["Origin"].str.strip()
    return pd.DataFrame(
        {
            "n": origin.str.len(),
            "u": origin.str.contains("U").astype(int),
            "e": origin.str.startswith("E").astype(int),
            "first": origin.str[0].map({"U": 0, "E": 1, "J": 2}),
        }
    )


def applied_to_names(df):
    names = df["Origin"].apply(lambda name: name.split("a")[0].upper())
    return pd.DataFrame({"n": names.map({"USA": 1, "J": 2}).fillna(0)})


def known_dummies(df):
    df = pd.get_dummies(df[["Origin", "Displacement"]], columns=["Origin"], dtype=int)
    known = ["Displacement", "Origin_Europe", "Origin_Japan", "Origin_Korea"]
    return df.reindex(columns=known, fill_value=0)


def declared_categories(df):
    kind = pd.CategoricalDtype(["Japan", "USA"])
    origin = df["Origin"].astype(kind)
    more = pd.get_dummies(origin, prefix="from")
    return pd.concat([df[["Cylinders"]].assign(code=origin.cat.codes), more], axis=1)


def weight_class(car):
    if car["Weight_in_lbs"] > 4000 or car["Cylinders"] == 8:
        return 2
    return 1 if car["Origin"] == "USA" else 0


def classes_of_rows(df):
    return df[["Displacement"]].assign(kind=df.apply(weight_class, axis=1))


def corner_of(address):
    if pd.isna(address):
        return 0
    found = re.search(r"^(\d)\d* ", address)
    if found:
        return 1 if found.group(1) in ("1", "2", "3") else 2
    return 4 if "&" in address else 3


def branching(df):
    return pd.DataFrame({"corner": df["address"].apply(corner_of)})


def addresses(df):
    address = df["address"]
    return pd.DataFrame(
        {
            "number": address.str.extract(r"^(\d+)", expand=False).astype(float),
            "street": address.str.contains(r"\b(?:St|Street)\b", na=False).astype(int),
            "corner": address.str.contains(" and |&", na=False).astype(int),
            "west": address.str.match(r"\d+ W\.", na=False).astype(int),
            "words": address.str.count(r"\w+"),
        }
    ).fillna(0)


def initials(df):
    names = df["first_name"].str.extract(r"(?P<first>[A-Z])[a-z]* ?(?P<middle>[A-Z])?\.?")
    names["middle"] = names["middle"].fillna("-")
    known = {"A": 1, "D": 2, "J": 3, "M": 4}
    plain = df["last_name"].str.replace(r"[^a-zA-Z]+", "", regex=True)
    return pd.DataFrame(
        {
            "first": names["first"].map(known).fillna(0),
            "middle": (names["middle"] == "-").astype(int),
            "length": plain.str.len(),
            "vowels": df["last_name"].str.findall("[aeiou]").str.len(),
        }
    )


def cleaned(text):
    text = re.sub(r"[^a-z ]", " ", text.lower())
    return re.sub(r"\s+", " ", text).strip()


def airport_names(df):
    name = df["name"].fillna("").apply(cleaned)
    return pd.DataFrame(
        {
            "municipal": name.str.contains("muni").astype(int),
            "county": df["name"].str.contains("COUNTY|regional", case=False).astype(int),
            "field": name.str.replace(r" (?:field|airport)$", "", regex=True).str.len(),
            "letters": name.str.len(),
        }
    )


def airport_codes(df):
    code = df["iata"].str.extract(r"(\d+)")[0]
    df = pd.DataFrame({"number": pd.to_numeric(code, errors="coerce").fillna(-1)})
    return df.assign(is_number=(df["number"] >= 0).astype(int), kilo=df["number"] / 1000)


def days_of_texts(df):
    day = pd.to_datetime(df["death_date"])
    since = (day - pd.Timestamp("1992-04-29")).dt.days
    return pd.DataFrame({"since": since, "weekday": day.dt.day_of_week, "late": since > 3})


class DateParts(Own):
    """Parts of days that are written in one format."""

    def __init__(self, form="%b %d %Y"):
        self.form = form

    def transform(self, X):
        X = X.copy()
        X["date"] = pd.to_datetime(X["date"], format=self.form, errors="coerce")
        X["year"] = X["date"].dt.year
        X["month"] = X["date"].dt.month
        X["quarter_end"] = X["date"].dt.is_quarter_end.astype(int)
        X["symbol"] = X["symbol"].map({"AAPL": 0, "GOOG": 1, "IBM": 2, "MSFT": 3})
        return X.drop(columns="date")


def month_and_weekday(df):
    df = df[["time"]].copy()
    df["month"] = df["time"].dt.month
    df["weekday"] = df["time"].dt.day_of_week
    df["weekend"] = df["weekday"].isin([5, 6]).astype(int)
    df["week"] = df["time"].dt.isocalendar().week.astype(float)
    df["month_end"] = df["time"].dt.is_month_end.astype(int)
    return df.drop(columns="time")


def time_between(df):
    lag = df["time"] - df["day"]
    return pd.DataFrame(
        {
            "days": lag.dt.days,
            "hours": lag.dt.total_seconds() / 3600,
            "since": (df["time"] - pd.Timestamp("2010-01-01")) / pd.Timedelta(days=1),
            "slow": (lag > pd.Timedelta(hours=12)).astype(int),
        }
    )


def local_hours(df):
    angle = 2 * np.pi * df["local"].dt.hour / 24
    return pd.DataFrame({"s": np.sin(angle), "c": np.cos(angle), "day": df["local"].dt.day})


def products(X):
    return np.column_stack([X, X[:, 0] * X[:, 1], X[:, 2] ** 2])


def side_by_side(X):
    return np.c_[X, X[:, 0] / X[:, 1]]


def stacked(X):
    return np.hstack([X, np.exp(-np.abs(X[:, :2]))])


def some_columns(X):
    return X[:, [0, 2]]


def logs_of_array(X):
    X = np.asarray(X, dtype=float)
    return np.log(X + 1)


def clipped(X):
    return np.clip(X, 0.2, 6)


def edges(X):
    return np.concatenate([X, np.digitize(X[:, :1], [5.0, 6.0, 7.0])], axis=1)


def norms(X):
    length = np.sqrt((X**2).sum(axis=1)).reshape(-1, 1)
    return X / length


class Winsorizer(Own):
    """Numbers outside the usual range become its ends."""

    def fit(self, X, y=None):
        self.low_, self.high_ = X[BILLS].quantile(0.05), X[BILLS].quantile(0.95)
        return self

    def transform(self, X):
        X = X[BILLS].copy()
        for name in BILLS:
            X[name] = X[name].clip(self.low_[name], self.high_[name])
        return X.fillna(0)


class MeanImputer(Own):
    """Missing numbers become the mean."""

    def fit(self, X, y=None):
        self.means_ = X[SIZES].mean()
        return self

    def transform(self, X):
        return X[SIZES].fillna(self.means_)


class ColumnSelector(Own):
    """Some columns."""

    def __init__(self, names=("Cylinders", "Displacement")):
        self.names = names

    def transform(self, X):
        assert isinstance(X, pd.DataFrame)
        return X[list(self.names)]


class FrequencyEncoder(Own):
    """How often each category occurs."""

    def fit(self, X, y=None):
        self.shares_ = X["Origin"].value_counts(normalize=True)
        return self

    def transform(self, X):
        X = X[["Origin", "Cylinders"]].copy()
        X["Origin"] = X["Origin"].map(self.shares_).fillna(0)
        return X


class TargetMeans(Own):
    """The mean of the target in each category."""

    def fit(self, X, y):
        self.mean_ = float(np.mean(y))
        self.means_ = pd.Series(np.asarray(y)).groupby(X["Origin"].to_numpy()).mean().to_dict()
        return self

    def transform(self, X):
        return pd.DataFrame({"origin": X["Origin"].map(self.means_).fillna(self.mean_)})


class GetDummies(Own):
    """The columns that training had."""

    def fit(self, X, y=None):
        self.columns_ = pd.get_dummies(X).columns
        return self

    def transform(self, X):
        return pd.get_dummies(X).reindex(columns=self.columns_, fill_value=0)


class CombinedAttributes(Own):
    """Ratios beside an array's columns."""

    def __init__(self, add_product=True):
        self.add_product = add_product

    def transform(self, X):
        ratio = X[:, 0] / X[:, 1]
        if self.add_product:
            return np.c_[X, ratio, X[:, 2] * X[:, 3]]
        return np.c_[X, ratio]


class Remembering(Own):
    """Keeps what it saw."""

    def transform(self, X):
        self.seen_ = X
        return X[["Cylinders"]] * 2


def dummies(df):
    return pd.get_dummies(df[["Origin", "Cylinders"]], columns=["Origin"])


def by_group(df):
    return df[["Cylinders"]] - df.groupby("Origin")[["Cylinders"]].transform("mean")


def by_rows(df):
    return pd.DataFrame({"n": [size * 2 for size in df["Displacement"]]})


def standard_of_batch(df):
    size = df["Displacement"]
    return df[["Cylinders"]].assign(z=(size - size.mean()) / size.std())


def branched(df):
    if df["Displacement"].max() > 100:
        return df[["Cylinders"]]
    return df[["Displacement"]]


def age(df):
    return df[["year"]].assign(age=dt.datetime.now().year - df["year"])  # noqa: DTZ005 - as people do


def noisy(df):
    return df[["year"]] + np.random.default_rng(0).normal()


def lengths(df):
    return df[["Cylinders"]] / len(df)


CARS: list[Callable[..., Any]] = [
    *(ratio, logs, filled_and_clipped, filled_by_column, heavy, tiers, cut, cut_with_numbers),
    *(origin_numbers, missing_flag, own_dummies, american, corrected_rows, renamed, beside),
    *(lambdas, only_numbers, applied, sums_of_rows, lower, lengths_of_names, applied_to_names),
    *(known_dummies, declared_categories, classes_of_rows),
]
DATES: list[Callable[..., Any]] = [month_and_weekday, time_between, local_hours]
PENGUINS: list[Callable[..., Any]] = [
    *(standardized, bill_shape, rounded, male, cyclic, ranges, piped, replaced_numbers),
]
ARRAYS: list[Callable[..., Any]] = [
    *(products, side_by_side, stacked, some_columns, logs_of_array, clipped, edges, norms),
]
TEXTS = [
    *(("riots", how) for how in (addresses, initials, days_of_texts, branching)),
    *(("airports", how) for how in (airport_names, airport_codes)),
]
PIECES = [
    *(Piece("cars", how) for how in CARS),
    *(Piece("penguins", how) for how in PENGUINS),
    *(Piece("iris", how) for how in ARRAYS),
    *(Piece("temperatures", how) for how in DATES),
    *(Piece(data, how) for data, how in TEXTS),
    Piece("penguins", Winsorizer()),
    *(Piece("cars", how()) for how in (MeanImputer, ColumnSelector, FrequencyEncoder, TargetMeans)),
    Piece("cars", Remembering()),
    Piece("penguins", GetDummies()),
    Piece("stocks", DateParts()),
    Piece("iris", CombinedAttributes()),
    Piece("cars", dummies, "pd.get_dummies"),
    Piece("cars", by_group, "`.groupby` of a frame"),
    Piece("cars", by_rows, "loops over rows"),
    Piece("cars", standard_of_batch, "depends on the other rows"),
    Piece("cars", branched, "depends on the other rows"),
    Piece("penguins", age, "`now`"),
    Piece("penguins", noisy, "`default_rng`"),
    Piece("cars", lengths, "the number of rows"),
]
