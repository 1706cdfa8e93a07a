"""From a request to a response: what answers, what doesn't, and what stands on every answer."""

from __future__ import annotations

import dataclasses
import logging
import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

import podium
from podium.errors import StoreError
from podium.flow.predict import PredictionService
from podium.http import Request
from podium.outbox.recorder import StoreRecorder
from podium.policy.gate import Refusal
from podium.protocols import protocols_of, router_of
from podium.records.store import InsertResult
from podium.records.stores.memory import MemoryStore
from podium.settings import Settings
from podium.testing import Client
from podium.web import routes
from podium.web.router import Found

ROUTER = router_of(*protocols_of(Settings()))
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
PROBLEM = "application/problem+json"
PAGE = "text/html; charset=utf-8"
PREDICT = "/api/models/loans/predict"


@pytest.mark.parametrize(
    ("method", "path", "name", "values"),
    [
        ("GET", "/", "home", {}),
        ("GET", "/models/churn", "model", {"name": "churn"}),
        ("POST", "/models/churn", "form", {"name": "churn"}),
        ("HEAD", "/models/churn", "model", {"name": "churn"}),
        ("GET", "/models/a.b-c/records.csv", "records_csv", {"name": "a.b-c"}),
        ("GET", "/records/0193", "record", {"record_id": "0193"}),
        ("POST", "/api/models/churn/predict", "predict", {"name": "churn"}),
        ("GET", "/static/podium.css", "static", {"file": "podium.css"}),
    ],
)
def test_a_method_and_a_path_lead_to_one_route(method, path, name, values):
    found = ROUTER.find(method, path)

    assert found.route is not None
    assert (found.route.name, found.values) == (name, values)


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        (BROWSER, True),
        ("text/html", True),
        ("Text/HTML", True),
        ("application/json, text/html", True),
        ("application/json, text/html;q=0.9", False),
        ("text/html;q=0, */*", False),
        ("text/html;q=0", False),
        ("*/*", False),
        ("", False),
        ("application/json", False),
        ("image/avif,image/webp,*/*", False),
    ],
)
def test_the_home_page_is_for_those_who_name_html(client: Client, accept: str, is_page: bool):
    for method in ("GET", "HEAD"):
        reply = client.request(method, "/?q=loans", headers={"accept": accept})

        assert (reply.status, reply.headers["vary"]) == (200, "accept")
        assert reply.media == (PAGE if is_page else "application/json")


def test_a_program_learns_below_which_address_everything_is(app: podium.App):
    asked = Request("GET", "/", root_path="/ml", headers={"accept": "*/*"})

    said = msgspec.json.decode(routes.respond(app.site, asked).body)

    assert (said["status"], said["name"]) == ("alive", "podium")
    assert said["links"]["openapi"] == "/ml/openapi.json"


def test_methods_of_the_home_page_are_named_once(client: Client):
    for accept in (BROWSER, "*/*"):
        reply = client.request("PUT", "/", headers={"accept": accept})

        assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize(
    "path",
    ["", "/nothing", "/models", "/models/", "/models//records", "/docs/", "//", "/static/a/b"],
)
def test_other_paths_lead_nowhere(path):
    assert ROUTER.find("GET", path) == Found(None, {}, (), None)


def test_each_name_is_one_routes():
    names = [route.name for route in ROUTER.routes]

    assert sorted(set(names)) == sorted(names)


def test_what_does_not_exist_is_not_found(client: Client):
    reply = client.get("/nothing")

    assert (reply.status, reply.media) == (404, PROBLEM)
    assert reply.json()["code"] == "not_found"
    assert reply.json()["hint"] == "see /docs"


@pytest.mark.parametrize(
    "target", ["/models/lones", "/api/models/lones", "/models/lones/records", "/api/models/%6cones"]
)
def test_an_unknown_model_is_not_found_and_the_known_ones_are_listed(client: Client, target):
    reply = client.get(target, accept="application/json")

    assert (reply.status, reply.media) == (404, PROBLEM)
    assert reply.json()["hint"] == "known: loans, arrival-delay, optional, fragile"


def test_an_unknown_model_cannot_predict(client: Client, loan):
    assert client.post("/api/models/lones/predict", loan).status == 404


def test_a_percent_encoded_name_is_the_same_name(client: Client):
    assert client.get("/api/models/%6c%6Fans").json()["name"] == "loans"


