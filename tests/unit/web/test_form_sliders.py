"""Sliders: their ends and steps, from tiny ranges to huge ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.signature import Field, Range
from podium.web.form_sliders import Slider, slider_of

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("said", "slider"),
    [
        ({"seen": Range(33.1, 59.6)}, Slider("33.1", "59.6", "0.1", "46.4")),
        ({"seen": Range(0.0001, 0.0005)}, Slider("0.000100", "0.000500", "0.000001", "0.000300")),
        ({"type": "integer", "seen": Range(1, 6)}, Slider("1", "6", "1", "4")),
        ({"seen": Range(0, 1e6)}, Slider("0", "1000000", "10000", "500000")),
        ({"seen": Range(1, 9), "step": 0.25}, Slider("1.00", "9.00", "0.25", "5.00")),
        ({"seen": Range(0, 100), "quantiles": (1.0, 2.0, 3.0)}, Slider("0", "100", "1", "2")),
        ({"bounds": Range(0, 50), "seen": Range(-9, 900)}, Slider("0.0", "50.0", "0.1", "25.0")),
    ],
)
def test_a_slider_spans_the_training_data_in_round_steps(said, slider):
    assert slider_of(Field(name="x", **said)) == slider


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"seen": Range(5, 5)},
        {"seen": Range(0, 2e-309)},
        {"seen": Range(-1e308, 1e308)},
        {"seen": Range(None, 5)},
        {"type": "date", "seen": Range("2024-01-01", "2024-12-31")},
        {"type": "integer", "seen": Range(0, 1e18)},
        {"seen": Range(0.1, 0.2), "step": 5.0},
    ],
)
def test_where_a_slider_would_not_move_there_is_none(said):
    assert slider_of(Field(name="x", **said)) is None


@given(st.tuples(FINITE, FINITE), st.tuples(FINITE, FINITE))
def test_a_slider_never_leaves_what_is_possible(seen, bounds):
    field = Field(name="x", seen=Range(*sorted(seen)), bounds=Range(*sorted(bounds)))

    slider = slider_of(field)

    if slider is not None:
        low, high, step, value = map(float, (slider.low, slider.high, slider.step, slider.value))
        near = step / 1000
        assert min(bounds) - near <= low <= value <= high <= max(bounds) + near
        assert low < high
