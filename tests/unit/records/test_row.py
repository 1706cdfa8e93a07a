"""How a record writes the outcome of a row."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis.strategies import floats

from podium.records.row import outcome_of


@given(floats())
@example(9.999999999999999e-05)
@example(1e-4)
@example(9999999999999998.0)
@example(1e16)
@example(-0.0)
def test_the_outcome_of_a_number_is_written_as_python_does(value: float) -> None:
    assert outcome_of(value)[0] == str(value)
