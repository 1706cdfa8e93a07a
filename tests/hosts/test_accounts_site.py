"""`podium serve --accounts`: how one gets in, and what one sees then."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from accounts_visitor import Visitor, set_up_path

BUNDLE = str(Path(__file__).parents[1] / "formats" / "logistic-1.podium")
FORM = "/models/logistic-1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    home = tmp_path_factory.mktemp("accounts")
    with ServerProcess(BUNDLE, "--accounts", home=home) as started:
        with Visitor(started.address) as first:
            first.set_up(started.log)
        yield started


def test_the_first_administrator_comes_in_by_the_link_and_sees_the_form(tmp_path):
    server = ServerProcess(BUNDLE, "--accounts", home=tmp_path)
    with server, Visitor(server.address) as person:
        before = person.get(FORM)
        after = person.set_up(server.log)
        form = person.get(FORM)

    assert before.url.path == "/accounts/login/"
    assert after.url.path == "/"
    assert form.status_code == 200
    assert form.url.path == FORM


def test_the_link_works_once(server):
    with Visitor(server.address) as person:
        answer = person.get(set_up_path(server.log))

    assert answer.status_code == 410


def test_one_logs_in_and_out(server):
    with Visitor(server.address) as person:
        inside = person.log_in()
        form = person.get(FORM)
        person.send("/accounts/", to="/accounts/logout/")
        outside = person.get(FORM)

    assert inside.url.path == "/"
    assert form.url.path == FORM
    assert outside.url.path == "/accounts/login/"


def test_a_wrong_password_does_not_log_in(server):
    with Visitor(server.address) as person:
        answer = person.log_in("grace", "not-the-password")
        form = person.get(FORM)

    assert answer.url.path == "/accounts/login/"
    assert form.url.path == "/accounts/login/"


def test_serving_logins_to_other_machines_without_https_warns(tmp_path):
    names = ("--allowed-host", "models.example")
    with ServerProcess(BUNDLE, "--accounts", *names, home=tmp_path / "plain") as server:
        plain = server.log.read_text("utf-8")
    environment = {"PODIUM_ACCOUNTS_URL": "https://models.example", "PODIUM_ACCOUNTS": "yes"}
    with ServerProcess(BUNDLE, home=tmp_path / "proxied", environment=environment) as server:
        proxied = server.log.read_text("utf-8")

    assert "use HTTPS" in plain
    assert "use HTTPS" not in proxied
    assert "  https://models.example/accounts/set-up/" in proxied


def test_behind_a_proxy_the_last_address_that_it_forwards_is_the_clients(tmp_path):
    environment = {
        "PODIUM_ACCOUNTS_URL": "https://models.example",
        "PODIUM_ACCOUNTS_PROXIES": "1",
    }
    server = ServerProcess(BUNDLE, "--accounts", home=tmp_path, environment=environment)
    with server, Visitor("https://models.example", transport=Proxy(server.address)) as person:
        made = person.set_up(server.log)
        sessions = person.get("/accounts/sessions/")
        cookies = person.cookies_told

    assert made.url.path == "/accounts/2fa/"  # other machines reach it: staff needs one
    assert "203.0.113.9" in sessions.text
    assert "198.51.100.1" not in sessions.text
    assert all("Secure" in one and one.startswith("__Host-") for one in cookies)


class Proxy(httpx.HTTPTransport):
    """Takes requests for https://models.example to the server, as a proxy does."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._at = httpx.URL(address)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        # What the client wrote itself stands further left.
        request.headers["x-forwarded-for"] = "198.51.100.1, 203.0.113.9"
        at = request.url.copy_with(scheme="http", host=self._at.host, port=self._at.port)
        sent = httpx.Request(request.method, at, headers=request.headers, content=request.read())
        return super().handle_request(sent)


def test_the_admin_has_our_colours_and_leads_to_all_permissions(server):
    import django

    with Visitor(server.address) as person:
        person.log_in()
        home = person.get("/admin/")
        models = person.get("/admin/podium/servedmodel/")
        records = person.get("/admin/podium/prediction/?column=rec.version")
        ours = person.get("/accounts/static/podium/admin.css")

    folder = Path(django.__file__).with_name("contrib") / "admin/static/admin/css"
    theirs = re.findall(r"^\s*(--[\w-]+):", (folder / "base.css").read_text(), re.MULTILINE)
    assert ours.headers["content-type"].startswith("text/css")
    assert [name for name in theirs if f"{name}: " not in ours.text] == []
    assert "podium/admin.css" in home.text
    assert '<a href="/accounts/rights/">All permissions</a>' in home.text
    assert "Logistic 1" in models.text
    assert records.status_code == 200
