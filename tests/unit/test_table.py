"""Rows and columns in their normal forms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from podium.table import Table


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("unit", ["us", "ns"])
def test_times_of_any_zone_are_in_utc(zone: str, unit: str):
    times = pd.date_range("2024-03-10", periods=3, freq="h", tz="UTC")
    series = pd.Series(times.as_unit(unit)).dt.tz_convert(zone)

    table = Table.of(pd.DataFrame({"time": series}))

    assert table.columns["time"].dtype == "datetime64[us]"
    np.testing.assert_array_equal(
        table.columns["time"], times.tz_localize(None).to_numpy().astype("datetime64[us]")
    )
