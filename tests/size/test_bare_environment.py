"""The core alone, in an environment of its own, serves every compiled bundle."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import podium
from podium.bundle import Bundle
from podium.testing import ServerProcess

ROOT = Path(__file__).parents[2]
PACKAGES_MAX = 25
DISK_MAX_MB = 130
MEMORY_MAX_MB = 90
FOREIGN = ("sklearn", "pandas", "scipy", "onnx", "onnxruntime", "skops", "joblib")

LOOK = """
import importlib.metadata, importlib.util, json, pathlib, sys
site = next(pathlib.Path(p) for p in sys.path if p.endswith("site-packages"))
names = sorted({d.metadata["Name"].lower() for d in importlib.metadata.distributions()})
tools = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "wheel")
files = [f for f in site.rglob("*") if f.is_file()]
files = [f for f in files if not f.relative_to(site).parts[0].startswith(tools)]
print(json.dumps({
    "packages": [n for n in names if n not in tools],
    "bytes": sum(f.stat().st_size for f in files),
    "foreign": [n for n in %r if importlib.util.find_spec(n)],
}))
"""
ANSWER = """
import json, sys
import podium
for path in sys.argv[1:]:
    bundle = podium.load(path)
    outputs = bundle.predict(list(bundle.signature.examples))
    print(json.dumps(outputs.predictions.tolist()))
"""


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of an environment with the core and nothing else."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", str(ROOT)]
    subprocess.run(install, check=True, capture_output=True, timeout=300)
    return python


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    folder = tmp_path_factory.mktemp("compiled")
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    spec = find_spec("palmerpenguins")
    assert spec is not None
    assert spec.submodule_search_locations
    rows = pd.read_csv(Path(spec.submodule_search_locations[0]) / "data/penguins.csv")
    P, species = rows.drop(columns="species"), rows["species"]
    words = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["island", "sex"]),
        remainder="passthrough",
    )
    numbers = rows.dropna()[["bill_length_mm", "body_mass_g"]]
    fitted: dict[str, tuple[Any, Any, Any]] = {
        "linear": (make_pipeline(StandardScaler(), LinearRegression()), X, y),
        "boosted": (make_pipeline(words, HistGradientBoostingClassifier(max_iter=30)), P, species),
        "forest": (RandomForestRegressor(100, max_depth=12, random_state=0), X, y),
        "logistic": (LogisticRegression(max_iter=5_000), numbers, rows.dropna()["species"]),
        "neighbours": (KNeighborsRegressor(), X, y),
    }
    return {
        name: podium.pack(model.fit(rows, truth), rows, truth, name=name, path=folder)
        for name, (model, rows, truth) in fitted.items()
    }


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print a figure, whatever pytest does with output."""

    def say(text: str) -> None:
        with capsys.disabled():
            print(f"\n  {text}", end="")

    return say


@pytest.mark.timeout(400)
def test_the_core_is_small_and_brings_nothing_of_the_trainer(bare, say):
    looked = subprocess.run([bare, "-c", LOOK % (FOREIGN,)], capture_output=True, check=True)

    told = json.loads(looked.stdout)
    megabytes = told["bytes"] / 2**20
    say(f"bare environment: {len(told['packages'])} packages, {megabytes:.0f} MB")
    assert told["foreign"] == []
    assert len(told["packages"]) < PACKAGES_MAX
    assert megabytes < DISK_MAX_MB


@pytest.mark.timeout(400)
def test_every_compiled_bundle_predicts_there_as_its_original_did(bare, bundles):
    paths = [str(bundle.path) for bundle in bundles.values()]

    done = subprocess.run([bare, "-c", ANSWER, *paths], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    for bundle, line in zip(bundles.values(), done.stdout.splitlines(), strict=True):
        expected = bundle.predict(list(bundle.signature.examples)).predictions.tolist()
        if isinstance(expected[0], float):
            np.testing.assert_allclose(json.loads(line), expected, rtol=1e-12)
        else:
            assert json.loads(line) == expected


@pytest.mark.timeout(400)
def test_a_server_of_the_forest_is_small(bare, bundles, tmp_path, say):
    bundle = bundles["forest"]
    row = bundle.signature.examples[0]

    began = time.perf_counter()
    with ServerProcess(str(bundle.path), home=tmp_path / "home", python=bare) as server:
        ready_s = time.perf_counter() - began
        with httpx.Client(base_url=server.address) as client:
            answers = {
                client.post("/api/models/forest/predict", json=row).json()["prediction"]
                for _ in range(200)
            }
        status = Path(f"/proc/{server.pid}/status")
        memory_mb = 0
        if status.exists():
            memory_mb = int(status.read_text().partition("VmRSS:")[2].split()[0]) // 1024

    say(f"forest of 100 trees: ready in {ready_s:.2f} s, {memory_mb} MB resident")
    assert answers == {bundle.predict(row).predictions[0]}
    assert memory_mb < MEMORY_MAX_MB
