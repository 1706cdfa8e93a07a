"""Records in the admin, read from whatever store they live in."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable
from typing import Any

import msgspec
from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from podium.access import ALL, Action, allowed
from podium.errors import NotFound, PodiumError
from podium.flow.deployment import Deployment
from podium.hosts.django.admin.asking import LookedAt, asked, page_address
from podium.hosts.django.admin.feedback import feedback_form, tell
from podium.records.export import time_text
from podium.records.record import Record
from podium.records.store import Store
from podium.signature.reading import label_text, plain_text
from podium.web.authority import require
from podium.web.http import Request
from podium.web.numbers import number_text, percent_text
from podium.web.problems import of_error
from podium.web.record_filters import Filters, Place, filters_of, find_record, may_see, place_of
from podium.web.site import Site

ROWS = 50
FIELDS_SHOWN = 5
TEXT_MAX = 60


class DeleteForm(forms.Form):
    """How old records must be to go."""

    before = forms.DateField(
        label="Older than",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Records of every model from before this day (UTC) are deleted.",
    )
    is_sure = forms.BooleanField(label="I know that nobody can bring them back")


def _told(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Tells what went wrong on a page of the admin's."""

    @functools.wraps(view)
    def answered(self: RecordsAdmin, request: HttpRequest, *args: Any, **kw: Any) -> HttpResponse:
        try:
            if not self.has_view_permission(request):
                raise PermissionDenied
            return view(self, request, *args, **kw)
        except PodiumError as error:
            problem = of_error(error)
            answer = self.page(request, "failed", problem.title, problem=problem)
            answer.status_code = problem.status
            return answer

    return answered


class RecordsAdmin(LookedAt):
    """What models were asked and answered: a list with filters, each record, and feedback."""

    def get_urls(self) -> list[Any]:
        """The list, one record, and the page where old ones are deleted."""
        wrap, name = self.admin_site.admin_view, "podium_prediction"
        return [
            path("", wrap(self.changelist_view), name=f"{name}_changelist"),
            path("delete-old/", wrap(self.delete_old), name=f"{name}_delete_old"),
            path("<str:record_id>/", wrap(self.detail), name=f"{name}_change"),
        ]

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Who may see records of any model."""
        return bool(_models(*asked(request)))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """The same: which ones, the views decide."""
        return self.has_module_permission(request)

    @_told
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:  # noqa: ARG002
        """Some records, newest first."""
        site, asking = asked(request)
        deployment = _chosen(site, asking)
        filters = filters_of(deployment.name, asking.query, asking.actor)
        place = place_of(asking.query)
        found = _store(site).page(filters.query, limit=ROWS, cursor=place.after or None)
        output, fields = deployment.signature.output, deployment.signature.fields[:FIELDS_SHOWN]
        address = self._address("changelist")

        def to(neighbour: Place | None) -> str | None:
            more = {} if neighbour is None else neighbour.parameters
            there = filters.address(address, model=deployment.name, **more)
            return None if neighbour is None else there

        return self.page(
            request,
            "records",
            "Predictions",
            models=_models(site, asking),
            model=deployment.name,
            filters=filters,
            labels=[label_text(label) for label in output.classes],
            is_number=output.task == "regression",
            heads=["Time (UTC)", "Answer", *(field.label for field in fields), "By", "Feedback"],
            lines=[self._line(one, [field.name for field in fields]) for one in found.records],
            number=place.number,
            newer=to(place.newer),
            older=to(place.older(found.cursor)) if found.cursor else None,
            download=_download(deployment, filters),
            page_of_ours=page_address("records", name=deployment.name),
            may_delete=allowed(asking.actor, Action.DELETE, ALL),
            delete=self._address("delete_old"),
        )

    @_told
    def detail(self, request: HttpRequest, record_id: str) -> HttpResponse:
        """One record, and the form for what really happened."""
        site, asking = asked(request)
        record, deployment = _record(site, asking, record_id)
        form = None
        if allowed(asking.actor, Action.FEEDBACK, record.model):
            form = feedback_form(deployment, record)(request.POST or None)
            if request.method == "POST" and form.is_valid():
                tell(site, asking, deployment, record, form.cleaned_data)
                messages.success(request, "The feedback is kept.")
                return HttpResponseRedirect(request.path)
        inputs: dict[str, Any] = msgspec.json.decode(record.inputs)
        outputs: dict[str, Any] = msgspec.json.decode(record.outputs)
        known = {field.name: field for field in deployment.signature.fields}
        labels = [(known[name].label if name in known else name, inputs[name]) for name in inputs]
        return self.page(
            request,
            "record",
            f"{record.model} {record.outcome}"[:TEXT_MAX],
            record=record,
            time=_time(record.time_us),
            inputs=[(label, _text(value)) for label, value in labels],
            outputs=_answers(outputs),
            feedback=_feedback(record),
            form=form,
            page_of_ours=page_address("record", record_id=record.id),
            back=f"{self._address('changelist')}?model={record.model}",
        )

    @_told
    def delete_old(self, request: HttpRequest) -> HttpResponse:
        """Delete what is older than a day."""
        site, asking = asked(request)
        require(asking.actor, Action.DELETE)
        form = DeleteForm(request.POST or None)
        if request.method != "POST" or not form.is_valid():
            return self.page(request, "delete_old", "Delete old records", form=form)
        day: dt.date = form.cleaned_data["before"]
        moment = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
        # Written down first: what nobody wrote down isn't deleted.
        site.authority.audit(asking.actor, "records_deleted", target="every model", before=str(day))
        n_deleted = _store(site).delete(before_us=int(moment.timestamp()) * 1_000_000)
        messages.success(request, f"{n_deleted:,} records were deleted.")
        return HttpResponseRedirect(self._address("changelist"))

    def page(self, request: HttpRequest, template: str, title: str, **shown: Any) -> HttpResponse:
        """A page of the admin's."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,  # noqa: SLF001 - as Django's own templates take it
            "title": title,
            **shown,
        }
        return TemplateResponse(request, f"podium/admin/{template}.html", context)

    def _address(self, name: str, *args: str) -> str:
        return reverse(f"{self.admin_site.name}:podium_prediction_{name}", args=args)

    def _line(self, record: Record, names: list[str]) -> dict[str, Any]:
        inputs: dict[str, Any] = msgspec.json.decode(record.inputs)
        number = record.outcome_number
        return {
            "address": self._address("change", record.id),
            "time": _time(record.time_us),
            "outcome": _short(record.outcome if number is None else number_text(number)),
            "inputs": [_brief(inputs.get(name)) for name in names],
            "actor": record.actor or "—",
            "has_feedback": record.feedback is not None,
        }


