"""The flights of a year: what drifts, told sensibly."""

from __future__ import annotations

import pytest
from bench.flights import fired, packed, windows

from podium.monitoring.counts import histograms_of

pytestmark = pytest.mark.slow


def test_days_of_january_are_usual_and_those_of_september_are_not(tmp_path):
    bundle = packed(tmp_path)
    found = list(windows(bundle, "day", (1, 9)))

    told = fired(histograms_of(bundle.baseline), found, "day")

    assert told[1] == (30, {})
    n_days, names = told[9]
    # Flights took less time in the air than in January, and arrived earlier.
    assert n_days == 30
    assert names["air_time (drift)"] > 15
    assert names["arr_delay (drift)"] > 15
    assert not {name for name in names if name.startswith(("hour", "origin", "distance"))}
