"""A stolen session is no account: what decides who gets in needs a fresh proof, and is told."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parents[1] / "hosts"))
from accounts_visitor import PASSWORD, Visitor, body_of, letters, make_older, text_of

BUNDLE = str(Path(__file__).parents[1] / "formats" / "logistic-1.podium")
TOKEN = re.compile(r"pod_[0-9A-Za-z]{36}")
OTHER = "another-battery-staple"
CHANGE = "/accounts/password/change/"
FORM = {"name": "mine", "days": "7", "models": "*", "actions": "*"}
SESSIONS = """
from django.contrib.sessions.models import Session
print(*(row.get_decoded() for row in Session.objects.all()))
"""
MADE = """
from django.contrib.auth.models import User
from django.core.management import call_command
call_command("migrate", verbosity=0)
from podium.hosts.django.tokens import make_token
user = User.objects.create_user("grace", "grace@example.org", "THE_PASSWORD")
print("TOKEN", make_token(user, "early")[1])
""".replace("THE_PASSWORD", PASSWORD)
STATE = """
from allauth.account.models import EmailAddress
from django.contrib.auth.models import User
from podium.hosts.django.models import ApiToken, AuditEntry
print("TOKENS", ApiToken.objects.filter(revoked_at=None).count())
for user in User.objects.order_by("pk"):
    print("USER", user.username, user.email, user.check_password("THE_PASSWORD"))