def _brief(value: Any) -> str:
    """A value as a list shows it: the page of the record has every digit."""
    return number_text(value) if isinstance(value, float) else _short(_text(value))


def _models(site: Site, asking: Request) -> list[str]:
    """Those whose records who asks may see: everybody's, or only their own."""
    return [name for name in site.deployments if allowed(asking.actor, Action.SEE_OWN, name)]


def _chosen(site: Site, asking: Request) -> Deployment:
    """The model that the address names, or else the first."""
    models = _models(site, asking)
    name = asking.query.get("model") or next(iter(models), "")
    if name not in models:
        raise NotFound(f"no model is called {name!r}", hint=f"known: {', '.join(models) or 'none'}")
    return site.deployments[name]


def _store(site: Site) -> Store:
    if site.store is None:
        raise NotFound("no records are kept here", hint='take "records": False away')
    return site.store


def _record(site: Site, asking: Request, record_id: str) -> tuple[Record, Deployment]:
    record = find_record(_store(site), record_id)
    deployment = None if record is None else site.deployments.get(record.model)
    if record is None or deployment is None or not may_see(asking, record):
        raise NotFound("there is no such record", hint="look it up in the list")
    return record, deployment


def _download(deployment: Deployment, filters: Filters) -> str:
    """The file is the one that our own pages give, with what they write down about it."""
    address = page_address("records_csv", name=deployment.name)
    return filters.address(address) if address else ""


def _answers(outputs: dict[str, Any]) -> list[tuple[str, str]]:
    prediction = outputs.get("prediction")
    several = prediction if isinstance(prediction, dict) else {"Prediction": prediction}
    shares = outputs.get("probabilities") or {}
    answers = [(str(name), _text(value)) for name, value in several.items()]
    return answers + [
        (f"Probability of {label}", percent_text(share)) for label, share in shares.items()
    ]


def _feedback(record: Record) -> list[tuple[str, str]]:
    told = record.feedback
    if told is None:
        return []
    return [
        ("What really happened", _text(msgspec.json.decode(told.truth))),
        ("Told by", told.actor or "—"),
        ("Told at", _time(told.time_us)),
        ("Note", told.note or "—"),
    ]


def _time(time_us: int) -> str:
    return time_text(time_us)[:19].replace("T", " ")


def _text(value: Any) -> str:
    if value is None:
        return "—"
    return plain_text(value) if isinstance(value, (bool, int, float, str)) else str(value)


def _short(text: str) -> str:
    return f"{text[:TEXT_MAX]}…" if len(text) > TEXT_MAX else text
