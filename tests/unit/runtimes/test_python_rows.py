"""Functions of whole rows and of whole columns."""

import dataclasses
import datetime as dt
import enum
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, NotRequired, TypedDict

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

import podium
from podium.errors import ModelError, SignatureError
from podium.signature import Field, Range
from podium.signature.cells import check_table
from podium.table import Table


class Sex(enum.Enum):
    FEMALE = "f"
    MALE = "m"


@dataclasses.dataclass(kw_only=True)
class Passenger:
    """Somebody aboard.

    Attributes:
        age: in years.
    """

    age: Annotated[float, podium.Range(0, 120)]
    sex: Sex
    fare: float | None
    cabin: str = "none"
    n_tickets: int = dataclasses.field(default_factory=lambda: 1)
    kind: ClassVar[str] = "person"
    is_child: bool = dataclasses.field(init=False, default=False)

    def __post_init__(self) -> None:
        if self.cabin == "Z":
            raise ValueError("there is no cabin Z")
        self.is_child = self.age < 14


class House(msgspec.Struct):
    rooms: int
    built: dt.date
    heating: Literal["gas", "wood"] = "gas"
    tags: Annotated[str, "comma between"] = msgspec.field(default_factory=str)


class Visit(TypedDict):
    page: str
    seconds: NotRequired[float]


class Later(TypedDict):
    page: "str"
    seconds: "NotRequired[float]"


def asked(one, rows):
    table, _ = check_table(one.signature, Table.of(rows))
    return one.predict(table)


def test_the_fields_of_a_dataclass_are_the_fields():
    @podium.model
    def fare(passenger: Passenger) -> float:
        assert isinstance(passenger, Passenger)
        assert isinstance(passenger.sex, Sex)
        return passenger.age + passenger.n_tickets + 100 * passenger.is_child

    assert fare.signature.names == ("age", "sex", "fare", "cabin", "n_tickets")
    assert fare.signature.field("age").bounds == Range(0, 120)
    assert fare.signature.field("age").description == "in years."
    assert [f.missing for f in fare.signature.fields] == ["refuse"] * 2 + ["accept"] * 3
    assert fare.signature.examples == (
        {"age": 60.0, "sex": "f", "fare": 1.0, "cabin": "none", "n_tickets": 1},
    )
    rows = [{"age": 40.0, "sex": "m"}, {"age": 10.0, "sex": "f", "n_tickets": 5}]
    assert asked(fare, rows).predictions.tolist() == [41.0, 115.0]


def test_a_struct_is_made_for_each_row():
    @podium.model
    def price(house: House) -> dict:
        assert isinstance(house, House)
        return {
            "rooms": house.rooms,
            "year": house.built.year,
            "by": house.heating,
            "t": house.tags,
        }

    rows = [{"rooms": 3, "built": "1990-05-01", "heating": None}]

    assert price.signature.field("tags").description == "comma between"
    assert asked(price, rows).predictions.tolist() == [
        {"rooms": 3, "year": 1990, "by": "gas", "t": ""}
    ]


@pytest.mark.parametrize("kind", [Visit, Later])
def test_a_typed_dict_leaves_out_what_is_missing(kind):
    def function(visit) -> dict:
        return visit

    function.__annotations__["visit"] = kind
    one = podium.model(function)

    assert [f.missing for f in one.signature.fields] == ["refuse", "accept"]
    rows = [{"page": "/a", "seconds": 2.0}, {"page": "/b", "seconds": None}]
    assert asked(one, rows).predictions.tolist() == [{"page": "/a", "seconds": 2.0}, {"page": "/b"}]


def test_a_list_of_rows_gets_all_of_them_at_once():
    calls = []

    @podium.model
    def price(houses: list[House]) -> list[float]:
        calls.append(len(houses))
        return [100.0 * house.rooms for house in houses]

    rows = [{"rooms": n, "built": "1990-05-01"} for n in (1, 2, 3)]

    assert asked(price, rows).predictions.tolist() == [100.0, 200.0, 300.0]
    assert calls == [3]


def test_a_row_that_cant_be_made_is_a_model_error():
    @podium.model
    def fare(passenger: Passenger) -> float:
        return 0.0

    with pytest.raises(ModelError, match=r"^the function raised ValueError$"):
        asked(fare, [{"age": 1.0, "sex": "f", "cabin": "Z"}])


def test_a_class_that_requires_more_than_its_fields_is_refused():
    @dataclasses.dataclass
    class Greedy:
        age: float
        rate: dataclasses.InitVar[float]

    class Empty(msgspec.Struct):
        pass

    with pytest.raises(
        SignatureError, match=r"Greedy can't be created from its fields alone: .*'rate'"
    ):
        podium.model(_taking(Greedy))
    with pytest.raises(SignatureError, match="Empty has no fields"):
        podium.model(_taking(Empty))


@dataclasses.dataclass
class Nested:
    house: House


@dataclasses.dataclass
class Vague:
    age: complex


