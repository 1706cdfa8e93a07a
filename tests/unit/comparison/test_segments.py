"""Segments: how recorded values become segments, and what is said of each."""

from __future__ import annotations

import math

import numpy as np
import pytest

from podium.comparison.segments import (
    CATEGORIES_MAX,
    SegmentReader,
    independent_segments,
    paired_segments,
)
from podium.signature import Field, Signature
from podium.signature.fields import Category

SIGNATURE = Signature(
    fields=(
        Field(name="age", type="float"),
        Field(name="is new", type="boolean"),
        Field(name="note", type="text", max_length=99),
        Field(name="region", type="category", categories=(Category("north"),)),
    )
)


def read(reader, rows):
    return np.array([reader.read(one) for one in rows]).reshape(len(rows), -1)


def names_of(reader, place, rows):
    codes, names = reader.coded(place, read(reader, rows)[:, place])
    return [names[code] for code in codes]


def test_values_are_called_as_people_write_them_and_missing_ones_too():
    reader = SegmentReader(SIGNATURE, ["is new", "region"])
    rows = [b'{"is new":true,"region":"north"}', b'{"is new":null}', b'{"region":7,"age":[1]}']

    assert names_of(reader, 0, rows) == ["true", "(missing)", "(missing)"]
    assert names_of(reader, 1, rows) == ["north", "(missing)", "7"]


def test_numbers_of_many_values_are_cut_into_quarters_and_few_stay():
    many = [b'{"age":%d}' % at for at in range(1_000)]
    few = [b'{"age":1}', b'{"age":2.5}', b"{}"]

    quarters = names_of(SegmentReader(SIGNATURE, ["age"]), 0, many)

    assert {one: quarters.count(one) for one in quarters} == {
        "below 249": 249,
        "249 to below 499": 250,
        "499 to below 749": 250,
        "749 or more": 251,
    }
    assert names_of(SegmentReader(SIGNATURE, ["age"]), 0, few) == ["1", "2.5", "(missing)"]


def test_a_number_that_most_rows_share_leaves_fewer_parts():
    rows = [b'{"age":0}'] * 900 + [b'{"age":%d}' % at for at in range(1, 101)]

    assert set(names_of(SegmentReader(SIGNATURE, ["age"]), 0, rows)) == {"any"}


def test_no_field_and_only_missing_numbers_are_no_trouble():
    nothing, missing = SegmentReader(SIGNATURE, ["county"]), SegmentReader(SIGNATURE, ["age"])

    assert nothing.read(b"not read") == ()
    assert math.isnan(missing.read(b"[1]")[0])
    assert math.isnan(missing.read(b"{}")[0])
    assert names_of(missing, 0, [b"{}", b'{"age":"x"}']) == ["(missing)"] * 2


def test_after_too_many_categories_the_rest_are_one():
    reader = SegmentReader(SIGNATURE, ["note"])
    for at in range(CATEGORIES_MAX + 50):
        reader.read(b'{"note":"%d"}' % at)

    assert len(reader.texts[0]) == CATEGORIES_MAX + 1
    assert names_of(reader, 0, [b'{"note":"new"}', b'{"note":"3"}']) == ["(others)", "3"]


@pytest.mark.parametrize("is_paired", [True, False])
def test_the_segment_that_is_surely_worse_is_first_and_noise_is_not(is_paired):
    rng = np.random.default_rng(1)
    reader = SegmentReader(SIGNATURE, ["region"])
    rows = read(reader, [b'{"region":"r%d"}' % (at % 100) for at in range(20_000)])
    a, b = (rng.random((2, 20_000)) < 0.2).astype(float)
    b[::100] = rng.random(200) < 0.6

    if is_paired:
        found = paired_segments(reader, a, b, rows)
    else:
        found = independent_segments(reader, a, b, rows, rows)

    assert len(found) == 100
    assert (found[0].value, found[0].n_rows) == ("r0", 200)
    assert found[0].improvement == pytest.approx(-0.4, abs=0.12)
    assert [one.value for one in found if one.at.high < 0] == ["r0"]


def test_rows_that_never_fail_in_a_small_sample_are_not_perfect():
    reader = SegmentReader(SIGNATURE, ["region"])
    a, b = np.zeros(30), np.zeros(30)
    b[:3] = 1
    rows = read(reader, [b'{"region":"r"}'] * 30)

    for (found,) in (
        paired_segments(reader, a, b, rows),
        independent_segments(reader, a, b, rows, rows),
    ):
        assert found.at.low < 0 < found.at.high
