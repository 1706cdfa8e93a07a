"""A view of Flask-Admin's: the records of the app's models, in whatever store they live."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import flask
import msgspec
from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_admin import BaseView, expose  # type: ignore[import-untyped] # it has no types
from wtforms import StringField  # type: ignore[import-untyped] # it has no types

from podium.access import Action, Actor, allowed
from podium.errors import InputError, NotAllowed, NotFound, PodiumError
from podium.flow.deployment import Deployment
from podium.hosts.flask.blueprint import asked
from podium.hosts.flask.forms import form_class
from podium.hosts.flask.host import Host, host_of
from podium.records.export import iter_csv, time_text
from podium.records.record import Feedback, Record
from podium.records.store import Store
from podium.signature import Signature
from podium.signature.reading import label_text, plain_text
from podium.signature.truth import said_of, truth_signature
from podium.web.numbers import number_text
from podium.web.problems import of_error
from podium.web.record_filters import Filters, Place, filters_of, find_record, may_see, place_of

ROWS = 50
FIELDS_SHOWN = 5
TEXT_MAX = 60


class RecordsView(BaseView):  # type: ignore[misc]
    """The records of each model: a list with filters, one record, feedback, a download.

    Who may see which is what Podium's pages go by; override `is_accessible` to limit it further.
    """

    def __init__(
        self, name: str = "Predictions", endpoint: str = "podium_records", **rest: Any
    ) -> None:
        super().__init__(name=name, endpoint=endpoint, **rest)

    def create_blueprint(self, admin: Any) -> Blueprint:
        """The blueprint, whose failures are told on a page of the admin's."""
        made: Blueprint = super().create_blueprint(admin)
        made.register_error_handler(PodiumError, self._failed)
        return made

    def is_accessible(self) -> bool:
        """Whether who asks may see records of any model."""
        return bool(Looking().models)

    def inaccessible_callback(self, name: str, **rest: Any) -> ResponseReturnValue:  # noqa: ARG002
        """Nobody in particular is sent to log in."""
        looking = Looking()
        login = looking.host.app.site.authority.login_url(looking.request)
        if looking.actor.is_known or login is None:
            flask.abort(403)
        return flask.redirect(login, 303)

    @expose("/")  # type: ignore[untyped-decorator]
    def index(self) -> ResponseReturnValue:
        """Some records, newest first."""
        looking = Looking()
        deployment, filters = looking.deployment, looking.filters
        place = place_of(looking.request.query)
        page = looking.store.page(filters.query, limit=ROWS, cursor=place.after or None)
        fields = deployment.signature.fields[:FIELDS_SHOWN]
        output = deployment.signature.output

        def to(neighbour: Place | None) -> str | None:
            return None if neighbour is None else self._address(looking, neighbour)

        html: str = self.render(
            "podium/admin_records.html",
            **looking.shown,
            filters=filters,
            place=place,
            fields=fields,
            lines=[(one, *_line(one, [field.name for field in fields])) for one in page.records],
            labels=[label_text(label) for label in output.classes],
            is_number=output.task == "regression",
            newest=self._address(looking, Place()),
            newer=to(place.newer),
            older=to(place.older(page.cursor) if page.cursor else None),
            download=filters.address(self.get_url(".csv"), model=deployment.name),
        )
        return html

    @expose("/records.csv")  # type: ignore[untyped-decorator]
    def csv(self) -> ResponseReturnValue:
        """What the filters leave, as a file.

        Raises:
            InputError: a filter can't be read; without it the file would hold what wasn't wanted.
        """
        looking = Looking()
        deployment, filters = looking.deployment, looking.filters
        if filters.problems:
            raise InputError(filters.problems[0].rstrip("."), hint="correct the filter")
        output = deployment.signature.output
        labels = [label_text(one) for one in output.classes if output.has_probabilities]
        body = iter_csv(looking.store, filters.query, deployment.signature.names, labels)
        site = looking.host.app.site
        site.authority.audit(looking.actor, "records_exported", model=deployment.name)
        response = flask.Response(flask.stream_with_context(body), mimetype="text/csv")
        response.headers.set(
            "Content-Disposition", "attachment", filename=f"{deployment.name}-records.csv"
        )
        return response

    @expose("/<record_id>", methods=("GET", "POST"))  # type: ignore[untyped-decorator]
    def detail(self, record_id: str) -> ResponseReturnValue:
        """One record, and the form for what really happened."""
        looking = Looking()
        record, deployment = looking.record(record_id)
        form = None
        if allowed(looking.actor, Action.FEEDBACK, record.model):
            form = feedback_form(deployment.signature)(data=_told(deployment.signature, record))
            if form.validate_on_submit():
                looking.tell(record, deployment.signature, form)
                flask.flash("The feedback is kept.", "success")
                return flask.redirect(self.get_url(".detail", record_id=record.id), 303)
        inputs: dict[str, Any] = msgspec.json.decode(record.inputs)
        outputs: dict[str, Any] = msgspec.json.decode(record.outputs)
        html: str = self.render(
            "podium/admin_record.html",
            **looking.shown | {"model": record.model},
            record=record,
            time=_time(record.time_us),
            told=record.feedback and _time(record.feedback.time_us),
            inputs=[
                (one.label, _text(inputs.get(one.name)), one.unit)
                for one in deployment.signature.fields
            ],
            outputs=_answers(outputs),
            probabilities=outputs.get("probabilities") or {},
            form=form,
            number_text=number_text,
        )
        return html

    def _address(self, looking: Looking, place: Place) -> str:
        base = self.get_url(".index")
        return looking.filters.address(base, model=looking.deployment.name, **place.parameters)

    def _failed(self, error: PodiumError) -> ResponseReturnValue:
        problem = of_error(error)
        return self.render("podium/admin_failed.html", problem=problem), problem.status


