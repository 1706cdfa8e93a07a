"""Programs against their originals: one row, 64 rows, 10,000 rows, one thread, rows that vary.

python bench/compile.py                     print the table
python bench/compile.py --only forest       cases whose name holds this
python bench/compile.py --markdown T --svg P    write the table and a plot, too
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor
from threadpoolctl import threadpool_limits

from podium.compile import compile_model
from podium.program import kernel_name
from podium.runtimes.signatures import signature_of
from podium.runtimes.sklearn import SklearnRuntime
from podium.table import Outputs, Table

SIZES = (1, 64, 10_000)
N_TRAINED = 10_000
SECONDS_A_FIGURE = 0.6


@dataclass(frozen=True)
class Line:
    """Medians of one case: microseconds a call, by number of rows."""

    name: str
    original: dict[int, float]
    program: dict[int, float]
    plain_row: float
    difference: float

    def ratio(self, n_rows: int) -> float:
        return self.original[n_rows] / self.program[n_rows]


def numbers() -> pd.DataFrame:
    random = np.random.default_rng(0)
    columns = {f"x{i}": random.normal(i, 1 + i, N_TRAINED) for i in range(8)}
    return pd.DataFrame(columns)


def mixed() -> pd.DataFrame:
    random = np.random.default_rng(1)
    rows = numbers().iloc[:, :5].copy()
    rows.iloc[::19, 2] = np.nan
    rows["city"] = random.choice([f"city {i}" for i in range(20)], N_TRAINED)
    rows["plan"] = random.choice(["free", "basic", "pro"], N_TRAINED)
    rows["device"] = random.choice(["phone", "desktop", "tablet", "tv"], N_TRAINED)
    return rows


def target(rows: pd.DataFrame) -> Any:
    noise = np.random.default_rng(2).normal(size=len(rows))
    return rows["x0"] * 2 + np.sin(rows["x1"]) * 3 + rows["x3"] + noise


def columns(rows: pd.DataFrame) -> ColumnTransformer:
    words = [name for name in rows if rows[name].dtype.kind != "f"]
    numeric = [name for name in rows if name not in words]
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numeric),
            ("words", OneHotEncoder(handle_unknown="ignore", sparse_output=False), words),
        ]
    )


SEED = {"random_state": 0}
Case = tuple[Callable[[], pd.DataFrame], Callable[[pd.DataFrame], Any], bool]
CASES: dict[str, Case] = {
    "scaler + linear regression": (
        numbers,
        lambda _: make_pipeline(StandardScaler(), LinearRegression()),
        False,
    ),
    "scaler + logistic regression": (
        numbers,
        lambda _: make_pipeline(StandardScaler(), LogisticRegression()),
        True,
    ),
    "columns + logistic regression": (
        mixed,
        lambda rows: make_pipeline(columns(rows), LogisticRegression(max_iter=500)),
        True,
    ),
    "columns + histogram boosting": (
        mixed,
        lambda rows: make_pipeline(columns(rows), HistGradientBoostingClassifier(**SEED)),
        True,
    ),
    "tree": (numbers, lambda _: DecisionTreeRegressor(max_depth=12, **SEED), False),
    "forest, 100 trees of depth 12": (
        numbers,
        lambda _: RandomForestRegressor(100, max_depth=12, **SEED),
        False,
    ),
    "forest of classes, 100 trees of depth 12": (
        numbers,
        lambda _: RandomForestClassifier(100, max_depth=12, **SEED),
        True,
    ),
    "histogram boosting": (numbers, lambda _: HistGradientBoostingRegressor(**SEED), False),
    "gradient boosting": (numbers, lambda _: GradientBoostingClassifier(**SEED), True),
}


def measure(name: str, case: Case) -> Line:
    rows_of, model_of, is_classifier = case
    rows = rows_of()
    y = target(rows)
    y = np.where(y > y.median(), "high", "low") if is_classifier else y
    model = model_of(rows).fit(rows, y)
    table = Table.of(rows)
    signature = signature_of(model, table)
    original = SklearnRuntime(model, signature)
    compiled = compile_model(model, signature, table, original=original.predict)
    if compiled.program is None or compiled.verification is None:
        raise SystemExit(f"{name}: {compiled.why}")
    program = compiled.program
    plain = [[tuple(row.values())] for row in table.take(slice(0, 2_000)).rows()]
    return Line(
        name,
        # The original is given the frame that it was trained on: no conversion is counted.
        {n: median(asking(model, is_classifier), frames(rows, n)) for n in SIZES},
        {n: median(program.predict, tables(table, n)) for n in SIZES},
        median(program.predict_rows, plain),
        compiled.verification.difference,
    )


def asking(model: Any, is_classifier: bool) -> Callable[[Any], Any]:
    """What the program answers at once: the prediction, and a classifier's probabilities."""
    if not is_classifier:
        return model.predict  # type: ignore[no-any-return]
    return lambda frame: (model.predict(frame), model.predict_proba(frame))


