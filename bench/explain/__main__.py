"""How fast trees are explained, beside shap's interventional TreeExplainer.

Both explain the same rows of the same models against the same 100 background rows, in turns and in this
run, each on one core; shap has an environment of its own. Times are of the processor, and of the clock.

    python -m bench.explain [--rounds 5] [--markdown docs/benchmarks.md]
"""

from __future__ import annotations

import argparse
import os
import pickle
import platform
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import sklearn
from bench.serve.environment import environment_for
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)

import podium
from podium.explanations.explain import Explainer
from podium.table import Table

N_TRAINING, N_FIELDS, N_BACKGROUND = 5_000, 20, 100
SHAP = "shap==0.51.0"
BEGIN, END = "<!-- begin explain -->", "<!-- end explain -->"


class Case(NamedTuple):
    """A model, and how many rows are explained in a round."""

    model: Any
    is_class: bool
    n_rows: int


CASES = {
    "histograms": Case(HistGradientBoostingRegressor(max_iter=100), False, 64),
    "classes": Case(HistGradientBoostingClassifier(max_iter=100), True, 64),
    "forest": Case(
        RandomForestRegressor(100, max_depth=12, max_features=0.5, random_state=0), False, 16
    ),
}
WORDS = {
    "histograms": "histogram boosting, 100 trees of 31 leaves",
    "classes": "the same, two classes",
    "forest": "forest, 100 trees of depth 12",
}


class Timed(NamedTuple):
    """Seconds a row: of the processor, and of the clock."""

    cpu: float
    clock: float


class Peer:
    """The process that explains with shap."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        requirements = folder / "requirements.txt"
        requirements.write_text(f"{SHAP}\nscikit-learn=={sklearn.__version__}\n", "utf-8")
        environment = environment_for(requirements, "shap")
        self.version = environment.version("shap")
        script = Path(__file__).with_name("shap_process.py")
        self.process = subprocess.Popen(
            [environment.python, script, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def explain(self, case: str, first: int, last: int) -> tuple[Timed, Any]:
        """Seconds a row, and base and contributions added up."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{case} {first} {last}\n")
        self.process.stdin.flush()
        cpu, clock = map(float, self.process.stdout.readline().split())
        n_rows = last - first
        return Timed(cpu / n_rows, clock / n_rows), np.load(self.folder / f"{case}.npy")

    def stop(self) -> None:
        """End the process."""
        self.process.communicate()


def data(is_class: bool) -> tuple[Any, Any]:
    """Rows of numbers, and a target with interactions."""
    chance = np.random.default_rng(0)
    x = chance.normal(size=(N_TRAINING, N_FIELDS))
    y = np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] + np.abs(x[:, 3]) + x[:, 4] / 2
    y += chance.normal(size=N_TRAINING) * 0.3
    return x, (y > 0.5).astype(int) if is_class else y


def prepared(name: str, case: Case, folder: Path) -> tuple[Explainer, Table]:
    """Our explainer and the rows; the same things are left for shap."""
    x, y = data(case.is_class)
    model = case.model.fit(x, y)
    bundle = podium.pack(model, x, y, name=name, path=folder, background=N_BACKGROUND)
    assert bundle.background is not None
    background = np.column_stack(list(bundle.background.columns.values()))
    with (folder / f"{name}.pickle").open("wb") as file:
        pickle.dump((model, background, x), file)
    return Explainer(bundle.runtime, bundle.background), Table.of(x)


def timed(function: Callable[[], Any], n_rows: int) -> tuple[Timed, Any]:
    """Seconds a row of a call, and what it returns."""
    cpu, clock = time.process_time(), time.perf_counter()
    returned = function()
    cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
    return Timed(cpu / n_rows, clock / n_rows), returned


def measured(name: str, case: Case, peer: Peer, rounds: int) -> tuple[str, ...]:
    """A line of the table."""
    explainer, table = prepared(name, case, peer.folder)
    label = 1 if case.is_class else None
    ours, theirs, alone = [], [], []
    for at in range(rounds + 1):
        first = at * case.n_rows
        rows = table.take(slice(first, first + case.n_rows))
        our, explained = timed(lambda rows=rows: explainer.explain(rows, label=label), case.n_rows)  # type: ignore[misc]
        their, total = peer.explain(name, first, first + case.n_rows)
        one, _ = timed(lambda rows=rows: explainer.explain(rows.take(slice(0, 1)), label=label), 1)  # type: ignore[misc]
        if at:  # the first one prepares both
            ours, theirs, alone = [*ours, our], [*theirs, their], [*alone, one]
    assert {one.method for one in explained} == {"trees"}
    answers = np.array([one.value for one in explained])
    sums = np.array([one.base + sum(one.contributions.values()) for one in explained])
    factor = statistics.median(their.cpu / our.cpu for our, their in zip(ours, theirs, strict=True))
    clock = statistics.median(
        their.clock / our.clock for our, their in zip(ours, theirs, strict=True)
    )
    return (
        WORDS[name],
        _us([one.cpu for one in ours]),
        _us([one.cpu for one in theirs]),
        f"{factor:.1f}",
        f"{clock:.1f}",
        _us([one.clock for one in alone]),
        f"{np.abs(sums - answers).max():.0e}, {np.abs(total - answers).max():.0e}",
    )


def _us(seconds: list[float]) -> str:
    """The median in microseconds, and how far the others were from it."""
    middle = statistics.median(seconds)
    low, high = min(seconds) / middle - 1, max(seconds) / middle - 1
    return f"{middle * 1e6:,.0f} us ({low:+.0%} to {high:+.0%})"


HEAD = ("model", "Podium, CPU a row", "shap, CPU a row", "as fast", "as fast by the clock",
        "one row alone, by the clock", "missed by the sum: Podium, shap")  # fmt: skip


def main() -> None:
    """Measure, print, and write into the docs if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        peer = Peer(Path(folder))
        try:
            lines = [measured(*one, peer, options.rounds) for one in CASES.items()]
        finally:
            peer.stop()
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in (HEAD, ["---"] * len(HEAD), *lines))
    told = (
        f"{table}\n\nMedians of {options.rounds} rounds in turns, with the range of the rounds: "
        f"{N_BACKGROUND} background rows, {N_FIELDS} fields. shap {peer.version}, Python "
        f"{platform.python_version()}; load of the machine before and after: "
        f"{os.getloadavg()[1]:.1f}, {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores."
    )
    print(told)
    if options.markdown is not None:
        page = options.markdown.read_text("utf-8")
        inside = re.compile(f"(?<={BEGIN}\n).*(?={END})", re.DOTALL)
        assert inside.search(page), f"{options.markdown} has no {BEGIN}"
        options.markdown.write_text(inside.sub(lambda _: f"\n{told}\n\n", page), "utf-8")


if __name__ == "__main__":
    main()
