"""The form of a model: one widget a field, made from the signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from podium.errors import BadCell
from podium.signature import Field, Label, Signature
from podium.signature.reading import label_text
from podium.web.numbers import number_text, plain_text

Kind: TypeAlias = Literal[
    "number", "select", "radio", "checkbox", "date", "datetime-local", "textarea"
]
# Beyond these a list of buttons is longer than a menu is deep.
RADIO_MAX = 4


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
        value: what stands in it.
        error: why what stands in it isn't accepted, or "".
    """

    id: str
    name: str
    label: str
    kind: Kind
    value: str
    help: str
    unit: str
    error: str
    is_required: bool
    choices: tuple[Choice, ...] = ()
    low: str = ""
    high: str = ""
    step: str = ""
    max_length: int = 0

    @property
    def described_by(self) -> str:
        """The ids of the elements that explain it."""
        ids = [f"{self.id}-error"] if self.error else []
        return " ".join([*ids, f"{self.id}-help"] if self.help else ids)


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


def texts(row: Mapping[str, Label | None]) -> dict[str, str]:
    """A row of plain values as the texts of a form."""
    return {name: "" if value is None else plain_text(value) for name, value in row.items()}


def _widget(id_: str, field: Field, value: str, refused: BadCell | None) -> Widget:
    kind = _kind(field)
    low, high, step = (
        _limits(field) if kind not in ("select", "radio", "textarea") else ("", "", "")
    )
    return Widget(
        id=id_,
        name=field.name,
        label=field.label,
        kind=kind,
        value=_shown(kind, value),
        help=_help(field),
        unit=field.unit,
        error=_error(field, refused),
        is_required=field.missing == "refuse" and kind != "checkbox",
        choices=_choices(field, kind, value),
        low=low,
        high=high,
        step=step,
        max_length=field.max_length if field.type == "text" else 0,
    )


def _kind(field: Field) -> Kind:
    if field.type == "boolean":
        return "checkbox" if field.missing == "refuse" else "radio"
    if field.type == "category":
        if field.unknown != "refuse" and not field.categories:
            return "textarea"
        return "radio" if len(field.categories) <= RADIO_MAX else "select"
    kinds: dict[str, Kind] = {"text": "textarea", "date": "date", "datetime": "datetime-local"}
    return kinds.get(field.type, "number")


def _choices(field: Field, kind: Kind, value: str) -> tuple[Choice, ...]:
    if kind not in ("select", "radio"):
        return ()
    labels = [True, False] if field.type == "boolean" else sorted(field.labels, key=_order)
    said = {"true": "yes", "false": "no"} if field.type == "boolean" else {}
    options = [
        (label_text(label), said.get(label_text(label), label_text(label))) for label in labels
    ]
    if field.missing != "refuse":
        options.append(("", "not known"))
    elif kind == "select":
        options.insert(0, ("", "choose one"))
    return tuple(Choice(option, text, option == value) for option, text in options)


def _order(label: Label) -> tuple[bool, float, str]:
    """Numbers by size, texts by the alphabet: an order that people can search."""
    is_text = isinstance(label, str)
    return is_text, 0.0 if is_text else float(label), str(label).casefold()


def _limits(field: Field) -> tuple[str, str, str]:
    """Hard bounds and step; the range of training is no limit, only a warning."""
    low = "" if field.bounds.minimum is None else str(field.bounds.minimum)
    high = "" if field.bounds.maximum is None else str(field.bounds.maximum)
    if field.type == "integer":
        return low, high, "1"
    if field.type == "float":
        return low, high, "any" if field.step is None else str(field.step)
    return low, high, "any" if field.type == "datetime" else ""


def _help(field: Field) -> str:
    said = [field.description.strip()] if field.description else []
    low, high = field.seen.minimum, field.seen.maximum
    if low is not None and high is not None:
        said.append(f"Seen in training: {_said(low)} to {_said(high)}.")
    if field.missing != "refuse" and field.type not in ("category", "boolean"):
        said.append("May be left empty.")
    return " ".join(said)


def _said(bound: float | str) -> str:
    return bound if isinstance(bound, str) else number_text(bound)


def _shown(kind: Kind, value: str) -> str:
    """A value as its widget takes it."""
    if kind == "datetime-local":
        return value.replace(" ", "T").removesuffix("Z")[:19]
    return value


def _error(field: Field, refused: BadCell | None) -> str:
    if refused is None:
        return ""
    said = f"{field.label} {refused.problem}."
    return f"{said} Give {refused.accepted}." if refused.accepted else said
