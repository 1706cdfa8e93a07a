"""Where no compiler was, bundles are served by numpy, and answer what the kernel in C answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import podium
from podium.program import kernel_name

HERE = Path(__file__).parent
# As it is where the extension wasn't built: importing it fails.
WITHOUT = "import sys; sys.modules['podium.program._forest'] = None\n"
SERVE = """
import json
import podium
from podium.program import kernel_name
from podium.testing import Client

bundle = podium.load(sys.argv[1])
rows = json.loads(sys.stdin.read())
reply = Client(podium.App(bundle)).post(f"/api/models/{bundle.name}/predict", rows)
outputs = bundle.predict(rows)
shares = None if outputs.probabilities is None else outputs.probabilities.tolist()
print(json.dumps([kernel_name(), reply.json(), outputs.predictions.tolist(), shares]))
"""


def run(code: str, *arguments: object, given: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT + code, *map(str, arguments)],
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["forest-1", "boosted-1"])
def test_numpy_serves_what_c_serves(name):
    file = HERE / f"{name}.podium"
    rows = json.loads(file.with_suffix(".json").read_text())["rows"]

    kernel, served, predictions, shares = json.loads(run(SERVE, file, given=json.dumps(rows)))

    assert kernel == "numpy"
    expected = podium.load(file).predict(rows)  # in C, where this test runs with it
    assert predictions == expected.predictions.tolist()
    assert served["predictions"] == predictions
    if expected.probabilities is not None:
        assert shares == expected.probabilities.tolist()


def test_the_version_says_which_kernel_runs():
    said = run("from podium.cli.main import main; sys.argv = ['podium', 'version']; main()")

    assert "forest kernel in numpy, since there was no compiler" in said
    assert kernel_name() in ("c", "numpy")
