"""Widgets: which one a field gets, what stands in it, and which keyboard a phone shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.errors import BadCell
from podium.signature import Category, Field, Range, Signature
from podium.web.form import Widget, texts, widgets


def widget(value: str = "", problem: str = "", **said) -> Widget:
    field = Field(name="x", **said)
    errors = [BadCell(field="x", problem=problem, accepted="a number")] if problem else []
    (made,) = widgets(Signature(fields=(field,)), {"x": value} if value else {}, errors)
    return made


def categories(*values) -> tuple[Category, ...]:
    return tuple(Category(value) for value in values)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"type": "float"}, "number"),
        ({"type": "integer"}, "number"),
        ({"type": "boolean"}, "checkbox"),
        ({"type": "boolean", "missing": "accept"}, "radio"),
        ({"type": "category", "categories": categories(*"abcd")}, "radio"),
        ({"type": "category", "categories": categories(*"abcde")}, "select"),
        ({"type": "category", "unknown": "accept"}, "text"),
        ({"type": "text"}, "textarea"),
        ({"type": "date"}, "date"),
        ({"type": "datetime"}, "datetime-local"),
    ],
)
def test_each_type_has_its_widget(said, kind):
    assert widget(**said).kind == kind


def test_only_long_texts_have_a_text_area():
    def kind(*examples: str, value: str = "", **said) -> str:
        signature = Signature(
            fields=(Field(name="x", type="text", **said),),
            examples=tuple({"x": text} for text in examples),
        )
        return widgets(signature, {"x": value})[0].kind

    assert kind("Ada", "Grace") == "text"
    assert kind(max_length=100) == "text"
    assert kind("Ada", "a longer remark about what happened on that day") == "textarea"
    assert kind("two\nlines") == "textarea"
    assert kind("Ada", value="two\nlines") == "textarea"
    assert kind("Ada", value="long" * 30) == "textarea"


def test_a_warning_describes_its_input():
    signature = Signature(fields=(Field(name="x", seen=Range(0, 1)), Field(name="y")))

    noted, other = widgets(signature, {"x": "9"}, warnings={"x": "9 is outside the range"})

    assert (noted.warning, noted.described_by) == ("9 is outside the range", "f0-warning f0-help")
    assert (other.warning, other.described_by) == ("", "")


def test_hard_bounds_are_limits_and_the_range_of_training_is_not():
    hard = widget(bounds=Range(0, 120))
    seen = widget(seen=Range(18.0, 90.0), unit="years")

    assert (hard.low, hard.high, hard.seen) == ("0", "120", "")
    assert (seen.low, seen.high) == ("", "")
    assert seen.seen == "Seen in training: 18 to 90\u00a0years."


@pytest.mark.parametrize(
    ("said", "step"),
    [({"type": "integer"}, "1"), ({}, "any"), ({"step": 0.5}, "0.5"), ({"type": "date"}, "")],
)
def test_the_step_is_set_by_hand_or_by_the_type(said, step):
    assert widget(**said).step == step


@pytest.mark.parametrize(
    ("said", "mode"),
    [
        ({"type": "integer", "bounds": Range(0, None)}, "numeric"),
        ({"type": "float", "seen": Range(0.5, 2.0)}, "decimal"),
        ({"type": "float", "seen": Range(-0.5, 2.0)}, ""),
        ({"type": "integer"}, ""),
        ({"type": "text"}, ""),
    ],
)
def test_a_keyboard_without_a_minus_is_shown_only_where_none_is_needed(said, mode):
    assert widget(**said).mode == mode


def test_a_value_that_may_be_missing_isnt_required():
    assert widget().is_required
    assert not widget(missing="accept").is_required
    assert not widget(missing="warn", missing_share=0.1).is_required
    assert widget(missing="warn").is_required
    assert not widget(type="boolean").is_required


def test_a_menu_begins_with_nothing_chosen():
    made = widget(type="category", categories=categories(*"edcba"))

    assert [one.text for one in made.choices] == ["choose one", *"abcde"]
    assert [one.value for one in made.choices if one.is_chosen] == [""]


def test_what_may_be_missing_can_be_not_known():
    made = widget(type="boolean", missing="warn", missing_share=0.1)

    said = [(one.value, one.text) for one in made.choices]
    assert said == [("true", "yes"), ("false", "no"), ("", "not known")]
    assert [one.text for one in made.choices if one.is_chosen] == ["not known"]


def test_choices_stand_in_an_order_that_people_can_search():
    words = widget(type="category", categories=categories("b", "C", "a"))
    numbers = widget(type="category", categories=categories(10, 9, 100))

    assert [one.text for one in words.choices] == ["a", "b", "C"]
    assert [one.text for one in numbers.choices] == ["9", "10", "100"]


def test_a_category_that_is_a_float_is_chosen_by_its_example():
    field = Field(name="x", type="category", categories=categories(1.0, 2.0))
    signature = Signature(fields=(field,))

    (made,) = widgets(signature, texts(signature, {"x": 2.0}))

    assert [one.value for one in made.choices] == ["1.0", "2.0"]
    assert [one.value for one in made.choices if one.is_chosen] == ["2.0"]


def test_a_category_that_training_never_saw_stays_in_the_form():
    made = widget("mauve", type="category", categories=categories("red", "blue"))

    assert [one.value for one in made.choices if one.is_chosen] == ["mauve"]


def test_texts_are_what_people_would_type():
    fields = (
        Field(name="a"),
        Field(name="b", type="boolean"),
        Field(name="c", missing="accept"),
        Field(name="d", type="text"),
    )
    row = {"a": 3.0, "b": True, "c": None, "d": "two\nlines", "other": 1}

    assert texts(Signature(fields=fields), row) == {
        "a": "3",
        "b": "true",
        "c": "",
        "d": "two\nlines",
    }


@pytest.mark.parametrize(
    ("type_", "value", "kept"),
    [
        ("float", "12", True),
        ("float", "-0.5e-7", True),
        ("float", "+5", False),
        ("float", "5.", False),
        ("float", "1e400", False),
        ("float", " 5", False),
        ("integer", "\uff12", False),
        ("date", "2024-02-29", True),
        ("date", "2023-02-29", False),
        ("date", "20240229", False),
        ("datetime", "2024-02-29T12:30", True),
        ("datetime", "2024-02-29 12:30:15.5Z", True),
        ("datetime", "2024-02-29T12:30+02:00", False),
        ("datetime", "2024-02-29", False),
        ("datetime", "2024-02-29T12:30:15.123456", False),
    ],
)
def test_an_input_is_a_text_where_browsers_would_drop_its_value(type_, value, kept):
    made = widget(value, type=type_)

    assert (made.type == made.kind) == kept
    assert made.kind != "text"
    if not kept:
        assert made.value == value
        assert (made.low, made.high, made.step) == ("", "", "")


def test_an_error_says_what_would_be_accepted_and_explains_the_widget():
    made = widget("x", problem="isn't a number", description="How long.")

    assert made.error == "isn't a number. Give a number."
    assert made.described_by == "f0-error f0-help"
    assert widget().described_by == ""
    assert widget(seen=Range(0, 1)).described_by == "f0-help"


def test_a_summary_leads_to_the_element_that_takes_the_focus():
    assert widget(type="category", categories=categories("a")).first_id == "f0-0"
    assert widget().first_id == "f0"


def test_many_words_on_buttons_need_the_whole_width():
    assert not widget(type="category", categories=categories("yes", "no")).is_wide
    assert widget(type="category", categories=categories("Torgersen", "Biscoe", "Dream")).is_wide
    assert widget(type="text").is_wide


@given(value=st.text(max_size=30), type_=st.sampled_from(["float", "integer", "boolean", "date"]))
def test_any_text_can_stand_in_any_widget(value, type_):
    made = widget(value, type=type_)

    assert made.value == value
