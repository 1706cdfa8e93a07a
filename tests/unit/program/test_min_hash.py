"""The smallest hashes of texts are those of skrub, and a hostile plan is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import skrub

from podium.compile.exporters.skrub.encoders import hash_weights
from podium.errors import BundleError
from podium.program.operations import MinHash, Shapes, Texts
from podium.program.operations.texts import min_hash

LETTERS = list("abcXYZ 019\u00e9\u6f22\U0001f600\u00df\n")


@pytest.mark.parametrize(("sizes", "has_both"), [((2, 4), False), ((1, 6), True), ((3, 3), False)])
def test_hashes_are_those_of_skrub(monkeypatch, sizes, has_both):
    monkeypatch.setattr(min_hash, "AT_ONCE", 20)
    draw = np.random.default_rng(0)
    texts = ["".join(draw.choice(LETTERS, n)) for n in draw.integers(1, 30, 200)]
    texts += ["", None]
    encoder = skrub.MinHashEncoder(n_components=6, ngram_range=sizes, minmax_hash=has_both)
    seeds = range(3 if has_both else 6)
    weights = np.stack([hash_weights(seed, *sizes) for seed in seeds], axis=1)
    operation = MinHash(0, weights, sizes[0], with_largest=has_both)

    found = operation.prepare(Shapes(1))([], [texts])

    expected = encoder.fit_transform(pd.Series(texts, name="t"))
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.float32


@pytest.mark.parametrize(
    ("shape", "shortest"), [((3,), 1), ((3, 2), 4), ((3, 2), 0), ((99, 2), 1), ((3, 0), 1)]
)
def test_a_plan_with_other_weights_is_refused(shape, shortest):
    shapes = Shapes(1)
    shapes.add(Texts(0).check(shapes))

    with pytest.raises(BundleError):
        MinHash(0, np.ones(shape, np.int32), shortest).check(shapes)
