"""What the return annotation of a function makes, and which answers break its promise."""

import dataclasses
import datetime as dt
import enum
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

import podium
from podium.errors import ModelError, SetupError, SignatureError
from podium.table import Table


class Risk(enum.Enum):
    LOW = "low"
    HIGH = "high"


@dataclasses.dataclass
class Quote:
    price: float
    rooms: int
    risk: Risk
    odds: dict[Literal["a", "b"], float]
    note: str = ""
    total: float = dataclasses.field(init=False, default=0.0)


class Offer(TypedDict):
    price: Annotated[float, podium.Output(title="Price", unit="EUR")]
    is_open: bool
    note: NotRequired[str]


class One(msgspec.Struct):
    price: float


def returning(annotation, *answers):
    """A model that answers these, one after the other."""
    left = list(answers)

    def function(x: float):
        return left.pop(0)

    function.__annotations__["return"] = annotation
    return podium.model(function)


def batch_returning(annotation, answer):
    def function(x: list[float]):
        return answer

    function.__annotations__["return"] = annotation
    return podium.model(function)


def asked(one, n_rows=1):
    return one.predict(Table.of({"x": [0.0] * n_rows}))


def predictions(annotation, *answers):
    return asked(returning(annotation, *answers), len(answers)).predictions


@pytest.mark.parametrize(
    ("annotation", "task", "classes"),
    [
        (float, "regression", ()),
        (int, "regression", ()),
        (int | float, "regression", ()),
        (np.float64, "regression", ()),
        (np.int32, "regression", ()),
        (bool, "classification", (False, True)),
        (Literal["a", "b"], "classification", ("a", "b")),
        (Risk, "classification", ("low", "high")),
        (dict[Literal["a", "b"], float], "classification", ("a", "b")),
        (Mapping[Risk, float], "classification", ("low", "high")),
        (dict[bool, float], "classification", (False, True)),
        (str, "value", ()),
        (dict[str, float], "value", ()),
        (dict[Literal["a"], str], "value", ()),
        (list[float], "value", ()),
        (float | None, "value", ()),
        (Any, "value", ()),
        (dt.date, "value", ()),
    ],
)
def test_each_return_annotation_is_a_task(annotation, task, classes):
    (output,) = returning(annotation).signature.outputs

    assert output.name == "prediction"
    assert output.task == task
    assert output.classes == classes
    assert output.has_probabilities == (bool(classes) and "float" in str(annotation))


def test_without_a_return_annotation_the_output_is_a_value():
    @podium.model
    def function(x: float):
        return {"x": x}

    assert function.signature.output.task == "value"
    assert asked(function).predictions.tolist() == [{"x": 0.0}]


def test_annotated_describes_the_output():
    unit = podium.Output(name="price", title="Price", unit="EUR", seen=podium.Range(0, 9))
    output = returning(Annotated[float, unit, "What it costs."]).signature.output

    assert output == podium.Output(
        name="price",
        title="Price",
        unit="EUR",
        seen=podium.Range(0, 9),
        description="What it costs.",
    )
    meta = msgspec.Meta(title="Price", description="What it costs.")
    assert returning(Annotated[float, meta]).signature.output == podium.Output(
        title="Price", description="What it costs."
    )


@pytest.mark.parametrize("extra", [podium.Range(0, 1), podium.Field(name="x")])
def test_an_output_cant_promise_what_a_field_can(extra):
    with pytest.raises(SignatureError, match=r"podium\.(Range|Field)"):
        returning(Annotated[float, extra])


def test_a_function_that_returns_nothing_is_refused():
    with pytest.raises(SignatureError, match="the return value of function is None"):
        returning(None)


@pytest.mark.parametrize(
    ("annotation", "answers", "dtype"),
    [
        (float, [1, 2.5, np.float32(0.5), Fraction(1, 2), Decimal("1.5"), np.array(3)], "float64"),
        (int, [1, np.int16(2), 3.0, -(2**63)], "int64"),
        (bool, [True, np.False_], "bool"),
        (Literal[1, 2], [2, np.int64(1)], "int64"),
        (Literal["a", "b"], ["b", np.str_("a")], "object"),
        (Literal[1, "1", True], ["1", True, 1], "object"),
        (Literal[1, 2**70], [2**70], "object"),
        (str, ["a", ""], "object"),
    ],
)
def test_return_values_become_a_column_of_their_kind(annotation, answers, dtype):
    column = predictions(annotation, *answers)

    assert column.dtype == dtype
    assert column.tolist() == [
        pytest.approx(float(a)) if annotation is float else a for a in answers
    ]


