"""Categories by their hash, and rows of tables by the hashes of several columns."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from podium.errors import BundleError, ModelError
from podium.program.cityhash import city_hash_64
from podium.program.operations import CategoryHash, HashedLookup, Numbers, Shapes
from podium.program.operations.reading.hashes import keys_of

MULTIPLIER = 0x4906BA494954CB65


def hash_of(text):
    half = city_hash_64(text.encode()) & 0xFFFFFFFF
    return float(half - (half >> 31 << 32))


def hashes(operation, *columns):
    shapes = Shapes(len(columns))
    operation.check(shapes)
    return operation.prepare(shapes)(columns, []).tolist()


def test_whole_numbers_are_their_digits_and_booleans_one_or_zero():
    both = CategoryHash((0, 1), (None, None))

    assert hashes(both, [7, -12, 10**18], [True, False, np.True_]) == [
        [hash_of("7"), hash_of("1")],
        [hash_of("-12"), hash_of("0")],
        [hash_of(str(10**18)), hash_of("1")],
    ]
    assert hashes(both, [1], [True]) == [[hash_of("1"), hash_of("1")]]


def test_a_text_is_itself_however_long_it_is():
    texts = ["", "é", "1", "x" * 5_000]

    assert hashes(CategoryHash((0,), (None,)), texts) == [[hash_of(text)] for text in texts]


def test_a_missing_category_is_refused_or_filled():
    missing = np.array(["a", None, np.nan], object)

    assert hashes(CategoryHash((0,), ("none",)), missing)[1:] == [[hash_of("none")]] * 2
    for cell in (None, np.nan):
        with pytest.raises(ModelError, match="missing"):
            hashes(CategoryHash((0,), (None,)), [cell])


@pytest.mark.parametrize("cell", [1.0, 2**63, -(2**63) - 1])
def test_what_the_library_refuses_is_refused(cell):
    with pytest.raises(ModelError, match="whole numbers"):
        hashes(CategoryHash((0,), (None,)), [cell])


def test_a_number_is_refused_beside_an_integer_that_equals_it():
    with pytest.raises(ModelError, match="whole numbers"):
        hashes(CategoryHash((0,), (None,)), [1, 1.0, "a"])


def test_a_column_of_few_labels_has_the_hash_of_each_cell():
    cells = [True, 1, 0, "b", False, "1", None, "b"]

    alone = [hashes(CategoryHash((0,), ("none",)), [cell])[0] for cell in cells]

    assert hashes(CategoryHash((0,), ("none",)), cells) == alone
    assert hashes(CategoryHash((0,), ("none",)), [*cells, np.nan]) == [*alone, alone[-2]]


@pytest.mark.parametrize(
    "operation", [CategoryHash((), ()), CategoryHash((0,), ()), CategoryHash((1,), (None,))]
)
def test_a_hash_of_nothing_is_refused(operation):
    with pytest.raises(BundleError):
        hashes(operation, ["a"])


def combined(*numbers):
    total = 0
    for number in numbers:
        total = MULTIPLIER * (total + MULTIPLIER * number) % 2**64
    return total


def lookup():
    """Column 0 in a table of two columns; columns 0 and 1, and 0 and 2, in tables of one."""
    known = [(0, combined(5)), (0, combined(-7)), (1, combined(5, 1)), (2, combined(5, 1))]
    tables = np.array([table for table, _ in known], np.int32)
    keys = keys_of(np.array([key for _, key in known], np.uint64), tables)
    rows = {0: {5: [1.0, 2.0], -7: [3.0, 4.0]}, 1: {5: [10.0]}, 2: {5: [20.0]}}
    order = np.argsort(keys)
    first = [5, -7] if list(order).index(0) < list(order).index(1) else [-7, 5]
    values = [0.5, 0.25, *rows[0][first[0]], *rows[0][first[1]], -1.0, 10.0, -2.0, 20.0]
    return HashedLookup(
        0,
        parts=np.array([0, 0, 1, 0, 2], np.int32),
        part_starts=np.array([0, 1, 3, 5], np.int32),
        keys=keys[order].view(np.int64),
        tables=tables[order],
        values=np.array(values, np.float32),
        widths=np.array([2, 1, 1], np.int32),
    )


def found(operation, *rows):
    shapes = Shapes(3)
    shapes.add(Numbers((0, 1, 2)).check(shapes))
    shapes.add(operation.check(shapes))
    with np.errstate(all="ignore"):  # as programs do
        return operation.prepare(shapes)([], [np.array(rows, np.float64)]).tolist()


def test_each_table_finds_its_own_row():
    rows = [[5, 1, 0], [-7, 1, 1], [5, 0, 1], [6, 0, 0]]

    answers = found(lookup(), *rows)

    assert answers == [
        [1.0, 2.0, 10.0, -2.0],
        [3.0, 4.0, -1.0, -2.0],
        [1.0, 2.0, -1.0, 20.0],
        [0.5, 0.25, -1.0, -2.0],
    ]
    assert [found(lookup(), row)[0] for row in rows] == answers


def test_tables_without_keys_know_nothing():
    none = np.zeros(0, np.int64)
    values = np.array([0.5, 0.25, -1.0, -2.0])

    empty = replace(lookup(), keys=none, tables=none.astype(np.int32), values=values)

    assert found(empty, [5, 1, 1], [np.nan, np.inf, 1e300]) == [[0.5, 0.25, -1.0, -2.0]] * 2


@pytest.mark.parametrize(
    "changes",
    [
        {"parts": np.array([0, 0, 1, 0, 3], np.int32)},
        {"parts": np.array([0, 0, 1, 0, -1], np.int32)},
        {"part_starts": np.array([0, 1, 1, 5], np.int32)},
        {"part_starts": np.array([0, 1, 3, 4], np.int32)},
        {"part_starts": np.array([1, 2, 3, 5], np.int32)},
        {"part_starts": np.array([0, 1, 5], np.int32)},
        {"keys": lookup().keys[::-1].copy()},
        {"keys": lookup().keys[:3]},
        {"keys": lookup().keys.reshape(2, 2)},
        {"tables": np.array([0, 0, 1, 3], np.int32)},
        {"tables": np.array([0, 0, 1, -1], np.int32)},
        {"values": lookup().values[1:]},
        {"widths": np.array([2, 1, 0], np.int32)},
        {"widths": np.array([2, 1, -1], np.int32)},
        {"widths": np.zeros(0, np.int32), "part_starts": np.zeros(1, np.int32)},
    ],
    ids=str,
)
def test_tables_that_a_search_could_leave_are_refused(changes):
    with pytest.raises(BundleError):
        found(replace(lookup(), **changes), [5, 1, 1])
