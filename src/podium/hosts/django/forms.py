"""Forms made from a model's signature, and model forms that fill in a prediction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ImproperlyConfigured, ValidationError

from podium.errors import BadCell, InvalidRows
from podium.flow.formats.json_rows import JSON
from podium.flow.prepare import prepare
from podium.flow.request import PredictRequest
from podium.hosts.django.host import current_host
from podium.hosts.django.predicted import json_of, output_of, predict_form
from podium.hosts.predicted import Predicted
from podium.signature import Field, Signature
from podium.web.form import Widget, widgets
from podium.web.form_cells import read_cell, sentence_of


def podium_form(model: str) -> type[PredictionForm]:
    """The form of a model: a field for each of its inputs, in their order.

    Raises:
        PodiumError: there is no model with this name, or it can't be served.
    """
    signature = current_host().bundle(model).signature
    shown = widgets(signature, {})
    fields = {
        field.name: form_field(field, widget)
        for field, widget in zip(signature.fields, shown, strict=True)
    }
    return type("PredictionForm", (PredictionForm,), {"podium_model": model, **fields})


class PredictionForm(forms.Form):
    """A form that predicts with a model. `podium_form` creates one with fields."""

    podium_model: ClassVar[str] = ""

    def predict(self, *, user: Any = None) -> Predicted:
        """The prediction for a valid form.

        Args:
            user: whom the record names.

        Raises:
            ModelError: the model failed.
            StoreError: the prediction couldn't be recorded, so it isn't returned.
        """
        return predict_form(self.podium_model, self.cleaned_data, user=user)


class SignatureField(forms.Field):
    """A field that accepts what the model's signature accepts, with the same error messages.

    It is mixed into the Django field of its type, which renders it and defines its type to others.
    """

    signature_field: Field

    def clean(self, value: Any) -> Any:
        """The value for the model; None if it is missing.

        Raises:
            ValidationError: the signature rejects it; the code is that of the API.
        """
        text = "" if value is None else str(value)
        field = self.signature_field
        cleaned, cell = read_cell(field, text)
        if cell is not None:
            raise ValidationError(sentence_of(field, cell), code=cell.code)
        if cleaned is not None:
            self.run_validators(cleaned)
        return cleaned


class _Number(SignatureField, forms.FloatField):
    pass


class _Whole(SignatureField, forms.IntegerField):
    pass


class _Ticked(SignatureField, forms.BooleanField):
    pass


class _Chosen(SignatureField, forms.ChoiceField):
    pass


class _Text(SignatureField, forms.CharField):
    pass


class _Day(SignatureField, forms.DateField):
    pass


class _Moment(SignatureField, forms.DateTimeField):
    pass


def form_field(field: Field, widget: Widget) -> forms.Field:
    """The form field for one input of a model.

    Args:
        widget: the widget on our own page.
    """
    help_text = f"{widget.about} {widget.seen}".strip()
    label = f"{field.label} ({field.unit})" if field.unit else field.label
    usual: dict[str, Any] = {
        "label": label,
        "help_text": help_text,
        "required": widget.is_required,
        "widget": _widget(widget),
    }
    made = _of_kind(field, widget, usual)
    made.signature_field = field
    return made


def _of_kind(field: Field, widget: Widget, usual: dict[str, Any]) -> SignatureField:
    if widget.kind in ("radio", "select"):
        choices = [(choice.value, choice.text) for choice in widget.choices]
        return _Chosen(choices=choices, **usual)
    if field.type in ("category", "text"):
        return _Text(max_length=field.max_length if field.type == "text" else None, **usual)
    if field.type in ("float", "integer"):
        low, high = field.bounds.minimum, field.bounds.maximum
        kind: Callable[..., SignatureField] = _Whole if field.type == "integer" else _Number
        return kind(min_value=low, max_value=high, **usual)
    kinds: dict[str, Callable[..., SignatureField]] = {
        "boolean": _Ticked,
        "date": _Day,
        "datetime": _Moment,
    }
    return kinds[field.type](**usual)


def _widget(widget: Widget) -> forms.Widget:
    attrs = {"min": widget.low, "max": widget.high, "step": widget.step, "inputmode": widget.mode}
    attrs = {name: value for name, value in attrs.items() if value}
    if widget.kind == "radio":
        return forms.RadioSelect()
    if widget.kind == "select":
        return forms.Select()
    if widget.kind == "checkbox":
        return forms.CheckboxInput()
    if widget.kind == "textarea":
        return forms.Textarea(attrs={"rows": 3})
    if widget.kind == "date":
        return forms.DateInput(attrs={"type": "date", **attrs}, format="%Y-%m-%d")
    if widget.kind == "datetime-local":
        return forms.DateTimeInput(
            attrs={"type": "datetime-local", **attrs}, format="%Y-%m-%dT%H:%M:%S"
        )
    return forms.TextInput(attrs) if widget.kind == "text" else forms.NumberInput(attrs)


class PredictionFormMixin:
    """Goes before `forms.ModelForm`: saving a row fills in its prediction.

    Cells that the model rejects are errors of the form's fields, with the messages of the API.

    Attributes:
        podium_model: the name of the model.
        podium_inputs: for inputs of the model with another name in the table: the name there, or a
            function of the row.
        podium_outputs: for fields of the table, what is filled in: `prediction`, `label`,
            `probabilities.yes`, `score`, `distances.0`, `id`, `version`.
        podium_user: whom the record names; set it in the view.
    """

    podium_model: ClassVar[str] = ""
    podium_inputs: ClassVar[Mapping[str, str | Callable[[Any], Any]]] = {}
    podium_outputs: ClassVar[Mapping[str, str]] = {}
    podium_user: Any = None
    predicted: Predicted | None = None
    instance: Any
    errors: Any
    fields: Any

    def full_clean(self) -> None:
        """Validate the form as usual, and then the inputs of the model."""
        super().full_clean()  # type: ignore[misc] # of the form that this is mixed into
        if not getattr(self, "is_bound", False) or self.errors:
            return
        version = current_host().champion(self.podium_model)
        try:
            row = json_of(self._row(version.signature))
            prepare(version, PredictRequest(row, JSON))
        except InvalidRows as refusal:
            for cell in refusal.cells:
                self._refuse(version.signature, cell)

    def save(self, commit: bool = True) -> Any:
        """Predict, fill in the outputs, and save the row."""
        if not self.errors:
            signature = current_host().champion(self.podium_model).signature
            self.predicted = predict_form(
                self.podium_model, self._row(signature), user=self.podium_user
            )
            for name, wanted in self.podium_outputs.items():
                setattr(self.instance, name, output_of(self.predicted, wanted))
        return super().save(commit=commit)  # type: ignore[misc]

    def _row(self, signature: Signature) -> dict[str, Any]:
        """The inputs of the model for the row in the form."""
        row = {}
        for field in signature.fields:
            source = self.podium_inputs.get(field.name, field.name)
            if callable(source):
                value = source(self.instance)
            elif hasattr(self.instance, source):
                value = getattr(self.instance, source)
            else:
                raise ImproperlyConfigured(
                    f"{type(self.instance).__name__} has no field {source!r} for the input "
                    f"{field.name!r}: name it in podium_inputs"
                )
            row[field.name] = None if value == "" and field.type != "text" else value
        return row

    def _refuse(self, signature: Signature, cell: BadCell) -> None:
        name = cell.field or ""
        source = self.podium_inputs.get(name, name)
        message = sentence_of(signature.field(name), cell) if name in signature.names else str(cell)
        place = source if isinstance(source, str) and source in self.fields else None
        self.add_error(place, ValidationError(message, code=cell.code))  # type: ignore[attr-defined]
