"""The census: every route, asked by six kinds of actors, with the statuses that each must get."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

import podium
from podium.protocols import protocols_of, router_of
from podium.settings import Settings
from podium.testing import ServerProcess
from podium.web import static

sys.path.insert(0, str(Path(__file__).parents[1] / "hosts"))
from accounts_visitor import PASSWORD, Visitor
from socket_client import SocketClient

ROUTER = router_of(*protocols_of(Settings()))
FORMATS = Path(__file__).parents[1] / "formats"
BUNDLES = [FORMATS / "logistic-1.podium", FORMATS / "forest-1.podium"]
ONE, OTHER = (podium.load(bundle) for bundle in BUNDLES)
ROW = ONE.signature.examples[0]
MODEL = f"/models/{ONE.name}"
API, V2, V1 = f"/api{MODEL}", f"/v2{MODEL}", f"/v1{MODEL}"
# Nobody, a user without rights, one with every right on another model, one who may predict and
# look at what they asked, staff without rights; and a token of the fourth's for less.
USERS = ("eve", "otto", "ada", "sam")
SCRIPT = f"""
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import call_command
call_command("migrate", verbosity=0)
from podium.access import Action
from podium.hosts.django.permissions import codename, make_permissions
from podium.hosts.django.tokens import make_token
make_permissions(["{ONE.name}", "{OTHER.name}"])
users = {{}}
for name in {USERS}:
    users[name] = get_user_model().objects.create_user(name, password="{PASSWORD}")
users["sam"].is_staff = True
users["sam"].save()
grants = {{
    "otto": [(action, "{OTHER.name}") for action in Action if action is not Action.METRICS],
    "ada": [(Action.PREDICT, "{ONE.name}"), (Action.SEE_OWN, "{ONE.name}")],
}}
for name, some in grants.items():
    names = [codename(*one) for one in some]
    users[name].user_permissions.add(*Permission.objects.filter(codename__in=names))
for name, user in users.items():
    print("TOKEN", name, make_token(user, "census")[1])
