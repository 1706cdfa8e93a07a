"""Files of a million rows, scored by `podium score` and by a loop of pandas and scikit-learn.

The model is a logistic regression of five numbers and three words. Each way is a process of its own, from
a file to a file with the predictions and the probabilities added, and runs with one processor and with
all. Told are the rows a second of wall time, the rows a second of processor time and the most memory; the
ways take turns, and the best of the rounds counts, as a busy machine only ever takes time away.

    python -m bench.score [--rows 1000000] [--rounds 3] [--formats csv,parquet]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from bench.documents import put
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import podium

PODIUM, LOOP = "podium score", "pandas and scikit-learn"
WAYS = (PODIUM, LOOP)
WORDS = {"city": 20, "plan": 3, "device": 4}
CHUNK_ROWS = 50_000
TRAINED_ROWS = 20_000


@dataclass(frozen=True)
class Run:
    """What a process took."""

    wall_s: float
    processor_s: float
    memory_mb: float


def rows_of(n_rows: int) -> pd.DataFrame:
    random = np.random.default_rng(0)
    rows = pd.DataFrame({f"x{i}": random.normal(i, 1 + i, n_rows).round(4) for i in range(5)})
    for word, n_words in WORDS.items():
        rows[word] = random.choice([f"{word} {i}" for i in range(n_words)], n_rows)
    return rows


def prepare(folder: Path, n_rows: int) -> None:
    """The files, the model, and its bundle."""
    rows = rows_of(n_rows)
    encoder = ColumnTransformer([("words", OneHotEncoder(), list(WORDS))], remainder="passthrough")
    model: Any = make_pipeline(encoder, LogisticRegression(max_iter=1_000))
    trained = rows.iloc[:TRAINED_ROWS]
    truth = np.where(trained.x0 * 3 + trained.x1 > 1, "high", "low")
    podium.pack(model.fit(trained, truth), trained, truth, name="c", path=folder / "c.podium")
    joblib.dump(model, folder / "c.joblib")
    rows.to_csv(folder / "in.csv", index=False)
    rows.to_parquet(folder / "in.parquet", index=False, row_group_size=131_072)


def loop(folder: Path, form: str) -> None:
    """What people write: chunks of a frame, predicted and appended."""
    import pyarrow as pa
    from pyarrow import parquet

    model, path = joblib.load(folder / "c.joblib"), folder / f"out.{form}"
    if form == "csv":
        for number, chunk in enumerate(pd.read_csv(folder / "in.csv", chunksize=CHUNK_ROWS)):
            scored = answered(model, chunk)
            scored.to_csv(path, mode="a" if number else "w", header=not number, index=False)
        return
    writer = None
    for batch in parquet.ParquetFile(folder / "in.parquet").iter_batches(CHUNK_ROWS):
        table = pa.Table.from_pandas(answered(model, batch.to_pandas()), preserve_index=False)
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def answered(model: Any, chunk: pd.DataFrame) -> pd.DataFrame:
    shares = model.predict_proba(chunk)
    labels = model.classes_[shares.argmax(axis=1)]
    names = [f"probability_{label}" for label in model.classes_]
    return chunk.assign(prediction=labels, **dict(zip(names, shares.T, strict=True)))


def measure(folder: Path, way: str, form: str, processors: set[int]) -> Run:
    """One process, from its start to its end."""
    if way == PODIUM:
        files = [str(folder / name) for name in ("c.podium", f"in.{form}", f"out.{form}")]
        command = [sys.executable, "-m", "podium", "score", *files[:2], "-o", files[2], "--force"]
    else:
        command = [sys.executable, "-m", "bench.score", "--loop", form, "--folder", str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(len(processors))}
    began_s = time.monotonic()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment)
    os.sched_setaffinity(process.pid, processors)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    wall_s = time.monotonic() - began_s
    return Run(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1_000)


def table_of(found: dict[tuple[str, str, int], list[Run]], n_rows: int) -> str:
    """A row for each format, way and number of processors: the best of the rounds."""
    lines = [
        "| file | way | processors | rows/s | rows a processor second | memory |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for (form, way, n), runs in found.items():
        rows_s = n_rows / min(one.wall_s for one in runs)
        rows_processor_s = n_rows / min(one.processor_s for one in runs)
        memory_mb = min(one.memory_mb for one in runs)
        lines.append(
            f"| {form} | {way} | {n} | {rows_s:,.0f} | {rows_processor_s:,.0f} | {memory_mb:.0f} MB |"
        )
    return "\n".join(lines)


def compare(folder: Path, formats: list[str], n_rows: int, n_rounds: int) -> str:
    """The ways in turns, in every round."""
    every = sorted(os.sched_getaffinity(0))
    found: dict[tuple[str, str, int], list[Run]] = {}
    for _ in range(n_rounds):
        for form in formats:
            for processors in ({every[0]}, set(every)):
                for way in WAYS:
                    run = measure(folder, way, form, processors)
                    found.setdefault((form, way, len(processors)), []).append(run)
    return table_of(found, n_rows)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--formats", default="csv,parquet")
    parser.add_argument("--markdown", type=Path, help="a page that has a place for the table")
    parser.add_argument("--loop", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.loop:
        loop(options.folder, options.loop)
        return
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: what it takes would count as theirs, too.
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            pool.submit(prepare, Path(folder), options.rows).result()
        table = compare(Path(folder), options.formats.split(","), options.rows, options.rounds)
    load = f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    print(f"{load}\n{table}")
    if options.markdown is not None:
        put(options.markdown, "score", table)


if __name__ == "__main__":
    main()
