"""One's own code is recorded: what verification finds, and what stays as it was."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import podium
from podium.compile import Compiled, compile_model
from podium.errors import SetupError
from podium.runtimes.signatures import signature_of
from podium.runtimes.sklearn import SklearnRuntime
from podium.table import Table

X = pd.DataFrame(
    {"size": np.arange(40.0), "number": np.arange(40) % 7, "is_new": [True, False] * 20}
)
Y = np.arange(40.0) ** 2


def compiled(how: Any, X: pd.DataFrame = X) -> Compiled:
    first = how if hasattr(how, "fit") else FunctionTransformer(how)
    model = make_pipeline(first, LinearRegression()).fit(X, Y)
    table = Table.of(X)
    signature = signature_of(model, table)
    original = SklearnRuntime(model, signature)
    return compile_model(model, signature, table, original=original.predict)


def is_real(frame: Any) -> bool:
    return type(frame) is pd.DataFrame


class Keeping(BaseEstimator, TransformerMixin):
    def fit(self, frame: Any, _: Any = None) -> Keeping:
        return self

    def transform(self, frame: Any) -> Any:
        self.seen_ = frame
        return frame[["size"]] * 2


def test_verification_looks_at_the_numbers_that_code_compares_with():
    def lying(frame: Any) -> Any:  # they differ at 12.25 alone, which isn't among the rows
        size = frame["size"]
        return frame[["size"]].assign(large=(size > 12.25) if is_real(frame) else (size >= 12.25))

    found = compiled(lying)

    assert found.program is None
    assert "differs from the original" in found.why


def test_verification_looks_at_the_ends_of_months_and_at_other_spellings():
    days = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=40, freq="12h")})
    words = pd.DataFrame({"word": [f"{('Word', 'Name')[n % 2]} {n}" for n in range(40)]})

    def wrong_days(frame: Any) -> Any:  # the rows end with the 20th
        day = frame["day"].dt.day
        return pd.DataFrame({"day": np.where(day > 28, 0, day) if is_real(frame) else day})

    def wrong_words(frame: Any) -> Any:
        word = "W" if is_real(frame) else "w"
        text = frame["word"] if is_real(frame) else frame["word"].str.lower()
        return pd.DataFrame({"n": text.str.contains(word).astype(int)})

    assert "differs from the original" in compiled(wrong_days, days).why
    assert "differs from the original" in compiled(wrong_words, words).why


def test_code_that_does_something_else_at_each_call_is_found_out():
    calls = iter(range(1, 10**6))

    found = compiled(lambda frame: frame[["size"]] * next(calls))

    assert found.program is None
    assert "differs from the original" in found.why


def test_what_code_keeps_of_the_recording_does_not_stay():
    model = make_pipeline(Keeping(), LinearRegression()).fit(X, Y)
    table = Table.of(X)
    signature = signature_of(model, table)
    original = SklearnRuntime(model, signature)

    assert compile_model(model, signature, table, original=original.predict).program is not None
    assert is_real(model[0].seen_)


def test_modules_are_as_before_also_after_an_error():
    before = (pd.DataFrame, pd.concat, np.c_, np.asarray, re.sub, len)

    def failing(frame: Any) -> Any:
        if not is_real(frame):
            raise KeyboardInterrupt
        return frame

    with pytest.raises(KeyboardInterrupt):
        compiled(failing)
    assert (pd.DataFrame, pd.concat, np.c_, np.asarray, re.sub, len) == before


def test_two_threads_at_once_leave_the_modules_as_they_were():
    before = (pd.DataFrame, pd.concat, np.c_, np.asarray)
    began = Barrier(2)
    is_first = True

    def slow(frame: Any) -> Any:
        nonlocal is_first
        if not is_real(frame) and is_first:
            is_first = False
            with suppress(BrokenBarrierError):  # the other one records only when this has ended
                began.wait(0.5)
        return frame[["size"]] * 2

    def quick(frame: Any) -> Any:
        if not is_real(frame):
            with suppress(BrokenBarrierError):
                began.wait(0.5)
        return frame[["size"]] * 3

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(compiled, [slow, quick]))

    assert [one.why for one in found] == ["", ""]
    assert (pd.DataFrame, pd.concat, np.c_, np.asarray) == before


def test_a_column_may_have_the_name_of_a_function():
    def spread(frame: Any) -> Any:
        frame = frame.rename(columns={"size": "open", "number": "time"})
        return frame[["open"]].assign(spread=frame.open - frame.time)

    assert compiled(spread).why == ""


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (
            lambda frame: frame[["size"]].assign(n=frame["number"] // (frame["number"] + 1)),
            "whole numbers",
        ),
        (lambda frame: frame[["size"]].assign(n=frame["is_new"] ^ 3), "bits of numbers"),
        (lambda frame: frame[["size"]].shift(1).fillna(0), "`.shift` of a frame"),
        (lambda frame: frame[frame["size"] >= 0], "drops rows"),
        (lambda frame: frame[["size"]].sort_values("size"), "`.sort_values` of a frame"),
        (
            lambda frame: frame.sum(axis=1, skipna=False).to_frame() if is_real(frame) else 3,
            "return",
        ),
    ],
)
def test_what_depends_on_more_than_a_row_is_not_recorded(how: Any, why: str):
    found = compiled(how)

    assert found.program is None
    assert why in found.why


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (lambda d: d[["n"]].assign(t=d["at"].dt.strftime("%H").astype(int)), "`.dt.strftime`"),
        (lambda d: d[["n"]].assign(t=(d["at"] - d["at"].min()).dt.days), "`.min` of a column"),
        (lambda d: d[["n"]].assign(t=d["name"].str.wrap(3).str.len()), "`.str.wrap`"),
        (lambda d: d[["n"]] / len(d["name"]), "the number of rows"),
    ],
)  # fmt: skip
def test_what_is_asked_of_times_and_texts_and_not_recorded(how: Any, why: str):
    times = pd.date_range("2024-01-01", periods=40, freq="7h")
    frame = pd.DataFrame({"at": times, "name": [f"a b{n}" for n in range(40)], "n": range(40)})

    found = compiled(how, frame)

    assert found.program is None
    assert why in found.why


def test_texts_and_times_work_on_values_that_training_did_not_see():
    frame = pd.DataFrame(
        {"name": [f"Name {n}, Mr. X" for n in range(40)], "at": pd.date_range("2024", periods=40)}
    )

    def titles(d: Any) -> Any:
        title = d["name"].str.split(", ").str[1].str.split(".").str[0]
        return pd.DataFrame({"mr": title == "Mr", "year": d["at"].dt.year - 2000})

    found = compiled(titles, frame)
    rows = [("Another, Mr. Y", pd.Timestamp("2031-02-03")), ("x", pd.Timestamp("1066-10-14"))]

    assert found.program is not None
    assert len(found.program.predict_rows(rows).predictions) == 2


class Nameless(BaseEstimator, TransformerMixin):
    """Doesn't keep the names of columns."""

    def __init__(self, how: Any) -> None:
        self.how = how

    def fit(self, _: Any, y: Any = None) -> Nameless:
        self.is_fitted_ = True
        return self

    def transform(self, data: Any) -> Any:
        return self.how(data)


