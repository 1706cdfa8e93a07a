"""The account page: what one may do, and tokens for programs."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from accounts_visitor import PASSWORD, Visitor, text_of

BUNDLE = str(Path(__file__).parents[1] / "formats" / "logistic-1.podium")
MODEL = "/api/models/logistic-1"
TOKEN = re.compile(r"pod_[0-9A-Za-z]{36}")
REVOKE = re.compile(r'action="(/accounts/tokens/\d+/revoke/)"')


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    home = tmp_path_factory.mktemp("home")
    with ServerProcess(BUNDLE, "--accounts", home=home) as started:
        with Visitor(started.address) as first:
            first.set_up(started.log)
        yield started


def status(server: ServerProcess, token: str, path: str = MODEL, accept: str = "*/*") -> int:
    headers = {"authorization": f"Bearer {token}", "accept": accept}
    return httpx.get(f"{server.address}{path}", headers=headers).status_code


def becomes(server: ServerProcess, token: str, wanted: int) -> bool:
    until = time.monotonic() + 60  # half a second where nothing else runs
    while time.monotonic() < until:
        if status(server, token) == wanted:
            return True
    return False


def test_a_token_is_shown_once_works_and_is_revoked_soon(server):
    with Visitor(server.address) as person:
        person.log_in()
        made = person.send(
            "/accounts/", {"name": "nightly", "days": "7", "models": "*", "actions": "*"}
        )
        token = TOKEN.findall(made.text)[0]
        again = person.get("/accounts/")
        opens = becomes(server, token, 200)
        person.submit(again, to=REVOKE.findall(again.text)[0])
        closes = becomes(server, token, 401)
        gone = person.get("/accounts/")

    assert opens
    assert closes
    assert "nightly" in text_of(again)
    assert TOKEN.search(again.text) is None
    assert "Revoke" not in text_of(gone)


def test_a_token_opens_no_page(server):
    with Visitor(server.address) as person:
        person.log_in()
        made = person.send(
            "/accounts/", {"name": "pages", "days": "7", "models": "*", "actions": "*"}
        )
    token = TOKEN.findall(made.text)[0]

    assert becomes(server, token, 200)
    for path in ("/", "/models/logistic-1", "/accounts/", "/admin/"):
        assert status(server, token, path, "text/html") in (302, 303), path


def test_users_cannot_revoke_tokens_of_others(server):
    command = [sys.executable, "-m", "podium", "user", "add", "mallory", "--password-stdin"]
    home = str(server.log.parent)
    subprocess.run([*command, "--home", home], input=PASSWORD.encode(), check=True)
    with Visitor(server.address) as owner, Visitor(server.address) as other:
        owner.log_in()
        made = owner.send(
            "/accounts/", {"name": "mine", "days": "7", "models": "*", "actions": "*"}
        )
        other.log_in("mallory")
        page = other.get("/accounts/")
        tried = [other.submit(page, to=path) for path in REVOKE.findall(made.text)]

    assert "None yet" in text_of(page)
    assert [answer.status_code for answer in tried] == [404] * len(tried)
    assert tried
    assert becomes(server, TOKEN.findall(made.text)[0], 200)


def test_errors_in_a_new_token_are_shown_on_the_page(server):
    with Visitor(server.address) as person:
        person.log_in()
        nameless = person.send(
            "/accounts/", {"name": " ", "days": "7", "models": "*", "actions": "*"}
        )
        eternal = person.send(
            "/accounts/", {"name": "x", "days": "9999", "models": "*", "actions": "*"}
        )

    assert nameless.status_code == eternal.status_code == 200
    assert TOKEN.search(nameless.text + eternal.text) is None
    assert 'class="error"' in nameless.text
    assert 'class="error"' in eternal.text