def test_an_enums_member_is_its_value():
    assert predictions(Risk, Risk.HIGH, "low").tolist() == ["high", "low"]


@pytest.mark.parametrize(
    ("annotation", "answer", "message"),
    [
        (float, math.nan, "function returned nan for row 0, not a finite number"),
        (float, -math.inf, "returned -inf for row 0"),
        (float, 10**400, "returned inf"),
        (float, None, "returned nothing for row 0, not a number"),
        (float, "1", "returned a str for row 0, not a number"),
        (float, True, "returned a bool"),
        (float, 1j, "returned a complex"),
        (float, np.array([1.0]), "returned a ndarray|returned an ndarray"),
        (int, 1.5, "returned 1.5 for row 0, not a whole number"),
        (int, True, "returned a bool"),
        (int, "1", "returned a str"),
        (int, math.nan, "returned nan"),
        (int, 2**63, "more than 64 bits"),
        (bool, 1, "returned 1 for row 0, which isn't one of its classes: false, true"),
        (bool, None, "returned None"),
        (Literal["a", "b"], "c", "returned c for row 0, which isn't one of its classes: a, b"),
        (Literal["a", "b"], ["a"], "one of its classes"),
        (Literal[1, 2], True, "returned True"),
        (Literal[1, 2], 1.0, r"returned 1\.0"),
        (Risk, "middle", "returned middle for row 0, which isn't one of its classes: low, high"),
        (str, 3, "returned an int for row 0, not a text"),
        (str, "\ud800", "JSON can't represent"),
        (Any, object(), "JSON can't represent: it contains an object"),
        (Any, {(1, 2): 3}, "JSON can't represent"),
    ],
)
def test_a_return_value_of_a_wrong_type_is_reported(annotation, answer, message):
    with pytest.raises(ModelError, match=message):
        predictions(annotation, answer)


def test_the_row_with_the_wrong_return_value_is_named():
    with pytest.raises(ModelError, match="returned nan for row 2,"):
        predictions(float, 1.0, 2.0, math.nan, math.nan)


def test_a_return_value_that_contains_itself_is_refused():
    loop: list[Any] = []
    loop.append(loop)

    with pytest.raises(ModelError, match="JSON can't represent"):
        predictions(list, loop)


def test_values_are_exactly_what_json_holds():
    given = {
        "n": np.int64(3),
        "x": np.array([0.5, 1.5]),
        "when": dt.date(2024, 3, 1),
        "risk": Risk.LOW,
        "quote": One(2.0),
        "pair": (1, 2),
        7: math.nan,
    }

    (found,) = predictions(dict, given)

    assert found == {
        "n": 3,
        "x": [0.5, 1.5],
        "when": "2024-03-01",
        "risk": "low",
        "quote": {"price": 2.0},
        "pair": [1, 2],
        "7": None,
    }


def test_lists_stay_one_value_a_row():
    column = predictions(list[float], [1.0, 2.0], [3.0, 4.0])

    assert column.shape == (2,)
    assert column.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_of_equal_probabilities_the_first_class_is_predicted():
    answers = [{"b": 0.75, "a": 0.25}, {"a": 0.5, "b": 0.5}, {"a": np.float32(1), "b": 0}]
    outputs = asked(returning(dict[Literal["a", "b"], float], *answers), 3)

    assert outputs.predictions.tolist() == ["b", "a", "a"]
    assert outputs.probabilities.tolist() == [[0.25, 0.75], [0.5, 0.5], [1.0, 0.0]]


def test_probabilities_go_by_an_enums_members_or_by_booleans():
    by_member = asked(returning(dict[Risk, float], {Risk.LOW: 0.1, Risk.HIGH: 0.9}))
    by_truth = asked(returning(dict[bool, float], {True: 0.9, np.False_: 0.1}))

    assert by_member.predictions.tolist() == ["high"]
    assert by_truth.predictions.tolist() == [True]
    assert by_truth.predictions.dtype == bool


