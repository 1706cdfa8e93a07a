"""The blueprint: the gate, the app's CSRF protection, and then the shared core."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, quote

import flask
import msgspec
from flask import Blueprint, Flask
from flask.blueprints import BlueprintSetupState
from werkzeug.routing import BaseConverter, MapAdapter, Rule

from podium.access import NOBODY, Actor
from podium.errors import SetupError
from podium.hosts.flask.cli import group
from podium.hosts.flask.host import NAME, Host, host_of
from podium.hosts.flask.problems import Problem
from podium.http import Request, Response
from podium.policy import gate
from podium.protocols import router_of
from podium.web import bodies, routes
from podium.web.router import Found

# Fixed before the models are known: Flask needs its rules when the app is created.
ROUTER = router_of()
_SEGMENT = re.compile(r"\{(\w+)\}")
_TAIL = "podium_tail"
# The bytes of a refused body that are read and discarded. A client that sends more may see the
# connection end.
_SHORT = re.compile(r"\d{1,8}", re.ASCII)


class _Tail(BaseConverter):
    """Matches everything after the prefix, including nothing, and a leading slash."""

    regex = ".*?"
    part_isolating = False


def blueprint_of(host: Host) -> Blueprint:
    """The blueprint for everything below the app's prefix."""
    made = Blueprint(
        NAME,
        __name__,
        url_prefix=host.options.url_prefix,
        template_folder="templates",
        cli_group=None,  # the group already has its name
    )
    made.url_value_preprocessor(_look)
    made.record(_add_rules)
    made.cli.add_command(group)
    return made


def _add_rules(state: BlueprintSetupState) -> None:
    """Add one rule for every method and path: the core finds the route.

    The route's name becomes the request's endpoint, so that the app's own guards can tell routes
    apart.
    """
    app, prefix = state.app, state.url_prefix or ""
    app.url_map.converters[_TAIL] = _Tail
    endpoint = f"{NAME}.nothing"
    app.view_functions[endpoint] = _respond
    every: Callable[..., Rule] = app.url_rule_class
    app.url_map.add(
        every(f"{prefix}/<{_TAIL}:tail>", endpoint=endpoint, methods=None, merge_slashes=False)
    )
    app.url_map.add(every(prefix, endpoint=f"{NAME}.prefix", redirect_to=_with_slash))
    for route in ROUTER.routes:
        pattern = prefix + _SEGMENT.sub(r"<\1>", route.pattern)
        name = f"{NAME}.{route.name}"
        app.view_functions[name] = _respond
        app.url_map.add(every(pattern, endpoint=name, methods=route.methods, build_only=True))


def _with_slash(adapter: MapAdapter) -> str:
    """The home page, whose path ends with a slash."""
    return adapter.build(f"{NAME}.home")


def _look(endpoint: str | None, values: dict[str, Any] | None) -> None:  # noqa: ARG001 - Flask's
    """Before anything in the app sees a request: set its endpoint, check its head, cache its body.

    The body would be lost once somebody reads the fields of a form.
    """
    host = host_of()
    flask.g.podium_path = path = f"/{(values or {}).get('tail', '')}"
    found = _found(path)
    if found.route is not None:
        (rule,) = host.flask.url_map.iter_rules(f"{NAME}.{found.route.name}")
        flask.request.url_rule, flask.request.view_args = rule, dict(found.values)
    csrf = csrf_of(host.flask)
    if csrf is not None:
        # Forms of pages are checked here, once the body is cached; the API ignores cookies, so
        # another site could make no use of them.
        csrf.exempt(host.flask.blueprints[NAME])
    flask.g.podium_refusal = refusal = _refusal(host)
    if refusal is not None:
        _pass_over(flask.request.environ)
    elif not _is_long(host):
        flask.request.get_data(cache=True)


def _found(path: str) -> Found:
    return ROUTER.find(flask.request.method, path, flask.request.headers.get("accept", ""))


def _respond(**_: str) -> flask.Response:
    host, path = host_of(), flask.g.podium_path
    if (refusal := flask.g.podium_refusal) is not None:
        request = _read(host, path, b"", None)
        return _native_response(host, request, routes.refused(host.app.site, request, refusal))
    if _is_long(host):
        request = _read(host, path, b"", None)
        skip = partial(_pass_over, flask.request.environ)
        if bodies.is_upload(host.app.site, request):
            # It goes to a file: what the app reads into memory at most says nothing about it.
            settings = host.options.settings
            longest = max(settings.version_bytes_max, settings.job_bytes_max)
            flask.request.max_content_length = longest
            return bodies.respond_to_upload(
                host.serving.site,
                request,
                flask.request.stream.read,
                partial(_uploaded, host),
                partial(_native_response, host, request),
                skip,
            )
        response = bodies.respond(host.serving.site, request, flask.request.get_data, skip)
        return _native_response(host, request, response)
    token = None
    route = _found(path).route
    csrf = csrf_of(host.flask)
    if csrf is not None and route is not None and route.is_page:
        from flask_wtf.csrf import generate_csrf  # type: ignore[import-untyped] # it has no types

        csrf.protect()
        token = (host.flask.config["WTF_CSRF_FIELD_NAME"], generate_csrf())
    request = _read(host, path, flask.request.get_data(cache=True), token)
    return _native_response(host, request, _responded(host, request))


