"""Bundles of every format that was ever written open, and answer as they did."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import podium
from podium.bundle import manifest
from podium.program import plan

KEPT = sorted(Path(__file__).parent.glob("*.podium"))


def test_formats_change_with_their_number_only():
    """A change of either needs new files here, and a reader for the old ones."""
    assert (manifest.FORMAT, plan.FORMAT) == (1, 1)


def test_there_are_bundles_to_open():
    assert [file.stem for file in KEPT] == ["boosted-1", "forest-1", "logistic-1"]


@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.stem)
def test_an_old_bundle_predicts_as_it_did(file):
    told = json.loads(file.with_suffix(".json").read_text())

    bundle = podium.load(file)
    outputs = bundle.predict(told["rows"])

    assert bundle.is_compiled
    if isinstance(told["predictions"][0], float):
        np.testing.assert_allclose(outputs.predictions, told["predictions"], rtol=1e-9)
    else:
        assert outputs.predictions.tolist() == told["predictions"]
        np.testing.assert_allclose(outputs.probabilities, told["probabilities"], rtol=1e-9)
    assert bundle.card.n_rows > 0
    assert bundle.baseline.fields
    assert bundle.background is None  # it came later: explanations use recorded rows
    assert bundle.compilation.verified.is_equal
