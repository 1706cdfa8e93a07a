"""People who are known elsewhere: an OpenID provider, a back end of one's own, mail."""

from __future__ import annotations

import json
import re
import sys
from email import message_from_string
from pathlib import Path

from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from accounts_visitor import PASSWORD, Visitor, text_of
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


def test_one_logs_in_with_an_openid_provider_and_has_no_rights_at_first(tmp_path, monkeypatch):
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # it is all on this machine
    with Provider() as provider:
        oidc = {
            "here": {
                "issuer": provider.issuer,
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "name": "Example Corp",
            }
        }
        environment = {"PODIUM_ACCOUNTS_OIDC": json.dumps(oidc)}
        server = ServerProcess(BUNDLE, "--accounts", home=tmp_path, environment=environment)
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


def test_a_back_end_of_ones_own_tells_who_people_are(tmp_path):
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
            (letter,) = [message_from_string(one.read_text("utf-8")) for one in mail.iterdir()]
            text = letter.get_payload(decode=True).decode()  # how it is coded is Django's matter
            link = re.search(r"https?://\S+/accounts/password/reset/key/\S+", text)
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
