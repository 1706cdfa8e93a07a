"""What docstrings say of a function and its parameters."""

import dataclasses

import msgspec
import pytest

import podium
from podium.runtimes.functions.docstrings import described_in, summary_of

GOOGLE = """What a house costs.

    By rule of thumb,
    as brokers know it.

    It knows no inflation.

    Args:
        rooms: how many there are,
            baths: left out.
        heating (str): one of: gas, wood.

        plain
        area (float, optional): in m2

    Returns:
        price: in EUR
    """

NUMPY = """What a house costs.

    Parameters
    ----------
    rooms : int
        How many there are,
        the bath left out.
    heating : {"gas", "wood"}, optional
        One of: gas, wood.
    area
        In m2

    Returns
    -------
    price : float
        In EUR.
    """


def documented(text):
    def function(rooms: int, heating: str, area: float) -> float: ...

    function.__doc__ = text
    return function


@pytest.mark.parametrize(
    ("text", "title", "description"),
    [
        (None, "", ""),
        ("", "", ""),
        ("What a house costs.", "What a house costs", ""),
        ("\n    What a house costs\n    ", "What a house costs", ""),
        (
            GOOGLE,
            "What a house costs",
            "By rule of thumb, as brokers know it.\n\nIt knows no inflation.",
        ),
        (NUMPY, "What a house costs", ""),
        ("Args:\n    x: a number", "", ""),
        (f"What {'a very ' * 20}long line says.", "", f"What {'a very ' * 20}long line says."),
        ("It costs\nmoney. Note: always.", "It costs money. Note: always", ""),
    ],
)
def test_a_short_first_line_is_the_title_and_the_rest_describes(text, title, description):
    assert summary_of(documented(text)) == (title, description)


def test_googles_style_describes_parameters():
    assert described_in(documented(GOOGLE)) == {
        "rooms": "how many there are, baths: left out.",
        "heating": "one of: gas, wood.",
        "plain": "",
        "area": "in m2",
    }


def test_numpys_style_describes_parameters():
    assert described_in(documented(NUMPY)) == {
        "rooms": "How many there are, the bath left out.",
        "heating": "One of: gas, wood.",
        "area": "In m2",
    }


@pytest.mark.parametrize(
    "text", [None, "Args", "Args:", "Args:\n", "Parameters\n----------", "x: y"]
)
def test_a_docstring_may_describe_nothing(text):
    assert described_in(documented(text)) == {}


def test_what_is_described_is_the_help_of_the_field():
    one = podium.model(documented(GOOGLE))

    assert [field.description for field in one.signature.fields] == [
        "how many there are, baths: left out.",
        "one of: gas, wood.",
        "in m2",
    ]
    assert (one.title, one.description[:17]) == ("What a house costs", "By rule of thumb,")


def test_batches_and_classes_of_rows_are_described_too():
    @dataclasses.dataclass
    class House:
        """A house.

        Attributes:
            rooms: how many
        """

        rooms: int

    class Undocumented(msgspec.Struct):
        rooms: int

    def batch(rooms: list[int]) -> list[float]:
        """Prices.

        Args:
            rooms: how many
        """

    def row(house) -> float: ...

    row.__annotations__["house"] = House
    described = [podium.model(one).signature.field("rooms").description for one in (batch, row)]
    row.__annotations__["house"] = Undocumented

    assert described == ["how many", "how many"]
    assert podium.model(row).signature.field("rooms").description == ""
