"""A view for Flask-Admin: the records of the app's models, in any store."""

from __future__ import annotations

import dataclasses
from typing import Any

import flask
from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_admin import BaseView, expose  # type: ignore[import-untyped] # it has no types
from flask_wtf import FlaskForm  # type: ignore[import-untyped] # it has no types
from wtforms import StringField  # type: ignore[import-untyped] # it has no types
from wtforms.validators import Length  # type: ignore[import-untyped] # it has no types

from podium.errors import PodiumError
from podium.hosts.flask.blueprint import current_request
from podium.hosts.flask.forms import form_class
from podium.hosts.flask.host import host_of
from podium.http import Request
from podium.signature import Signature
from podium.signature.truth import NOTE_MAX, truth_of, truth_signature
from podium.web.deleting import Step, step_of_one, step_of_several
from podium.web.feedback import give_feedback
from podium.web.problems import of_error
from podium.web.record_list import record_file, record_list
from podium.web.record_view import NOTE, record_detail
from podium.web.site import Site
from podium.web.visible_records import visible_model, visible_models


class RecordsView(BaseView):  # type: ignore[misc]
    """The records of each model: a list with filters, one record, feedback, a download.

    Podium's own permissions decide who may see what; override `is_accessible` to limit it further.
    """

    def __init__(
        self, name: str = "Predictions", endpoint: str = "podium_records", **rest: Any
    ) -> None:
        super().__init__(name=name, endpoint=endpoint, **rest)

    def create_blueprint(self, admin: Any) -> Blueprint:
        """The blueprint, whose errors are shown on a page of the admin."""
        made: Blueprint = super().create_blueprint(admin)
        made.register_error_handler(PodiumError, self._failed)
        return made

    def is_accessible(self) -> bool:
        """Whether the user may see records of any model."""
        site, request = _site_and_request()
        return bool(visible_models(site, request.actor))

    def inaccessible_callback(self, name: str, **rest: Any) -> ResponseReturnValue:  # noqa: ARG002
        """Anonymous users are sent to the login page."""
        site, request = _site_and_request()
        login = site.authority.login_url(request)
        if request.actor.is_known or login is None:
            flask.abort(403)
        return flask.redirect(login, 303)

    @expose("/")  # type: ignore[untyped-decorator]
    def index(self) -> ResponseReturnValue:
        """Some records, newest first."""
        site, request = _site_and_request()
        shown = record_list(site, request, request.query.get("model", ""))
        model = shown.version.name
        html: str = self.render(
            "podium/admin_records.html",
            records=shown,
            pager=shown.pager(self.get_url(".index"), model=model),
            download=shown.filters.address(self.get_url(".csv"), model=model),
            delete=shown.filters.address(self.get_url(".delete"), model=model),
        )
        return html

    @expose("/records.csv")  # type: ignore[untyped-decorator]
    def csv(self) -> ResponseReturnValue:
        """The filtered records as a file."""
        site, request = _site_and_request()
        file = record_file(site, request, request.query.get("model", ""))
        response = flask.Response(flask.stream_with_context(file.body), mimetype="text/csv")
        response.headers.set("Content-Disposition", "attachment", filename=file.name)
        return response

    @expose("/<record_id>", methods=("GET", "POST"))  # type: ignore[untyped-decorator]
    def detail(self, record_id: str) -> ResponseReturnValue:
        """One record, and the form for feedback."""
        site, request = _site_and_request()
        shown, form = record_detail(site, request, record_id), None
        if shown.may_give_feedback:
            form = feedback_form(shown.truth_rule)(data=shown.feedback_values)
            if form.validate_on_submit():
                note = form[NOTE].data or ""
                truth = truth_of(shown.truth_rule, form.row)
                give_feedback(site, request.actor, shown.record, truth, note)
                flask.flash("Feedback saved.", "success")
                return flask.redirect(self.get_url(".detail", record_id=record_id), 303)
        html: str = self.render("podium/admin_record.html", shown=shown, form=form)
        return html

    @expose("/delete", methods=("GET", "POST"))  # type: ignore[untyped-decorator]
    def delete(self) -> ResponseReturnValue:
        """The question whether to delete the filtered records, or the result."""
        (site, request), form = _site_and_request(), FlaskForm()
        model = visible_model(site, request.actor, request.query.get("model", "")).name
        query = {name: value for name, value in request.query.items() if name != "model"}
        is_sure = form.validate_on_submit()
        step = step_of_several(site, request.actor, model, query, is_sure=is_sure)
        here = self.get_url(".delete", model=model, **step.wanted.confirmed)
        back = self.get_url(".index", model=model, **step.wanted.parameters)
        return self._deletion(step, form, here, back)

    @expose("/<record_id>/delete", methods=("GET", "POST"))  # type: ignore[untyped-decorator]
    def delete_one(self, record_id: str) -> ResponseReturnValue:
        """The question whether to delete one record, or the result."""
        (site, request), form = _site_and_request(), FlaskForm()
        step = step_of_one(site, request, record_id, is_sure=form.validate_on_submit())
        there = self.get_url(".index", model=step.wanted.model)
        here = self.get_url(".delete_one", record_id=record_id)
        back = self.get_url(".detail", record_id=record_id) if step.is_pending else there
        return self._deletion(step, form, here, back)

    def _deletion(self, step: Step, form: FlaskForm, here: str, back: str) -> ResponseReturnValue:
        html: str = self.render(
            "podium/admin_delete.html", step=step, form=form, here=here, back=back
        )
        return html

    def _failed(self, error: PodiumError) -> ResponseReturnValue:
        problem = of_error(error)
        return self.render("podium/admin_failed.html", problem=problem), problem.status


def _site_and_request() -> tuple[Site, Request]:
    """The site of the app, and the current request with its actor."""
    host = host_of()
    request, site = current_request(host), host.app.site
    actor = site.authority.of_page(request)
    return site, dataclasses.replace(request, actor=actor, is_identified=True)


def feedback_form(signature: Signature) -> Any:
    """The form for feedback: a field for each output of a model, and a note."""
    inputs = form_class("", truth_signature(signature))
    note = StringField("Note", validators=[Length(max=NOTE_MAX)])
    return type("FeedbackForm", (inputs,), {NOTE: note})
