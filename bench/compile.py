"""Programs against their originals: one row, 64 rows, 10,000 rows, one thread, rows that vary.

python -m bench.compile                     print the table
python -m bench.compile --only forest       cases whose name, or whose family, holds this
python -m bench.compile --markdown docs/benchmarks.md --svg docs/images/compile.svg
                                            write the table into its place there, and a plot
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from bench.compile_cases import FAMILIES, N_ROWS, Case
from bench.documents import put, table_of
from threadpoolctl import threadpool_limits

from podium.compile import compile_model
from podium.program import Program, kernel_name
from podium.runtimes.signatures import signature_of
from podium.runtimes.sklearn import SklearnRuntime
from podium.table import Table

SIZES = (1, 64, 10_000)
SECONDS_A_FIGURE = 0.3
ROUNDS_MIN = 5
# A round is so long at least: the first calls after the other's find the caches full of its data.
ROUND_S = 0.01


class Figure(NamedTuple):
    """Medians of rounds in which both were asked in turn: microseconds a call, and their ratio.

    They are microseconds of the processor: what else the machine does takes its time from neither.
    """

    original: float
    program: float
    ratio: float


@dataclass(frozen=True)
class Line:
    """What was measured of one case, by number of rows."""

    name: str
    family: str
    figures: dict[int, Figure]
    plain_row: float
    difference: float


def measure(name: str, family: str, case: Case) -> Line:
    """The figures of one case; fails where it doesn't compile."""
    rows = case.rows()
    trained = rows.iloc[: case.n_trained]
    model = case.make(rows).fit(trained, case.truth(rows)[: case.n_trained])
    sample, table = Table.of(trained), Table.of(rows)
    signature = signature_of(model, sample)
    original = SklearnRuntime(model, signature)
    compiled = compile_model(model, signature, sample, original=original.predict)
    if compiled.program is None or compiled.verification is None:
        raise SystemExit(f"{name}: {compiled.why}")
    program, ask = compiled.program, asking(model, case)
    figures = {
        # The original is given the frame that it was trained on: no conversion is counted.
        n: side_by_side(ask, frames(rows, n), program.predict, tables(table, n))
        for n in SIZES
    }
    return Line(name, family, figures, plain_row(program, table), compiled.verification.difference)


def asking(model: Any, case: Case) -> Callable[[Any], Any]:
    """What the program answers at once: the prediction, and a classifier's probabilities."""
    if case.only_shares:
        return model.predict_proba  # type: ignore[no-any-return]
    if not case.n_classes or not hasattr(model, "predict_proba"):
        return model.predict  # type: ignore[no-any-return]
    return lambda frame: (model.predict(frame), model.predict_proba(frame))


def frames(rows: pd.DataFrame, n_rows: int) -> list[pd.DataFrame]:
    """Parts of the rows, as the original is asked."""
    return [rows.iloc[at : at + n_rows] for at in _starts(n_rows)]


def tables(table: Table, n_rows: int) -> list[Table]:
    """The same parts, as the program is asked."""
    return [table.take(slice(at, at + n_rows)) for at in _starts(n_rows)]


