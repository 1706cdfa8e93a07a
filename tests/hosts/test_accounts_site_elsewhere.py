"""People who are known elsewhere: an OpenID provider, a back end of one's own, mail."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import httpx
import pytest

from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from accounts_visitor import PASSWORD, Visitor, body_of, letters, make_older, text_of
from oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider

BUNDLE = str(Path(__file__).parents[1] / "formats" / "logistic-1.podium")
FORM = "/models/logistic-1"
BACKEND = '''
from django.contrib.auth.models import User

class Badge:
    """Whoever holds a badge is known."""

    def authenticate(self, request, username=None, password=None, **_):
        if password != f"badge-of-{username}":
            return None
        return User.objects.get_or_create(username=username)[0]

    def get_user(self, user_id):
        return User.objects.filter(pk=user_id).first()
'''


FAULTS = ("nonce", "no nonce", "issuer", "audience", "party", "time", "key")
FAULTS += ("shared secret", "no signature", "user info")


def known_by(provider: Provider, home: Path) -> ServerProcess:
    """A server that people log in to with this provider."""
    oidc = {
        "here": {
            "issuer": provider.issuer,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "name": "Example Corp",
        }
    }
    environment = {
        "PODIUM_ACCOUNTS_OIDC": json.dumps(oidc),
        "PODIUM_ACCOUNTS_EMAIL": (home / "mail").as_uri(),
    }
    return ServerProcess(BUNDLE, "--accounts", home=home, environment=environment)


def log_in_there(person: Visitor) -> httpx.Response:
    sent = person.send(
        "/accounts/login/", to="/accounts/oidc/here/login/?scope=x&auth_params=a%3Db"
    )
    return person.http.get(sent.headers["refresh"].partition("url=")[2])


def test_no_login_comes_of_an_answer_that_a_provider_would_not_give(tmp_path, monkeypatch):
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # it is all on this machine
    found = {}
    with Provider() as provider, known_by(provider, tmp_path) as server:
        for fault in (*FAULTS, ""):
            provider.fault = fault
            with Visitor(server.address) as person:
                log_in_there(person)
                found[fault] = person.get("/accounts/").url.path
        log = server.log.read_text("utf-8")

    assert found == dict.fromkeys(FAULTS, "/accounts/login/") | {"": "/accounts/"}
    assert log.count("login_elsewhere_failed") == len(FAULTS)
    nonces = [one["nonce"] for one in provider.asked]
    assert len(set(nonces)) == len(nonces)
    assert all(one["scope"].count("x") == 0 and "a" not in one for one in provider.asked)


@pytest.mark.parametrize("issuer", ["http://login.example.org", "ftp://127.0.0.1", "127.0.0.1"])
def test_an_issuer_is_spoken_to_in_private_only(issuer, tmp_path):
    oidc = {"here": {"issuer": issuer, "client_id": CLIENT_ID}}
    environment = {"PODIUM_ACCOUNTS_OIDC": json.dumps(oidc)}
    server = ServerProcess(BUNDLE, "--accounts", home=tmp_path, environment=environment)

    with pytest.raises(RuntimeError, match="use an https:// URL"), server:
        pass


def test_a_merely_claimed_address_does_not_block_a_first_login(tmp_path, monkeypatch):
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # it is all on this machine
    with Provider() as provider, known_by(provider, tmp_path) as server:
        with Visitor(server.address) as claiming:
            claiming.set_up(server.log, email="ada@example.org")
        with Visitor(server.address) as claiming:
            claiming.log_in()
            claiming.send("/accounts/email/", {"email": "barbara@example.org", "action_add": ""})
        with Visitor(server.address) as person:
            back = log_in_there(person)
            account = person.get("/accounts/")

    assert back.url.path == "/"
    assert "barbara" in text_of(account)


def test_a_user_without_a_password_logs_in_again_to_create_a_token(tmp_path, monkeypatch):
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # it is all on this machine
    with (
        Provider() as provider,
        known_by(provider, tmp_path) as server,
        Visitor(server.address) as person,
    ):
        log_in_there(person)
        make_older(tmp_path)
        form = {"name": "nightly", "days": "7", "models": "*", "actions": "*"}
        asked = person.submit(person.get("/accounts/"), form)
        left = person.submit(asked, {"next": "/accounts/login/"}, to="/accounts/logout/")
        log_in_there(person)
        made = person.submit(person.get("/accounts/"), form)

    assert asked.url.path == "/accounts/again/"
    assert left.url.path == "/accounts/login/"
    assert "pod_" in made.text


def test_two_accounts_with_one_address_are_both_let_in_by_it(tmp_path, monkeypatch):
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # it is all on this machine
    with Provider() as provider, known_by(provider, tmp_path) as server:
        with Visitor(server.address) as first:
            first.set_up(server.log, email="barbara@example.org")
        with Visitor(server.address) as second:
            log_in_there(second)
            other = second.get("/accounts/")
        with Visitor(server.address) as first:
            inside = first.log_in("Barbara@example.org")
            same = first.get("/accounts/")
        with Visitor(server.address) as outside:
            outside.send("/accounts/password/reset/", {"email": "barbara@example.org"})
            sent = letters(tmp_path / "mail", 2)

    assert "barbara" in text_of(other)
    assert inside.url.path == "/"
    assert "ada" in text_of(same)
    assert len(sent) == 2


def test_one_logs_in_with_an_openid_provider_and_has_no_rights_at_first(tmp_path, monkeypatch):
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # it is all on this machine
    with Provider() as provider:
        server = known_by(provider, tmp_path)
        with server, Visitor(server.address) as person:
            login = person.get("/accounts/login/")
            sent = person.send("/accounts/login/", to="/accounts/oidc/here/login/")
            back = person.http.get(sent.headers["refresh"].partition("url=")[2])
            account = person.get("/accounts/")
            form = person.get(FORM)

    assert "Log in with Example Corp" in text_of(login)
    assert sent.headers["refresh"].partition("url=")[2].startswith(provider.issuer)
    assert provider.asked[0]["code_challenge_method"] == "S256"
    assert str(back.url).startswith(server.address)
    assert "barbara" in text_of(account)
    assert form.status_code in (403, 404)


def test_a_custom_back_end_authenticates_users(tmp_path):
    (tmp_path / "badges.py").write_text(BACKEND, "utf-8")
    environment = {"PYTHONPATH": str(tmp_path), "PODIUM_ACCOUNTS_BACKENDS": "badges.Badge"}
    server = ServerProcess(BUNDLE, "--accounts", home=tmp_path / "home", environment=environment)

    with server, Visitor(server.address) as person:
        wrong = person.log_in("rosalind", "badge-of-somebody")
        right = person.log_in("rosalind", "badge-of-rosalind")
        account = person.get("/accounts/")
    with server, Visitor(server.address) as person:
        person.set_up(server.log)
    with server, Visitor(server.address) as person:
        kept = person.log_in("ada", PASSWORD)

    assert wrong.url.path == "/accounts/login/"
    assert right.url.path != "/accounts/login/"
    assert "rosalind" in text_of(account)
    assert kept.url.path == "/"


def test_a_forgotten_password_is_reset_by_mail(tmp_path):
    mail = tmp_path / "mail"
    environment = {
        "PODIUM_ACCOUNTS_EMAIL": mail.as_uri(),
        "PODIUM_ACCOUNTS_EMAIL_FROM": "podium@example.org",
    }
    server = ServerProcess(BUNDLE, "--accounts", home=tmp_path / "home", environment=environment)
    other = "another-battery-staple"

    with server:
        with Visitor(server.address) as person:
            person.set_up(server.log, email="ada@example.org")
        with Visitor(server.address) as person:
            known = person.send("/accounts/password/reset/", {"email": "ada@example.org"})
            unknown = person.send("/accounts/password/reset/", {"email": "eve@example.org"})
            (letter,) = letters(mail, 1)
            link = re.search(r"https?://\S+/accounts/password/reset/key/\S+", body_of(letter))
            assert link is not None
            page = person.http.get(link[0])
            done = person.submit(page, {"password1": other, "password2": other})
            again = person.http.get(link[0])
            old = person.log_in("ada", PASSWORD)
            new = person.log_in("ada", other)

    assert text_of(known) == text_of(unknown)
    assert letter["From"] == "podium@example.org"
    assert done.status_code == 200
    assert "no longer valid" in text_of(again) or "invalid" in text_of(again).lower()
    assert old.url.path == "/accounts/login/"
    assert new.url.path == "/"