def test_a_transformer_without_names_is_recorded_with_a_frame_or_else_with_an_array():
    by_name, by_place = Nameless(lambda d: d[["size"]] * 2), Nameless(lambda d: d[:, [1]] * 2)
    some = make_column_transformer((by_name, ["size", "number"]))
    apart = make_column_transformer(("passthrough", ["size", "number"]))

    assert compiled(make_pipeline(some)).why == ""
    assert compiled(make_pipeline(apart, by_place)).why == ""


def test_files_and_clocks_are_noticed_wherever_they_are_read(tmp_path):
    path = tmp_path / "factor"
    path.write_text("2")

    def factor() -> float:
        with open(path) as file:  # noqa: PTH123 - as people do
            return float(file.read())

    found = compiled(lambda frame: frame[["size"]] * factor())

    assert "asks for `open`" in found.why


def test_small_integers_overflow_so_they_are_passed_on_alone():
    small = X.astype({"number": "int8"})

    assert compiled(lambda frame: frame[["size", "number"]], small).why == ""
    assert (
        "column of int8" in compiled(lambda f: f[["size"]].assign(n=f["number"] * 100), small).why
    )


def test_what_cannot_be_packed_says_why_it_does_not_compile(tmp_path):
    model = make_pipeline(FunctionTransformer(lambda frame: frame.shift(0)), LinearRegression())

    with pytest.raises(SetupError, match="compiled it wouldn't need that") as refused:
        podium.pack(model.fit(X, Y), X, name="m", path=tmp_path / "m.podium")
    assert "`.shift` of a frame can't be recorded" in refused.value.hint
