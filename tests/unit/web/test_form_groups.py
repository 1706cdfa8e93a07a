"""Groups of fields: whose they are, and when there are none."""

from __future__ import annotations

from podium.signature import Field, Signature
from podium.web.form import widgets
from podium.web.form_groups import grouped


def groups(*fields: Field) -> dict[str, list[str]]:
    signature = Signature(fields=fields)
    found = grouped(signature, widgets(signature, {}))
    assert len({one.id for one in found}) == len(found)
    return {one.title: [widget.name for widget in one.widgets] for one in found}


def named(*names: str, **said) -> list[Field]:
    return [Field(name=name, **said) for name in names]


def test_the_groups_of_the_signature_come_in_its_order_and_the_others_last():
    found = groups(
        Field(name="a"), Field(name="b", group="Engine"), Field(name="c", group=" Body ")
    )

    assert found == {"Engine": ["b"], "Body": ["c"], "Other fields": ["a"]}


def test_few_fields_and_fields_of_one_kind_are_one_group_without_a_title():
    few = [f"{part}_{i}" for part in ("pump", "valve") for i in range(10)]
    alike = [f"x{i}" for i in range(30)]

    assert groups(*named(*few)) == {"": few}
    assert groups(*named(*alike, group="All")) == {"": alike}
    assert list(groups(*named(*alike))) == [""]


def test_many_fields_are_grouped_by_what_their_names_begin_with():
    parts = {part.title(): [f"{part}{i} mm" for i in range(10)] for part in ("pump", "valve")}
    names = [name for pair in zip(*parts.values(), strict=True) for name in pair]

    assert groups(*named(*names, "site")) == {**parts, "Other fields": ["site"]}


def test_if_names_say_nothing_required_fields_come_before_optional_ones():
    letters = "abcdefghijklmnopqrstuvwx"
    optional = [Field(name=f"{letter}o", missing="accept") for letter in letters[:12]]
    required = named(*letters[12:])

    found = groups(*optional, *required)

    assert list(found) == ["Required", "Optional"]
    assert found["Required"] == list(letters[12:])
    assert len(found["Optional"]) == 12


def test_what_the_model_does_not_use_is_in_no_group():
    found = groups(
        Field(name="a", group="A"), Field(name="b", group="B", is_used=False, missing="accept")
    )

    assert found == {"": ["a"]}
