"""Any row that the signature takes reaches the function unchanged, however it is asked."""

import asyncio
import dataclasses
import datetime as dt
import enum
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import podium
from podium.signature import INTEGER_MAX
from podium.signature.cells import check_table
from podium.table import Table

Kind = Literal["a", 1, True] | None


class Size(enum.Enum):
    SMALL = "s"
    LARGE = 2


@dataclasses.dataclass
class Row:
    number: float
    count: Annotated[int, podium.Range(-INTEGER_MAX, INTEGER_MAX)]
    is_new: bool
    note: str
    size: Size
    kind: Kind
    day: dt.date
    moment: dt.datetime
    maybe: int | None
    other: str = "nothing was said"


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
ROWS = st.lists(
    st.builds(
        Row,
        number=st.floats(allow_nan=False, allow_infinity=False),
        count=st.integers(-INTEGER_MAX, INTEGER_MAX),
        is_new=st.booleans(),
        note=TEXTS,
        size=st.sampled_from(Size),
        kind=st.sampled_from(["a", 1, True, None]),
        day=st.dates(),
        moment=st.datetimes(),
        maybe=st.none() | st.integers(-INTEGER_MAX, INTEGER_MAX),
        other=TEXTS,
    ),
    min_size=1,
    max_size=5,
)
GOT: list[Row] = []


@podium.model
def by_object(row: Row) -> float:
    GOT.append(row)
    return row.number


@podium.model
def by_objects(rows: list[Row]) -> list[float]:
    GOT.extend(rows)
    return [row.number for row in rows]


@podium.model
async def awaited(row: Row) -> float:
    GOT.append(row)
    return row.number


@podium.model
def by_value(
    number: float,
    count: int,
    is_new: bool,
    note: str,
    size: Size,
    kind: Kind,
    day: dt.date,
    moment: dt.datetime,
    maybe: int | None,
    *,
    other: str = "nothing was said",
) -> float:
    GOT.append(Row(number, count, is_new, note, size, kind, day, moment, maybe, other))
    return number


@podium.model
def by_column(
    number: list[float],
    count: list[int],
    is_new: list[bool],
    note: list[str],
    size: list[Size],
    kind: list[Kind],
    day: list[dt.date],
    moment: list[dt.datetime],
    maybe: list[int | None],
    other: list[str],
) -> list[float]:
    columns = (number, count, is_new, note, size, kind, day, moment, maybe, other)
    GOT.extend(Row(*cells) for cells in zip(*columns, strict=True))
    return number


def sent(row: Row) -> dict[str, object]:
    return {**dataclasses.asdict(row), "size": row.size.value}


def typed(row: Row) -> list[tuple[type, object]]:
    return [(type(value), value) for value in vars(row).values()]


@pytest.mark.slow
@given(ROWS)
def test_rows_reach_the_function_as_they_were_sent(rows):
    # An empty text is a missing value for nobody but a form.
    for one in (by_object, by_objects, awaited, by_value, by_column):
        GOT.clear()
        table, _ = check_table(one.signature, Table.of([sent(row) for row in rows]))

        outputs = one.predict(table)

        assert outputs.predictions.tolist() == [row.number for row in rows]
        assert [typed(row) for row in GOT] == [typed(row) for row in rows]


@pytest.mark.slow
@given(ROWS)
def test_both_ways_of_asking_a_coroutine_answer_the_same(rows):
    table, _ = check_table(awaited.signature, Table.of([sent(row) for row in rows]))

    answers = asyncio.run(awaited.predict_async(table))

    assert answers.predictions.tolist() == awaited.predict(table).predictions.tolist()


def test_the_example_is_a_row_that_every_way_takes():
    for one in (by_object, by_objects, awaited, by_value, by_column):
        table, warnings = check_table(one.signature, Table.of(list(one.signature.examples)))

        assert len(one.predict(table)) == 1
        assert warnings == ()
