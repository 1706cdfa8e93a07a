"""Which fields the annotations of a function make."""

import datetime as dt
import enum
import math
import typing
from typing import Annotated, Literal, NewType

import msgspec
import numpy as np
import pytest

import podium
from podium.errors import SignatureError
from podium.runtimes.protocol import AsyncRuntime, Runtime
from podium.signature import Category, Field, Range
from podium.signature.cells import check_table
from podium.table import Table

Years = NewType("Years", int)


class Plan(enum.Enum):
    BASIC = "basic"
    PRO = "pro"


class Grade(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Colour(enum.StrEnum):
    RED = enum.auto()


class Point(enum.Enum):
    ORIGIN = (0, 0)


def field_of(annotation, **default):
    """The only field of a function whose parameter has this annotation."""

    def function(it): ...

    function.__annotations__ = {"it": annotation}
    if default:
        function.__defaults__ = (default["default"],)
    (field,) = podium.model(function).signature.fields
    return field


def example_of(annotation, **default):
    def function(it): ...

    function.__annotations__ = {"it": annotation}
    if default:
        function.__defaults__ = (default["default"],)
    return [row["it"] for row in podium.model(function).signature.examples]


def got_by(annotation, value, **default):
    """What the function gets for a value that was sent."""
    got = []

    def function(it):
        got.append(it)

    function.__annotations__ = {"it": annotation}
    if default:
        function.__defaults__ = (default["default"],)
    one = podium.model(function)
    table, _ = check_table(one.signature, Table.of([{"it": value}]))
    one.predict(table)
    return got[0]


@pytest.mark.parametrize(
    ("annotation", "type_"),
    [
        (float, "float"),
        (int, "integer"),
        (int | float, "float"),
        (bool, "boolean"),
        (str, "text"),
        (dt.date, "date"),
        (dt.datetime, "datetime"),
        (Years, "integer"),
        (Literal["a", "b"], "category"),
        (Plan, "category"),
    ],
)
def test_each_kind_of_value_is_a_type_of_field(annotation, type_):
    field = field_of(annotation)

    assert field.type == type_
    assert field.name == "it"
    assert field.missing == "refuse"


@pytest.mark.parametrize(
    ("annotation", "sent", "got"),
    [
        (float, 2, 2.0),
        (int, 2, 2),
        (bool, True, True),
        (str, "x", "x"),
        (dt.date, "2024-03-01", dt.date(2024, 3, 1)),
        (dt.datetime, "2024-03-01T10:00:00", dt.datetime.fromisoformat("2024-03-01T10:00")),
        (Literal["a", 1, True], 1, 1),
        (Literal["a", 1, True], True, True),
        (Plan, "pro", Plan.PRO),
        (Grade, 2, Grade.HIGH),
        (Colour, "red", Colour.RED),
        (Literal[Plan.PRO], "pro", Plan.PRO),
        (float | None, None, None),
        (int | None, None, None),
        (int | None, 3, 3),
        (bool | None, None, None),
        (Plan | None, None, None),
    ],
)
def test_the_function_gets_pythons_own_value_or_the_enums_member(annotation, sent, got):
    it = got_by(annotation, sent)

    assert it == got
    assert type(it) is type(got)


def test_an_integer_beside_a_missing_one_stays_an_integer():
    got = []

    @podium.model
    def function(it: int | None) -> float:
        got.append(it)
        return 0.0

    table, _ = check_table(function.signature, Table.of([{"it": 2**53}, {"it": None}]))
    function.predict(table)

    assert got == [2**53, None]
    assert type(got[0]) is int


@pytest.mark.parametrize(
    ("annotation", "labels"),
    [
        (Literal["a", "b"], ("a", "b")),
        (Literal[1, True, "x", 2], (1, True, "x", 2)),
        (Plan, ("basic", "pro")),
        (Grade, (1, 2)),
        (Literal[Plan.PRO, "other"], ("pro", "other")),
    ],
)
def test_categories_are_the_values_of_a_literal_or_an_enum(annotation, labels):
    field = field_of(annotation)

    assert field.categories == tuple(Category(label) for label in labels)
    assert [type(one) for one in field.labels] == [type(one) for one in labels]


@pytest.mark.parametrize(
    "annotation",
    [
        float | None,
        typing.Optional[float],  # noqa: UP045 - people write it
        Annotated[float | None, "help"],
        Annotated[float, "help"] | None,
        Literal["a", None],  # noqa: PYI061 - people write it
        int | float | None,
    ],
)
def test_none_in_an_annotation_lets_the_value_be_missing(annotation):
    assert field_of(annotation).missing == "accept"
    assert got_by(annotation, None) is None


def test_a_missing_value_takes_the_default():
    assert field_of(int, default=7).missing == "accept"
    assert got_by(int, None, default=7) == 7
    assert got_by(Plan, None, default=Plan.PRO) is Plan.PRO
    assert got_by(float | None, None, default=2.5) == 2.5
    assert math.isnan(got_by(float, None, default=math.nan))


def test_a_field_with_a_default_may_be_left_out():
    @podium.model
    def total(price: float, number: int = 3) -> float:
        return price * number

    table, _ = check_table(total.signature, Table.of([{"price": 2.0}]))

    assert total.predict(table).predictions.tolist() == [6.0]


@pytest.mark.parametrize(
    ("annotation", "bounds"),
    [
        (Annotated[int, Range(0, 120)], Range(0, 120)),
        (Annotated[int, Range(0.0, math.inf)], Range(0, None)),
        (Annotated[float | None, Range(None, 1.5)], Range(None, 1.5)),
        (Annotated[Years, Range(0)], Range(0, None)),
        (Annotated[dt.date, Range("2020-01-01")], Range("2020-01-01", None)),
        (Annotated[dt.date, Range(dt.date(2020, 1, 1))], Range("2020-01-01", None)),
        (Annotated[dt.datetime, Range("2020-01-01")], Range("2020-01-01", None)),
        (
            Annotated[dt.datetime, Range("2020-01-01T02:00:00+02:00")],
            Range("2020-01-01T00:00:00", None),
        ),
        (Annotated[float, msgspec.Meta(ge=0, le=2.5)], Range(0, 2.5)),
        (Annotated[int, msgspec.Meta(gt=0, lt=10)], Range(1, 9)),
        (Annotated[int, Field(name="it", bounds=Range(1, 2))], Range(1, 2)),
    ],
)
def test_a_range_gives_hard_bounds(annotation, bounds):
    found = field_of(annotation).bounds

    assert found == bounds
    assert type(found.minimum) is type(bounds.minimum)


def test_a_value_beyond_its_bounds_never_reaches_the_function():
    @podium.model
    def function(age: Annotated[int, podium.Range(0, 120)]) -> float: ...

    with pytest.raises(podium.PodiumError, match="out of range"):
        check_table(function.signature, Table.of([{"age": 121}]))


def test_annotated_gives_titles_help_units_and_more():
    said = Field(name="", title="Age", unit="years", step=0.5, seen=Range(18, 90), outside="refuse")

    assert field_of(Annotated[float, "in years"]).description == "in years"
    assert field_of(Annotated[float, said, "help"]) == Field(
        name="it",
        title="Age",
        unit="years",
        step=0.5,
        seen=Range(18, 90),
        outside="refuse",
        description="help",
    )
    assert field_of(
        Annotated[str, msgspec.Meta(title="Note", description="free", max_length=9)]
    ) == Field(name="it", type="text", title="Note", description="free", max_length=9)


def test_the_outermost_extra_wins():
    inner = Annotated[int, "years", Range(0, 200)] | None
    field = field_of(Annotated[inner, "years since birth", Range(0, 120)])

    assert field.description == "years since birth"
    assert field.bounds == Range(0, 120)


def test_extras_of_other_libraries_are_passed_over():
    assert field_of(Annotated[float, object(), {"theirs": 1}]) == Field(name="it")


def test_a_field_can_be_called_other_than_its_parameter():
    @podium.model
    def longest(bill: Annotated[float, Field(name="bill length (mm)")]) -> float:
        return bill

    assert longest.signature.names == ("bill length (mm)",)
    table = Table.of([{"bill length (mm)": 39.1}])
    assert longest.predict(table).predictions.tolist() == [39.1]


@pytest.mark.parametrize(
    ("annotation", "examples"),
    [
        (float, [1.0]),
        (int, [1]),
        (bool, [True]),
        (str, ["some text"]),
        (Annotated[str, msgspec.Meta(max_length=4)], ["some"]),
        (dt.date, ["2024-03-01"]),
        (dt.datetime, ["2024-03-01T12:00:00"]),
        (Plan, ["basic"]),
        (float | None, [1.0]),
        (Annotated[int, Range(0, 120)], [60]),
        (Annotated[float, Range(0, 1)], [0.5]),
        (Annotated[int, Range(5)], [5]),
        (Annotated[float, Range(None, -3)], [-3.0]),
        (Annotated[dt.date, Range("2030-01-01")], ["2030-01-01"]),
        (Annotated[int, msgspec.Meta(examples=[41, 52])], [41, 52]),
        (Annotated[int, Range(0), msgspec.Meta(examples=[-1, 52])], [52]),
    ],
)
def test_examples_are_rows_that_the_function_takes(annotation, examples):
    found = example_of(annotation)

    assert found == examples
    assert [type(one) for one in found] == [type(one) for one in examples]
    got_by(annotation, found[0])


def test_a_default_is_the_example():
    assert example_of(int, default=7) == [7]
    assert example_of(Plan, default=Plan.PRO) == ["pro"]
    assert example_of(dt.date, default=dt.date(2020, 2, 2)) == ["2020-02-02"]
    assert example_of(float, default=None) == [1.0]
    assert example_of(float, default=math.nan) == [1.0]


def test_a_default_that_only_stands_for_unknown_is_no_example():
    assert example_of(Annotated[int, Range(0, 120)], default=-1) == [60]
    assert got_by(Annotated[int, Range(0, 120)], None, default=-1) == -1


def test_examples_of_several_fields_make_rows():
    @podium.model
    def function(
        age: Annotated[int, msgspec.Meta(examples=[41, 52, 63])],
        plan: Annotated[str, msgspec.Meta(examples=["basic", "pro"])],
    ) -> float: ...

    assert function.signature.examples == (
        {"age": 41, "plan": "basic"},
        {"age": 52, "plan": "pro"},
        {"age": 63, "plan": "basic"},
    )


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (complex, "parameter 'it' of function is annotated with complex"),
        (list, "annotated with list"),
        (float | str, r"annotated with float \| str"),
        (None, "annotated with NoneType"),
        (dict[str, float], "annotated with dict"),
        ([1, 2], "annotated with "),
        (Point, "has a category of type tuple"),
        (Literal[b"a"], "has a category of type bytes"),
        (enum.Enum("Nobody", {}), "which has no members"),
        (Annotated[float, Range(2, 1)], "a range from 2 to 1"),
        (Annotated[float, Range("a", None)], "the bound 'a'"),
        (Annotated[float, Range(math.nan)], "the bound nan"),
        (Annotated[str, Range(0, 1)], "the bound 0"),
        (Annotated[dt.date, Range(3)], "the bound 3"),
        (Annotated[dt.date, Range("never")], "the bound 'never'"),
        (Annotated[float, msgspec.Meta(gt=0)], "gt or lt"),
        (Annotated[int, msgspec.Meta(multiple_of=2)], "multiple_of in msgspec.Meta"),
        (Annotated[str, msgspec.Meta(pattern="a")], "pattern in msgspec.Meta"),
        (Annotated[str, Field(name="", categories=(Category("a"),))], "has categories"),
        (Annotated[float, podium.Output()], "annotated with podium.Output"),
        (np.ndarray[tuple[int], np.dtype[np.int32]], "an array of int32"),
    ],
)
def test_an_annotation_without_a_field_is_refused_with_the_parameters_name(annotation, message):
    with pytest.raises(SignatureError, match=message) as caught:
        field_of(annotation)

    assert "'it' of function" in caught.value.message
    assert caught.value.hint