def _starts(n_rows: int) -> list[int]:
    last = max(1, N_ROWS - n_rows)
    return [int(at) for at in np.random.default_rng(3).integers(0, last, 2_000 // n_rows + 3)]


def side_by_side(
    original: Callable[[Any], Any],
    frames: list[pd.DataFrame],
    program: Callable[[Any], Any],
    tables: list[Table],
) -> Figure:
    """Both asked in turn, so that a crowded cache or a slower clock slows both."""
    theirs, ours = _Asked(original, frames), _Asked(program, tables)
    rounds: list[tuple[float, float]] = []
    ends = time.perf_counter() + SECONDS_A_FIGURE
    while time.perf_counter() < ends or len(rounds) < ROUNDS_MIN:
        rounds.append((theirs.seconds_a_call(), ours.seconds_a_call()))
    seconds = np.array(rounds)
    first, second = np.median(seconds, axis=0) * 1e6
    return Figure(first, second, float(np.median(seconds[:, 0] / seconds[:, 1])))


def plain_row(program: Program, table: Table) -> float:
    """Microseconds for one row of Python values, without a table around it."""
    rows = [[tuple(row.values())] for row in table.take(slice(0, 2_000)).rows()]
    asked = _Asked(program.predict_rows, rows)
    return float(np.median([asked.seconds_a_call() for _ in range(15)])) * 1e6


class _Asked:
    """One of both, and the questions that it is asked in turn."""

    def __init__(self, ask: Callable[[Any], Any], questions: list[Any]) -> None:
        self.ask, self.questions = ask, cycle(questions)
        for self.n_calls in (1, 3):
            one = self.seconds_a_call()
        self.n_calls = max(1, int(ROUND_S / max(one, 1e-7)))

    def seconds_a_call(self) -> float:
        """The processor's time for a call, the mean of a round."""
        ask, questions = self.ask, [next(self.questions) for _ in range(self.n_calls)]
        began = time.process_time()
        for question in questions:
            ask(question)
        return (time.process_time() - began) / self.n_calls


HEAD = ("model", "one row", "", "64 rows", "", "10,000 rows", "", "plain row", "difference")


def cells(line: Line) -> tuple[str, ...]:
    """A row of the table."""
    figures: list[str] = []
    for figure in line.figures.values():
        ratio = f"{figure.ratio:.0f}x" if figure.ratio >= 10 else f"{figure.ratio:.1f}x"
        figures += [f"{_time(figure.original)} → {_time(figure.program)}", ratio]
    return (line.name, *figures, _time(line.plain_row), f"{line.difference:.0e}")


def _time(microseconds: float) -> str:
    if microseconds < 1_000:
        return f"{microseconds:.1f} us"
    return f"{microseconds / 1_000:.1f} ms"


def markdown(lines: list[Line]) -> str:
    """A table of all lines."""
    return table_of(HEAD, [cells(line) for line in lines])


def plot(lines: list[Line]) -> str:
    """Bars of how many times faster one row is, on a logarithmic scale, family by family."""
    width, left, step = 760, 310, 21
    most = max(3.0, np.log10(max(line.figures[1].ratio for line in lines)))
    size = f'viewBox="0 0 {width} {step * len(lines) + 20}" font-family="sans-serif" font-size="13"'
    says = 'role="img" aria-label="One row: how many times faster"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} {says}>']
    families = list(dict.fromkeys(line.family for line in lines))
    for i, line in enumerate(lines):
        y, ratio = 10 + i * step, line.figures[1].ratio
        length = (width - left - 80) * max(0.0, np.log10(ratio)) / most
        colour = "#2563eb" if families.index(line.family) % 2 == 0 else "#0d9488"
        parts.append(
            f'<text x="{left - 8}" y="{y + 13}" text-anchor="end" fill="#888">{line.name}</text>'
            f'<rect x="{left}" y="{y}" width="{length:.0f}" height="{step - 5}" fill="{colour}"/>'
            f'<text x="{left + length + 6:.0f}" y="{y + 13}" fill="#888">{ratio:.0f}x</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", default="")
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--svg", type=Path)
    options = parser.parse_args()
    print(f"forest kernel: {kernel_name()}")
    lines, began = [], time.perf_counter()
    with threadpool_limits(1):
        for family, cases in FAMILIES.items():
            for name, case in cases.items():
                if options.only in name or options.only in family:
                    lines.append(measure(name, family, case))
                    print("  ".join(cells(lines[-1])), flush=True)
    slower = [line.name for line in lines if min(f.ratio for f in line.figures.values()) < 1]
    print(f"{len(lines)} cases in {time.perf_counter() - began:.0f} s; slower: {slower or 'none'}")
    if options.markdown:
        put(options.markdown, "compile", markdown(lines))
    if options.svg:
        options.svg.write_text(plot(lines), "utf-8")


if __name__ == "__main__":
    main()
