"""WTForms classes made from a model's signature."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from flask_wtf import FlaskForm  # type: ignore[import-untyped] # it has no types
from wtforms import (  # type: ignore[import-untyped] # it has no types
    BooleanField,
    DateField,
    DateTimeLocalField,
    DecimalField,
    Form,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import Choice  # type: ignore[import-untyped]
from wtforms.validators import ValidationError  # type: ignore[import-untyped]

from podium.hosts.flask.blueprint import current_actor
from podium.hosts.flask.host import host_of
from podium.hosts.predicted import Predicted, predicted
from podium.signature import Field, Signature
from podium.signature.labels import label_text, plain_text
from podium.web.form import Widget, widgets
from podium.web.form_cells import read_cell, sentence_of

_TICKED = ("true", "on", "yes", "1", "y")


def form_class(
    model: str, signature: Signature, base: type[Form] | None = None
) -> type[PredictionForm]:
    """A form with a field for each input of a model, in their order.

    A field is named as the input, followed by `_` if forms already have an attribute of that name,
    such as `data`; in HTML it has the input's own name.

    Args:
        base: the class to inherit from; Flask-WTF's FlaskForm by default.
    """
    base = FlaskForm if base is None else base
    fields: dict[str, Any] = {}
    names: dict[str, str] = {}
    for field, widget in zip(signature.fields, widgets(signature, {}), strict=True):
        name = _attribute(field.name, {*dir(base), *dir(PredictionForm), *fields})
        names[name] = field.name
        fields[name] = form_field(field, widget)
    more = {"podium_model": model, "podium_names": names}
    return type("PredictionForm", (PredictionForm, base), {**fields, **more})


class PredictionForm:
    """A form that predicts with a model. `Podium.form` creates one with fields."""

    podium_model: ClassVar[str] = ""
    # The inputs of the model by the names of the form's fields.
    podium_names: ClassVar[dict[str, str]] = {}
    _fields: dict[str, Any]

    @property
    def row(self) -> dict[str, Any]:
        """The inputs of the model: values by the names of its fields, None for a missing one."""
        return {name: self._fields[own].data for own, name in self.podium_names.items()}

    def predict(self, *, actor: str | None = None) -> Predicted:
        """The prediction for a valid form; it is recorded as usual.

        Args:
            actor: whom the record names; by default the sender of the current request.

        Raises:
            ModelError: the model failed.
            StoreError: the prediction couldn't be recorded, so it isn't returned.
        """
        host = host_of()
        traffic = host.traffic(self.podium_model)
        said = predicted(
            host.app.service, traffic, self.row, actor=current_actor(host, actor), source="form"
        )
        assert isinstance(said, Predicted)
        return said


class _FromSignature:
    """A field that accepts what the model's signature accepts, with the same error messages.

    It is mixed into the field of WTForms for its type, which renders it and defines its type to
    others.
    """

    signature_field: Field
    raw_data: list[Any] | None
    data: Any

    def __init__(self, *args: Any, signature_field: Field, **rest: Any) -> None:
        self.signature_field = signature_field
        is_required = rest.pop("is_required")
        super().__init__(*args, **rest)
        self.flags: Any
        if is_required:
            self.flags.required = True

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read the submitted value.

        Raises:
            ValidationError: the signature rejects it.
        """
        self.data, refused = read_cell(self.signature_field, self._text_of(valuelist))
        if refused is not None:
            raise ValidationError(sentence_of(self.signature_field, refused))

    def pre_validate(self, form: Form) -> None:  # noqa: ARG002 - WTForms' signature
        """Check values that weren't submitted, but set by the program that created the form.

        Raises:
            ValidationError: the signature rejects it.
        """
        if self.raw_data is None:
            _, refused = read_cell(self.signature_field, self.data, "values")
            if refused is not None:
                raise ValidationError(sentence_of(self.signature_field, refused))

    def _text_of(self, valuelist: list[Any]) -> str:
        return str(valuelist[-1]) if valuelist else ""

    def _value(self) -> str:
        """The current value: what was entered, even if it is invalid."""
        if self.raw_data:
            return str(self.raw_data[-1])
        if self.data is None:
            return ""
        return _shown(self.signature_field, self.data)


