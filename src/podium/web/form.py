"""The form of a model: one widget a field, made from the signature."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from podium.errors import BadCell
from podium.signature import Field, Label, Signature
from podium.signature.reading import label_text, plain_text
from podium.web.numbers import range_text

Kind: TypeAlias = Literal[
    "number", "select", "radio", "checkbox", "date", "datetime-local", "text", "textarea"
]
# Beyond these a list of buttons is longer than a menu is deep.
RADIO_MAX = 4
# Buttons with more than this to read don't fit into half of the form's width.
RADIO_TEXT_MAX = 30
_TICKED = ("true", "on", "yes", "1")
# What browsers take as the values of these inputs; anything else they silently drop.
_HTML_NUMBER = re.compile(r"-?(\d+(\.\d+)?|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
_HTML_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_HTML_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a select or a radio."""

    value: str
    text: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Widget:
    """What a page needs to show one field.

    Attributes:
        id: of the element: never made of the field's name, which may hold anything.
        name: the field's name, under which the value is sent.
        type: of the input element; `text` where a browser would drop what was typed.
        value: what stands in it.
        about: what its signature says of it, in the words of whoever packed the model.
        seen: the range of the training data, or "".
        error: why what stands in it isn't accepted, after its label; or "".
        mode: the keyboard that a phone shows.
    """

    id: str
    name: str
    label: str
    kind: Kind
    type: str
    value: str
    about: str
    seen: str
    unit: str
    error: str
    is_required: bool
    choices: tuple[Choice, ...] = ()
    mode: str = ""
    low: str = ""
    high: str = ""
    step: str = ""
    max_length: int = 0

    @property
    def described_by(self) -> str:
        """The ids of the elements that explain it."""
        ids = [f"{self.id}-error"] if self.error else []
        return " ".join([*ids, f"{self.id}-help"] if self.about or self.seen else ids)

    @property
    def first_id(self) -> str:
        """The id of the element that takes the focus."""
        return f"{self.id}-0" if self.kind == "radio" else self.id

    @property
    def is_ticked(self) -> bool:
        """Whether the box of a checkbox is ticked."""
        return self.value.strip().lower() in _TICKED

    @property
    def is_wide(self) -> bool:
        """Whether it needs the whole width of the form."""
        if self.kind == "radio":
            return sum(len(choice.text) + 6 for choice in self.choices) > RADIO_TEXT_MAX
        return self.kind == "textarea"


def widgets(
    signature: Signature, values: Mapping[str, str], errors: Sequence[BadCell] = ()
) -> list[Widget]:
    """The widgets of a form.

    Args:
        values: what stands in the fields, as texts by field name.
        errors: what was refused of it.
    """
    refused = {cell.field: cell for cell in errors}
    return [
        _widget(f"f{i}", field, values.get(field.name, ""), refused.get(field.name))
        for i, field in enumerate(signature.fields)
    ]


def texts(signature: Signature, row: Mapping[str, Label | None]) -> dict[str, str]:
    """A row of plain values as the texts of a form."""
    return {field.name: _text(field, row.get(field.name)) for field in signature.fields}


def _text(field: Field, value: Label | None) -> str:
    if value is None:
        return ""
    # The value of an option is the label in full: a category of floats has an option `1.0`.
    return label_text(value) if field.type == "category" else plain_text(value)


def _widget(id_: str, field: Field, value: str, refused: BadCell | None) -> Widget:
    kind = _kind(field)
    value = _shown(kind, value)
    is_text = kind in ("text", "textarea") or not _fits(kind, value)
    low, high, step = ("", "", "") if is_text else _limits(field, kind)
    return Widget(
        id=id_,
        name=field.name,
        label=field.label,
        kind=kind,
        type="text" if is_text else kind,
        value=value,
        about=field.description.strip(),
        seen=range_text(field.seen, field.unit),
        unit=field.unit,
        error=_error(refused),
        is_required=field.missing == "refuse" and kind != "checkbox",
        choices=_choices(field, kind, value),
        mode=_mode(field),
        low=low,
        high=high,
        step=step,
        max_length=field.max_length if field.type == "text" else 0,
    )


def _kind(field: Field) -> Kind:
    if field.type == "boolean":
        return "checkbox" if field.missing == "refuse" else "radio"
    if field.type == "category":
        if not field.categories:
            return "text"
        return "radio" if len(field.categories) <= RADIO_MAX else "select"
    kinds: dict[str, Kind] = {"text": "textarea", "date": "date", "datetime": "datetime-local"}
    return kinds.get(field.type, "number")


def _choices(field: Field, kind: Kind, value: str) -> tuple[Choice, ...]:
    if kind not in ("select", "radio"):
        return ()
    labels = [True, False] if field.type == "boolean" else sorted(field.labels, key=_order)
    said = {"true": "yes", "false": "no"} if field.type == "boolean" else {}
    options = {
        label_text(label): said.get(label_text(label), label_text(label)) for label in labels
    }
    if value:
        options.setdefault(value, value)  # what training never saw stays in the form all the same
    if field.missing != "refuse":
        options[""] = "not known"
    elif kind == "select":
        options = {"": "choose one", **options}
    return tuple(Choice(option, text, option == value) for option, text in options.items())


def _order(label: Label) -> tuple[bool, float, str]:
    """Numbers by size, texts by the alphabet: an order that people can search."""
    is_text = isinstance(label, str)
    return is_text, 0.0 if is_text else float(label), str(label).casefold()


def _limits(field: Field, kind: Kind) -> tuple[str, str, str]:
    """Hard bounds and step; the range of training is no limit, only a warning."""
    if kind in ("select", "radio", "checkbox"):
        return "", "", ""
    low = "" if field.bounds.minimum is None else _shown(kind, str(field.bounds.minimum))
    high = "" if field.bounds.maximum is None else _shown(kind, str(field.bounds.maximum))
    if field.type == "integer":
        return low, high, "1"
    if field.type == "float":
        return low, high, "any" if field.step is None else str(field.step)
    return low, high, "any" if field.type == "datetime" else ""


def _mode(field: Field) -> str:
    """The keyboard that a phone shows for a field."""
    if field.type not in ("integer", "float"):
        return ""
    low = field.bounds.minimum if field.bounds.minimum is not None else field.seen.minimum
    if low is None or float(low) < 0:
        return ""  # the keyboards of numbers lack a minus on iPhones
    return "numeric" if field.type == "integer" else "decimal"


def _shown(kind: Kind, value: str) -> str:
    """A value as its widget takes it."""
    if kind == "datetime-local":
        return value.replace(" ", "T").removesuffix("Z")
    return value


def _fits(kind: Kind, value: str) -> bool:
    """Whether a browser keeps this value in an input of its kind."""
    patterns = {"number": _HTML_NUMBER, "date": _HTML_DATE, "datetime-local": _HTML_TIME}
    if not value or kind not in patterns:
        return True
    if not patterns[kind].fullmatch(value):
        return False
    try:
        return kind == "number" or bool(dt.datetime.fromisoformat(value))
    except ValueError:  # a day that the calendar doesn't have
        return False


def _error(refused: BadCell | None) -> str:
    if refused is None:
        return ""
    given = f" Give {refused.accepted}." if refused.accepted else ""
    return f"{refused.problem}.{given}"
