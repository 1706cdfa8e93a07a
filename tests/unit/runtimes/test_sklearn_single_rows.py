"""A single row is predicted where an estimator by itself takes only several."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.decomposition import SparsePCA
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from podium.errors import ModelError
from podium.runtimes.signatures import signature_of
from podium.runtimes.sklearn import SklearnRuntime
from podium.table import Table


@pytest.fixture(scope="module")
def runtime():
    """A model whose components of a single row are a vector, which its next step refuses."""
    X, y = load_diabetes(return_X_y=True)
    model = make_pipeline(SparsePCA(3, max_iter=5, random_state=0), Ridge()).fit(X, y)
    with pytest.raises(ValueError, match="Expected 2D array"):
        model.predict(X[:1])
    table = Table.of(X)
    return SklearnRuntime(model, signature_of(model, table)), table


def test_a_row_alone_is_predicted_as_among_others(runtime):
    original, table = runtime

    alone = original.predict(table.take(slice(0, 1)))

    assert len(alone.predictions) == 1
    np.testing.assert_allclose(alone.predictions, original.predict(table).predictions[:1])


def test_a_row_that_is_refused_among_others_is_refused_alone(runtime):
    original, table = runtime
    columns = dict(table.columns) | {"x0": np.full(table.n_rows, np.nan)}

    with pytest.raises(ModelError, match="ValueError"):
        original.predict(Table(columns, table.n_rows).take(slice(0, 1)))
