"""More preprocessing of one's own: texts, days and codes, as notebooks clean them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

MONTHS = {"Jan": 1, "Apr": 4, "Jul": 7, "Oct": 10}
STREETS = ["Ave", "Blvd", "Rd", "St"]


def kinds_of_streets(df: Any) -> Any:
    kind = df["address"].str.extract(r"\b(Ave|Blvd|Rd|St|Street|Avenue)\b", expand=False)
    kind = kind.replace({"Street": "St", "Avenue": "Ave"}).fillna("none")
    return pd.get_dummies(kind, prefix="is").reindex(
        columns=[f"is_{one}" for one in STREETS], fill_value=0
    )


def parts_of_days(df: Any) -> Any:
    return pd.DataFrame(
        {
            "month": df["death_date"].str[5:7].astype(int),
            "day": df["death_date"].str.split("-").str[2].astype(int),
        }
    )


def days_since(df: Any) -> Any:
    df = df.copy()
    df["death_date"] = pd.to_datetime(df["death_date"], format="%Y-%m-%d", errors="coerce")
    df["since"] = (df["death_date"] - pd.to_datetime("1992-04-29")) / np.timedelta64(1, "D")
    df["month_end"] = df["death_date"].dt.is_month_end.astype(int)
    return df[["since", "month_end"]]


def names(df: Any) -> Any:
    def initial(name: str) -> str:
        found = re.search(r" ([A-Z])\.", name)
        return found.group(1) if found else "-"

    first = df["first_name"].fillna("")
    return pd.DataFrame(
        {
            "has_initial": (first.apply(initial) != "-").astype(int),
            "capitals": first.str.count("[A-Z]"),
            "long": df["last_name"].apply(lambda name: 1 if name.startswith(("A", "B")) else 0),
        }
    )


def words_of_airports(df: Any) -> Any:
    def kind(name: str) -> int:
        name = name.lower()
        if "municipal" in name or "muni" in name:
            return 1
        if "county" in name:
            return 2
        return 3 if re.search(r"\bfield\b", name) else 0

    return pd.DataFrame({"kind": df["name"].apply(kind), "words": df["name"].str.split().str.len()})


def codes_of_airports(df: Any) -> Any:
    code = df["iata"]
    return pd.DataFrame(
        {
            "letters": code.str.fullmatch("[A-Z]{3}").astype(int),
            "digits": code.str.count(r"\d"),
            "number": pd.to_numeric(code.str.replace(r"\D", "", regex=True), errors="coerce"),
            "first": code.str[0].isin(list("0123456789")).astype(int),
        }
    ).fillna(-1)


def cities(df: Any) -> Any:
    city = df["city"].fillna("").str.replace(r"[^A-Za-z ]", "", regex=True).str.lower()
    saint = city.str.contains(r"^(?:st|saint) ", regex=True)
    return pd.DataFrame(
        {"n": city.str.len(), "saint": saint.astype(int), "new": city.str.startswith("new ")}
    )


def months_of_texts(df: Any) -> Any:
    parts = df["date"].str.extract(r"(?P<month>[A-Z][a-z]{2}) (?P<day>\d+) (?P<year>\d{4})")
    return pd.DataFrame(
        {
            "month": parts["month"].map(MONTHS).fillna(0),
            "year": parts["year"].astype(float),
            "symbol": df["symbol"].map(lambda one: 1 if one in ("AAPL", "GOOG") else 0),
        }
    )


def days_of_stocks(df: Any) -> Any:
    day = pd.to_datetime(df["date"])
    return pd.DataFrame({"t": (day - pd.Timestamp(2000, 1, 1)).dt.days, "q": day.dt.quarter})


def rows_of_stocks(df: Any) -> Any:
    def weight(row: Any) -> float:
        if row["symbol"] == "GOOG":
            return 3.0
        return 2.0 if row["date"].endswith(("2008", "2009")) else 1.0

    codes = pd.Categorical(df["symbol"], categories=["AAPL", "AMZN", "GOOG", "IBM", "MSFT"]).codes
    return pd.DataFrame({"weight": df.apply(weight, axis=1), "code": codes})


def lengths_in_a_lambda(df: Any) -> Any:
    return pd.DataFrame({"n": df["name"].apply(lambda name: len(name.split()))})


TEXTS: list[tuple[str, Callable[[Any], Any]]] = [
    *(("riots", how) for how in (kinds_of_streets, parts_of_days, days_since, names)),
    *(("airports", how) for how in (words_of_airports, codes_of_airports, cities)),
    *(("stocks", how) for how in (months_of_texts, days_of_stocks, rows_of_stocks)),
    ("airports", lengths_in_a_lambda),
]
