"""The form for feedback in the admin."""

from __future__ import annotations

from typing import Any

from django import forms

from podium.hosts.django.forms import PredictionForm, form_field
from podium.signature.truth import NOTE_MAX, truth_signature
from podium.web.form import widgets
from podium.web.record_view import NOTE, RecordDetail


def feedback_form(detail: RecordDetail) -> type[forms.Form]:
    """A field for each output of the model, and a note; with the values of earlier feedback."""
    truth = truth_signature(detail.truth_rule)
    fields: dict[str, Any] = {
        field.name: form_field(field, widget)
        for field, widget in zip(truth.fields, widgets(truth, {}), strict=True)
    }
    fields[NOTE] = forms.CharField(label="Note", required=False, max_length=NOTE_MAX)
    values = detail.feedback_values
    for name, field in fields.items():
        field.initial = values.get(name)
    return type("FeedbackForm", (PredictionForm,), {"podium_model": detail.version.name, **fields})
