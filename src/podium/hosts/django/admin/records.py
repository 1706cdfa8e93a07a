"""Records in the admin, read from whatever store holds them."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from podium.access import ALL, Action, allowed
from podium.errors import PodiumError
from podium.hosts.django.admin.feedback import feedback_form
from podium.hosts.django.admin.requests import (
    ReadOnlyAdmin,
    is_visible,
    page_address,
    site_and_request,
)
from podium.hosts.django.transactions import outside_transactions
from podium.outbox.deletion import Selection
from podium.policy.authority import require
from podium.records.store import RecordQuery
from podium.signature.truth import truth_of
from podium.web.deleting import Step, delete_records, step_of_one, step_of_several
from podium.web.feedback import give_feedback
from podium.web.problems import heading, of_error
from podium.web.record_columns import TEXT_MAX
from podium.web.record_list import record_list
from podium.web.record_view import NOTE, record_detail
from podium.web.visible_records import visible_model, visible_models


class DeleteForm(forms.Form):
    """The minimum age of the records to delete."""

    before = forms.DateField(
        label="Older than",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Records of every model from before this day (UTC) will be deleted.",
    )
    is_sure = forms.BooleanField(label="I understand that this can't be undone")


def _with_problem_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The view, with problems shown on a page of the admin."""

    @outside_transactions
    @functools.wraps(view)
    def wrapped(self: RecordsAdmin, request: HttpRequest, *args: Any, **kw: Any) -> HttpResponse:
        try:
            if not self.has_view_permission(request):
                raise PermissionDenied
            return view(self, request, *args, **kw)
        except PodiumError as error:
            problem, back = of_error(error), self._address("changelist")
            response = self.page(request, "failed", heading(problem), problem=problem, back=back)
            response.status_code = problem.status
            return response

    return wrapped


class RecordsAdmin(ReadOnlyAdmin):
    """Predictions: a list with filters, each record, and feedback."""

    def get_urls(self) -> list[Any]:
        """The URLs of the list, of one record, and of the deletion pages."""
        wrap, name = self.admin_site.admin_view, "podium_prediction"
        return [
            path("", wrap(self.changelist_view), name=f"{name}_changelist"),
            path("delete-old/", wrap(self.delete_old), name=f"{name}_delete_old"),
            path("delete/", wrap(self.delete_several), name=f"{name}_delete_several"),
            path("<str:record_id>/delete/", wrap(self.delete_one), name=f"{name}_delete_one"),
            path("<str:record_id>/", wrap(self.detail), name=f"{name}_change"),
        ]

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the user may see records of any model."""
        return is_visible(request, lambda site, ours: visible_models(site, ours.actor))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """The same: the views decide which ones."""
        return self.has_module_permission(request)

    @_with_problem_page
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:  # noqa: ARG002
        """Some records, newest first."""
        site, ours = site_and_request(request)
        shown = record_list(site, ours, ours.query.get("model", ""))
        base, model = self._address("changelist"), shown.version.name
        # The file is that of our own pages.
        download = page_address("records_csv", name=model)
        return self.page(
            request,
            "records",
            "Predictions",
            records=shown,
            base=base,
            pager=shown.pager(base, model=model),
            download=shown.filters.address(download) if download else "",
            page_of_ours=page_address("records", name=model),
            delete=shown.filters.address(self._address("delete_several"), model=model),
            may_delete_old=allowed(ours.actor, Action.DELETE, ALL),
            delete_old=self._address("delete_old"),
        )

    @_with_problem_page
    def detail(self, request: HttpRequest, record_id: str) -> HttpResponse:
        """One record, and the form for feedback."""
        site, ours = site_and_request(request)
        shown, form = record_detail(site, ours, record_id), None
        if shown.may_give_feedback:
            form = feedback_form(shown)(request.POST or None)
            if request.method == "POST" and form.is_valid():
                values = dict(form.cleaned_data)
                note = values.pop(NOTE)
                truth = truth_of(shown.truth_rule, values)
                give_feedback(site, ours.actor, shown.record, truth, note)
                messages.success(request, "Feedback saved.")
                return HttpResponseRedirect(request.path)
        record = shown.record
        return self.page(
            request,
            "record",
            f"{record.model} {record.outcome}"[:TEXT_MAX],
            shown=shown,
            form=form,
            delete=self._address("delete_one", record.id),
            page_of_ours=page_address("record", record_id=record.id),
            back=f"{self._address('changelist')}?model={record.model}",
        )

    @_with_problem_page
    def delete_old(self, request: HttpRequest) -> HttpResponse:
        """Delete records older than a given number of days, one at least."""
        site, ours = site_and_request(request)
        require(ours.actor, Action.DELETE)
        form, back = DeleteForm(request.POST or None), self._address("changelist")
        if request.method != "POST" or not form.is_valid():
            return self.page(request, "delete_old", "Delete old records", form=form, back=back)
        day: dt.date = form.cleaned_data["before"]
        moment = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
        old = Selection(query=RecordQuery(until_us=int(moment.timestamp()) * 1_000_000))
        deleted = delete_records(site, ours.actor, old)
        rest = "" if deleted.is_all else " More are left: delete again."
        messages.success(request, f"{deleted.n_records:,} records were deleted.{rest}")
        return HttpResponseRedirect(back)

    @_with_problem_page
    def delete_several(self, request: HttpRequest) -> HttpResponse:
        """The question whether to delete the filtered records, or the result."""
        site, ours = site_and_request(request)
        model = visible_model(site, ours.actor, ours.query.get("model", "")).name
        query = {name: value for name, value in ours.query.items() if name != "model"}
        is_sure = request.method == "POST"
        step = step_of_several(site, ours.actor, model, query, is_sure=is_sure)
        of_model = {"model": model}
        here = f"{self._address('delete_several')}?{urlencode(step.wanted.confirmed | of_model)}"
        back = f"{self._address('changelist')}?{urlencode(step.wanted.parameters | of_model)}"
        return self._deletion(request, step, here, back)

    @_with_problem_page
    def delete_one(self, request: HttpRequest, record_id: str) -> HttpResponse:
        """The question whether to delete one record, or the result."""
        site, ours = site_and_request(request)
        step = step_of_one(site, ours, record_id, is_sure=request.method == "POST")
        there = f"{self._address('changelist')}?model={step.wanted.model}"
        back = self._address("change", record_id) if step.is_pending else there
        return self._deletion(request, step, request.path, back)

    def _deletion(self, request: HttpRequest, step: Step, here: str, back: str) -> HttpResponse:
        return self.page(request, "delete", step.title, step=step, here=here, back=back)

    def page(self, request: HttpRequest, template: str, title: str, **shown: Any) -> HttpResponse:
        """A page of the admin."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,  # noqa: SLF001 - as Django's own templates need it
            "title": title,
            **shown,
        }
        return TemplateResponse(request, f"podium/admin/{template}.html", context)

    def _address(self, name: str, *args: str) -> str:
        return reverse(f"{self.admin_site.name}:podium_prediction_{name}", args=args)
