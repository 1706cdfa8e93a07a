"""How fast 100,000 rows of 20 columns are compared with training, beside Evidently's DataDriftPreset.

Both get the same frames, in turns and in this run; Evidently has an environment of its own. Podium counts
the rows in the bins that a bundle has, and measures each column; Evidently gets the training rows, too.
Five columns are labels, and one number moved by half a standard deviation. Times are of the processor, and
of the clock.

    python -m bench.drift [--rounds 5]
"""

from __future__ import annotations

import argparse
import os
import pickle
import platform
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from bench.serve.environment import environment_for
from numpy.typing import NDArray

from podium.bundle.baseline import baseline_of
from podium.monitoring.counts import count_table, histograms_of
from podium.monitoring.drift import WINDOWS_A_YEAR, drift_of
from podium.outputs import Outputs
from podium.signature import Output, Signature
from podium.signature.infer import infer_fields
from podium.table import Table

N_ROWS, N_NUMBERS, N_LABELS = 100_000, 15, 5
EVIDENTLY = "evidently==0.7.23"


def rows(random: np.random.Generator, moved: float) -> pd.DataFrame:
    """Columns of lognormal numbers, of which one moves, and of labels."""
    numbers = random.normal(size=(N_ROWS, N_NUMBERS))
    numbers[:, 0] += moved
    frame = pd.DataFrame(np.exp(numbers)).add_prefix("x")
    for at in range(N_LABELS):
        frame[f"label{at}"] = np.array(list("abcdefgh"))[random.integers(0, 8, N_ROWS)]
    return frame


def columns_of(frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """The columns as arrays: the other environment has another pandas."""
    return {name: np.array(frame[name].tolist()) for name in frame}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    before, now = rows(random, 0.0), rows(random, 0.5)
    table = Table.of(before)
    signature = Signature(fields=infer_fields(table), outputs=(Output(name="prediction"),))
    baseline = baseline_of(signature, table, Outputs(np.zeros(N_ROWS)))
    histograms = histograms_of(baseline)

    def compare() -> list[str]:
        counts = count_table(baseline, signature, Table.of(now))
        drifts = {what.name: drift_of(histograms[what], found) for what, found in counts.items()}
        n_tests = len(drifts) * WINDOWS_A_YEAR
        return [name for name, one in drifts.items() if one.level_for(n_tests) != "none"]

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        requirements = folder / "requirements.txt"
        requirements.write_text(f"{EVIDENTLY}\npandas<3\n", "utf-8")
        environment = environment_for(requirements, "evidently")
        with (folder / "rows.pickle").open("wb") as file:
            pickle.dump([columns_of(frame) for frame in (before, now)], file)
        script = Path(__file__).with_name("evidently_process.py")
        peer = subprocess.Popen(
            [environment.python, "-W", "ignore", script, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert peer.stdin is not None
        assert peer.stdout is not None
        ours, theirs = [], []
        for at in range(options.rounds + 1):
            cpu, clock = time.process_time(), time.perf_counter()
            found = compare()
            our = time.process_time() - cpu, time.perf_counter() - clock
            peer.stdin.write("\n")
            peer.stdin.flush()
            their_cpu, their_clock, n_drifted = map(float, peer.stdout.readline().split())
            if at:  # the first one prepares both
                ours.append(our)
                theirs.append((their_cpu, their_clock))
        peer.communicate()
        print(f"{N_ROWS:,} rows, {N_NUMBERS} numbers and {N_LABELS} labels; Python", end=" ")
        print(
            f"{platform.python_version()}, Evidently {environment.version('evidently')}", end=", "
        )
        print(f"{environment.size_mb():,.0f} MB on disk; load {os.getloadavg()[0]:.1f}")
    for title, some, n in (("Podium", ours, len(found)), ("Evidently", theirs, int(n_drifted))):
        cpus, clocks = zip(*some, strict=True)
        print(
            f"{title:10} CPU {statistics.median(cpus):7.3f} s ({min(cpus):.3f} to {max(cpus):.3f}), "
            f"clock {statistics.median(clocks):7.3f} s; {n} columns drifted"
        )
    factor = statistics.median(b[0] / a[0] for a, b in zip(ours, theirs, strict=True))
    clock = statistics.median(b[1] / a[1] for a, b in zip(ours, theirs, strict=True))
    print(f"Podium is {factor:.0f} times as fast by the processor, {clock:.0f} by the clock")


if __name__ == "__main__":
    main()