def frames(rows: pd.DataFrame, n_rows: int) -> list[pd.DataFrame]:
    return [rows.iloc[at : at + n_rows] for at in _starts(n_rows)]


def tables(table: Table, n_rows: int) -> list[Table]:
    return [table.take(slice(at, at + n_rows)) for at in _starts(n_rows)]


def _starts(n_rows: int) -> list[int]:
    last = max(1, N_TRAINED - n_rows)
    return [int(at) for at in np.random.default_rng(3).integers(0, last, 2_000 // n_rows + 3)]


def median(ask: Callable[[Any], Outputs | Any], questions: list[Any]) -> float:
    """Microseconds a call, the median of rounds over different questions."""
    ask(questions[0])
    began = time.perf_counter()
    figures: list[float] = []
    at = 0
    while time.perf_counter() - began < SECONDS_A_FIGURE or len(figures) < 5:
        # A round of at least 50 us: the clock itself costs a tenth of one.
        round_began, n_calls = time.perf_counter(), 0
        while not n_calls or time.perf_counter() - round_began < 5e-5:
            ask(questions[at % len(questions)])
            at, n_calls = at + 1, n_calls + 1
        figures.append((time.perf_counter() - round_began) / n_calls)
    return float(np.median(figures)) * 1e6


HEAD = ("model", "one row", "", "64 rows", "", "10,000 rows", "", "plain row", "difference")


def cells(line: Line) -> tuple[str, ...]:
    figures: list[str] = []
    for n in SIZES:
        figures += [
            f"{_time(line.original[n])} -> {_time(line.program[n])}",
            f"{line.ratio(n):.0f}x" if line.ratio(n) >= 10 else f"{line.ratio(n):.1f}x",
        ]
    return (line.name, *figures, _time(line.plain_row), f"{line.difference:.0e}")


def _time(microseconds: float) -> str:
    if microseconds < 1_000:
        return f"{microseconds:.1f} us"
    return f"{microseconds / 1_000:.1f} ms"


def markdown(lines: list[Line]) -> str:
    rows = [HEAD, tuple("---" for _ in HEAD), *(cells(line) for line in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def plot(lines: list[Line]) -> str:
    """Bars of how many times faster one row is, on a logarithmic scale."""
    width, left, step = 720, 280, 26
    most = max(3.0, np.log10(max(line.ratio(1) for line in lines)))
    size = f'viewBox="0 0 {width} {step * len(lines) + 20}" font-family="sans-serif" font-size="13"'
    says = 'role="img" aria-label="One row: how many times faster"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} {says}>']
    for i, line in enumerate(lines):
        y = 10 + i * step
        length = (width - left - 80) * max(0.0, np.log10(line.ratio(1))) / most
        parts.append(f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{line.name}</text>')
        parts.append(
            f'<rect x="{left}" y="{y}" width="{length:.0f}" height="18" fill="#2563eb"/>'
            f'<text x="{left + length + 6:.0f}" y="{y + 14}">{line.ratio(1):.0f}x</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", default="")
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--svg", type=Path)
    options = parser.parse_args()
    print(f"forest kernel: {kernel_name()}")
    lines = []
    with threadpool_limits(1):
        for name, case in CASES.items():
            if options.only in name:
                lines.append(measure(name, case))
                print("  ".join(cells(lines[-1])), flush=True)
    if options.markdown:
        options.markdown.write_text(markdown(lines), "utf-8")
    if options.svg:
        options.svg.write_text(plot(lines), "utf-8")


if __name__ == "__main__":
    main()
