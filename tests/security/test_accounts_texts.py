"""Names that people give, hostile ones too, are texts on every page of the accounts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "hosts"))
from accounts_visitor import PASSWORD, Visitor, set_up_path
from hostile import HOSTILE

BUNDLE = str(Path(__file__).parents[1] / "formats" / "logistic-1.podium")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    home = tmp_path_factory.mktemp("home")
    with ServerProcess(BUNDLE, "--accounts", home=home) as started:
        with Visitor(started.address) as first:
            first.set_up(started.log)
        yield started


def test_no_name_of_a_token_or_a_group_becomes_a_part_of_a_page(server, browser):
    with Visitor(server.address) as person:
        person.log_in()
        for text in HOSTILE:
            person.send("/accounts/", {"name": text, "days": "7", "models": "*", "actions": "*"})
            person.send("/admin/auth/group/add/", {"name": text})
        cookie = person.http.cookies["podium-session"]

    context = browser.new_context()
    context.add_cookies([{"name": "podium-session", "value": cookie, "url": server.address}])
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in ("/accounts/", "/admin/auth/group/", "/admin/auth/user/add/", "/admin/"):
        page.goto(server.address + path)
        for field in page.locator("input:visible, button:visible").all()[:3]:
            field.hover()
            field.focus()
        assert page.evaluate("window.hit") is None, path
        assert page.url == server.address + path
    names = page.goto(f"{server.address}/accounts/")

    assert names is not None
    assert "49" not in page.locator(".tokens").inner_text().replace("7*7", "")
    assert HOSTILE[0] in page.locator(".tokens").inner_text()
    assert [url for url in asked if not url.startswith((server.address, "data:"))] == []


@pytest.mark.parametrize("text", [*HOSTILE, "a" * 100_000, "\x00", "ada\x00", "é" * 200])
def test_what_is_typed_into_the_login_never_breaks_it(server, text):
    with Visitor(server.address) as person:
        answer = person.log_in(text, PASSWORD)
        reset = person.send("/accounts/password/reset/", {"email": text})

    assert answer.status_code in (200, 429)
    assert answer.url.path == "/accounts/login/"
    assert reset.status_code in (200, 429)


@pytest.mark.parametrize("code", ["x", "%2e%2e", "%00", "'--", "a" * 5_000])
def test_a_link_that_was_never_printed_creates_no_account(server, code):
    with Visitor(server.address) as person:
        answer = person.get(f"/accounts/set-up/{code}/")

    assert answer.status_code in (400, 404, 410, 414)
    assert set_up_path(server.log) not in answer.text
