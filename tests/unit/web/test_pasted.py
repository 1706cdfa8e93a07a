"""Rows that are pasted into a form: what they are written as, and what is said about them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.errors import MalformedBody
from podium.signature import Category, Field, Signature
from podium.web.pasted import PastedRow, pasted_row

SIGNATURE = Signature(
    fields=(
        Field(name="area_m2", title="Living area"),
        Field(name="rooms", type="integer"),
        Field(name="city", type="category", categories=(Category("Köln"), Category("Bonn"))),
        Field(name="has_lift", type="boolean", missing="accept"),
        Field(name="built", type="datetime", missing="accept"),
    )
)
WHOLE = {"area_m2": "80.5", "rooms": "3", "city": "Köln", "has_lift": "true"}


def pasted(text: str) -> PastedRow:
    return pasted_row(SIGNATURE, text)


@pytest.mark.parametrize(
    "text",
    [
        "area_m2\trooms\tcity\thas_lift\n80.5\t3\tKöln\tTRUE",
        "\ufeffarea_m2,rooms,city,has_lift\r\n80.5,3,Köln,yes\r\n",
        "area_m2;rooms;city;has_lift\n80,5;3;Köln;1",
        "LIVING AREA\tRooms\tCity\tHas lift\n80.5\t3\tKo\u0308ln\ttrue",
        "area_m2\t80.5\nrooms\t3\ncity\tKöln\nhas_lift\ttrue",
        "80.5\t3\tKöln\ttrue\t",
        '{"area_m2": 80.5, "rooms": 3, "city": "Köln", "has_lift": true, "built": null}',
        '[{"area_m2": 80.5, "rooms": 3, "city": "Köln", "has_lift": true}]',
        '{"area_m2": [80.5], "rooms": [3], "city": ["Köln"], "has_lift": [true]}',
        '[80.5, 3, "Köln", true, null]',
        '\n,area_m2,rooms,city,has_lift\n0,80.5,3,"Köln",true',
    ],
)
def test_a_row_is_read_however_it_is_written(text):
    found = pasted(text)

    assert (found.values, found.errors, found.unknown, found.missing) == (WHOLE, (), (), ())
    assert found.notes == ("4 fields were filled in.",)


def test_what_is_left_over_and_what_lacks_is_named():
    found = pasted("area_m2\trooms\tprice\n80\tNA\t900\n70\t2\t800")

    assert found.values == {"area_m2": "80"}
    assert found.notes == (
        "1 field was filled in.",
        "The first of 2 rows was taken.",
        "The row has no value for Rooms, City.",
        "The model has no field for price.",
    )


def test_a_value_that_the_form_would_refuse_stands_in_it_with_its_error():
    found = pasted('{"area_m2": "large", "rooms": [1], "city": "Bonn"}')

    assert found.values == {"area_m2": "large", "rooms": "[1]", "city": "Bonn"}
    assert [cell.field for cell in found.errors] == ["area_m2", "rooms"]


def test_the_exact_name_wins_over_another_that_only_resembles_it():
    signature = Signature(fields=(Field(name="Rate"), Field(name="rate")))

    found = pasted_row(signature, "rate,Rate\n1,2")

    assert found.values == {"Rate": "2", "rate": "1"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (" \n", "nothing was pasted"),
        ("\t\t\n\t", "nothing was pasted"),
        (",", "nothing was pasted"),
        ("area_m2\trooms\tcity", "no values"),
        ("1\t2", "the first line has 2 cells"),
        ('{"area_m2": ', "isn't valid JSON"),
        ("[]", "isn't a row"),
        ('{"price": 3, "a": 1, "b": 1, "c": 1, "d": 1, "e": 1}', "called price, a, b, c, d and 1"),
        ("a" * 200_000, "field larger than field limit"),
    ],
)
def test_what_is_no_row_is_refused_with_advice(text, said):
    with pytest.raises(MalformedBody, match=said):
        pasted(text)


@given(st.text())
def test_no_text_is_too_odd(text):
    try:
        found = pasted(text)
    except MalformedBody:
        return
    assert set(found.values) <= set(SIGNATURE.names)
