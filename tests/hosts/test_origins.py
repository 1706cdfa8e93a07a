"""Pages of other origins ask the API where the operator lists them, in every host."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask import Flask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount

import podium
from podium.errors import SetupError
from podium.hosts.flask import Podium
from podium.hosts.flask.host import host_of
from podium.settings import read_settings
from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from django_server import Project
from origins import LISTED, Ask, check_listed, check_with_credentials, post
from test_broken_models import HERE
from test_hosts import bundle  # noqa: F401 - a fixture

SETTINGS: dict[str, Any] = {"allowed_origins": [LISTED]}


def of_client(client: httpx.Client) -> Ask:
    def ask(
        method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str]]:
        reply = client.request(method, path, headers=headers, content=body or None)
        return reply.status_code, reply.headers

    return ask


def of_asgi(outer: Any, prefix: str) -> Ask:
    def ask(
        method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str]]:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(outer)
            async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
                return await client.request(
                    method, prefix + path, headers=headers, content=body or None
                )

        reply = asyncio.run(asked())
        return reply.status_code, reply.headers

    return ask


@contextmanager
def of_flask(model: Path, home: Path, **settings: Any) -> Iterator[Ask]:
    app = Flask(__name__, instance_path=str(home))
    Podium(app, {"loans": model}, **settings)

    def ask(
        method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str]]:
        sent = {name: value for name, value in headers.items() if name != "cookie"}
        client = app.test_client(use_cookies=False)
        if "cookie" in headers:
            sent["Cookie"] = headers["cookie"]
        reply = client.open("/ml" + path, method=method, headers=sent, data=body)
        return reply.status_code, {name.lower(): value for name, value in reply.headers}

    yield ask
    host_of(app).close()


@pytest.mark.parametrize("is_framed", [False, True], ids=["alone", "behind its CORSMiddleware"])
def test_asgi(is_framed, bundle, tmp_path):  # noqa: F811 - the fixture
    middleware = [Middleware(CORSMiddleware, allow_origins=[LISTED], allow_methods=["POST"])]
    app = podium.App(bundle, home=str(tmp_path), **SETTINGS)
    outer = Starlette(routes=[Mount("/ml", app)], middleware=middleware if is_framed else [])
    ask = of_asgi(outer, "/ml")

    if is_framed:  # it answers preflights itself
        status, headers = post(ask, origin=LISTED, sec_fetch_site="cross-site")
        assert (status, headers["access-control-allow-origin"]) == (200, LISTED)
    else:
        check_listed(ask)
    app.close()


def test_flask(bundle, tmp_path):  # noqa: F811
    with of_flask(bundle, tmp_path / "a", **SETTINGS) as ask:
        check_listed(ask)
    with of_flask(bundle, tmp_path / "b", **SETTINGS, allow_credentials=True) as ask:
        check_with_credentials(ask)


def test_django(bundle, tmp_path):  # noqa: F811
    done = Project(tmp_path, bundle, public=["loans"], **SETTINGS).manage(
        "test", "shop.tests.origins"
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("has_accounts", [False, True])
def test_our_own_server(has_accounts, bundle, tmp_path):  # noqa: F811
    environment = {
        "PYTHONPATH": os.pathsep.join([str(bundle.parent), os.environ.get("PYTHONPATH", "")]),
        "PODIUM_ALLOWED_ORIGINS": LISTED,
    }
    more = ["--accounts"] if has_accounts else []
    with (
        ServerProcess(str(bundle), *more, home=tmp_path, environment=environment) as server,
        httpx.Client(base_url=server.address) as client,
    ):
        ask = of_client(client)
        if not has_accounts:
            check_listed(ask)
        else:  # the gate lets it in, and then a token is asked for, in words that the page can read
            status, headers = post(ask, origin=LISTED, sec_fetch_site="cross-site")
            assert status == 401
            assert headers["access-control-allow-origin"] == LISTED
            assert "access-control-allow-origin" not in post(ask, origin="https://a.example")[1]


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "shop.example",
        "https://shop.example/",
        "https://Shop.example",
        "https://shop.example:443",
        "http://shop.example:80",
        "https://*.example",
        "https://shop.example\n",
        "ftp://shop.example",
        "",
    ],
)
def test_what_no_browser_sends_is_no_origin(origin):
    with pytest.raises(SetupError, match="allowed_origins"):
        read_settings({"allowed_origins": [origin]}, environment={})


def test_origins_are_written_as_browsers_send_them():
    origins = ("https://shop.example", "http://localhost:3000", "http://[::1]:8080")

    assert read_settings({"allowed_origins": origins}, environment={}).allowed_origins == origins
