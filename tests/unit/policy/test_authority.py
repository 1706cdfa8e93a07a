"""Who may do what: one decision, before every view."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import podium
from podium.access import ALL, ANYONE, NOBODY, Action, Actor, allowed, may_anything
from podium.errors import NotAuthenticated, SetupError
from podium.http import Request
from podium.policy.authority import actor_of
from podium.protocols import protocols_of, router_of
from podium.settings import Settings
from podium.testing import Client
from podium.web import routes, static

ROW = {"distance": 100.0, "hour": 3}
EVERYTHING = frozenset(Action)
ACTORS = {
    "nobody": NOBODY,
    "without rights": Actor("eve", "Eve"),
    "of another model": Actor("otto", "Otto", {"loans": EVERYTHING}),
    "who predicts": Actor("ada", "Ada", {"arrival-delay": frozenset({Action.PREDICT})}),
    "who looks at their own": Actor(
        "bob", "Bob", {"arrival-delay": frozenset({Action.PREDICT, Action.SEE_OWN})}
    ),
    "who sees all": Actor("sue", "Sue", {ALL: EVERYTHING}),
}
V2 = "/v2/models/arrival-delay"
# Paths of programs, besides those of the API.
OF_PROGRAMS = ("/api/", "/v2", "/v1/", "/invocations", "/version", "/endpoints/")
# What each route answers to each of them, in that order. Pages send nobody to log in.
CENSUS = {
    ("GET", "/"): (303, 200, 200, 200, 200, 200),
    ("GET", "/models/arrival-delay"): (303, 404, 404, 200, 200, 200),
    ("POST", "/models/arrival-delay"): (303, 404, 404, 200, 303, 303),
    ("POST", "/models/arrival-delay/whatif"): (303, 404, 404, 400, 400, 400),
    ("POST", "/models/arrival-delay/paste"): (303, 404, 404, 422, 422, 422),
    ("POST", "/api/models/arrival-delay/whatif"): (401, 404, 404, 400, 400, 400),
    ("GET", "/api/models/arrival-delay/importance"): (401, 404, 404, 404, 404, 404),
    ("POST", "/api/models/arrival-delay/explain"): (401, 404, 404, 403, 403, 400),
    ("GET", f"/api/records/{'0' * 32}/explanation"): (401, 404, 404, 404, 404, 404),
    ("GET", f"/models/arrival-delay/results/{'0' * 32}"): (303, 404, 404, 403, 404, 404),
    ("GET", "/models/arrival-delay/records"): (303, 404, 404, 403, 200, 200),
    ("GET", "/models/arrival-delay/records.csv"): (303, 404, 404, 403, 200, 200),
    ("GET", "/records/" + "0" * 32): (303, 404, 404, 404, 404, 404),
    ("POST", "/models/arrival-delay/records/links"): (303, 404, 404, 403, 400, 400),
    ("GET", "/models/arrival-delay/records/delete"): (303, 404, 404, 403, 403, 200),
    ("POST", "/models/arrival-delay/records/delete?expect=99"): (303, 404, 404, 403, 403, 409),
    ("GET", f"/records/{'0' * 32}/delete"): (303, 404, 404, 404, 404, 404),
    ("POST", f"/records/{'0' * 32}/delete"): (303, 404, 404, 404, 404, 404),
    ("GET", f"/records/{'0' * 32}/feedback"): (303, 404, 404, 404, 404, 404),
    ("POST", f"/records/{'0' * 32}/feedback"): (303, 404, 404, 404, 404, 404),
    ("PUT", f"/api/records/{'0' * 32}/feedback"): (401, 404, 404, 404, 404, 404),
    ("POST", "/api/models/arrival-delay/feedback"): (401, 404, 404, 403, 403, 422),
    ("DELETE", "/api/models/arrival-delay/records?expect=99"): (401, 404, 404, 403, 403, 409),
    ("GET", f"/api/records/{'0' * 32}"): (401, 404, 404, 404, 404, 404),
    ("DELETE", f"/api/records/{'0' * 32}"): (401, 404, 404, 404, 404, 404),
    ("GET", "/models/arrival-delay/inbox"): (303, 404, 404, 403, 403, 200),
    ("POST", "/models/arrival-delay/inbox"): (303, 404, 404, 403, 403, 404),
    ("POST", "/models/arrival-delay/inbox/file"): (303, 404, 404, 403, 403, 415),
    ("GET", "/models/arrival-delay/jobs"): (303, 404, 404, 200, 200, 200),
    ("POST", "/models/arrival-delay/jobs/upload"): (303, 404, 404, 415, 415, 415),
    ("GET", f"/models/arrival-delay/jobs/{'0' * 32}"): (303, 404, 404, 404, 404, 404),
    ("POST", f"/models/arrival-delay/jobs/{'0' * 32}"): (303, 404, 404, 404, 404, 404),
    ("GET", f"/models/arrival-delay/jobs/{'0' * 32}/results"): (303, 404, 404, 404, 404, 404),
    ("GET", f"/models/arrival-delay/jobs/{'0' * 32}/refused"): (303, 404, 404, 404, 404, 404),
    ("POST", "/api/models/arrival-delay/jobs"): (401, 404, 404, 415, 415, 415),
    ("GET", "/api/models/arrival-delay/jobs"): (401, 404, 404, 200, 200, 200),
    ("GET", f"/api/models/arrival-delay/jobs/{'0' * 32}"): (401, 404, 404, 404, 404, 404),
    ("DELETE", f"/api/models/arrival-delay/jobs/{'0' * 32}"): (401, 404, 404, 404, 404, 404),
    ("GET", f"/api/models/arrival-delay/jobs/{'0' * 32}/results"): (401, 404, 404, 404, 404, 404),
    ("GET", f"/api/models/arrival-delay/jobs/{'0' * 32}/refused"): (401, 404, 404, 404, 404, 404),
    ("GET", "/models/arrival-delay/versions"): (303, 404, 404, 403, 403, 200),
    ("POST", "/models/arrival-delay/versions"): (303, 404, 404, 403, 403, 409),
    ("GET", "/models/arrival-delay/compare"): (303, 404, 404, 403, 403, 200),
    ("POST", "/models/arrival-delay/versions/upload"): (303, 404, 404, 403, 403, 415),
    ("POST", "/models/arrival-delay/traffic"): (303, 404, 404, 403, 403, 400),
    ("GET", "/monitor"): (303, 200, 200, 200, 200, 200),
    ("GET", "/models/arrival-delay/monitor"): (303, 404, 404, 403, 403, 200),
    ("GET", "/models/arrival-delay/quality"): (303, 404, 404, 403, 403, 200),
    ("POST", "/models/arrival-delay/alerts/1/acknowledge"): (303, 404, 404, 403, 403, 404),
    ("GET", "/docs"): (303, 200, 200, 200, 200, 200),
    ("GET", "/docs/arrival-delay"): (303, 404, 404, 200, 200, 200),
    ("POST", "/docs/arrival-delay"): (303, 404, 404, 200, 200, 200),
    ("GET", "/openapi.json"): (401, 200, 200, 200, 200, 200),
    ("GET", "/api/models"): (401, 200, 200, 200, 200, 200),
    ("GET", "/api/models/arrival-delay"): (401, 404, 404, 200, 200, 200),
    ("POST", "/api/models/arrival-delay/predict"): (401, 404, 404, 200, 200, 200),
    ("GET", "/api/models/arrival-delay/versions"): (401, 404, 404, 403, 403, 200),
    ("GET", "/api/models/arrival-delay/compare"): (401, 404, 404, 403, 403, 404),
    ("GET", "/api/models/arrival-delay/monitor"): (401, 404, 404, 403, 403, 200),
    ("GET", "/api/models/arrival-delay/monitor/stream"): (401, 404, 404, 403, 403, 426),
    ("GET", "/api/models/arrival-delay/quality"): (401, 404, 404, 403, 403, 200),
    ("GET", "/api/models/arrival-delay/alerts"): (401, 404, 404, 403, 403, 200),
    ("POST", "/api/models/arrival-delay/alerts/1/acknowledge"): (401, 404, 404, 403, 403, 400),
    ("POST", "/api/models/arrival-delay/versions"): (401, 404, 404, 403, 403, 422),
    ("PUT", "/api/models/arrival-delay/aliases/champion"): (401, 404, 404, 403, 403, 400),
    ("POST", "/api/models/arrival-delay/rollback"): (401, 404, 404, 403, 403, 400),
    ("PUT", "/api/models/arrival-delay/traffic"): (401, 404, 404, 403, 403, 400),
    ("DELETE", "/api/models/arrival-delay/traffic"): (401, 404, 404, 403, 403, 404),
    ("GET", "/v2"): (401, 200, 200, 200, 200, 200),
    ("GET", "/v2/health/live"): (200,) * 6,
    ("GET", "/v2/health/ready"): (200,) * 6,
    ("GET", "/v2/models/stats"): (401, 200, 200, 200, 200, 200),
    ("GET", V2): (401, 404, 404, 200, 200, 200),
    ("GET", f"{V2}/ready"): (401, 404, 404, 200, 200, 200),
    ("GET", f"{V2}/config"): (401, 404, 404, 200, 200, 200),
    ("GET", f"{V2}/stats"): (401, 404, 404, 200, 200, 200),
    ("POST", f"{V2}/infer"): (401, 404, 404, 400, 400, 400),
    ("GET", f"{V2}/versions/9"): (401, 404, 404, 404, 404, 404),
    ("GET", f"{V2}/versions/9/ready"): (401, 404, 404, 404, 404, 404),
    ("GET", f"{V2}/versions/9/config"): (401, 404, 404, 404, 404, 404),
    ("GET", f"{V2}/versions/9/stats"): (401, 404, 404, 404, 404, 404),
    ("POST", f"{V2}/versions/9/infer"): (401, 404, 404, 404, 404, 404),
    ("GET", "/v1/models"): (401, 200, 200, 200, 200, 200),
    ("GET", "/v1/models/arrival-delay"): (401, 404, 404, 200, 200, 200),
    ("POST", "/v1/models/arrival-delay:predict"): (401, 404, 404, 400, 400, 400),
    ("POST", "/v1/models/arrival-delay:explain"): (401, 404, 404, 403, 403, 400),
    ("GET", "/version"): (401, 200, 200, 200, 200, 200),
    ("POST", "/invocations"): (401, 404, 404, 400, 400, 400),
    ("POST", "/endpoints/arrival-delay/invocations"): (403, 400, 400, 200, 200, 200),
    ("GET", "/ping"): (200,) * 6,
    ("GET", "/health"): (200,) * 6,
    ("POST", "/v2/repository/index"): (401, 200, 200, 200, 200, 200),
    ("POST", "/v2/repository/models/arrival-delay/load"): (401, 404, 404, 403, 403, 200),
    ("POST", "/v2/repository/models/arrival-delay/unload"): (401, 404, 404, 403, 403, 400),
    ("GET", "/metrics"): (401, 403, 403, 403, 403, 200),
    ("GET", "/livez"): (200,) * 6,
    ("GET", "/readyz"): (200,) * 6,
    ("GET", f"/static/{static.hashed('podium.css')}"): (200,) * 6,
    ("GET", "/favicon.ico"): (200,) * 6,
}
ROUTER = router_of(*protocols_of(Settings()))


class Named:
    """Believes the name in a header: pages by `x-page`, the API by `authorization`."""

    version = 1

    def __init__(self) -> None:
        self.audited: list[tuple[str, str, dict[str, str]]] = []

    def of_page(self, request: Request) -> Actor:
        return ACTORS[request.headers.get("x-page", "nobody")]

    def of_api(self, request: Request) -> Actor:
        return self.of_token(request.headers.get("authorization", "").encode())

    def of_token(self, header: bytes) -> Actor:
        name = header.decode() or "nobody"
        if name not in ACTORS:
            raise NotAuthenticated("this token isn't valid")
        return ACTORS[name]

    def login_url(self, request: Request) -> str | None:
        return request.url(f"/login?next={request.path}")

    def links(self, request: Request) -> list[tuple[str, str]]:
        return [(request.actor.label or "Log in", "/account")]

    def audit(self, actor: Actor, event: str, **fields: str) -> None:
        self.audited.append((actor.name, event, fields))


@pytest.fixture(scope="module")
def authority() -> Named:
    return Named()


@pytest.fixture(scope="module")
def guarded(
    models_file: Path, authority: Named, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """The models behind an authority."""
    home = tmp_path_factory.mktemp("guarded")
    sources = [f"{models_file}:{name}" for name in ("loans", "arrival")]
    app = podium.App(
        *sources, identify=authority, home=str(home), invocations_model="arrival-delay"
    )
    yield Client(app)
    app.close()


def send(client: Client, method: str, path: str, who: str, **headers: str):
    headers = {"x_page": who, "authorization": who, "accept": "text/html", **headers}
    if method == "GET":
        return client.get(path, **headers)
    if method in ("DELETE", "PUT"):
        return client.request(method, path, headers=headers)
    if path.startswith(OF_PROGRAMS):
        return client.post(path, ROW, **headers)
    return client.send_form(path, {name: str(value) for name, value in ROW.items()}, **headers)


def test_the_census_walks_every_route():
    walked = {ROUTER.find(method, path.partition("?")[0]).route.name for method, path in CENSUS}

    assert walked | {ROUTER.find("GET", "/", "*/*").route.name} == {
        route.name for route in ROUTER.routes
    }


@pytest.mark.parametrize("accept", ["", "*/*", "application/json"])
def test_a_program_learns_at_the_home_page_that_the_server_is_alive_and_no_more(guarded, accept):
    replies = [send(guarded, "GET", "/", who, accept=accept) for who in ACTORS]

    assert {one.status for one in replies} == {200}
    assert len({one.body for one in replies}) == 1
    assert replies[0].json() == {
        "status": "alive",
        "name": "podium",
        "links": {
            "docs": "/docs",
            "openapi": "/openapi.json",
            "livez": "/livez",
            "readyz": "/readyz",
        },
    }


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path"), CENSUS)
def test_each_route_lets_in_whom_it_should(guarded: Client, method: str, path: str):
    statuses = tuple(send(guarded, method, path, who).status for who in ACTORS)

    assert statuses == CENSUS[method, path]


def test_a_cookie_never_opens_the_api_and_a_token_never_a_page(guarded: Client):
    api = guarded.post("/api/models/arrival-delay/predict", ROW, x_page="who sees all")
    page = guarded.get("/models/arrival-delay", authorization="who sees all")

    assert api.status == 401
    assert api.headers["www-authenticate"] == "Bearer"
    assert page.status == 303


def test_an_invalid_token_gets_401(guarded: Client):
    reply = guarded.post("/api/models/arrival-delay/predict", ROW, authorization="made up")

    assert (reply.status, reply.json()["code"]) == (401, "not_authenticated")


def test_anonymous_callers_are_sent_to_log_in_and_back(guarded: Client):
    reply = guarded.get("/models/arrival-delay", accept="text/html")

    assert reply.headers["location"] == "/login?next=/models/arrival-delay"


def test_models_that_one_may_nothing_with_are_not_there(guarded: Client):
    for path in ("/", "/docs", "/openapi.json", "/api/models"):
        text = send(guarded, "GET", path, "of another model").text

        assert "arrival-delay" not in text
        assert "loans" in text
    missing = send(guarded, "GET", "/api/models/nope", "of another model").json()
    assert "arrival-delay" not in missing["hint"]
    assert "arrival-delay" not in guarded.get("/readyz").text


def test_records_name_their_actor_and_are_seen_by_their_owner(guarded: Client):
    ids = {}
    for who in ("who predicts", "who looks at their own"):
        reply = send(guarded, "POST", "/api/models/arrival-delay/predict", who, accept="*/*")
        ids[who] = reply.json()["id"]
    records = "/models/arrival-delay/records"

    own = send(guarded, "GET", records, "who looks at their own").text
    every = send(guarded, "GET", records, "who sees all").text

    theirs, mine = (f"/records/{one}" for one in ids.values())
    assert mine in own
    assert theirs not in own
    assert mine in every
    assert theirs in every
    assert send(guarded, "GET", mine, "who looks at their own").status == 200
    assert send(guarded, "GET", theirs, "who looks at their own").status == 404
    filled = f"/models/arrival-delay?from={ids['who predicts']}"
    assert send(guarded, "GET", filled, "who looks at their own").status == 404
    assert "Bob" not in every
    assert "bob" in send(guarded, "GET", mine, "who sees all").text


def test_an_export_is_written_down(guarded: Client, authority: Named):
    send(guarded, "GET", "/models/arrival-delay/records.csv", "who sees all")

    assert authority.audited[-1] == ("sue", "records_exported", {"model": "arrival-delay"})


def test_pages_lead_only_where_one_may_go(guarded: Client):
    home = send(guarded, "GET", "/", "who predicts").text

    assert 'href="/models/arrival-delay"' in home
    assert "/models/arrival-delay/records" not in home
    assert '<a href="/account">Ada</a>' in home


def test_what_is_not_granted_is_denied():
    for action in Action:
        assert not allowed(NOBODY, action, "churn")
        assert allowed(ANYONE, action, "churn")
    one = Actor("a", grants={"churn": frozenset({Action.SEE})})
    assert allowed(one, Action.SEE_OWN, "churn")
    assert not allowed(one, Action.SEE, "other")
    assert not allowed(one, Action.SEE)
    assert may_anything(one, "churn")
    assert not may_anything(one, "other")


def test_identify_returns_an_actor_a_name_or_none():
    ada = Actor("ada")
    assert actor_of(ada) is ada
    assert actor_of(None) is NOBODY
    assert allowed(actor_of("ada"), Action.SEE, "any")
    with pytest.raises(SetupError, match="an Actor, a str or None, not int"):
        actor_of(7)


def test_a_host_can_put_its_own_page_around_ours(models_file: Path, tmp_path: Path):
    def frame(request: Request, parts) -> str:
        return f"<i>{parts.title}</i>{parts.main}<footer>{request.path}</footer>"

    app = podium.App(f"{models_file}:arrival", frame=frame, records=False, title="A & B")
    text = Client(app).get("/models/arrival-delay").text
    app.close()

    assert "A & B" in text[: text.index("</i>")]
    assert text.endswith("<footer>/models/arrival-delay</footer>")
    assert '<form method="post"' in text
    assert "<!doctype" not in text


def test_forms_carry_the_token_of_their_host(models_file: Path, tmp_path: Path):
    app = podium.App(f"{models_file}:arrival", home=str(tmp_path))
    client = Client(app)
    token = ("csrf_token", 'a"b')
    body = b"csrf_token=a%22b&distance=100&hour=3"
    headers = {"content-type": "application/x-www-form-urlencoded"}
    path = "/models/arrival-delay"

    shown = routes.respond(app.site, Request("GET", path, form_token=token))
    sent = routes.respond(
        app.site, Request("POST", path, headers=headers, body=body, form_token=token)
    )
    unknown = routes.respond(app.site, Request("POST", path, headers=headers, body=body))
    app.close()

    assert b'name="csrf_token" value="a&#34;b"' in shown.body
    assert client.app is app
    assert sent.status == 303
    assert unknown.status == 422
