"""The form of a model: one widget for each field, from the signature."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from podium.errors import BadCell
from podium.signature import Field, Label, Signature
from podium.signature.labels import label_text, plain_text
from podium.signature.zones import clock_text
from podium.web.form_sliders import Slider, slider_of
from podium.web.numbers import range_text

Kind: TypeAlias = Literal[
    "number", "select", "search", "radio", "checkbox", "date", "datetime-local", "text", "textarea"
]
# More radio buttons than this take more room than a menu.
RADIO_MAX = 4
# Nobody scrolls through a menu with more options than this: typing finds the options.
SELECT_MAX = 100
# The most options in all searchable lists of a page; each list then has its most frequent ones.
OPTIONS_MAX = 20_000
# Radio buttons with more text than this don't fit into half of the form's width.
RADIO_TEXT_MAX = 30
_TICKED = ("true", "on", "yes", "1")
# A text field whose values are up to this long has an input, and no text area.
SHORT_MAX, SHORT_LIMIT = 40, 100
# What browsers accept as values of these inputs; anything else they silently drop.
_HTML_NUMBER = re.compile(r"-?(\d+(\.\d+)?|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
_HTML_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_HTML_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a menu or of radio buttons."""

    value: str
    text: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Widget:
    """What a page needs to show one field.

    Attributes:
        id: of the element; never derived from the field's name, which may contain anything.
        name: the field's name, under which the value is sent.
        type: of the input element; `text` if a browser would drop the value.
        value: the current value.
        about: the description in its signature.
        seen: the values in the training data, in a sentence, or "".
        error: why the current value is invalid, to follow the label; or "".
        warning: what was noted about the value when it was predicted; or "".
        slider: that moves the number; None if its range isn't known, or there is no room.
        is_optional: whether it may be empty without a warning.
        is_folded: whether it is collapsed: the model doesn't use it, and it may be empty.
        mode: the keyboard on a phone.
        options: the id of the searchable list, which an earlier widget may contain.
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
    is_optional: bool
    warning: str = ""
    slider: Slider | None = None
    is_folded: bool = False
    choices: tuple[Choice, ...] = ()
    mode: str = ""
    options: str = ""
    low: str = ""
    high: str = ""
    step: str = ""
    max_length: int = 0

    @property
    def described_by(self) -> str:
        """The ids of the elements that describe it."""
        parts = {"error": self.error, "warning": self.warning, "help": self.about or self.seen}
        return " ".join(f"{self.id}-{part}" for part, text in parts.items() if text)

    @property
    def first_id(self) -> str:
        """The id of the element that receives the focus."""
        return f"{self.id}-0" if self.kind == "radio" else self.id

    @property
    def is_ticked(self) -> bool:
        """Whether a checkbox is ticked."""
        return self.value.strip().lower() in _TICKED

    @property
    def is_wide(self) -> bool:
        """Whether it needs the whole width of the form."""
        if self.kind == "radio":
            return sum(len(choice.text) + 6 for choice in self.choices) > RADIO_TEXT_MAX
        return self.kind == "textarea"


def widgets(
    signature: Signature,
    values: Mapping[str, str],
    errors: Sequence[BadCell] = (),
    *,
    warnings: Mapping[str, str] | None = None,
    prefix: str = "f",
    is_dense: bool = False,
) -> list[Widget]:
    """The widgets of a form.

    Args:
        values: the current values, as texts by field name.
        errors: the invalid cells.
        warnings: what was noted about the values when they were predicted, by field name.
        prefix: of the ids of its elements; each form of a page has its own.
        is_dense: whether each of them should fit a line, so that there are menus, no radio buttons.
    """
    refused = {cell.field: cell for cell in errors}
    noted, short = warnings or {}, _short_texts(signature)
    made = [
        replace(
            _widget(
                f"{prefix}{i}", field, values.get(field.name, ""), refused.get(field.name), short
            ),
            warning=noted.get(field.name, ""),
        )
        for i, field in enumerate(signature.fields)
    ]
    if is_dense:
        made = [_dense(widget) for widget in made]
    return _with_lists(made, signature)


def _with_lists(made: list[Widget], signature: Signature) -> list[Widget]:
    """The widgets, with the options of searchable ones; equal lists are sent once."""
    labels = {w.id: f.labels for w, f in zip(made, signature.fields, strict=True)}
    lists: dict[tuple[Label, ...], str] = {}
    for widget in made:
        if widget.kind == "search":
            lists.setdefault(labels[widget.id], f"{widget.id}-list")
    n_each = OPTIONS_MAX // max(1, len(lists))
    return [
        widget if widget.kind != "search" else _searched(widget, labels[widget.id], lists, n_each)
        for widget in made
    ]


def _searched(
    widget: Widget, labels: tuple[Label, ...], lists: Mapping[tuple[Label, ...], str], n_most: int
) -> Widget:
    options = lists[labels]
    choices: tuple[Choice, ...] = ()
    if options == f"{widget.id}-list":
        texts = sorted((label_text(label) for label in labels[:n_most]), key=str.casefold)
        choices = tuple(Choice(text, text, False) for text in dict.fromkeys(texts))
    return replace(widget, options=options, choices=choices)


def texts(signature: Signature, row: Mapping[str, Label | None]) -> dict[str, str]:
    """A row of plain values as the texts of a form."""
    return {field.name: text_of(field, row.get(field.name)) for field in signature.fields}


def text_of(field: Field, value: Label | None) -> str:
    """A plain value of a field as the text of its widget; "" if it is missing."""
    if value is None:
        return ""
    if field.zone and isinstance(value, str):
        return clock_text(value, field.zone)
    # The value of an option is the full label: a category of floats has an option `1.0`.
    return label_text(value) if field.type == "category" else plain_text(value)


def _dense(widget: Widget) -> Widget:
    """The widget if there is but a line for it."""
    if widget.kind == "radio":
        return replace(widget, kind="select", type="select", slider=None)
    return replace(widget, slider=None)


def _short_texts(signature: Signature) -> frozenset[str]:
    """The text fields whose values fit a line: by their limit, or all of the examples."""
    short = set()
    for field in signature.fields:
        seen = [str(row[field.name]) for row in signature.examples if row.get(field.name)]
        is_short = bool(seen) and all(len(one) <= SHORT_MAX and "\n" not in one for one in seen)
        if field.type == "text" and (field.max_length <= SHORT_LIMIT or is_short):
            short.add(field.name)
    return frozenset(short)


def _widget(
    id_: str, field: Field, value: str, refused: BadCell | None, short: frozenset[str]
) -> Widget:
    kind = _kind(field)
    if field.name in short and "\n" not in value and len(value) <= SHORT_LIMIT:
        kind = "text"
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
        seen=_seen(field, kind),
        unit=field.unit or field.zone,
        error=_error(refused),
        is_required=field.is_required and kind != "checkbox",
        is_optional=field.missing == "accept",
        is_folded=not field.is_used and not field.is_required,
        choices=_choices(field, kind, value),
        mode=_mode(field),
        low=low,
        high=high,
        step=step,
        slider=slider_of(field) if kind == "number" and not is_text else None,
        max_length=field.max_length if field.type == "text" else 0,
    )


def _kind(field: Field) -> Kind:
    if field.type == "boolean":
        return "checkbox" if field.is_required else "radio"
    if field.type == "category":
        if not field.categories:
            return "text"
        if len(field.categories) <= RADIO_MAX:
            return "radio"
        return "select" if len(field.categories) <= SELECT_MAX else "search"
    kinds: dict[str, Kind] = {"text": "textarea", "date": "date", "datetime": "datetime-local"}
    return kinds.get(field.type, "number")


def _choices(field: Field, kind: Kind, value: str) -> tuple[Choice, ...]:
    if kind not in ("select", "radio"):
        return ()
    labels = [True, False] if field.type == "boolean" else _sorted(field)
    said = {"true": "yes", "false": "no"} if field.type == "boolean" else {}
    options = {
        label_text(label): said.get(label_text(label), label_text(label)) for label in labels
    }
    if value:
        options.setdefault(value, value)  # also if it isn't in the training data
    if not field.is_required:
        options[""] = "not known"
    elif kind == "select":
        options = {"": "choose one", **options}
    return tuple(Choice(option, text, option == value) for option, text in options.items())


def _sorted(field: Field) -> Sequence[Label]:
    return field.labels if field.is_ordered else sorted(field.labels, key=_order)


def _seen(field: Field, kind: Kind) -> str:
    if kind == "search":
        others = "" if field.unknown == "refuse" else "; others are accepted with a warning"
        return f"Type part of a name to search {len(field.labels):,} known values{others}."
    seen = range_text(field.seen, field.unit or field.zone)
    return f"Seen in training: {seen}." if seen else ""


def _order(label: Label) -> tuple[bool, float, str]:
    """The order of labels: numbers by size, texts alphabetically."""
    is_text = isinstance(label, str)
    return is_text, 0.0 if is_text else float(label), str(label).casefold()


def _limits(field: Field, kind: Kind) -> tuple[str, str, str]:
    """Limits and step; the training range isn't a limit, and only causes a warning."""
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
    """The keyboard on a phone."""
    if field.type not in ("integer", "float"):
        return ""
    low = field.bounds.minimum if field.bounds.minimum is not None else field.seen.minimum
    if low is None or float(low) < 0:
        return ""  # numeric keyboards on iPhones have no minus
    return "numeric" if field.type == "integer" else "decimal"


def _shown(kind: Kind, value: str) -> str:
    """A value as its widget needs it."""
    if kind == "datetime-local":
        return value.replace(" ", "T").removesuffix("Z")
    return value


def _fits(kind: Kind, value: str) -> bool:
    """Whether a browser accepts this value in an input of its kind."""
    patterns = {"number": _HTML_NUMBER, "date": _HTML_DATE, "datetime-local": _HTML_TIME}
    if not value or kind not in patterns:
        return True
    if not patterns[kind].fullmatch(value):
        return False
    try:
        return kind == "number" or bool(dt.datetime.fromisoformat(value))
    except ValueError:  # a date that doesn't exist
        return False


def _error(refused: BadCell | None) -> str:
    if refused is None:
        return ""
    given = f" Give {refused.accepted}." if refused.accepted else ""
    return f"{refused.problem}.{given}"
