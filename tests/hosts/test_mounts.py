"""The sites of docs/how-to/mount.md, each started by uvicorn, answer as the server alone does."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.routing import Mount

import podium
from podium.access import Action, Actor
from podium.http import Request
from podium.records.open import open_store
from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from exchanges import EXCHANGES, GOOD, NO_BULK, PREDICT, Exchange
from test_hosts import FUNCTION, ask_http, essence

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "mount.md"
READY_S = 120
# Before every site stands what Starlette, Litestar and the others call middleware.
SEEN = """
from {site} import app as inner

async def app(scope, receive, send):
    path = scope.get("path", "").encode()
    async def seen(message):
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"x-seen", path)]
        await send(message)
    await inner(scope, receive, seen if scope["type"] == "http" else send)
"""
DJANGO = """
SECRET_KEY = "a secret of the test"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "site_urls"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "site.sqlite"}}
USE_TZ = True
"""
DJANGO_URLS = """
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.urls import path

def log_in(request):
    user, _ = User.objects.get_or_create(username="ada")
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponse("Hello, ada!")

urlpatterns = [path("login", log_in)]
"""
TOKEN = {"authorization": "Bearer a-token-of-ada"}
LOGIN = {"fastapi": "/login?user=ada", "quart": "/login", "django": "/login"}


@dataclass
class Site:
    """One that runs.

    Attributes:
        known: headers by which it knows that Ada asks.
    """

    address: str
    known: dict[str, str]

    def ask(self, exchange: Exchange) -> Any:
        more = {name: value for name, value in self.known.items() if name not in exchange.headers}
        asked = Exchange(
            exchange.name,
            exchange.status,
            exchange.method,
            "/ml" + exchange.path,
            exchange.body,
            exchange.headers | more,
        )
        with httpx.Client(base_url=self.address) as http:
            return ask_http(http, asked)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("mounted")
    (folder / "mounted_model.py").write_text(FUNCTION)
    sys.path.insert(0, str(folder))
    import mounted_model

    yield podium.pack(mounted_model.loans, name="loans", path=folder).path
    sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def alone(
    bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[int, str, bytes]]:
    """What the server alone answers to each request, by name."""
    home, search = tmp_path_factory.mktemp("home"), {"PYTHONPATH": str(bundle.parent)} | NO_BULK
    with (
        ServerProcess(str(bundle), home=home, environment=search) as server,
        httpx.Client(base_url=server.address) as http,
    ):
        return {one.name: essence(ask_http(http, one)) for one in EXCHANGES}


@pytest.fixture(scope="module", params=["fastapi", "starlette", "litestar", "quart", "django"])
def site(
    request: pytest.FixtureRequest, bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    name = request.param
    folder = tmp_path_factory.mktemp(name)
    write(folder, name, bundle)
    process = start(folder, bundle)
    try:
        address = wait(process, folder / "log")
        known = logged_in(address + LOGIN[name]) if name in LOGIN else TOKEN
        yield Site(address, known)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) in (0, -signal.SIGINT), (folder / "log").read_text()


def write(folder: Path, name: str, bundle: Path) -> None:
    """The site of the page, and what a project of Django has beside it."""
    (text,) = re.findall(
        rf'title="{name}_site.py"\n(.*?)^```$', PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    assert text.count('"churn.podium"') == 1
    (folder / f"{name}_site.py").write_text(text.replace('"churn.podium"', repr(str(bundle))))
    (folder / "seen_site.py").write_text(SEEN.format(site=f"{name}_site"))
    if name == "django":
        (folder / "site_settings.py").write_text(DJANGO)
        (folder / "site_urls.py").write_text(DJANGO_URLS)
        subprocess.run(
            [sys.executable, "-m", "django", "migrate", "-v", "0"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": ".", "DJANGO_SETTINGS_MODULE": "site_settings"},
            check=True,
        )


def start(folder: Path, bundle: Path) -> subprocess.Popen[bytes]:
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "--port", "0", "seen_site:app"],
            cwd=folder,
            stdout=log,
            stderr=log,
            env={
                **os.environ,
                **NO_BULK,
                "PYTHONPATH": str(bundle.parent),
                "PYTHONUNBUFFERED": "1",
            },
        )


def wait(process: subprocess.Popen[bytes], log: Path) -> str:
    """The address of the site, once it answers."""
    until = time.monotonic() + READY_S
    while True:
        found = re.search(r"running on (http://127\.0\.0\.1:\d+)", log.read_text())
        if found and httpx.get(f"{found[1]}/ml/readyz").status_code == 200:
            return found[1]
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.05)


def logged_in(address: str) -> dict[str, str]:
    """The cookie that the site gives Ada."""
    answer = httpx.post(address)
    assert answer.status_code == 200, answer.text
    return {"cookie": "; ".join(f"{name}={value}" for name, value in answer.cookies.items())}


def without_prefix(body: bytes) -> bytes:
    return body.replace(b"/ml/", b"/").replace(b'"/ml"', b'"/"')


def test_every_request_gets_the_response_of_the_standalone_server(site, alone):
    for exchange in EXCHANGES:
        told = site.ask(exchange)

        if not exchange.headers.keys().isdisjoint(site.known):
            assert told.status == 403  # a signature in place of what the site knows people by
            continue
        assert told.status == exchange.status, (exchange.name, told.body[:500])
        # Lists of records grow, in each home for itself.
        if "records" not in exchange.path:
            told.body = without_prefix(told.body)
            assert essence(told) == alone[exchange.name], exchange.name


def test_middleware_stands_before_it(site):
    told = site.ask(Exchange("a form", 200, path="/models/loans"))

    assert told.headers["x-seen"] == "/ml/models/loans"


def test_the_prefix_without_a_slash_leads_to_the_models(site):
    headers = site.known | {"accept": "text/html"}
    answer = httpx.get(f"{site.address}/ml", headers=headers)
    if answer.has_redirect_location:  # Starlette's way
        answer = httpx.get(answer.headers["location"], headers=headers)

    assert answer.status_code == 200
    assert "loans" in answer.text
    assert 'href="/ml/models/loans"' in answer.text


@pytest.mark.parametrize("path", ["/", "/models/loans", "/models/loans/records", "/docs"])
def test_anonymous_callers_see_no_page(site, path):
    answer = httpx.get(f"{site.address}/ml{path}", headers={"accept": "text/html"})

    assert answer.status_code == 401
    assert "income" not in answer.text


def test_anonymous_callers_get_no_prediction(site):
    answer = httpx.post(f"{site.address}/ml{PREDICT}", json=GOOD)

    assert answer.status_code == 401
    assert answer.json()["code"] == "not_authenticated"


def test_the_record_names_the_actor(site):
    answer = httpx.post(f"{site.address}/ml{PREDICT}", json=GOOD, headers=site.known).json()

    page = httpx.get(f"{site.address}/ml/models/loans/records.csv", headers=site.known).text
    (line,) = [line for line in page.splitlines() if answer["id"] in line]
    assert "ada" in line


def test_the_rest_of_the_site_is_its_own(site):
    answer = httpx.get(f"{site.address}/nothing/of/ours")

    assert answer.status_code == 404
    assert "x-content-type-options" not in answer.headers or "podium" not in answer.text


GRANTED = {
    "grace": {"loans": frozenset({Action.PREDICT, Action.SEE_OWN})},
    "linus": {"other": frozenset(Action)},
}


async def identify(request: Request) -> Actor | None:
    user = request.native["user"]
    if not user.is_authenticated:
        return None
    return Actor(user.username, user.username, GRANTED[user.username])


class ByHeader(AuthenticationBackend):
    async def authenticate(self, conn: Any) -> Any:
        name = conn.headers.get("x-user")
        return None if name is None else (AuthCredentials(["authenticated"]), SimpleUser(name))


async def ask_as(app: Starlette, user: str, method: str, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http:
        body = GOOD if method == "POST" else None
        return await http.request(method, f"/ml{path}", json=body, headers={"x-user": user})


@pytest.mark.parametrize(
    ("user", "method", "path", "status"),
    [
        ("grace", "POST", PREDICT, 200),
        ("grace", "GET", "/models/loans/records", 200),
        ("grace", "GET", "/metrics", 403),
        ("linus", "POST", PREDICT, 404),
        ("linus", "GET", "/models/loans", 404),
    ],
)
def test_a_user_may_do_what_is_granted(bundle, tmp_path, user, method, path, status):
    ml = podium.App(str(bundle), home=str(tmp_path), identify=identify)
    guarded = [Middleware(AuthenticationMiddleware, backend=ByHeader())]
    site = Starlette(routes=[Mount("/ml", app=ml)], middleware=guarded)

    async def ask() -> httpx.Response:
        async with ml.lifespan():
            return await ask_as(site, user, method, path)

    answer = asyncio.run(ask())

    assert answer.status_code == status, answer.text


def test_what_was_recorded_is_in_the_store_when_the_lifespan_ends(bundle, tmp_path):
    ml = podium.App(str(bundle), home=str(tmp_path), identify=identify)
    guarded = [Middleware(AuthenticationMiddleware, backend=ByHeader())]
    site = Starlette(routes=[Mount("/ml", app=ml)], middleware=guarded, lifespan=ml.lifespan)

    async def live() -> str:
        async with site.router.lifespan_context(site):
            return str((await ask_as(site, "grace", "POST", PREDICT)).json()["id"])

    record_id = asyncio.run(live())

    store = open_store(tmp_path / "podium.db")
    record = store.get(record_id)
    store.close()
    assert record is not None
    assert record.actor == "grace"