print("WAITING", *EmailAddress.objects.filter(verified=False).values_list("email", flat=True))
print("EVENTS", *AuditEntry.objects.order_by("id").values_list("event", flat=True))
""".replace("THE_PASSWORD", PASSWORD)


def manage(server: ServerProcess, script: str) -> str:
    command = [sys.executable, "-m", "podium", "manage", "--home", str(server.log.parent), "shell"]
    return subprocess.run(
        [*command, "-c", script], capture_output=True, text=True, check=True
    ).stdout


def line(out: str, name: str) -> str:
    return next(one.removeprefix(name).strip() for one in out.splitlines() if one.startswith(name))


def mailing(home: Path) -> ServerProcess:
    environment = {"PODIUM_ACCOUNTS_EMAIL": (home / "mail").as_uri()}
    return ServerProcess(BUNDLE, "--accounts", home=home, environment=environment)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with mailing(tmp_path) as started:
        with Visitor(started.address) as first:
            first.set_up(started.log, email="ada@example.org")
        yield started


def test_an_old_session_alone_takes_nothing_over(server):
    with Visitor(server.address) as thief:
        thief.log_in()
        make_older(server.log.parent)
        form = thief.get("/accounts/")  # whose hidden token every form takes
        tried = {
            "/accounts/": {**FORM, "days": "365"},
            "/accounts/email/": {"email": "eve@example.org", "action_add": ""},
            "/accounts/2fa/totp/activate/": {"code": "000000"},
            "/admin/auth/user/1/change/": {"username": "ada", "email": "eve@example.org"},
            "/admin/auth/user/1/password/": {"password1": OTHER, "password2": OTHER},
            "/admin/auth/user/add/": {"username": "eve", "password1": OTHER, "password2": OTHER},
            "/admin/podium/apitoken/add/": {"user": "1", "name": "mine", "days": "365"},
        }
        asked = [thief.submit(form, sent, to=path).url.path for path, sent in tried.items()]
        thief.submit(form, {"oldpassword": "?", "password1": OTHER, "password2": OTHER}, to=CHANGE)
        out = manage(server, STATE)
        kept = manage(server, SESSIONS)

    assert asked == ["/accounts/reauthenticate/"] * len(tried)
    assert line(out, "TOKENS") == "0"
    assert line(out, "USER") == "ada ada@example.org True"
    assert "eve@" not in line(out, "WAITING")
    assert line(out, "EVENTS").split()[-1] == "login_failed"  # the old password was wrong
    assert OTHER not in kept


def test_a_user_who_authenticates_again_continues_where_they_were(server):
    with Visitor(server.address) as person:
        person.log_in()
        make_older(server.log.parent)
        page = person.get("/accounts/")
        asked = person.submit(page, {"name": "nightly", "days": "7", "models": "*", "actions": "*"})
        wrong = person.submit(asked, {"password": "not-the-password"})
        made = person.submit(wrong, {"password": PASSWORD})
        (letter,) = letters(server.log.parent / "mail", 1)
    events = line(manage(server, STATE), "EVENTS").split()

    assert TOKEN.search(made.text)
    assert letter["To"] == "ada@example.org"
    assert "nightly" in body_of(letter)
    assert events[-3:] == ["login_failed", "reauthenticated", "token_made"]


def test_a_new_address_counts_when_it_is_confirmed_and_the_old_one_is_notified(server):
    mail = server.log.parent / "mail"
    with Visitor(server.address) as person, Visitor(server.address) as outside:
        person.log_in()
        new = {"email": "new@example.org"}
        person.send("/accounts/email/", {**new, "action_add": ""})
        (first,) = letters(mail, 1)
        person.send("/accounts/email/", {**new, "action_primary": ""})
        # One is looked up after the other: when the second has its mail, the first has been refused.
        outside.send("/accounts/password/reset/", new)
        outside.send("/accounts/password/reset/", {"email": "ada@example.org"})
        letters(mail, 2)
        before = manage(server, STATE)
        link = re.search(r"https?://\S+/accounts/confirm-email/\S+", body_of(first))
        assert link is not None
        person.submit(person.http.get(link[0]))
        to = [letter["To"] for letter in letters(mail, 3)]
        after = manage(server, STATE)

    assert first["To"] == "new@example.org"
    assert "ada ada@example.org" in line(before, "USER")
    assert "ada new@example.org" in line(after, "USER")
    # The reset of an address that wasn't confirmed sent nothing.
    assert to.count("new@example.org") == 1
    assert to.count("ada@example.org") == 2  # a reset of its own, and what became of it
    assert line(after, "EVENTS").split()[-1] == "email_changed"


def test_a_removed_address_is_notified(server):
    with Visitor(server.address) as person:
        person.log_in()
        person.send("/accounts/email/", {"email": "ada@example.org", "action_remove": ""})
        (letter,) = letters(server.log.parent / "mail", 1)

    assert letter["To"] == "ada@example.org"
    assert "email_removed" in line(manage(server, STATE), "EVENTS")


def test_an_administrators_change_notifies_the_old_address(server):
    mail = server.log.parent / "mail"
    token = line(manage(server, MADE), "TOKEN")
    with Visitor(server.address) as boss, Visitor(server.address) as grace:
        boss.log_in()
        grace.log_in("grace")
        grace.get("/accounts/email/")
        form = {"username": "grace", "is_active": "on", "email": "new@example.org"}
        form |= {"date_joined_0": "2026-01-01", "date_joined_1": "12:00:00"}
        boss.send("/admin/auth/user/2/change/", form)
        first = letters(mail, 1)[0]["To"]
        grace.send("/accounts/password/reset/", {"email": "grace@example.org"})
        password = {"password1": OTHER, "password2": OTHER, "usable_password": "true"}
        boss.send("/admin/auth/user/2/password/", password)
        to = sorted(letter["To"] for letter in letters(mail, 2))
        ended = status(server, token, until=401)
    events = line(manage(server, STATE), "EVENTS").split()

    assert first == "grace@example.org"
    assert to == ["grace@example.org", "new@example.org"]
    assert ended == 401
    assert "user_changed" in events
    assert events[-2:] == ["password_changed", "token_revoked"]


def test_second_factors_and_wrong_codes_are_written_down(server):
    with Visitor(server.address) as person:
        person.log_in()
        person.activate_totp()
        told = letters(server.log.parent / "mail", 1)
    with Visitor(server.address) as person:
        person.log_in()
        person.send("/accounts/2fa/authenticate/", {"code": "000000"})
    events = line(manage(server, STATE), "EVENTS").split()

    assert told[0]["To"] == "ada@example.org"
    assert "second_factor_added" in events
    assert events[-1] == "second_factor_failed"


@pytest.mark.parametrize("ends", [True, False])
def test_another_password_ends_tokens_if_that_is_wanted(server, ends):
    with Visitor(server.address) as person:
        person.log_in()
        made = person.send(
            "/accounts/", {"name": "nightly", "days": "7", "models": "*", "actions": "*"}
        )
        form = {"oldpassword": PASSWORD, "password1": OTHER, "password2": OTHER}
        page = person.get("/accounts/password/change/")
        person.submit(page, form | ({"end_tokens": "on"} if ends else {}))
        out = manage(server, STATE)

    assert TOKEN.search(made.text)
    assert "Revoke my API tokens" in text_of(page)
    assert line(out, "USER").endswith("False")
    assert line(out, "TOKENS") == ("0" if ends else "1")


def test_wrong_logins_lock_out_one_account_at_one_address_and_nobody_else(tmp_path):
    environment = {"PODIUM_ACCOUNTS_PROXIES": "1"}
    server = ServerProcess(BUNDLE, "--accounts", home=tmp_path / "home", environment=environment)
    manage(server, MADE)
    here, there = {"x-forwarded-for": "203.0.113.9"}, {"x-forwarded-for": "2001:db8:1::1"}
    with server, Visitor(server.address, headers=here) as inside:
        inside.set_up(server.log)
        for n in range(24):
            with Visitor(server.address, headers=here) as attacker:
                attacker.log_in("ada" if n < 6 else f"name{n}", "not-the-password")
        found = {}
        for name, headers in (("ada", here), ("grace", here), ("ada", there)):
            with Visitor(server.address, headers=headers) as person:
                found[name, headers is here] = person.log_in(name).url.path
        make_older(server.log.parent)
        asked = inside.submit(inside.get("/accounts/"), FORM)
        made = inside.submit(asked, {"password": PASSWORD})

    assert found == {
        ("ada", True): "/accounts/login/",
        ("grace", True): "/",
        ("ada", False): "/",
    }
    assert TOKEN.search(made.text)


def test_attempts_from_everywhere_do_not_lock_a_user_out_of_a_known_browser(tmp_path):
    limits = {"login_failed": "5/5m/key", "login_known": "5/5m/key", "login_anywhere": "6/1h/key"}
    environment = {
        "PODIUM_ACCOUNTS_PROXIES": "1",
        "PODIUM_ACCOUNTS_DJANGO": json.dumps({"ACCOUNT_RATE_LIMITS": limits}),
    }
    server = ServerProcess(BUNDLE, "--accounts", home=tmp_path / "home", environment=environment)
    manage(server, MADE)
    with server, Visitor(server.address, headers=from_place(0)) as known:
        known.log_in("grace")
        known.send("/accounts/", to="/accounts/logout/")
        for n in range(7):
            with Visitor(server.address, headers=from_place(n // 3)) as attacker:
                attacker.log_in("grace", "not-the-password")
        with Visitor(server.address, headers=from_place(9)) as new:
            refused = new.log_in("grace")
        with Visitor(server.address, headers=from_place(9)) as thief:
            thief.http.cookies.set("podium-browser", known.http.cookies["podium-browser"] + "x")
            forged = thief.log_in("grace")
        inside = known.log_in("grace")
        known.send("/accounts/", to="/accounts/logout/")
        for _ in range(6):
            known.log_in("grace", "not-the-password")
        over = known.log_in("grace")

    assert refused.url.path == forged.url.path == "/accounts/login/"
    assert inside.url.path == "/"
    assert over.url.path == "/accounts/login/"


def from_place(n: int) -> dict[str, str]:
    """The header by which a proxy tells where somebody asks from."""
    return {"x-forwarded-for": f"203.0.113.{n}"}


def test_a_token_opens_nothing_before_the_second_factor_that_everybody_must_have(tmp_path):
    environment = {"PODIUM_ACCOUNTS_MFA": "everyone"}
    server = ServerProcess(BUNDLE, "--accounts", home=tmp_path / "home", environment=environment)
    token = line(manage(server, MADE), "TOKEN")
    with server, Visitor(server.address) as person:
        before = status(server, token)
        person.log_in("grace")
        pages = [person.get(path).url.path for path in ("/accounts/", "/accounts/email/", "/")]
        tried = person.submit(person.get("/accounts/2fa/totp/activate/"), FORM, to="/accounts/")
        person.activate_totp()
        after = status(server, token, until=404)
        manage(server, "from allauth.mfa.models import *; Authenticator.objects.all().delete()")
        again = status(server, token, until=401)

    assert before == 401
    assert pages == ["/accounts/2fa/"] * 3
    assert TOKEN.search(tried.text) is None
    assert after == 404  # known, and without rights
    assert again == 401


def status(server: ServerProcess, token: str, until: int = 0) -> int:
    """What a token gets; every process knows it half a second later."""
    headers = {"authorization": f"Bearer {token}"}
    ends = time.monotonic() + (60 if until else 0)
    while True:
        answer = httpx.get(f"{server.address}/api/models/logistic-1", headers=headers)
        if answer.status_code == until or time.monotonic() > ends:
            return answer.status_code