class Looking:
    """Who looks at the records of which model, in the current request."""

    def __init__(self) -> None:
        self.host: Host = host_of()
        request = asked(self.host)
        self.actor: Actor = self.host.app.site.authority.of_page(request)
        self.request = dataclasses.replace(request, actor=self.actor, is_identified=True)

    @property
    def models(self) -> list[str]:
        """Those whose records they may see: everybody's, or only their own."""
        return [
            name
            for name in self.host.app.site.deployments
            if allowed(self.actor, Action.SEE_OWN, name)
        ]

    @cached_property
    def deployment(self) -> Deployment:
        """The model that the address names, or else the first.

        Raises:
            NotFound: there is none of this name for them.
        """
        name = self.request.query.get("model") or next(iter(self.models), "")
        if name not in self.models:
            raise NotFound(f"no model is called {name!r}", hint=f"known: {', '.join(self.models)}")
        return self.host.app.site.deployments[name]

    @cached_property
    def filters(self) -> Filters:
        """What the address filters by."""
        return filters_of(self.deployment.name, self.request.query, self.actor)

    @property
    def store(self) -> Store:
        """Where the records are.

        Raises:
            NotFound: none are kept.
        """
        store = self.host.app.site.store
        if store is None:
            raise NotFound("no records are kept here", hint="take PODIUM_RECORDS = False away")
        return store

    @property
    def shown(self) -> dict[str, Any]:
        """What every page of theirs shows."""
        return {"models": self.models, "model": self.deployment.name}

    def record(self, record_id: str) -> tuple[Record, Deployment]:
        """The record of this id, and its model.

        Raises:
            NotFound: there is none that they may see.
        """
        record = find_record(self.store, record_id)
        deployments = self.host.app.site.deployments
        is_there = record is not None and record.model in deployments
        if record is None or not is_there or not may_see(self.request, record):
            raise NotFound("there is no such record", hint="look it up in the list")
        return record, deployments[record.model]

    def tell(self, record: Record, signature: Signature, form: Any) -> None:
        """Keep what really happened.

        Raises:
            NotAllowed: they may not tell.
            NotFound: the record was deleted meanwhile.
        """
        if not allowed(self.actor, Action.FEEDBACK, record.model):
            raise NotAllowed("you may not give feedback", hint="ask whoever runs this site")
        said = form.row
        is_one = len(signature.outputs) == 1
        told = Feedback(
            truth=msgspec.json.encode(said[signature.output.name] if is_one else said),
            time_us=time.time_ns() // 1_000,
            actor=self.actor.name or None,
            note=form.podium_note.data or "",
        )
        if not self.store.set_feedback(record.id, told, time_us=record.time_us):
            raise NotFound("there is no such record any more", hint="look it up in the list")


def feedback_form(signature: Signature) -> Any:
    """The form for what really happened: a field for each output of a model, and a note."""
    inputs = form_class("", truth_signature(signature))
    return type("FeedbackForm", (inputs,), {"podium_note": StringField("Note")})


def _told(signature: Signature, record: Record) -> dict[str, Any]:
    """What was told of a record before, as the fields of the form."""
    if record.feedback is None:
        return {}
    said = said_of(signature, msgspec.json.decode(record.feedback.truth))
    return {**said, "podium_note": record.feedback.note}


def _line(record: Record, names: Sequence[str]) -> tuple[str, str, list[str]]:
    """Time, prediction and some inputs of a record, as a list shows them."""
    inputs: dict[str, Any] = msgspec.json.decode(record.inputs)
    outcome = record.outcome
    if record.outcome_number is not None:
        outcome = number_text(record.outcome_number)
    return _time(record.time_us), _short(outcome), [_short(_text(inputs.get(n))) for n in names]


def _answers(outputs: dict[str, Any]) -> list[tuple[str, str]]:
    """Each output and its prediction; without a name where there is one only."""
    prediction = outputs.get("prediction")
    if isinstance(prediction, dict):
        return [(name, _text(value)) for name, value in prediction.items()]
    return [("", _text(prediction))]


def _time(time_us: int) -> str:
    return time_text(time_us)[:19].replace("T", " ")


def _text(value: Any) -> str:
    if value is None:
        return "—"
    return plain_text(value) if isinstance(value, (bool, int, float, str)) else str(value)


def _short(text: str) -> str:
    return f"{text[:TEXT_MAX]}…" if len(text) > TEXT_MAX else text
