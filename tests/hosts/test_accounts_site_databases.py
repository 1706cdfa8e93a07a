"""Accounts in PostgreSQL and MariaDB, and shared by several processes."""

from __future__ import annotations

import os
import re
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

# Two forms that were opened together, sent at the same moment: one changes what the other shows.
AT_ONCE = """
import threading
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection
call_command("migrate", verbosity=0)
from podium.accounts.rights import Form, Stale, direct, key_of, save
from podium.hosts.django.permissions import make_permissions
make_permissions(["logistic-1"])
boss, row = User.objects.create_superuser("boss"), Group.objects.create(name="analysts")
key, names = key_of(row), ["feedback_logistic-1", "see_all_logistic-1"]
def send(right, was, start, outcomes):
    User.objects.count()  # the connection is open before both begin
    start.wait()
    try:
        outcomes.append(save(boss, Form([row], names, was, was ^ {f"{key}:{right}"})))
    except Stale:
        outcomes.append("stale")
    finally:
        connection.close()
for _ in range(10):
    was = frozenset(f"{key}:{name}" for name in direct([row])[key])
    start, outcomes = threading.Barrier(2), []
    threads = [threading.Thread(target=send, args=(one, was, start, outcomes)) for one in names]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    print("ROUND", *sorted(map(str, outcomes)), sep="|")
"""


def opened(server: ServerProcess) -> ServerProcess:
    return server.__enter__()


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_two_servers_that_start_at_once_share_the_accounts(kind, request, tmp_path):
    environment = {
        "PODIUM_ACCOUNTS_DATABASE": request.getfixturevalue(kind).new_database(),
        "PODIUM_ACCOUNTS_SECRET_KEY": KEY,
    }
    servers = [
        ServerProcess(BUNDLE, "--accounts", home=tmp_path / name, environment=environment)
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


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_of_two_forms_of_rights_at_once_one_is_written(kind, request, tmp_path):
    database = "" if kind == "sqlite" else request.getfixturevalue(kind).new_database()
    command = [sys.executable, "-m", "podium", "manage", "--home", str(tmp_path), "shell", "-c"]
    done = subprocess.run(
        [*command, AT_ONCE],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PODIUM_ACCOUNTS_DATABASE": database},
    )
    rounds = re.findall(r"ROUND\|(.*)", done.stdout)

    assert len(rounds) == 10, done.stderr
    assert set(rounds) <= {"(0, 1)|stale", "(1, 0)|stale"}


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
    start = page.index("/accounts/sessions/", page.index(">End<") - 400)
    return page[start : page.index('"', start)]
