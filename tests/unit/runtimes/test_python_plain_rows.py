"""Rows of plain cells give a function what a table of them gives it."""

import asyncio
import dataclasses
import enum
from typing import Literal, NotRequired, TypedDict

import msgspec
import pytest

import podium
from podium.errors import ModelError
from podium.flow.typed import TypedReader


class Sex(enum.Enum):
    FEMALE = "f"
    MALE = "m"


class Visit(TypedDict):
    page: str
    seconds: NotRequired[float]


@dataclasses.dataclass
class House:
    rooms: int
    heating: Literal["gas", "wood"] = "gas"
    tags: list[str] = dataclasses.field(default_factory=list, init=False)


@podium.model
def by_name(
    x: float, n: int, *, sex: Sex, is_new: bool, plan: Literal["a", "b"], why: str | None
) -> dict[str, object]:
    return {"all": repr((x, n, sex, is_new, plan, why))}


@podium.model
def with_gaps(n: int | None, k: int = 3, sex: Sex = Sex.MALE, x: float | None = None) -> str:
    return repr((n, k, sex, x))


@podium.model
def of_a_visit(visit: Visit) -> str:
    return repr(sorted(visit.items()))


@podium.model
def of_a_house(house: House) -> str:
    house.tags.append("seen")
    return repr(house)


@podium.model
async def awaited(x: float) -> float:
    await asyncio.sleep(0)
    return -x


@podium.model
def of_a_batch(x: list[float]) -> list[float]:
    return x


CASES = [
    (by_name, {"x": 1, "n": 2, "sex": "f", "is_new": True, "plan": "b", "why": "é"}),
    (by_name, {"x": 1.5, "n": -2, "sex": "m", "is_new": False, "plan": "a", "why": None}),
    (with_gaps, {"n": 4, "k": 5, "sex": "f", "x": 2}),
    (with_gaps, {"n": None, "k": None, "sex": None, "x": None}),
    (with_gaps, {}),
    (of_a_visit, {"page": "/", "seconds": 3}),
    (of_a_visit, {"page": "/"}),
    (of_a_house, {"rooms": 2, "heating": "wood"}),
    (of_a_house, {"rooms": 2}),
    (awaited, {"x": 3}),
]


@pytest.mark.parametrize(("model", "given"), CASES, ids=lambda one: getattr(one, "name", None))
def test_plain_rows_get_the_same_predictions(model, given):
    reader = TypedReader(model.signature, rows_max=10)
    row = reader.one(msgspec.json.encode(given))
    assert row is not None
    cells = msgspec.structs.astuple(row)

    plain = model.predict_rows([cells, cells]).predictions.tolist()

    assert model.features.takes_rows
    assert plain == model.predict(reader.table([row, row])).predictions.tolist()
    assert plain == asyncio.run(model.predict_rows_async([cells, cells])).predictions.tolist()


def test_whole_numbers_that_no_float_holds_stay_what_they_are():
    assert with_gaps.predict_rows([(2**53 + 1, None, None, None)]).predictions.tolist() == [
        f"({2**53 + 1}, 3, {Sex.MALE!r}, None)"
    ]


def test_a_function_of_a_batch_takes_none():
    assert not of_a_batch.features.takes_rows


def test_what_a_function_raises_is_reported_without_the_row():
    @podium.model
    def strict(x: float) -> float:
        raise ValueError(f"secret {x}")

    with pytest.raises(ModelError, match=r"the function raised ValueError$"):
        strict.predict_rows([(1.0,)])
