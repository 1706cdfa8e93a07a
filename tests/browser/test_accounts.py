"""Accounts in a real browser: from the link that was printed to a token that was revoked."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyotp
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from podium.access import WORDS, Action
from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parents[1] / "hosts"))
from accounts_visitor import PASSWORD, set_up_path

FORMATS = Path(__file__).parents[1] / "formats"
MINE, OTHER = "logistic-1", "forest-1"
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 740}
# One code opens one door: the next one is good half a minute later.
STEP_S = 30


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    bundles = [str(FORMATS / f"{name}.podium") for name in (MINE, OTHER)]
    home = tmp_path_factory.mktemp("home")
    with ServerProcess(*bundles, "--accounts", home=home) as started:
        command = [sys.executable, "-m", "podium", "user", "add", "linda", "--password-stdin"]
        subprocess.run([*command, "--home", str(home)], input=PASSWORD.encode(), check=True)
        yield started


class Person:
    """Somebody at a browser of their own, who complains of everything that it complains of."""

    def __init__(self, browser: Browser, address: str, viewport: dict[str, int] = DESKTOP) -> None:
        # Passkeys need a name, and every cookie is bound to it.
        self.address = address.replace("127.0.0.1", "localhost")
        self.page: Page = browser.new_context(viewport=viewport).new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: str) -> Page:
        self.page.goto(self.address + path)
        return self.page

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            self.page.fill(f"main [name={name}]", value)

    def send(self) -> None:
        self.page.locator("main .form .button").first.click()

    def log_in(self, name: str, secret: str = "") -> None:
        self.open("/accounts/login/")
        self.fill(login=name, password=PASSWORD)
        self.send()
        if secret:
            self.page.wait_for_url("**/2fa/authenticate/")
            self.fill(code=pyotp.TOTP(secret).at(int(time.time()) + STEP_S))
            self.send()

    def log_out(self) -> None:
        self.open("/accounts/")
        self.page.get_by_role("button", name="Log out").click()

    def is_sideways(self) -> bool:
        """Whether the page is wider than the window."""
        wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        return bool(self.page.evaluate(wide))

    def _hear(self, message: ConsoleMessage) -> None:
        is_refusal = "status of 40" in message.text
        if message.type in ("error", "warning") and not is_refusal:
            self.complaints.append(f"{self.page.url}: {message.text}")


def test_from_the_link_to_a_token_that_was_revoked(server, browser):
    ada = Person(browser, server.address)
    ada.open(set_up_path(server.log))
    ada.fill(username="ada", password1=PASSWORD, password2=PASSWORD)
    ada.send()
    secret = set_up_codes(ada)
    ada.log_out()
    ada.log_in("ada", secret)
    ada.page.wait_for_url(ada.address + "/")
    make_group(ada, "analysts", f"predict_{MINE}", f"see_own_{MINE}")
    make_member(ada, "grace", "analysts")

    grace = Person(browser, server.address)
    grace.log_in("grace")
    grace.page.wait_for_url(grace.address + "/")
    assert [one.inner_text() for one in grace.page.locator(".card h2").all()] == ["Logistic 1"]
    answer = predict(grace)
    refused = grace.page.goto(f"{grace.address}/models/{OTHER}")
    admin = grace.page.goto(f"{grace.address}/admin/")
    token = make_token(grace, "nightly job")
    used = asked_until(server, token, 200)
    grace.open("/accounts/").get_by_role("button", name="Revoke nightly job").click()
    revoked = asked_until(server, token, 401)
    log = ada.open("/admin/podium/auditentry/").locator("#result_list").inner_text()

    assert answer
    assert refused is not None
    assert refused.status == 404
    assert admin is not None
    assert admin.status == 403
    assert (used, revoked) == (200, 401)
    for told in ("token_made", "token_revoked", "nightly job", "logged_in", "grace", "analysts"):
        assert told in log
    assert ada.complaints + grace.complaints == []


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_rights_are_ticked_saved_and_shown_with_their_source(server, browser, viewport):
    name = f"boss-{viewport['width']}"
    command = [sys.executable, "-m", "podium", "user", "add", name, "--admin", "--password-stdin"]
    command += ["--home", str(server.log.parent)]
    subprocess.run(command, input=PASSWORD.encode(), check=True)
    boss = Person(browser, server.address, viewport)
    boss.log_in(name)
    page = boss.open("/accounts/")
    page.get_by_role("link", name="Permissions").click()
    page.get_by_label("Group or user").fill("who is logged in")
    page.get_by_role("button", name="Show", exact=True).click()
    box = page.get_by_label(f"Feedback, {MINE}: Everyone who is logged in")
    box.check()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("1 granted, 0 revoked").wait_for()
    boss.open("/accounts/rights/?who=linda").get_by_role("link", name="linda").click()
    n_sources = page.get_by_role("link", name="Everyone who is logged in").count()
    is_sideways = boss.is_sideways()
    boss.open("/admin/auth/group/").get_by_role("link", name="Permissions", exact=True).click()
    page.get_by_label(f"Feedback, {MINE}: Everyone who is logged in").uncheck()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("0 granted, 1 revoked").wait_for()

    assert n_sources == 1
    assert not is_sideways
    assert not boss.is_sideways()
    assert boss.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_a_phone(server, browser, scheme):
    person = Person(browser, server.address, PHONE)
    person.page.emulate_media(color_scheme=scheme)
    paths = ["/accounts/login/", "/accounts/password/reset/"]
    wide = [path for path in paths if person.open(path) and person.is_sideways()]
    person.log_in("linda")
    paths = ["/accounts/", "/accounts/password/change/", "/accounts/email/", "/accounts/2fa/"]
    paths += ["/accounts/sessions/", "/"]
    wide += [path for path in paths if person.open(path) and person.is_sideways()]

    assert wide == []
    assert person.complaints == []


def test_a_passkey_is_created_and_logs_in(server, browser):
    person = Person(browser, server.address)
    devtools = person.page.context.new_cdp_session(person.page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    person.log_in("linda")
    page = person.open("/accounts/2fa/webauthn/add/")
    prove(person)
    person.fill(name="laptop")
    page.check("main [name=passwordless]")
    page.locator("#mfa_webauthn_add").click()
    page.wait_for_url(lambda url: "webauthn/add" not in url)
    person.log_out()
    person.open("/accounts/login/").get_by_role("button", name="Log in with a passkey").click()
    page.wait_for_url(person.address + "/")

    assert page.get_by_role("link", name="Account").is_visible()
    assert person.complaints == []


def prove(person: Person) -> None:
    """Say the password again, where that is asked for."""
    if "reauthenticate" in person.page.url:
        person.fill(password=PASSWORD)
        person.send()


def set_up_codes(person: Person) -> str:
    page = person.open("/accounts/2fa/totp/activate/")
    prove(person)
    secret = page.input_value("#authenticator_secret")
    person.fill(code=pyotp.TOTP(secret).now())
    person.send()
    page.wait_for_url("**/recovery-codes/**")
    return secret


def make_group(person: Person, name: str, *permissions: str) -> None:
    page = person.open("/admin/auth/group/add/")
    page.fill("[name=name]", name)
    for codename in permissions:
        action, _, model = codename.rpartition("_")
        words = WORDS[Action(action)]
        option = page.locator("#id_permissions_from option").filter(has_text=f"{words} of {model}")
        page.select_option("#id_permissions_from", value=option.first.get_attribute("value"))
        page.locator("#id_permissions_add, #id_permissions_add_link").first.click()
    page.click("[name=_save]")
    page.wait_for_url("**/admin/auth/group/")


def make_member(person: Person, name: str, group: str) -> None:
    page = person.open("/admin/auth/user/add/")
    page.fill("[name=username]", name)
    page.fill("[name=password1]", PASSWORD)
    page.fill("[name=password2]", PASSWORD)
    page.click("[name=_save]")
    page.wait_for_url("**/change/")
    page.select_option("#id_groups_from", label=group)
    page.locator("#id_groups_add, #id_groups_add_link").first.click()
    page.click("[name=_save]")
    page.wait_for_url("**/admin/auth/user/")


def predict(person: Person) -> str:
    page = person.open(f"/models/{MINE}")
    example = page.get_by_role("link", name="Fill with")
    if example.count():
        example.first.click()
    page.locator("main form .button").first.click()
    page.locator(".result .value").first.wait_for()
    return page.locator(".result .value").first.inner_text()


def make_token(person: Person, name: str) -> str:
    page = person.open("/accounts/")
    person.fill(name=name)
    page.get_by_label("every model").check()
    page.get_by_label("everything you may do").check()
    page.get_by_role("button", name="Create the token").click()
    return page.locator("#token").inner_text().strip()


def asked_until(server: ServerProcess, token: str, wanted: int) -> int:
    """The status that a token gets; every process knows it half a second later."""
    until = time.monotonic() + 60
    while (found := ask(server, token)) != wanted and time.monotonic() < until:
        pass
    return found


def ask(server: ServerProcess, token: str) -> int:
    headers = {"authorization": f"Bearer {token}"}
    return httpx.get(f"{server.address}/api/models/{MINE}", headers=headers).status_code
