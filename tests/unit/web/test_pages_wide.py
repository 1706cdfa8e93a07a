"""The page of a model of hundreds of columns stays one that can be loaded, and sent from anywhere."""

from __future__ import annotations

import json
import re
from html import unescape

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium

RANDOM = np.random.default_rng(0)


def page_of(n_columns, folder, client_of):
    rows = pd.DataFrame(RANDOM.normal(size=(60, n_columns))).add_prefix("x")
    model = LinearRegression().fit(rows, rows.x0)
    bundle = podium.pack(model, rows, rows.x0, name="m", path=folder, compiles=False)
    return client_of(bundle).get("/models/m").text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_columns", "n_pictures", "n_examples", "is_long"),
    [(8, 8, 5, False), (300, 0, 2, True)],
)
def test_a_wide_page_brings_less_along(
    n_columns, n_pictures, n_examples, is_long, tmp_path, client_of
):
    page = page_of(n_columns, tmp_path, client_of)

    (examples,) = re.findall('data-fill="([^"]*)"', page)
    assert len(json.loads(unescape(examples))) == n_examples
    # One more shows the residuals.
    assert page.count('<svg class="spread"') == n_pictures + 1
    assert ('class="form long"' in page) == is_long
    assert len(page) < 300_000
