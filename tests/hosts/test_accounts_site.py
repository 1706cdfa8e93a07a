"""`podium serve --accounts`: how one gets in, and what one sees then."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

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
