"""API tokens on a running server: where they count, and for how long."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

import podium
from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parents[1] / "hosts"))
from accounts_visitor import Visitor

BUNDLE = str(Path(__file__).parents[1] / "formats" / "logistic-1.podium")
ROW = podium.load(BUNDLE).signature.examples[0]
PREDICT = "/api/models/logistic-1/predict"
TOKEN = re.compile(r"pod_[0-9A-Za-z]{36}")
TOO_OLD = """
from django.utils import timezone
from podium.hosts.django.models import ApiToken
token = ApiToken.objects.get(name="short")
token.expires_at = timezone.now()
token.save()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    home = tmp_path_factory.mktemp("home")
    with ServerProcess(BUNDLE, "--accounts", "--workers", "2", home=home) as started:
        with Visitor(started.address) as first:
            first.set_up(started.log)
        yield started


def new_token(server: ServerProcess, name: str, **form: object) -> str:
    with Visitor(server.address) as person:
        person.log_in()
        made = person.send(
            "/accounts/", {"name": name, "days": "7", "models": "*", "actions": "*", **form}
        )
    text = TOKEN.findall(made.text)[0]
    assert within(60, lambda: ask(server, "/api/models", text, method="GET").status_code == 200)
    return text


def ask(
    server: ServerProcess, path: str, token: str, method: str = "POST", **rest: object
) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"}
    return httpx.request(method, f"{server.address}{path}", headers=headers, **rest)


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Whether it comes true, for every worker: one of them may have seen it already."""
    until, n_true = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        n_true = n_true + 1 if condition() else 0
        if n_true == 12:
            return True
    return False


def test_a_token_counts_in_its_header_only(server):
    token = new_token(server, "here")
    address = f"{server.address}{PREDICT}"

    good = ask(server, PREDICT, token, json=ROW)
    elsewhere = [
        httpx.post(f"{address}?access_token={token}", json=ROW),
        httpx.post(f"{address}?token={token}", json=ROW),
        httpx.post(address, json={**ROW, "token": token}),
        httpx.post(address, json=ROW, headers={"x-api-key": token}),
        httpx.post(address, json=ROW, headers={"cookie": f"podium-session={token}"}),
        httpx.post(address, json=ROW, headers={"authorization": f"Basic {token}"}),
        httpx.post(address, json=ROW, headers={"authorization": token}),
    ]

    assert good.status_code == 200
    assert [answer.status_code for answer in elsewhere] == [401] * len(elsewhere)


def test_both_lanes_go_by_the_same_tokens(server):
    token = new_token(server, "narrow", actions=["predict"])
    fast, slow = {}, {"accept": "text/csv;q=0, application/json"}

    for more in (fast, slow):
        headers = {"authorization": f"Bearer {token}", **more}
        good = httpx.post(f"{server.address}{PREDICT}", json=ROW, headers=headers)
        wrong = {
            **headers,
            "authorization": f"Bearer {token[:-1]}{'a' if token[-1] != 'a' else 'b'}",
        }
        bad = httpx.post(f"{server.address}{PREDICT}", json=ROW, headers=wrong)

        assert (good.status_code, bad.status_code) == (200, 401)
        assert bad.headers["www-authenticate"] == "Bearer"
        assert token not in bad.text
    assert ask(server, "/metrics", token, method="GET").status_code == 403


def test_a_token_cannot_create_tokens_or_open_pages(server):
    token = new_token(server, "greedy")
    form = {"name": "another", "days": "7", "user": "1"}

    for path in ("/accounts/", "/admin/podium/apitoken/add/", "/admin/"):
        answers = [
            ask(server, path, token, method="GET"),
            ask(server, path, token, data=form),
        ]
        assert not any(answer.is_success for answer in answers), path
        assert not any(TOKEN.search(answer.text) for answer in answers), path


def test_a_token_that_gets_too_old_is_refused_by_every_worker(server):
    token = new_token(server, "short")
    assert ask(server, PREDICT, token, json=ROW).status_code == 200

    command = [sys.executable, "-m", "podium", "manage", "--home", str(server.log.parent)]
    done = subprocess.run(
        [*command, "shell", "--no-imports", "-c", TOO_OLD],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert within(60, lambda: ask(server, PREDICT, token, json=ROW).status_code == 401)