@pytest.mark.parametrize(
    ("method", "target", "allowed"),
    [
        ("POST", "/docs", "GET, HEAD, OPTIONS"),
        ("GET", PREDICT, "POST, OPTIONS"),
        ("PUT", PREDICT, "POST, OPTIONS"),
        ("DELETE", "/models/loans", "GET, POST, HEAD, OPTIONS"),
        ("PATCH", "/nothing", "GET, HEAD, POST, PUT, DELETE, OPTIONS"),
    ],
)
def test_a_wrong_method_is_refused_with_the_right_ones(client: Client, method, target, allowed):
    reply = client.request(method, target, headers={"accept": "application/json"})

    assert (reply.status, reply.headers["allow"]) == (405, allowed)
    assert reply.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize("route", ROUTER.routes, ids=lambda route: route.name)
def test_every_path_lists_its_methods(client: Client, route):
    target = re.sub(r"\{\w+\}", "loans", route.pattern)

    reply = client.request("OPTIONS", target)

    assert (reply.status, reply.body) == (204, b"")
    assert {*route.methods, "OPTIONS"} <= {*reply.headers["allow"].split(", ")}


def test_an_unknown_path_lists_no_methods(client: Client):
    assert client.request("OPTIONS", "/nothing").status == 404


@pytest.mark.parametrize(
    "target", ["/", "/docs", "/openapi.json", "/readyz", "/models/loans/records.csv", "/nothing"]
)
def test_head_returns_the_same_as_get_without_a_body(client: Client, target):
    get, head = client.get(target), client.request("HEAD", target)

    assert get.body
    assert head.body == b""
    assert (head.status, head.media) == (get.status, get.media)
    assert head.headers == get.headers


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/"),
        ("GET", "/models/loans"),
        ("GET", "/models/nothing"),
        ("GET", "/models/loans/records.csv"),
        ("GET", "/api/models"),
        ("GET", "/nothing"),
        ("GET", "/a/../b"),
        ("GET", "/favicon.ico"),
        ("POST", PREDICT),
        ("PUT", "/"),
        ("OPTIONS", "/"),
        ("GET", "/livez"),
    ],
)
def test_no_answer_leaves_without_its_guards(client: Client, method, target):
    headers = client.request(method, target).headers

    assert headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == (
        "public, max-age=86400" if target == "/favicon.ico" else "no-store"
    )


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("href", "src", "action")]


def links_of(html: str) -> list[str]:
    parser = Links()
    parser.feed(html)
    return parser.found


def test_static_files_may_be_cached_for_ever(client: Client):
    files = [
        link
        for link in links_of(client.get("/", accept=BROWSER).text)
        if link.startswith("/static/")
    ]

    assert len(files) >= 3
    for file in files:
        reply = client.get(file)
        assert reply.status == 200
        assert "immutable" in reply.headers["cache-control"]


@pytest.mark.parametrize("accept", [BROWSER, "", "*/*"])
def test_an_error_of_a_page_is_a_page(client: Client, accept):
    reply = client.get("/models/nothing", **({"accept": accept} if accept else {}))

    assert (reply.status, reply.media) == (404, PAGE)
    assert "known: loans" in reply.text.lower()


@pytest.mark.parametrize("accept", ["application/json", "text/html;q=0.5, application/json"])
def test_an_error_of_a_page_is_json_for_clients_that_prefer_it(client: Client, accept):
    assert client.get("/models/nothing", accept=accept).media == PROBLEM


@pytest.mark.parametrize("target", ["/api/models/nothing", "/api/nothing", "/static/nothing"])
def test_an_error_of_the_api_is_json_for_browsers_too(client: Client, target):
    assert client.get(target, accept=BROWSER).media == PROBLEM


@pytest.mark.parametrize(("accept", "media"), [(BROWSER, PAGE), ("*/*", PROBLEM)])
def test_at_unknown_paths_people_get_a_page_and_programs_json(client: Client, accept, media):
    assert client.get("/nothing", accept=accept).media == media


def test_a_refusal_at_the_gate_is_a_page_for_people(client: Client):
    refused = client.request("GET", "/", headers={"host": "evil.example", "accept": BROWSER})

    assert (refused.status, refused.media) == (421, PAGE)
    assert "evil.example" in refused.text


def test_what_a_caller_sends_is_never_markup(client: Client):
    reply = client.get("/<script>alert(1)</script>", accept=BROWSER)

    assert reply.status == 404
    assert "<script>alert" not in reply.text
    assert "&lt;script&gt;alert" in reply.text


