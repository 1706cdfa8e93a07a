"""Accounts in PostgreSQL and MariaDB, and shared by several processes."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from accounts_visitor import Visitor, set_up_path, text_of

BUNDLE = str(Path(__file__).parents[1] / "formats" / "logistic-1.podium")
FORM = "/models/logistic-1"
KEY = "x" * 20 + "a-key-that-both-servers-were-given" + "y" * 20


def opened(server: ServerProcess) -> ServerProcess:
    return server.__enter__()


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_two_servers_that_start_at_once_share_the_accounts(kind, request, tmp_path):
    environment = {
        "PODIUM_ACCOUNTS_DATABASE": request.getfixturevalue(kind).new_database(),
        "PODIUM_ACCOUNTS_SECRET_KEY": KEY,
    }
    servers = [
        ServerProcess(
            BUNDLE, "--accounts", home=tmp_path / name, environment=environment, ready_s=60
        )
        for name in ("one", "two")
    ]
    try:
        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(opened, servers)
        with Visitor(first.address) as person:
            made = person.set_up(second.log)
        with Visitor(first.address) as person:
            again = person.get(set_up_path(first.log))
        with Visitor(first.address) as person:
            inside = person.log_in()
            elsewhere = person.http.get(f"{second.address}{FORM}")
    finally:
        for server in servers:
            server.stop()

    assert made.url.path == "/"
    assert again.status_code == 410
    assert inside.url.path == "/"
    assert elsewhere.url.path == FORM


def test_workers_share_sessions_and_count_attempts_together(tmp_path):
    server = ServerProcess(BUNDLE, "--accounts", "--workers", "2", home=tmp_path)
    with server:
        with Visitor(server.address) as person:
            person.set_up(server.log)
        seen = []
        for _ in range(4):  # each on a connection of its own, which any worker may take
            with Visitor(server.address) as person:
                person.log_in()
                seen.append(person.get(FORM).url.path)
        for _ in range(5):
            with Visitor(server.address) as person:
                person.log_in("ada", "not-the-password")
        with Visitor(server.address) as person:
            refused = person.log_in()

    assert seen == [FORM] * 4
    assert "too many" in text_of(refused).lower()


def test_a_session_is_ended_from_another_browser(tmp_path):
    server = ServerProcess(BUNDLE, "--accounts", home=tmp_path)
    with server, Visitor(server.address) as here, Visitor(server.address) as there:
        here.set_up(server.log)
        there.log_in()
        listed = here.get("/accounts/sessions/")
        before = there.get(FORM).url.path
        ended = here.submit(listed, to=_end_of(listed.text))
        after = there.get(FORM).url.path
        stays = here.get(FORM).url.path

    assert before == FORM
    assert ended.url.path == "/accounts/sessions/"
    assert after == "/accounts/login/"
    assert stays == FORM


def test_a_new_key_ends_no_session_but_forgetting_the_older_ones_ends_all(tmp_path):
    def rotate(*options: str) -> None:
        command = [sys.executable, "-m", "podium", "manage", "--home", str(tmp_path)]
        subprocess.run([*command, "rotate_secret", *options], check=True, capture_output=True)

    server = ServerProcess(BUNDLE, "--accounts", home=tmp_path)
    with server, Visitor(server.address) as person:
        person.set_up(server.log)
        cookies = person.http.cookies
    found = []
    for options in ((), ("--forget",)):
        rotate(*options)
        server = ServerProcess(BUNDLE, "--accounts", home=tmp_path)
        with server, Visitor(server.address, cookies=cookies) as person:
            found.append(person.get(FORM).url.path)
            cookies = person.http.cookies

    assert found == [FORM, "/accounts/login/"]


def _end_of(page: str) -> str:
    start = page.index("/accounts/sessions/", page.index("End it") - 400)
    return page[start : page.index('"', start)]