def test_a_missing_annotation_is_refused_with_those_that_are_understood():
    with pytest.raises(SignatureError, match="parameter 'age' of function has no ann") as caught:

        @podium.model
        def function(rooms: float, age) -> float: ...

    for word in ("float", "Literal[...]", "datetime.date", "| None", "Annotated", "msgspec.Struct"):
        assert word in caught.value.hint


def test_an_annotation_that_names_nothing_is_refused_with_the_parameters_name():
    def function(rooms: float, age: "Yeers") -> float: ...  # noqa: F821

    def other(age: float) -> "Yeers": ...  # noqa: F821

    with pytest.raises(SignatureError, match=r"the annotation of 'age' of function .*Yeers"):
        podium.model(function)
    with pytest.raises(SignatureError, match=r"the return annotation of other .*Yeers"):
        podium.model(other)


def test_annotations_that_are_strings_are_resolved():
    @podium.model
    def function(age: "Annotated[Years, podium.Range(0, 120)]", plan: "Plan | None") -> "bool": ...

    assert [field.type for field in function.signature.fields] == ["integer", "category"]
    assert function.signature.field("age").bounds == Range(0, 120)
    assert function.signature.output.task == "classification"


def test_a_function_without_named_parameters_is_refused():
    with pytest.raises(SignatureError, match="nothing takes no parameters"):

        @podium.model
        def nothing() -> float: ...

    with pytest.raises(SignatureError, match=r"parameter '\*args.*' of anything takes any"):

        @podium.model
        def anything(*args: float) -> float: ...

    with pytest.raises(SignatureError, match="takes any number"):

        @podium.model
        def named(age: float, **others: float) -> float: ...


