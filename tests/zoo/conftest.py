"""The zoo: estimators fitted on real data, compiled, compared, timed, and listed at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bench.zoo.data import DATA
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from podium.compile import Compiled, compile_model
from podium.outputs import Outputs
from podium.program import Program
from podium.runtimes.signatures import signature_of
from podium.runtimes.sklearn import SklearnRuntime
from podium.signature.correct import corrected
from podium.table import Table

MIXED = ("penguins", "cars")
LINE = "compiled"


@dataclass
class Zoo:
    """Compiles models, and says so.

    Attributes:
        record: takes a line of the table, under the name of `LINE`.
    """

    record: Callable[[str, object], None]

    @staticmethod
    @cache
    def data(name: str) -> tuple[Any, Any]:
        """Rows and truths of a real data set."""
        return DATA[name]()

    def fit(self, estimator: Any, name: str, *, numbered: bool = False) -> Any:
        """A fitted copy; behind the usual columns where the data is mixed.

        Args:
            numbered: classes as the numbers that some libraries want.
        """
        X, y = self.data(name)
        y = np.unique(y, return_inverse=True)[1] if numbered else y
        model = clone(estimator)
        if name in MIXED:
            model = make_pipeline(usual_columns(X), model)
        return model.fit(X, y)

    def compile(
        self, fitted: Any, X: Any, *, said: Mapping[str, Any] | None = None
    ) -> tuple[Compiled, SklearnRuntime, Table]:
        """What comes of compiling, the original, and the rows as a table.

        Args:
            said: what a person corrects in the signature.
        """
        table = Table.of(X)
        signature = corrected(signature_of(fitted, table), said or {})
        original = SklearnRuntime(fitted, signature)
        return compile_model(fitted, signature, table, original=original.predict), original, table

    def check(self, estimator: Any, name: str, *, numbered: bool = False) -> Compiled:
        """Fit, compile, and fail unless there is a program; a line of the table."""
        fitted = self.fit(estimator, name, numbered=numbered)
        return self.check_fitted(fitted, name, title=type(estimator).__name__)

    def check_scaled(self, estimator: Any, name: str) -> Compiled:
        """The same, behind a scaler where the usual columns have none yet."""
        model = estimator if name in MIXED else make_pipeline(StandardScaler(), estimator)
        title = type(estimator).__name__
        return self.check_fitted(self.fit(model, name), name, title=title)

    def check_fitted(self, fitted: Any, name: str, *, title: str = "") -> Compiled:
        """The same for an estimator that is fitted on a data set."""
        X, _ = self.data(name)
        compiled, original, table = self.compile(fitted, X)
        title = title or type(fitted).__name__
        if compiled.program is None:
            self.record(LINE, (title, name, "no", compiled.why, "", "", ""))
            pytest.fail(f"{title} on {name}: {compiled.why}")
        found = compiled.verification
        assert found is not None
        speed = _seconds_a_row(original.predict, table) / _seconds_a_row(
            compiled.program.predict, table
        )
        difference, labels = f"{found.difference:.0e}", str(found.n_labels)
        self.record(LINE, (title, name, "yes", "", difference, labels, f"{speed:.0f}x"))
        assert found.n_labels == 0
        assert_same_in_every_batch(compiled.program, table)
        return compiled


def assert_same_in_every_batch(program: Program, table: Table) -> None:
    """A prediction doesn't depend on the rows beside it, to the last bit."""
    whole = _parts_of(program.predict(table))
    for size in (1, 3, 8, 11):
        for at in range(0, min(2 * size, table.n_rows), size):
            some = slice(at, min(at + size, table.n_rows))
            for part, all_ in zip(_parts_of(program.predict(table.take(some))), whole, strict=True):
                np.testing.assert_array_equal(part, all_[some], f"{size} rows at {at}")


def _parts_of(outputs: Outputs) -> list[Any]:
    parts = (outputs.predictions, outputs.probabilities, outputs.scores)
    return [part for part in parts if part is not None]


def usual_columns(X: pd.DataFrame) -> ColumnTransformer:
    """Numbers filled and scaled, labels filled and one-hot."""
    numbers = X.select_dtypes("number").columns.tolist()
    words = [name for name in X.columns if name not in numbers]
    fill_words = SimpleImputer(strategy="most_frequent")
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
            ("words", make_pipeline(fill_words, OneHotEncoder(handle_unknown="ignore")), words),
        ],
        sparse_threshold=0,
    )


def _seconds_a_row(predict: Callable[[Table], Any], table: Table) -> float:
    """The best of a few different rows, one a call."""
    times = []
    for row in range(min(8, table.n_rows)):
        one = table.take(slice(row, row + 1))
        began = time.perf_counter()
        predict(one)
        times.append(time.perf_counter() - began)
    return float(np.min(times))


@pytest.fixture
def zoo(record_property: Callable[[str, object], None]) -> Zoo:
    """The zoo; what is compiled there goes into the table at the end of the run."""
    return Zoo(record_property)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The table of what was compiled, by whichever process of the run."""
    reports = [one for kind in ("passed", "failed") for one in terminalreporter.getreports(kind)]
    told = [line for one in reports for name, line in one.user_properties if name == LINE]
    if not told:
        return
    head = ("estimator", "data", "compiled", "why not", "difference", "labels", "one row")
    lines = [head, *sorted(map(tuple, told))]
    widths = [min(40, max(len(line[i]) for line in lines)) for i in range(len(head))]
    terminalreporter.section("what was compiled")
    for line in lines:
        cells = [cell[:w].ljust(w) for cell, w in zip(line, widths, strict=True)]
        terminalreporter.write_line("  ".join(cells).rstrip())
    n_compiled = sum(line[2] == "yes" for line in told)
    n_kinds = len({line[0] for line in told})
    terminalreporter.write_line(f"{n_compiled} of {len(told)} compiled, of {n_kinds} kinds")
