"""What can't be looked into is compared beside the places where its original jumps."""

from __future__ import annotations

import numpy as np
import pytest

from podium.compile import verify_opaque
from podium.errors import ModelError
from podium.outputs import Outputs
from podium.signature import Field, Output, Range, Signature
from podium.table import Table

THRESHOLD = 0.7071067811865476
RANDOM = np.random.default_rng(0)
SAMPLE = Table.of({"x": RANDOM.uniform(-1, 2, 60), "z": RANDOM.uniform(-1, 2, 60)})
FIELDS = tuple(Field(name=name, type="float", seen=Range(-1.0, 2.0)) for name in "xz")
NUMBERS = Signature(fields=FIELDS, outputs=(Output(name="y"),))
LABELS = Signature(
    fields=FIELDS, outputs=(Output(name="y", task="classification", classes=("a", "b")),)
)


def step(table):
    """A tree of one split: 1 above the threshold."""
    return Outputs((table.columns["x"] > THRESHOLD).astype(float))


def balance(table):
    """A class that several fields decide together."""
    return Outputs(np.where(table.columns["x"] + 0.3 * table.columns["z"] > 0.9, "a", "b"))


def found(candidate, original, signature=NUMBERS):
    return verify_opaque(candidate, signature, original, SAMPLE)


def test_an_unknown_threshold_is_found_to_the_last_bit():
    def flipped(table):
        return Outputs((table.columns["x"] >= THRESHOLD).astype(float))

    def single(table):
        return Outputs((table.columns["x"] > np.float64(np.float32(THRESHOLD))).astype(float))

    def later(table):
        return Outputs((table.columns["x"] > np.nextafter(THRESHOLD, 1)).astype(float))

    assert found(step, step).is_equal
    assert found(step, step).n_perturbed > 100
    for wrong in (flipped, single, later):
        assert "beside thresholds" in found(wrong, step).why


def test_a_threshold_on_whole_numbers_is_found():
    sample = Table.of({"n": RANDOM.integers(0, 1_000, 60)})
    field = Field(name="n", type="integer", seen=Range(0, 1_000))
    signature = Signature(fields=(field,), outputs=(Output(name="y"),))

    def original(table):
        return Outputs((table.columns["n"] > 617).astype(float))

    def wrong(table):
        return Outputs((table.columns["n"] > 616).astype(float))

    assert verify_opaque(original, signature, original, sample).is_equal
    assert "beside thresholds" in verify_opaque(wrong, signature, original, sample).why


def test_where_several_fields_balance_rounding_may_decide_and_nothing_coarser():
    def otherwise_added(table):
        left = table.columns["x"] / 3 + 0.1 * table.columns["z"]
        return Outputs(np.where(left > 0.3, "a", "b"))

    def shifted(table):
        left = table.columns["x"] + 0.3 * table.columns["z"]
        return Outputs(np.where(left > 0.9 + 1e-7, "a", "b"))

    assert found(otherwise_added, balance, LABELS).is_equal
    assert found(shifted, balance, LABELS).n_labels > 0


def test_an_original_that_refuses_some_numbers_is_compared_on_the_others():
    def careful(table):
        if (table.columns["x"] < 0).any():
            raise ModelError("below zero")
        return step(table)

    sample = Table.of({name: np.abs(column) for name, column in SAMPLE.columns.items()})

    answer = verify_opaque(careful, NUMBERS, careful, sample)

    assert answer.is_equal
    assert answer.n_refused > 0


@pytest.mark.parametrize("column", [np.full(60, 1.5), np.full(60, np.nan)])
def test_a_column_of_one_value_has_no_thresholds(column):
    sample = Table.of({"x": column, "z": SAMPLE.columns["z"]})

    def constant(table):
        return Outputs(np.zeros(table.n_rows))

    assert verify_opaque(constant, NUMBERS, constant, sample).is_equal


def test_a_candidate_that_predicts_single_rows_only_is_refused():
    def alone_only(table):
        if table.n_rows > 1:
            raise ModelError("one at a time, please")
        return step(table)

    outcome = found(alone_only, step)

    assert not outcome.is_equal
    assert "60 rows that the program refuses" in outcome.why
