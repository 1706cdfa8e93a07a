"""What really happened, told in the admin."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from django import forms

from podium.errors import NotFound
from podium.flow.deployment import Deployment
from podium.hosts.django.forms import PredictionForm, form_field
from podium.records.record import Feedback, Record
from podium.signature.truth import said_of, truth_of, truth_signature
from podium.web.form import widgets
from podium.web.http import Request
from podium.web.site import Site

NOTE = "podium_note"


def feedback_form(deployment: Deployment, record: Record) -> type[forms.Form]:
    """The form for what really happened: a field for each output of a model, and a note."""
    told = truth_signature(deployment.signature)
    known = {}
    if record.feedback is not None:
        truth = msgspec.json.decode(record.feedback.truth)
        known = said_of(deployment.signature, truth) | {NOTE: record.feedback.note}
    fields: dict[str, Any] = {
        field.name: form_field(field, widget)
        for field, widget in zip(told.fields, widgets(told, {}), strict=True)
    }
    fields[NOTE] = forms.CharField(label="Note", required=False, max_length=1_000)
    for name, field in fields.items():
        field.initial = known.get(name)
    return type("FeedbackForm", (PredictionForm,), {"podium_model": deployment.name, **fields})


def tell(
    site: Site, asking: Request, deployment: Deployment, record: Record, said: dict[str, Any]
) -> None:
    """Keep what really happened.

    Raises:
        NotFound: the record was deleted meanwhile, or none are kept.
        StoreError: the database failed.
    """
    store = site.store
    values = {name: value for name, value in said.items() if name != NOTE}
    told = Feedback(
        truth=msgspec.json.encode(truth_of(deployment.signature, values)),
        time_us=time.time_ns() // 1_000,
        actor=asking.actor.name or None,
        note=said[NOTE],
    )
    is_kept = store is not None and store.set_feedback(record.id, told, time_us=record.time_us)
    if not is_kept:
        raise NotFound("there is no such record any more", hint="look it up in the list")
    site.authority.audit(asking.actor, "feedback_given", model=record.model, record=record.id)
