"""Size and start: a forest of 100 trees behind Podium alone, and behind Flask with joblib.

python -m bench.start                               print the table
python -m bench.start --markdown docs/benchmarks.md write it into its place there, too

Each gets a fresh environment of its own, and serves with one worker. Ready is the first right answer.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
from bench.documents import put, table_of
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor

import podium

ROOT = Path(__file__).parents[1]
FLASK_APP = ROOT / "bench" / "serve" / "peers" / "flask"
N_STARTS, N_REQUESTS, READY_S = 5, 200, 60
# What every environment has from the start, and no server needs.
TOOLS = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "wheel")
COUNT = "import importlib.metadata as m; print(len({d.name for d in m.distributions()} - {%s}))"


@dataclass(frozen=True)
class Contender:
    """A server of the forest.

    Attributes:
        requirements: what is installed in its environment.
        command: that serves, after the folder of commands; `{port}` stands for its port.
        environment: variables.
        path: where predictions are asked for.
        body: of a request for one row.
    """

    name: str
    requirements: Sequence[str]
    command: Sequence[str]
    environment: dict[str, str]
    path: str
    body: bytes


@dataclass(frozen=True)
class Figures:
    """What was measured of one of them."""

    name: str
    size_mb: float
    n_packages: int
    ready_s: float
    worker_mb: float


def contenders(folder: Path) -> list[Contender]:
    """Both, and the forest that they serve."""
    rows, truths = load_diabetes(return_X_y=True, as_frame=True)
    forest = RandomForestRegressor(100, max_depth=12, random_state=0).fit(rows, truths)
    bundle = podium.pack(forest, rows, truths, name="forest", path=folder)
    joblib.dump(forest, folder / "forest.joblib")
    row = {name: float(value) for name, value in rows.iloc[0].items()}
    trained_with = [f"{name}=={version(name)}" for name in ("scikit-learn", "numpy", "pandas")]
    return [
        Contender(
            "Podium",
            [str(ROOT)],
            ["podium", "serve", str(bundle.path), "--port", "{port}"],
            {"PODIUM_HOME": str(folder / "home")},
            "/api/models/forest/predict",
            json.dumps(row).encode(),
        ),
        Contender(
            "Flask, gunicorn, joblib, scikit-learn, pandas",
            ["flask", "gunicorn", "joblib", *trained_with],
            ["gunicorn", "--chdir", str(FLASK_APP), "--bind", "127.0.0.1:{port}", "app:app"],
            {"MODEL": str(folder / "forest.joblib")},
            "/predict",
            json.dumps([row]).encode(),
        ),
    ]


def measure(contender: Contender, folder: Path) -> Figures:
    """A fresh environment, then some starts; the first one, which compiles to bytecode, is left out."""
    home = folder / contender.name.partition(",")[0]
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    python, log = home / "bin" / "python", folder / "pip.log"
    with log.open("wb") as output:
        install = [str(python), "-m", "pip", "install", "--quiet", *contender.requirements]
        subprocess.run(install, check=True, stdout=output, stderr=output)
    starts = [start(contender, home / "bin") for _ in range(N_STARTS + 1)][1:]
    count = [str(python), "-c", COUNT % ",".join(repr(name) for name in TOOLS)]
    counted = subprocess.run(count, check=True, capture_output=True, text=True)
    ready, memory = (statistics.median(figures) for figures in zip(*starts, strict=True))
    return Figures(contender.name, size_mb(home), int(counted.stdout), ready, memory)


def size_mb(home: Path) -> float:
    """What is installed, without pip and setuptools."""
    (site,) = home.glob("lib/python*/site-packages")
    files = [file for file in site.rglob("*") if file.is_file()]
    kept = [f for f in files if not f.relative_to(site).parts[0].startswith(TOOLS)]
    return sum(file.stat().st_size for file in kept) / 2**20


def start(contender: Contender, commands: Path) -> tuple[float, float]:
    """Seconds until it answers, and the megabytes that its worker holds after some requests."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [word.format(port=port) for word in contender.command]
    began = time.perf_counter()
    with running([str(commands / words[0]), *words[1:]], contender.environment) as process:
        while not answers(contender, port):
            if process.poll() is not None or time.perf_counter() - began > READY_S:
                raise SystemExit(f"{contender.name} doesn't answer")
            time.sleep(0.005)
        ready_s = time.perf_counter() - began
        if not all(answers(contender, port) for _ in range(N_REQUESTS)):
            raise SystemExit(f"{contender.name} answered wrongly")
        return ready_s, max(resident_mb(pid) for pid in (process.pid, *children(process.pid)))


@contextmanager
def running(command: Sequence[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[Any]]:
    """The server, for the length of a block."""
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(
        command, stdout=quiet, stderr=quiet, env={**os.environ, **environment}
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def answers(contender: Contender, port: int) -> bool:
    """Whether it predicts."""
    connection = HTTPConnection("127.0.0.1", port, timeout=READY_S)
    try:
        connection.request(
            "POST", contender.path, contender.body, {"content-type": "application/json"}
        )
        response = connection.getresponse()
        return response.status == 200 and b"prediction" in response.read()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def children(pid: int) -> list[int]:
    """The processes that it started."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []


def resident_mb(pid: int) -> float:
    """The memory that it holds; 0 where the system doesn't say it in /proc."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0.0
    return int(status.read_text().partition("VmRSS:")[2].split()[0]) / 1024


HEAD = ("", "on disk", "packages", "ready", "one worker")


def cells(figures: Figures) -> tuple[str, ...]:
    """A row of the table."""
    return (
        figures.name,
        f"{figures.size_mb:.0f} MB",
        str(figures.n_packages),
        f"{figures.ready_s:.2f} s",
        f"{figures.worker_mb:.0f} MB",
    )


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, rows = Path(name), []
        for contender in contenders(folder):
            rows.append(cells(measure(contender, folder)))
            print("  ".join(rows[-1]), flush=True)
    if options.markdown:
        put(options.markdown, "start", table_of(HEAD, rows))


if __name__ == "__main__":
    main()
