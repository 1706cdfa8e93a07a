"""Logins with accounts: attempts are limited, cookies are strict, nothing is left open."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
import trustme

from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parents[1] / "hosts"))
from accounts_visitor import PASSWORD, Visitor, set_up_path, text_of

BUNDLE = str(Path(__file__).parents[1] / "formats" / "logistic-1.podium")
FORM = "/models/logistic-1"
OWN_PAGES = (
    "/accounts/",
    "/accounts/password/change/",
    "/accounts/email/",
    "/accounts/2fa/",
    "/accounts/sessions/",
    "/admin/",
    "/admin/auth/user/",
    "/admin/auth/group/add/",
)
# What runs or styles within a page. Data for scripts doesn't run.
INLINE = re.compile(
    r"<style|\sstyle=|\son\w+=|<script(?![^>]*(?:src=|application/json))|javascript:"
)
CHANGE = re.compile(r'href="(/admin/\w+/\w+/\d+/change/)"')
MINUTE_AGO = "UPDATE podium_accounts_setuplink SET expires_at = datetime('now', '-1 minute')"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    home = tmp_path_factory.mktemp("accounts")
    with ServerProcess(BUNDLE, "--accounts", home=home) as started:
        with Visitor(started.address) as first:
            first.set_up(started.log, email="ada@example.org")
        yield started


@pytest.fixture(scope="module")
def https(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One that other machines know by a name."""
    folder = tmp_path_factory.mktemp("https")
    issued = trustme.CA().issue_cert("models.example", "127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    keys = ("--tls-cert", str(folder / "cert.pem"), "--tls-key", str(folder / "key.pem"))
    names = ("--allowed-host", "models.example")
    with ServerProcess(BUNDLE, "--accounts", *keys, *names, home=folder / "home") as started:
        yield started


def user(server: ServerProcess, *arguments: str, given: str = "") -> str:
    command = [sys.executable, "-m", "podium", "user", *arguments]
    command += ["--home", str(server.log.parent)]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def add(server: ServerProcess, name: str, *options: str) -> None:
    user(server, "add", name, "--password-stdin", *options, given=f"{PASSWORD}\n")


def test_after_five_wrong_passwords_the_right_one_is_refused_too(server):
    add(server, "grace", "--email", "grace@example.org")
    port = server.address.rpartition(":")[2]
    # Neither another name of the server nor another name of the person gives more tries.
    doors = [server.address, f"http://localhost:{port}"]

    for n in range(5):
        with Visitor(server.address) as person:
            person.http.headers["host"] = doors[n // 2 % 2].removeprefix("http://")
            person.origin = doors[n // 2 % 2]
            person.log_in(("grace", "grace@example.org")[n % 2], "not-the-password")
    with Visitor(server.address) as person:
        refused = person.log_in("grace")
    with Visitor(server.address) as person:
        other = person.log_in("ada")

    assert "too many" in text_of(refused).lower()
    assert other.url.path == "/"


def test_the_admin_has_no_login_of_its_own(server):
    with Visitor(server.address) as person:
        seen = person.get("/admin/")
        sent = person.send(
            "/accounts/login/", {"username": "ada", "password": PASSWORD}, to="/admin/login/"
        )
        after = person.get("/admin/")

    assert seen.url.path == "/accounts/login/"
    assert sent.url.path == "/accounts/login/"
    assert after.url.path == "/accounts/login/"


def test_only_staff_get_into_the_admin(server):
    add(server, "linus")

    with Visitor(server.address) as person:
        person.log_in("linus")
        answer = person.get("/admin/")

    assert answer.status_code == 403
    assert "an administrator can grant it" in text_of(answer)


def test_a_second_factor_is_required_and_its_attempts_are_limited(server):
    add(server, "edsger")
    with Visitor(server.address) as person:
        person.log_in("edsger")
        secret = person.activate_totp()
    with Visitor(server.address) as person:
        asked = person.log_in("edsger")
        outside = person.get(FORM)
        person.log_in("edsger")
        wrong = [person.send("/accounts/2fa/authenticate/", {"code": "000000"}) for _ in range(6)]
        right = person.send("/accounts/2fa/authenticate/", {"code": pyotp.TOTP(secret).now()})

    assert asked.url.path == "/accounts/2fa/authenticate/"
    assert outside.url.path == "/accounts/2fa/authenticate/"
    assert {page.url.path for page in wrong} == {"/accounts/2fa/authenticate/"}
    assert right.url.path == "/accounts/2fa/authenticate/"


def test_the_admin_shows_neither_secrets_of_second_factors_nor_keys_of_sessions(server):
    add(server, "barbara", "--admin")
    with Visitor(server.address) as person:
        person.log_in("barbara")
        secret = person.activate_totp()
        key = person.http.cookies["podium-session"]
        lists = [f"/admin/{one}/" for one in ("mfa/authenticator", "usersessions/usersession")]
        pages = [person.get(path) for path in lists]
        for page in list(pages):
            pages += [person.get(path) for path in sorted(set(CHANGE.findall(page.text)))]
        hidden = person.get("/admin/socialaccount/socialapp/")

    assert len(pages) > 4
    assert [page.status_code for page in pages] == [200] * len(pages)
    assert not [page.url for page in pages if secret in page.text or key in page.text]
    assert hidden.status_code == 404


def test_a_cookie_does_not_authenticate_the_api(server):
    with Visitor(server.address) as person:
        person.log_in("ada")
        page = person.get(FORM)
        api = person.get("/api/models/logistic-1")

    assert page.status_code == 200
    assert api.status_code == 401


def test_a_form_without_its_token_and_one_from_elsewhere_are_refused(server):
    with Visitor(server.address) as person:
        person.log_in("ada")
        bare = person.http.post("/accounts/logout/", headers={"origin": server.address})
        elsewhere = person.http.post(
            "/accounts/logout/", headers={"origin": "https://evil.example"}
        )
        inside = person.get(FORM)

    assert (bare.status_code, elsewhere.status_code) == (403, 403)
    assert inside.url.path == FORM


def test_no_page_of_the_accounts_or_the_admin_has_anything_inline(server):
    with Visitor(server.address) as person:
        pages = [person.get("/accounts/login/"), person.get("/accounts/password/reset/")]
        person.log_in("ada")
        pages += [person.get(path) for path in OWN_PAGES]

    for page in pages:
        assert page.status_code == 200, page.url
        assert page.headers["content-security-policy"].startswith("default-src 'none'"), page.url
        assert "unsafe" not in page.headers["content-security-policy"]
        assert INLINE.search(page.text) is None, (page.url, INLINE.search(page.text))


def test_passwords_are_stored_as_argon2id_and_secrets_for_the_owner_alone(server):
    folder = server.log.parent / "accounts"
    with sqlite3.connect(folder / "accounts.db") as database:
        hashes = [row[0] for row in database.execute("SELECT password FROM auth_user")]
    database.close()

    assert hashes
    assert all(one.startswith("argon2$argon2id$") for one in hashes)
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in folder.iterdir()} == {
        path.name: "0o600" for path in folder.iterdir()
    }


def test_there_is_no_account_before_the_link_is_used_and_an_old_link_creates_none(tmp_path):
    with ServerProcess(BUNDLE, "--accounts", home=tmp_path) as server:
        path = tmp_path / "accounts" / "accounts.db"
        with sqlite3.connect(path) as database:
            n_users = database.execute("SELECT count(*) FROM auth_user").fetchone()
            kept = database.execute("SELECT digest FROM podium_accounts_setuplink").fetchall()
            database.execute(MINUTE_AGO)
        database.close()
        with Visitor(server.address) as person:
            answer = person.get(set_up_path(server.log))

    assert n_users == (0,)
    assert len(kept) == 1
    assert kept[0][0] not in set_up_path(server.log)
    assert answer.status_code == 410


@pytest.mark.parametrize("password", ["short", "elevenchars", "123456789012"])
def test_weak_passwords_are_refused(server, password):
    command = [sys.executable, "-m", "podium", "user", "add", "eve", "--password-stdin"]
    command += ["--home", str(server.log.parent)]
    done = subprocess.run(command, input=password, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "password" in done.stderr


def test_cookies_over_https_are_bound_to_the_host(https):
    with Visitor(https.address, verify=False) as person:
        person.set_up(https.log)
        told = person.get("/accounts/login/").headers.get_list("set-cookie")
        cookies = [*person.cookies_told, *told]
        page = person.get("/accounts/2fa/")

    names = {one.partition("=")[0] for one in cookies}
    assert names == {"__Host-podium-session", "__Host-podium-csrf", "__Host-podium-browser"}
    for cookie in cookies:
        assert {"HttpOnly", "Secure", "Path=/", "SameSite=Lax"} <= set(cookie.split("; ")[1:])
        assert "Domain" not in cookie
    assert "max-age" in page.headers["strict-transport-security"]


def test_staff_that_other_machines_reach_must_have_a_second_factor(https):
    user(https, "add", "root", "--admin", "--password-stdin", given=f"{PASSWORD}\n")
    with Visitor(https.address, verify=False) as person:
        person.log_in("root")
        before = [person.get(path).url.path for path in (FORM, "/admin/", "/docs")]
        person.activate_totp()
        after = [person.get(path).url.path for path in (FORM, "/admin/", "/docs")]

    assert before == ["/accounts/2fa/"] * 3
    assert after == [FORM, "/admin/", "/docs"]