def _uploaded(host: Host, whole: Request) -> flask.Response:
    """The response to a request with a bundle, which is in a file.

    The token of its form is in what was read then: Flask-WTF finds it where scripts send theirs.
    """
    csrf = csrf_of(host.flask)
    route = ROUTER.of(whole).route
    if csrf is not None and route is not None and route.is_page:
        name = host.flask.config["WTF_CSRF_FIELD_NAME"]
        token = dict(parse_qsl(whole.body.decode())).get(name, "")
        header = host.flask.config["WTF_CSRF_HEADERS"][0]
        flask.request.environ[f"HTTP_{header.upper().replace('-', '_')}"] = token
        csrf.protect()
        whole = replace(whole, form_token=(name, token))
    return _native_response(host, whole, _responded(host, whole))


def current_actor(host: Host, name: str | None = None) -> Actor:
    """Whom a record names: the sender of the current request; nobody outside of a request.

    Args:
        name: somebody else, in their place.
    """
    if name:
        return Actor(name)
    if not flask.has_request_context():
        return NOBODY
    return host.app.site.authority.of_page(current_request(host))


def _pass_over(environ: dict[str, Any]) -> None:
    """Read and discard a refused body: servers may close the connection before the response."""
    length = environ.get("CONTENT_LENGTH", "")
    if not _SHORT.fullmatch(length):
        return
    left = int(length)
    while left > 0 and (piece := environ["wsgi.input"].read(min(left, 2**16))):
        left -= len(piece)


def _is_long(host: Host) -> bool:
    """Whether the body is one that not everybody may send: it isn't read before that is decided."""
    return bodies.is_long(host.options.settings, flask.request.environ.get("CONTENT_LENGTH", ""))


def csrf_of(app: Flask) -> Any:
    """Flask-WTF's CSRFProtect if it is enabled, else None."""
    return app.extensions.get("csrf") if app.config.get("WTF_CSRF_ENABLED") else None


def _refusal(host: Host) -> gate.Refusal | None:
    """Why the request isn't read any further."""
    settings = host.options.settings
    name = flask.request.environ.get("HTTP_HOST", "")
    if not settings.allowed_hosts:
        # The app decides on its host names: TRUSTED_HOSTS, or the proxy before it.
        settings = msgspec.structs.replace(settings, allowed_hosts=(gate.host_name(name),))
    headers = [
        (key.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for key, value in flask.request.headers
    ]
    method, target = flask.request.method, _target(flask.request.environ)
    router = host.app.site.router
    return gate.check(settings, method, target, headers, router.predictions, router.uploads)


def _target(environ: dict[str, Any]) -> bytes:
    """Path and query as they were sent, as far as the server passes them on."""
    sent = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if sent:
        return str(sent).encode("latin-1", "replace")
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    query = environ.get("QUERY_STRING", "")
    target: str = quote(path, encoding="latin-1") + (f"?{query}" if query else "")
    return target.encode("latin-1", "replace")


def current_request(host: Host) -> Request:
    """The current request, whatever its view, for authentication."""
    return _read(host, flask.request.path, b"", None)


def _read(host: Host, path: str, body: bytes, token: tuple[str, str] | None) -> Request:
    """Flask's request for our views."""
    native = flask.request
    headers: dict[str, str] = {}
    for name, value in native.headers:
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return Request(
        method=native.method,
        path=path,
        query_string=native.query_string.decode("latin-1"),
        headers=headers,
        body=body,
        root_path=native.script_root + host.options.url_prefix,
        origin=f"{native.scheme}://{headers.get('host', '127.0.0.1')}",
        address=native.remote_addr or "",
        native=native,
        form_token=token,
    )


def _responded(host: Host, request: Request) -> Response:
    return routes.respond(host.serving.site, request)


def _native_response(host: Host, request: Request, response: Response) -> flask.Response:
    """Our response as Flask's."""
    headers = {"content-type": response.media, **response.headers}
    is_page = response.media.startswith("text/html")
    if host.options.base_template and is_page:
        headers["content-security-policy"] = host.options.csp
        if not host.options.csp:
            del headers["content-security-policy"]
    body: Any = response.body
    if not isinstance(body, bytes):
        body = flask.stream_with_context(body)
    made = host.flask.response_class(body, response.status, headers)
    if request.method == "HEAD":  # otherwise it would be 0, which isn't the length that GET has
        made.automatically_set_content_length = False
        made.headers.pop("content-length", None)
    if response.problem is not None and host.options.has_error_handlers:
        raise Problem(response.problem, made)
    return made


def check_free(app: Flask) -> None:
    """Refuse a second Podium in one app.

    Raises:
        SetupError: it already has one.
    """
    if NAME in app.extensions or NAME in app.blueprints:
        raise SetupError(
            f"the app {app.name!r} already has a Podium extension",
            hint="pass all models to one: models=[...]",
        )
