"""Models of statistics travel without the rows that they were fitted on."""

from __future__ import annotations

import pickle
import zipfile
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import podium
from podium.errors import SetupError
from podium.packing.statistical import predicting
from podium.runtimes.statistical import without_data

pytestmark = pytest.mark.slow  # statsmodels takes a second to load


@cache
def penguins() -> pd.DataFrame:
    from bench.zoo.data import rows_of

    X, y = rows_of("penguins")
    frame = X.assign(species=y).dropna().reset_index(drop=True)
    return frame.assign(male=(frame["sex"] == "male").astype(int))


def holds_rows(content: bytes) -> bool:
    """Whether a pickle has a column of the training data in it."""
    rows = penguins()
    columns = [rows[name].to_numpy()[:20].tobytes() for name in ("bill_depth_mm", "body_mass_g")]
    return any(column in content for column in columns)


@pytest.mark.parametrize("kind", ["OLS", "RLM", "Poisson", "ZeroInflatedPoisson"])
def test_what_fitting_returned_predicts_without_its_rows(kind):
    import statsmodels.api as sm

    rows = penguins()
    X = sm.add_constant(rows[["bill_length_mm", "bill_depth_mm"]])
    y = rows["body_mass_g"] if kind in ("OLS", "RLM") else rows["male"]
    quiet = {"disp": 0} if "Poisson" in kind else {}
    results = getattr(sm, kind)(y, X).fit(**quiet)

    lean = without_data(results)

    assert not holds_rows(pickle.dumps(lean))
    np.testing.assert_array_equal(lean.predict(X), results.predict(X))
    assert results.model.exog.shape == X.shape  # the user's own still has its rows


@pytest.mark.parametrize("intervals", [None, 0.9])
@pytest.mark.parametrize(
    "text", ["species + np.log(bill_depth_mm)", "bs(bill_depth_mm, df=4) + C(sex, Sum) + Q('year')"]
)
def test_a_formula_takes_its_design_with_it_rather_than_the_rows(text, intervals):
    import statsmodels.formula.api as smf

    rows = penguins()
    model = predicting(smf.ols(f"body_mass_g ~ {text}", rows).fit(), intervals).model

    content = pickle.dumps(model)

    assert not holds_rows(content)
    again: Any = pickle.loads(content)
    np.testing.assert_array_equal(again.predict(rows), model.predict(rows))


def test_a_model_of_a_time_series_is_refused_as_any_model_that_takes_no_rows(tmp_path):
    from statsmodels.tsa.ar_model import AutoReg

    rows = penguins()[["bill_depth_mm"]]
    results = AutoReg(rows["bill_depth_mm"].to_numpy(), 2).fit()

    with pytest.raises(SetupError, match="AutoReg"):
        podium.pack(results, rows, name="m", path=tmp_path)


def test_the_original_beside_its_program_is_a_pickle_without_rows(tmp_path):
    import statsmodels.formula.api as smf

    rows = penguins()
    results = smf.ols("body_mass_g ~ species + bill_depth_mm", rows).fit()

    bundle = podium.pack(results, rows, name="m", path=tmp_path, keep_original=True, background=0)

    assert bundle.is_compiled
    assert bundle.path is not None
    with zipfile.ZipFile(bundle.path) as archive:
        assert any("pickle" in name for name in archive.namelist())
        assert not any(holds_rows(archive.read(name)) for name in archive.namelist())