print("TOKEN", "narrow", make_token(users["ada"], "narrow", actions=[Action.SEE_OWN])[1])
"""
# By cookie: nobody and the four users.
PAGES = {
    ("GET", "/"): (303, 200, 200, 200, 200),
    ("GET", MODEL): (303, 404, 404, 200, 404),
    ("POST", MODEL): (303, 404, 404, 303, 404),
    ("POST", f"{MODEL}/whatif"): (303, 404, 404, 200, 404),
    ("POST", f"{MODEL}/paste"): (303, 404, 404, 422, 404),
    ("GET", f"{MODEL}/results/" + "0" * 32): (303, 404, 404, 404, 404),
    ("GET", f"{MODEL}/records"): (303, 404, 404, 200, 404),
    ("GET", f"{MODEL}/records.csv"): (303, 404, 404, 200, 404),
    ("GET", "/records/" + "0" * 32): (303, 404, 404, 404, 404),
    ("POST", f"{MODEL}/records/links"): (303, 404, 404, 400, 404),
    ("GET", f"{MODEL}/records/delete"): (303, 404, 404, 403, 404),
    ("POST", f"{MODEL}/records/delete"): (303, 404, 404, 403, 404),
    ("GET", "/records/" + "0" * 32 + "/delete"): (303, 404, 404, 404, 404),
    ("POST", "/records/" + "0" * 32 + "/delete"): (303, 404, 404, 404, 404),
    ("GET", "/records/" + "0" * 32 + "/feedback"): (303, 404, 404, 404, 404),
    ("POST", "/records/" + "0" * 32 + "/feedback"): (303, 404, 404, 404, 404),
    ("GET", f"{MODEL}/inbox"): (303, 404, 404, 403, 404),
    ("POST", f"{MODEL}/inbox"): (303, 404, 404, 403, 404),
    ("POST", f"{MODEL}/inbox/file"): (303, 404, 404, 403, 404),
    ("GET", f"{MODEL}/jobs"): (303, 404, 404, 200, 404),
    ("POST", f"{MODEL}/jobs/upload"): (303, 404, 404, 415, 404),
    ("GET", f"{MODEL}/jobs/" + "0" * 32): (303, 404, 404, 404, 404),
    ("POST", f"{MODEL}/jobs/" + "0" * 32): (303, 404, 404, 404, 404),
    ("GET", f"{MODEL}/jobs/" + "0" * 32 + "/results"): (303, 404, 404, 404, 404),
    ("GET", f"{MODEL}/jobs/" + "0" * 32 + "/refused"): (303, 404, 404, 404, 404),
    ("GET", f"{MODEL}/versions"): (303, 404, 404, 403, 404),
    ("POST", f"{MODEL}/versions"): (303, 404, 404, 403, 404),
    ("GET", f"{MODEL}/compare"): (303, 404, 404, 403, 404),
    ("POST", f"{MODEL}/versions/upload"): (303, 404, 404, 403, 404),
    ("POST", f"{MODEL}/traffic"): (303, 404, 404, 403, 404),
    ("GET", "/monitor"): (303, 200, 200, 200, 200),
    ("GET", f"{MODEL}/monitor"): (303, 404, 404, 403, 404),
    ("GET", f"{MODEL}/quality"): (303, 404, 404, 403, 404),
    ("POST", f"{MODEL}/alerts/1/acknowledge"): (303, 404, 404, 403, 404),
    ("GET", "/docs"): (303, 200, 200, 200, 200),
    ("GET", f"/docs/{ONE.name}"): (303, 404, 404, 200, 404),
    ("POST", f"/docs/{ONE.name}"): (303, 404, 404, 200, 404),
    ("GET", "/openapi.json"): (401, 200, 200, 200, 200),
    ("GET", "/nothing"): (404, 404, 404, 404, 404),
}
# By token: nobody, the four users, and the narrower token.
PROGRAMS = {
    ("GET", "/openapi.json"): (401, 200, 200, 200, 200, 200),
    ("GET", "/api/models"): (401, 200, 200, 200, 200, 200),
    ("GET", API): (401, 404, 404, 200, 404, 403),
    ("POST", f"{API}/predict"): (401, 404, 404, 200, 404, 403),
    ("POST", f"{API}/whatif"): (401, 404, 404, 400, 404, 403),
    ("GET", f"{API}/importance"): (401, 404, 404, 404, 404, 403),
    ("POST", f"{API}/explain"): (401, 404, 404, 403, 404, 403),
    ("GET", "/api/records/" + "0" * 32 + "/explanation"): (401, 404, 404, 404, 404, 404),
    ("DELETE", f"{API}/records?expect=0"): (401, 404, 404, 403, 404, 403),
    ("GET", "/api/records/" + "0" * 32): (401, 404, 404, 404, 404, 404),
    ("DELETE", "/api/records/" + "0" * 32): (401, 404, 404, 404, 404, 404),
    ("PUT", "/api/records/" + "0" * 32 + "/feedback"): (401, 404, 404, 404, 404, 404),
    ("POST", f"{API}/feedback"): (401, 404, 404, 403, 404, 403),
    ("POST", f"{API}/jobs"): (401, 404, 404, 415, 404, 403),
    ("GET", f"{API}/jobs"): (401, 404, 404, 200, 404, 403),
    ("GET", f"{API}/jobs/" + "0" * 32): (401, 404, 404, 404, 404, 403),
    ("DELETE", f"{API}/jobs/" + "0" * 32): (401, 404, 404, 404, 404, 403),
    ("GET", f"{API}/jobs/" + "0" * 32 + "/results"): (401, 404, 404, 404, 404, 403),
    ("GET", f"{API}/jobs/" + "0" * 32 + "/refused"): (401, 404, 404, 404, 404, 403),
    ("GET", f"{API}/versions"): (401, 404, 404, 403, 404, 403),
    ("GET", f"{API}/compare"): (401, 404, 404, 403, 404, 403),
    ("GET", f"{API}/monitor"): (401, 404, 404, 403, 404, 403),
    ("GET", f"{API}/monitor/stream"): (401, 404, 404, 403, 404, 403),
    ("GET", f"{API}/quality"): (401, 404, 404, 403, 404, 403),
    ("GET", f"{API}/alerts"): (401, 404, 404, 403, 404, 403),
    ("POST", f"{API}/alerts/1/acknowledge"): (401, 404, 404, 403, 404, 403),
    ("POST", f"{API}/versions"): (401, 404, 404, 403, 404, 403),
    ("PUT", f"{API}/aliases/champion"): (401, 404, 404, 403, 404, 403),
    ("POST", f"{API}/rollback"): (401, 404, 404, 403, 404, 403),
    ("PUT", f"{API}/traffic"): (401, 404, 404, 403, 404, 403),
    ("DELETE", f"{API}/traffic"): (401, 404, 404, 403, 404, 403),
    ("GET", "/v2"): (401, 200, 200, 200, 200, 200),
    ("GET", "/v2/models/stats"): (401, 200, 200, 200, 200, 200),
    ("GET", V2): (401, 404, 404, 200, 404, 403),
    ("GET", f"{V2}/ready"): (401, 404, 404, 200, 404, 403),
    ("GET", f"{V2}/config"): (401, 404, 404, 200, 404, 403),
    ("GET", f"{V2}/stats"): (401, 404, 404, 200, 404, 403),
    ("POST", f"{V2}/infer"): (401, 404, 404, 400, 404, 403),
    ("GET", f"{V2}/versions/9"): (401, 404, 404, 404, 404, 403),
    ("GET", f"{V2}/versions/9/ready"): (401, 404, 404, 404, 404, 403),
    ("GET", f"{V2}/versions/9/config"): (401, 404, 404, 404, 404, 403),
    ("GET", f"{V2}/versions/9/stats"): (401, 404, 404, 404, 404, 403),
    ("POST", f"{V2}/versions/9/infer"): (401, 404, 404, 404, 404, 403),
    ("POST", "/v2/repository/index"): (401, 200, 200, 200, 200, 200),
    ("POST", f"/v2/repository{MODEL}/load"): (401, 404, 404, 403, 404, 403),
    ("POST", f"/v2/repository{MODEL}/unload"): (401, 404, 404, 403, 404, 403),
    ("GET", "/v1/models"): (401, 200, 200, 200, 200, 200),
    ("GET", V1): (401, 404, 404, 200, 404, 403),
    ("POST", f"{V1}:predict"): (401, 404, 404, 400, 404, 403),
    ("POST", f"{V1}:explain"): (401, 404, 404, 403, 404, 403),
    ("GET", "/version"): (401, 200, 200, 200, 200, 200),
    ("POST", "/invocations"): (401, 404, 404, 404, 404, 404),
    ("POST", f"/endpoints/{ONE.name}/invocations"): (403, 400, 400, 200, 400, 403),
    ("GET", "/metrics"): (401, 403, 403, 403, 403, 403),
    ("GET", "/api/nothing"): (404, 404, 404, 404, 404, 404),
}
OPEN = (
    *("/", "/livez", "/readyz", "/v2/health/live", "/v2/health/ready", "/ping", "/health"),
    *(f"/static/{static.hashed('podium.css')}", "/favicon.ico"),
)


@dataclass
class World:
    """A server with accounts, and those who ask it."""

    address: str
    visitors: list[Visitor]
    tokens: list[str]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("census") / "home"
    command = [sys.executable, "-m", "podium", "manage", "--home", str(home), "shell", "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    tokens = dict(re.findall(r"TOKEN (\w+) (\S+)", done.stdout))
    with ServerProcess(*map(str, BUNDLES), "--accounts", home=home) as server:
        visitors = [Visitor(server.address) for _ in ("nobody", *USERS)]
        for name, visitor in zip(USERS, visitors[1:], strict=True):
            visitor.log_in(name)
        yield World(server.address, visitors, ["", *(tokens[name] for name in (*USERS, "narrow"))])
        for visitor in visitors:
            visitor.http.close()


def by_cookie(visitor: Visitor, method: str, path: str) -> int:
    if method == "GET":
        return visitor.http.get(path, follow_redirects=False).status_code
    account = visitor.get("/accounts/")  # whose forms hold what every form must carry
    token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', account.text)[-1]
    fields = {name: "" if value is None else str(value) for name, value in ROW.items()}
    headers = {"origin": visitor.origin, "referer": visitor.origin + path}
    form = {"csrfmiddlewaretoken": token, **fields}
    return visitor.http.post(path, data=form, headers=headers, follow_redirects=False).status_code


def by_token(world: World, token: str, method: str, path: str, **headers: str) -> httpx.Response:
    if token:
        headers["authorization"] = f"Bearer {token}"
    body = ROW if method == "POST" else None
    return httpx.request(method, world.address + path, json=body, headers=headers)


def test_the_census_walks_every_route():
    asked = [*PAGES, *PROGRAMS, *(("GET", path) for path in OPEN)]
    found = [ROUTER.find(method, path.partition("?")[0]).route for method, path in asked]
    found.append(ROUTER.find("GET", "/", "*/*").route)

    assert {route.name for route in found if route is not None} == {
        route.name for route in ROUTER.routes
    }


@pytest.mark.parametrize(("method", "path"), PAGES)
def test_pages_let_in_whom_they_should(world: World, method: str, path: str):
    statuses = tuple(by_cookie(visitor, method, path) for visitor in world.visitors)

    assert statuses == PAGES[method, path]


@pytest.mark.parametrize("accept", ["application/json", "text/csv"], ids=["fast", "asgi"])
@pytest.mark.parametrize(("method", "path"), PROGRAMS)
def test_the_api_lets_in_whom_it_should_in_both_lanes(world, method, path, accept):
    statuses = tuple(
        by_token(world, token, method, path, accept=accept).status_code for token in world.tokens
    )

    assert statuses == PROGRAMS[method, path]


def test_what_is_open_is_open_to_everybody(world: World):
    for path in OPEN:
        replies = [by_token(world, token, "GET", path) for token in world.tokens]
        assert {one.status_code for one in replies} == {200}, path


def test_a_program_learns_from_the_address_of_the_home_page_that_the_server_is_alive(world: World):
    """Whatever cookie or token it has, and no cookie comes of it."""
    by_token_ = [by_token(world, token, "GET", "/") for token in ("pod_wrong", *world.tokens)]
    by_cookie_ = [one.http.get("/", headers={"accept": "*/*"}) for one in world.visitors]

    for reply in (*by_token_, *by_cookie_):
        assert (reply.status_code, reply.json()["status"]) == (200, "alive")
        assert reply.headers["vary"] == "accept"
        assert "set-cookie" not in reply.headers
    assert len({reply.content for reply in (*by_token_, *by_cookie_)}) == 1


def test_cookies_never_open_the_api_and_tokens_never_a_page(world: World):
    for visitor in world.visitors:
        asked = visitor.http.post(f"{API}/predict", json=ROW)
        assert asked.status_code == 401
        assert visitor.http.get("/api/models").status_code == 401
    statuses = [visitor.http.get("/metrics").status_code for visitor in world.visitors]
    assert statuses == [401, 403, 403, 403, 403]  # a page of numbers: an administrator's browser
    for token in world.tokens:
        for path in ("/", MODEL, f"{MODEL}/records", "/accounts/", "/admin/"):
            reply = by_token(world, token, "GET", path, accept="text/html")
            assert reply.status_code in (302, 303), path


def watching(world: World, model: str, **headers: str) -> int:
    path = f"/api/models/{model}/monitor/stream"
    with SocketClient(world.address, path, headers) as client:
        return client.status


def test_cookies_and_tokens_open_the_websockets_that_they_should(world: World):
    """Nobody, one without rights, one with every right on the other model, one without this one."""
    cookies = [
        "; ".join(f"{name}={value}" for name, value in visitor.http.cookies.items())
        for visitor in world.visitors[:4]
    ]

    by_cookie = [
        [watching(world, one.name, Cookie=text) for one in (ONE, OTHER)] for text in cookies
    ]
    tokens = [f"Bearer {token}" if token else "" for token in world.tokens[:4]]
    by_token = [
        [watching(world, one.name, Authorization=text) for one in (ONE, OTHER)] for text in tokens
    ]

    assert by_cookie == [[401, 401], [404, 404], [404, 101], [403, 404]]
    assert by_token == [[401, 401], [404, 404], [404, 101], [403, 404]]
    # Another site's page can't use the cookie; and a token that is wrong isn't made good by it.
    elsewhere = {"Cookie": cookies[2], "Origin": "https://elsewhere.example"}
    assert watching(world, OTHER.name, **elsewhere) == 403
    assert watching(world, OTHER.name, Cookie=cookies[2], Authorization="Bearer pod_no") == 401
    own = {"Cookie": cookies[2], "Origin": world.address}
    assert watching(world, OTHER.name, **own) == 101


def test_only_staff_comes_into_the_admin(world: World):
    statuses = [
        visitor.http.get("/admin/", follow_redirects=False).status_code
        for visitor in world.visitors
    ]

    assert statuses[-1] == 200
    assert 200 not in statuses[:-1]


def test_both_lanes_record_the_actor(world: World):
    ada = world.visitors[3]
    for accept in ("application/json", "text/csv"):
        by_token(world, world.tokens[3], "POST", f"{API}/predict", accept=accept)

    lines = ada.get(f"{MODEL}/records.csv").text.splitlines()

    at = lines[0].lstrip("\ufeff").split(",").index("actor")
    actors = [line.split(",")[at] for line in lines[1:]]
    assert len(actors) >= 2
    assert set(actors) == {"ada"}


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer pod_", "Basic YTpi", "Bearer " + "x" * 500, "bearer\tpod_1"]
)
def test_what_is_no_token_of_ours_is_refused_in_both_lanes(world: World, header: str):
    for accept in ("application/json", "text/csv"):
        headers = {"authorization": header, "accept": accept}
        reply = httpx.post(f"{world.address}{API}/predict", json=ROW, headers=headers)

        assert reply.status_code == 401
        assert reply.headers["www-authenticate"] == "Bearer"
        assert reply.json()["code"] == "not_authenticated"