def test_a_model_that_fails_returns_an_id_and_nothing_else(client: Client, caplog):
    with caplog.at_level(logging.ERROR, "podium"):
        reply = client.post("/api/models/fragile/predict", {"x": -1})

    told = reply.json()
    assert (reply.status, reply.media, told["code"]) == (500, PROBLEM, "model")
    for word in ("secret", "/srv", "RuntimeError", "Traceback", "-1"):
        assert word not in reply.text
    assert "the secret of /srv/models" in caplog.text
    assert told["instance"].rpartition(":")[2] in caplog.text


def test_a_model_that_fails_in_the_form_gives_a_page(client: Client):
    reply = client.send_form("/models/fragile", {"x": "-1"}, accept=BROWSER)

    assert (reply.status, reply.media) == (500, PAGE)
    assert "secret" not in reply.text


class FullStore(MemoryStore):
    """A store that has no room left."""

    def insert(self, records: Any) -> InsertResult:
        raise StoreError("no space left on /srv/records")


def full(app: podium.App) -> Any:
    """The site of the app, its store full."""
    store = FullStore()
    service = PredictionService(recorder=StoreRecorder(store))
    return dataclasses.replace(app.site, service=service, store=store)


def test_an_answer_that_cannot_be_recorded_is_not_given(app: podium.App, client: Client, caplog):
    request = Request("POST", "/api/models/fragile/predict", body=b'{"x": 1}')

    with caplog.at_level(logging.ERROR, "podium"):
        response = routes.respond(full(app), request)

    assert response.status == 503
    assert response.headers["retry-after"] == "1"
    assert b'"prediction"' not in response.body
    assert b"/srv" not in response.body
    assert "no space left on /srv/records" in caplog.text


def test_a_page_says_when_to_try_again(app: podium.App, client: Client):
    request = Request(
        "POST",
        "/models/fragile",
        headers={"content-type": "application/x-www-form-urlencoded", "accept": BROWSER},
        body=b"x=1",
    )

    response = routes.respond(full(app), request)

    assert (response.status, response.media) == (503, PAGE)
    assert response.headers["retry-after"] == "1"


def test_whatever_breaks_in_a_view_is_a_500_with_an_id(app: podium.App, caplog):
    broken = dataclasses.replace(app.site, is_ready=lambda: 1 / 0 > 0)

    with caplog.at_level(logging.ERROR, "podium"):
        response = routes.respond(broken, Request("GET", "/readyz"))

    assert response.status == 500
    assert b'"code":"internal"' in response.body
    assert b"division" not in response.body
    assert "ZeroDivisionError" in caplog.text


def test_links_hold_the_prefix_that_the_app_is_mounted_under(app: podium.App, client: Client):
    mounted = {"root_path": "/ml", "headers": {"accept": BROWSER}}

    for path in ("/", "/docs", "/models/loans", "/nothing", "/models/loans/records"):
        response = routes.respond(app.site, Request("GET", path, **mounted))
        links = links_of(response.body.decode())
        assert [one for one in links if not one.startswith(("/ml/", "#", "?"))] == []


def test_only_a_post_to_predict_names_the_deployment_to_ask(app: podium.App):
    def predicted_model(method: str, path: str) -> str | None:
        found = routes.prediction_of(app.site, Request(method, path))
        return found.traffic.champion.name if found else None

    assert predicted_model("POST", PREDICT) == "loans"
    assert predicted_model("POST", "/api/models/nothing/predict") is None
    assert predicted_model("GET", PREDICT) is None
    assert predicted_model("OPTIONS", PREDICT) is None
    assert predicted_model("POST", "/models/loans") is None
    assert predicted_model("POST", "/nothing") is None


def test_every_refusal_has_a_title_and_a_status(app: podium.App):
    refusal = Refusal(414, "uri_too_long", "too long")

    response = routes.refused(app.site, Request("GET", "/" + "a" * 9_000), refusal)

    assert response.status == 414
    assert b"URI Too Long" in response.body


def test_the_table_of_routes_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ROUTER.routes[0].pattern = "/x"  # type: ignore[misc]
    assert isinstance(ROUTER.routes, tuple)


def test_static_files_are_found_by_name_only(client: Client):
    for name in ("podium.css", "base.html", ".", "%2e", "podium.css.bak"):
        assert client.get(f"/static/{name}").status in (404, 400)