def test_probabilities_may_be_off_by_rounding():
    thirds = {"a": 1 / 3, "b": 1 / 3 + 5e-7, "c": 1 / 3}
    outputs = asked(returning(dict[Literal["a", "b", "c"], float], thirds))

    assert outputs.predictions.tolist() == ["b"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"a": -0.5, "b": 1.5}, "a probability that is negative or NaN for row 0"),
        ({"a": math.nan, "b": 1.0}, "negative or NaN"),
        ({"a": math.inf, "b": 0.0}, "sum to inf"),
        ({"a": 0.5, "b": 0.500002}, "for row 0 that sum to 1.000002, not to 1"),
        ({"a": 0.0, "b": 0.0}, "sum to 0"),
        ({"a": 1.0}, "left out the probability of b for row 0"),
        ({"a": 0.5, "b": 0.25, "c": 0.25}, "a probability of c for row 0, which is none of"),
        ({"a": "1", "b": 0.0}, "returned a str"),
        ({"a": True, "b": False}, "returned a bool"),
        (0.5, "returned a float for row 0, not probabilities"),
        (None, "returned nothing"),
    ],
)
def test_probabilities_that_are_none_are_refused(answer, message):
    with pytest.raises(ModelError, match=message):
        asked(returning(dict[Literal["a", "b"], float], answer))


def test_no_rows_have_no_predictions():
    for annotation in (float, int, bool, str, dict[Literal["a", "b"], float], Quote):
        outputs = asked(returning(annotation), 0)

        assert len(outputs) == 0
        assert outputs.probabilities is None or outputs.probabilities.shape == (0, 2)


def test_a_dataclass_is_several_outputs():
    quote = Quote(1.5, 3, Risk.HIGH, {"a": 0.5, "b": 0.5}, "x")
    quote.total = 4.5
    one = returning(Quote, quote, quote)
    outputs = asked(one, 2)

    assert [(o.name, o.task) for o in one.signature.outputs] == [
        ("price", "regression"),
        ("rooms", "regression"),
        ("risk", "classification"),
        ("odds", "classification"),
        ("note", "value"),
        ("total", "regression"),
    ]
    assert outputs.predictions.dtype == object
    assert outputs.predictions.shape == (2, 6)
    assert outputs.predictions[1].tolist() == [1.5, 3, "high", "a", "x", 4.5]
    assert outputs.probabilities.tolist() == [[0.5, 0.5]] * 2
    assert [type(cell) for cell in outputs.predictions[0][:2]] == [float, int]


def test_a_typed_dict_is_several_outputs():
    one = returning(
        Offer, {"price": 1, "is_open": True}, {"price": 2, "is_open": False, "note": "n"}
    )
    outputs = asked(one, 2)

    assert one.signature.output == podium.Output(name="price", title="Price", unit="EUR")
    assert outputs.predictions.tolist() == [[1.0, True, None], [2.0, False, "n"]]


def test_a_class_of_one_field_is_one_output():
    outputs = asked(returning(One, One(2.5)))

    assert outputs.predictions.tolist() == [2.5]
    assert outputs.predictions.dtype == np.float64


@pytest.mark.parametrize(
    ("annotation", "answer", "message"),
    [
        (Offer, {"price": 1.0}, "returned no 'is_open'"),
        (
            Offer,
            {"price": math.nan, "is_open": True},
            r"the function \(price\) returned nan for row 0",
        ),
        (Quote, {"price": 1.0}, "returned no 'rooms'"),
        (One, None, "returned no 'price'"),
    ],
)
def test_a_part_that_is_missing_or_wrong_is_named(annotation, answer, message):
    with pytest.raises(ModelError, match=message):
        predictions(annotation, answer)