def test_a_field_that_isnt_understood_is_named_with_its_class():
    with pytest.raises(SignatureError, match="field 'age' of Vague is annotated with complex"):
        podium.model(_taking(Vague))
    with pytest.raises(SignatureError, match="field 'house' of Nested is a House"):
        podium.model(_taking(Nested))


def test_a_row_stands_alone():
    with pytest.raises(SignatureError, match="parameter 'house' of price is a House: a class of"):

        @podium.model
        def price(house: House, year: int) -> float: ...


def _taking(kind):
    def function(row): ...

    function.__annotations__["row"] = kind
    return function


def test_lists_get_whole_columns_and_arrays_too():
    got = {}

    @podium.model
    def score(
        age: list[int],
        sex: Sequence[Sex | None],
        fare: NDArray[np.float64],
        rank: NDArray[np.int64],
        is_new: NDArray[np.bool_],
        weight: NDArray[np.float32],
        deck: NDArray[np.str_],
        plain: np.ndarray,
    ) -> NDArray[np.float64]:
        got.update(locals())
        return fare + plain

    rows = [
        {
            "age": 1,
            "sex": None,
            "fare": 0.5,
            "rank": 3,
            "is_new": True,
            "weight": 1.5,
            "deck": "A",
            "plain": 1.0,
        },
        {
            "age": 2,
            "sex": "m",
            "fare": 1.5,
            "rank": 4,
            "is_new": False,
            "weight": 2.5,
            "deck": "BC",
            "plain": 2.0,
        },
    ]

    assert asked(score, rows).predictions.tolist() == [1.5, 3.5]
    assert got["age"] == [1, 2]
    assert got["sex"] == [None, Sex.MALE]
    assert {
        n: got[n].dtype.kind for n in ("fare", "rank", "is_new", "weight", "deck", "plain")
    } == {
        "fare": "f",
        "rank": "i",
        "is_new": "b",
        "weight": "f",
        "deck": "U",
        "plain": "f",
    }
    assert got["weight"].dtype == np.float32
    assert [f.type for f in score.signature.fields] == [
        "integer",
        "category",
        "float",
        "integer",
        "boolean",
        "float",
        "text",
        "float",
    ]


def test_an_annotation_of_a_column_applies_to_its_values():
    @podium.model
    def score(
        age: Annotated[list[Annotated[int, "in years"]], podium.Range(0, 120)],
        fare: Annotated[NDArray[np.float64], Field(name="", unit="EUR", missing="accept")],
    ) -> list[float]:
        return np.nan_to_num(fare, nan=-1.0)

    age, fare = score.signature.fields
    assert (age.bounds, age.description) == (Range(0, 120), "in years")
    assert (fare.unit, fare.missing) == ("EUR", "accept")
    assert asked(score, [{"age": 1, "fare": None}]).predictions.tolist() == [-1.0]


def test_a_batch_is_called_once_and_a_row_once_a_row():
    calls = []

    @podium.model
    def together(x: list[float]) -> list[float]:
        calls.append(len(x))
        return x

    @podium.model
    def alone(x: float) -> float:
        calls.append(1)
        return x

    rows = [{"x": float(n)} for n in range(5)]

    assert asked(together, rows).predictions.tolist() == asked(alone, rows).predictions.tolist()
    assert calls == [5, 1, 1, 1, 1, 1]


def test_a_function_that_changes_its_columns_leaves_the_table_alone():
    @podium.model
    def score(x: NDArray[np.float64], y: list[float]) -> NDArray[np.float64]:
        x *= 100
        y.clear()
        return x

    table = Table.of({"x": [1.0, 2.0], "y": [3.0, 4.0]})

    assert score.predict(table).predictions.tolist() == [100.0, 200.0]
    assert table.columns["x"].tolist() == [1.0, 2.0]
    assert table.columns["y"].tolist() == [3.0, 4.0]


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        (
            {"a": list[float], "b": float},
            "parameter 'b' of function is one value, while others are",
        ),
        (
            {"a": list[complex], "b": list[float]},
            "parameter 'a' of function is annotated with comp",
        ),
        ({"a": list[House], "b": list[float]}, "parameter 'a' of function is a House"),
        (
            {"a": NDArray[np.datetime64], "b": list[float]},
            "'a' of function is an array of datetime64",
        ),
        (
            {"a": Annotated[NDArray[np.int64], Field(name="", missing="accept")], "b": list[int]},
            "'a' of function may be missing, which an array of int64 can't represent",
        ),
    ],
)
def test_columns_that_cant_be_are_refused(annotations, message):
    def function(a, b): ...

    function.__annotations__ = annotations

    with pytest.raises(SignatureError, match=message):
        podium.model(function)


def test_a_column_has_no_default():
    with pytest.raises(SignatureError, match="'b' of function has a default, but it is a whole"):

        @podium.model
        def function(a: list[float], b: list[float] = ()) -> list[float]: ...
