"""How one gets from our pages back to the app's own."""

from __future__ import annotations

import flask
from flask import Flask
from werkzeug.routing import Map, Rule

from podium.policy.authority import WayOut

_LOG_OUT = "logout"


def way_out_of(app: Flask) -> WayOut:
    """The app's root, and its endpoint called `logout`, in a blueprint or not; as far as there are any.

    An endpoint that accepts only forms isn't linked to.
    """
    return WayOut(_root(app.url_map), _log_out(app.url_map))


def _root(rules: Map) -> str:
    is_there = any(rule.rule == "/" and _is_page(rule) for rule in rules.iter_rules())
    return (flask.request.script_root or "") + "/" if is_there else ""


def _log_out(rules: Map) -> str:
    for rule in rules.iter_rules():
        if rule.endpoint.rpartition(".")[2] == _LOG_OUT and _is_page(rule):
            return flask.url_for(rule.endpoint)
    return ""


def _is_page(rule: Rule) -> bool:
    return "GET" in (rule.methods or ()) and not rule.arguments
