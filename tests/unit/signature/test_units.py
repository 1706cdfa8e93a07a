"""Units from the names of columns: which are believed, and which aren't."""

from __future__ import annotations

import msgspec
import pytest

from podium.signature import Field, Output, Range, Signature
from podium.signature.units import proposed_units, unit_in, with_units


@pytest.mark.parametrize(
    ("name", "unit", "stem"),
    [
        ("bill_length_mm", "mm", "bill length"),
        ("price_EUR", "EUR", "price"),
        ("discount_pct", "%", "discount"),
        ("distance.km", "km", "distance"),
        ("body_mass_g", "g", "body mass"),
        ("living area m2", "m²", "living area"),
        ("wait_time_s", "s", "wait time"),
        ("height_m", "m", "height"),
        ("petal length (cm)", "cm", "petal length"),
        ("Temperature [°C]", "°C", "Temperature"),
        ("speed (pct)", "%", "speed"),
    ],
)
def test_names_tell_units(name, unit, stem):
    assert unit_in(name) == (unit, stem)


@pytest.mark.parametrize(
    "name",
    [
        "mm",
        "temp_min",
        "sex_m",
        "vitamin_c",
        "n_days",
        "number_of_hours",
        "price_per_kg",
        "grade_g",
        "check_in",
        "passed (yes)",
        "items_s",
        "",
        "()",
    ],
)
def test_names_that_may_mean_something_else_tell_nothing(name):
    assert unit_in(name) == ("", "")


def test_only_numbers_get_units_and_none_that_was_given_is_replaced():
    signature = Signature(
        fields=(
            Field(name="weight_g", seen=Range(1, 90)),
            Field(name="weight_kg", unit="lb"),
            Field(name="is_kg", type="boolean"),
            Field(name="paid_eur", type="integer", seen=Range(0, 1)),
            Field(name="length_mm", title="How long it is"),
        ),
        outputs=(Output(name="price_eur"), Output(name="size_mm", task="classification")),
    )

    proposed = with_units(signature)

    assert [one.unit for one in proposed.fields] == ["g", "lb", "", "", "mm"]
    assert [one.label for one in proposed.fields][::4] == ["Weight", "How long it is"]
    assert [(one.label, one.unit) for one in proposed.outputs] == [
        ("Price", "EUR"),
        ("Size mm", ""),
    ]
    assert proposed_units(proposed) == ["weight_g in g", "length_mm in mm", "price_eur in EUR"]


def test_names_that_differ_in_their_units_alone_are_shown_whole():
    fields = (Field(name="price_eur"), Field(name="price_usd"), Field(name="weight_kg"))

    proposed = with_units(Signature(fields=fields))

    assert [(one.label, one.unit) for one in proposed.fields] == [
        ("Price eur", "EUR"),
        ("Price usd", "USD"),
        ("Weight", "kg"),
    ]


def test_proposing_twice_changes_nothing():
    once = with_units(Signature(fields=(Field(name="price_eur"), Field(name="price_usd"))))

    assert msgspec.structs.asdict(with_units(once)) == msgspec.structs.asdict(once)