def test_two_fields_of_one_name_are_refused():
    with pytest.raises(SignatureError, match="two fields are called 'b'"):

        @podium.model
        def function(a: Annotated[float, Field(name="b")], b: float) -> float: ...


@pytest.mark.parametrize("what", [Plan, "churn", 3, None])
def test_only_functions_are_models(what):
    with pytest.raises(SignatureError, match="isn't a function"):
        podium.runtimes.python.FunctionModel(what)


def test_a_function_that_yields_is_refused():
    with pytest.raises(SignatureError, match="is a generator"):

        @podium.model
        def function(x: float):
            yield x


def test_a_model_is_still_the_function_it_was():
    def area(width: float, /, height: float, *, scale: float = 1.0) -> float:
        """The area of a rectangle."""
        return width * height * scale

    one = podium.model(area)

    assert one(2, height=3) == 6
    assert one.__wrapped__ is area
    assert one.__name__ == one.name == "area"
    assert one.__doc__ == "The area of a rectangle."
    assert "area" in repr(one)
    assert not isinstance(one, AsyncRuntime) or not one.features.is_async


def test_arguments_are_passed_by_position_and_by_name_as_the_function_requires():
    @podium.model
    def area(width: float, /, height: float, *, scale: float = 10.0) -> float:
        return width - height * scale

    runtime: Runtime = area
    table, _ = check_table(area.signature, Table.of([{"width": 7.0, "height": 2.0}]))

    assert runtime.predict(table).predictions.tolist() == [-13.0]


def test_the_decorator_takes_a_name_and_a_description():
    @podium.model(name="churn", description="Who leaves.")
    def function(x: float) -> float:
        """Something else.

        Entirely.
        """
        return x

    direct = podium.model(function, name="second")

    assert (function.name, function.title, function.description) == (
        "churn",
        "Something else",
        "Who leaves.",
    )
    assert function(1.0) == 1.0
    assert direct.name == "second"
    assert direct.__wrapped__ is function.__wrapped__
