"""Alerts of a model: what pages show of them, and who acknowledges them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from podium.access import Action, allowed
from podium.errors import NotFound
from podium.http import Request, Response
from podium.monitoring.alerts import STATES, Alert
from podium.monitoring.alerts_file import AlertsFile
from podium.web.bidi import isolated
from podium.web.numbers import moment_text
from podium.web.pages import read_form
from podium.web.site import Site

_NUMBER_DIGITS_MAX = 18
_NOTE_MAX = 1_000
# Of those that have ended.
_ENDED_SHOWN = 10


@dataclass(frozen=True, slots=True)
class AlertLine:
    """An alert, as people read it.

    Attributes:
        sentence: what is alarming.
        level: amber or red, for a class of the style.
        times: when it was seen first, and what became of it.
        known: who knows of it, and what they say; "" as long as nobody does.
        is_open: whether somebody could still acknowledge it.
    """

    number: int
    sentence: str
    level: str
    times: str
    known: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class AlertLines:
    """The alerts of a model: those that are firing, those that may soon, and the last that ended."""

    firing: tuple[AlertLine, ...]
    pending: tuple[AlertLine, ...]
    ended: tuple[AlertLine, ...]


def lines_of(file: AlertsFile, model: str) -> AlertLines:
    """The alerts of a model.

    Raises:
        StoreError: they can't be read.
    """
    found = file.alerts(model, STATES)
    return AlertLines(
        _lines(one for one in found if one.state == "firing"),
        _lines(one for one in found if one.state == "pending"),
        _lines(one for one in found if one.state == "resolved")[:_ENDED_SHOWN],
    )


def alert_of(site: Site, request: Request, model: str) -> AlertLine | None:
    """The alert that the page asks about, before somebody acknowledges it.

    Raises:
        StoreError: they can't be read.
    """
    number = request.query.get("acknowledge", "")
    if site.alerts is None or not number or not allowed(request.actor, Action.MANAGE, model):
        return None
    found = (_line(one) for one in site.alerts.alerts(model))
    return next((one for one in found if str(one.number) == number and one.is_open), None)


def counted(site: Site, models: Sequence[str]) -> dict[str, str]:
    """How many alerts of each model are open, in words; "" where nothing looks.

    Raises:
        StoreError: they can't be read.
    """
    if site.alerts is None:
        return dict.fromkeys(models, "")
    found = site.alerts.counts()
    words: dict[str, str] = {}
    for model in models:
        some = {
            state: sum(n for (name, _, its), n in found.items() if (name, its) == (model, state))
            for state in ("firing", "acknowledged", "pending")
        }
        words[model] = ", ".join(f"{n} {state}" for state, n in some.items() if n) or "none"
    return words


def acknowledge(site: Site, request: Request, name: str, number: str) -> Response:
    """The form of the monitoring page: `POST /models/{name}/alerts/{number}/acknowledge`.

    Raises:
        UnsupportedMedia: the body is no form.
        NotFound: the model has no such alert.
    """
    site.require_model(name, request.actor)
    _, sent = read_form(request, programs=f"/api/models/{name}/alerts/{number}/acknowledge")
    acknowledged(site, request, name, number, sent.get("note", ""))
    return Response.redirect(request.url(f"/models/{name}/monitor"))


def acknowledged(site: Site, request: Request, name: str, number: str, note: str) -> Alert:
    """Acknowledge an alert, and audit it.

    Raises:
        NotFound: the model has no such alert, or nothing looks for alarms here.
        StoreError: the alerts can't be changed.
    """
    if not (number.isdecimal() and number.isascii() and len(number) <= _NUMBER_DIGITS_MAX):
        raise NotFound(f"{name} has no alert {number[:80]!r}", hint="an alert's name is its number")
    actor, now_us = request.actor, time.time_ns() // 1_000
    # As texts that every log can hold.
    note = "".join(c if c.isprintable() else " " for c in note[:_NOTE_MAX])
    alert = alerts_of(site).acknowledge(name, int(number), actor.name, note, now_us)
    if alert.acknowledged_us == now_us:
        site.authority.audit(
            actor, "alert_acknowledged", model=name, alert=number, kind=alert.kind, field=alert.name
        )
    return alert


def alerts_of(site: Site) -> AlertsFile:
    """The alerts.

    Raises:
        NotFound: nothing looks for alarms here.
    """
    if site.alerts is None:
        raise NotFound(
            "the values of predictions aren't counted here, so nothing is alarming",
            hint="serve with records = true and monitoring = true",
        )
    return site.alerts


def _lines(alerts: Iterable[Alert]) -> tuple[AlertLine, ...]:
    """The worst first; the newest of them first."""
    return tuple(_line(one) for one in sorted(alerts, key=lambda one: one.level != "red"))


def _line(alert: Alert) -> AlertLine:
    times = f"Since {moment_text(alert.since_us)[:16]} UTC"
    if alert.resolved_us is not None:
        times += f", until {moment_text(alert.resolved_us)[:16]} UTC"
    if alert.version:
        times += f", in version {alert.version}"
    known = ""
    if alert.acknowledged_us is not None:
        who = alert.acknowledged_by or "Somebody"
        known = f"{who} has acknowledged it" + (f": {alert.note}" if alert.note else ".")
    is_open = alert.state != "resolved" and not known
    said = msgspec.structs.replace(alert, name=isolated(alert.name)).sentence
    sentence = said[:1].upper() + said[1:] + "."
    return AlertLine(alert.number, sentence, alert.level, times, known, is_open)