@pytest.mark.parametrize(
    ("annotation", "answer", "task", "column"),
    [
        (list[float], [1, 2.5], "regression", [1.0, 2.5]),
        (Sequence[int], (1, 2), "regression", [1, 2]),
        (NDArray[np.float64], np.array([1.0, 2.5]), "regression", [1.0, 2.5]),
        (NDArray[np.float64], np.array([1, 2], np.uint8), "regression", [1.0, 2.0]),
        (np.ndarray, np.array([1.0, 2.5]), "regression", [1.0, 2.5]),
        (NDArray[np.int64], np.array([1, 2], np.int32), "regression", [1, 2]),
        (NDArray[np.bool_], np.array([True, False]), "classification", [True, False]),
        (list[Literal["a", "b"]], np.array(["a", "b"]), "classification", ["a", "b"]),
        (list[str], ["a", "b"], "value", ["a", "b"]),
        (list, [{"a": 1}, 2], "value", [{"a": 1}, 2]),
        (Any, [3, "x"], "value", [3, "x"]),
        (Annotated[list[float], "help"], [1.0, 2.0], "regression", [1.0, 2.0]),
    ],
)
def test_a_batch_returns_one_element_per_row(annotation, answer, task, column):
    one = batch_returning(annotation, answer)
    found = asked(one, 2).predictions

    assert one.signature.output.task == task
    assert found.tolist() == column
    assert [type(cell) for cell in found.tolist()] == [type(cell) for cell in column]


def test_a_batch_returns_probabilities_and_several_outputs():
    odds = [{"a": 0.25, "b": 0.75}, {"a": 1.0, "b": 0.0}]
    by_class = asked(batch_returning(list[dict[Literal["a", "b"], float]], odds), 2)
    offers = [{"price": 1.0, "is_open": True}, {"price": 2.0, "is_open": False}]
    several = asked(batch_returning(list[Offer], offers), 2)

    assert by_class.predictions.tolist() == ["b", "a"]
    assert several.predictions.tolist() == [[1.0, True, None], [2.0, False, None]]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([1.0], "function returned 1 values for 2"),
        ([1.0, 2.0, 3.0], "returned 3 values for 2"),
        (np.zeros((2, 1)), r"an array of shape \(2, 1\), not one value for each row"),
        (np.float64(3), "returned one float64 for all the rows"),
        ("ab", "returned one str for all the rows"),
        ({0: 1.0, 1: 2.0}, "returned one dict"),
        (None, "returned one NoneType"),
        (np.array([1.0, math.nan]), "returned nan for row 1"),
        (np.array(["a", "b"]), "returned a str"),
    ],
)
def test_a_batch_that_isnt_one_number_a_row_is_refused(answer, message):
    with pytest.raises(ModelError, match=message):
        asked(batch_returning(list[float], answer), 2)


@pytest.mark.parametrize("annotation", [float, dict[str, float], Offer, str])
def test_a_batch_must_promise_a_list(annotation):
    with pytest.raises(SignatureError, match="takes all the rows in one call"):
        batch_returning(annotation, None)


@pytest.mark.parametrize(
    "error", [ValueError("row 41"), KeyError("x"), StopIteration(), SystemExit(3)]
)
def test_what_the_function_raises_is_a_model_error_without_values(error):
    @podium.model
    def function(x: float) -> float:
        raise error

    with pytest.raises(ModelError) as caught:
        asked(function)

    assert str(caught.value) == f"the function raised {type(error).__name__}"
    assert caught.value.__cause__ is error


def test_what_reading_a_return_value_raises_is_a_model_error():
    def lazily():
        yield 1.0
        raise ValueError("secret")

    class Lazy:
        @property
        def price(self):
            raise ValueError("secret")

    with pytest.raises(ModelError, match=r"^the function raised ValueError$"):
        asked(batch_returning(list[float], lazily()), 2)
    with pytest.raises(ModelError, match=r"^the function raised ValueError$"):
        predictions(One, Lazy())


def test_a_model_error_of_the_function_itself_stays_as_it_is():
    mine = ModelError("the sensor is offline", hint="plug it in")

    @podium.model
    def function(x: float) -> float:
        raise mine

    with pytest.raises(ModelError) as caught:
        asked(function)

    assert caught.value is mine


def test_what_is_no_model_error_of_ours_becomes_one():
    @podium.model
    def function(x: float) -> float:
        raise SetupError("no such thing")

    with pytest.raises(ModelError, match="raised SetupError"):
        asked(function)


def test_control_c_isnt_swallowed():
    @podium.model
    def function(x: float) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asked(function)