class _Number(_FromSignature, DecimalField):  # type: ignore[misc]
    """Not WTForms' FloatField, whose inputs are of type text."""


class _Whole(_FromSignature, IntegerField):  # type: ignore[misc]
    pass


class _Typed(_FromSignature, StringField):  # type: ignore[misc]
    pass


class _Text(_FromSignature, TextAreaField):  # type: ignore[misc]
    def _text_of(self, valuelist: list[Any]) -> str:
        # Browsers send every line break of a form as CR LF; models were trained on the original
        # values.
        return super()._text_of(valuelist).replace("\r\n", "\n")


class _Day(_FromSignature, DateField):  # type: ignore[misc]
    pass


class _Moment(_FromSignature, DateTimeLocalField):  # type: ignore[misc]
    pass


class _Ticked(_FromSignature, BooleanField):  # type: ignore[misc]
    def _text_of(self, valuelist: list[Any]) -> str:
        # An unticked checkbox sends nothing; a hidden input before it may send "false".
        return "true" if any(str(one).lower() in _TICKED for one in valuelist) else "false"

    def _value(self) -> str:
        return "true"


class _Choices(_FromSignature):
    """Options are texts, whatever the type of a category's values."""

    def __init__(self, *args: Any, options: list[tuple[str, str]], **rest: Any) -> None:
        # Not WTForms' own choices, whose format differs between its versions.
        self._options = options
        super().__init__(*args, **rest)

    def iter_choices(self) -> Iterator[Choice]:
        """Value, label and whether it is selected."""
        chosen = self._value()
        for value, text in self._options:
            yield Choice(value, text, value == chosen, {})


class _Radio(_Choices, RadioField):  # type: ignore[misc]
    pass


class _Select(_Choices, SelectField):  # type: ignore[misc]
    pass


def form_field(field: Field, widget: Widget) -> Any:
    """The form field for one input of a model.

    Args:
        widget: the widget on our own page.
    """
    usual: dict[str, Any] = {
        "label": f"{field.label} ({field.unit})" if field.unit else field.label,
        "description": f"{widget.about} {widget.seen}".strip(),
        "name": field.name,
        # Ids contain no blanks; without one WTForms derives it from the name.
        "id": f"podium-{widget.id}" if len(field.name.split()) > 1 else None,
        "signature_field": field,
        "is_required": widget.is_required,
        "validators": [],
        "render_kw": _attributes(widget),
    }
    if widget.kind in ("radio", "select"):
        kind = _Radio if widget.kind == "radio" else _Select
        options = [(choice.value, choice.text) for choice in widget.choices]
        return kind(options=options, coerce=str, **usual)
    kinds = {
        "float": _Number,
        "integer": _Whole,
        "boolean": _Ticked,
        "category": _Typed,
        "text": _Text,
        "date": _Day,
        "datetime": _Moment,
    }
    return kinds[field.type](**usual)


def _attributes(widget: Widget) -> dict[str, Any]:
    """The HTML attributes of a widget."""
    said = {
        "min": widget.low,
        "max": widget.high,
        "step": widget.step,
        "inputmode": widget.mode,
        "maxlength": widget.max_length,
    }
    return {name: value for name, value in said.items() if value}


def _attribute(name: str, taken: set[str]) -> str:
    """An attribute name that neither hides a method of forms nor is hidden by one."""
    name = f"field{name}" if name.startswith("_") else name
    while name in taken:
        name = f"{name}_"
    return name


def _shown(field: Field, value: Any) -> str:
    """A value as its widget needs it."""
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return label_text(value) if field.type == "category" else plain_text(value)
