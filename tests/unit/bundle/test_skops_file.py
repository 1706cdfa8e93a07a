"""Estimators in skops' format."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import sys
from sklearn.linear_model import LinearRegression
from podium.bundle.skops_file import load_skops, skops_of
model = load_skops(skops_of(LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0])))
assert "torch" not in sys.modules
import sklearn.externals.array_api_compat.torch as adapter
print(type(model).__name__, adapter.__name__)
"""


@pytest.mark.slow
def test_an_estimator_is_written_and_read_without_pytorch_which_is_imported_when_it_is_needed():
    pytest.importorskip("torch")

    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )

    assert done.stdout == "LinearRegression sklearn.externals.array_api_compat.torch\n"
