"""A browser without scripts, as far as accounts need one."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from email import message_from_string
from email.message import Message
from html import unescape
from pathlib import Path
from typing import Self

import httpx
import pyotp

PASSWORD = "correct-horse-battery"
_HEADERS = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
_FIELD = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_SECRET = re.compile(r'id="authenticator_secret" value="([A-Z2-7]+)"')
_LINK = re.compile(r"https?://\S+(/accounts/set-up/\S+/)")

AN_HOUR_LATER = """
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
for row in Session.objects.all():
    store = SessionStore(row.session_key)
    for one in store.get("account_authentication_methods", ()):
        one["at"] -= 3600
    store.save()
"""


def set_up_path(log: Path) -> str:
    """The path of the link that the server printed last."""
    return _LINK.findall(log.read_text("utf-8"))[-1]


def letters(folder: Path, n_wanted: int) -> list[Message]:
    """The mails in a folder, once that many are there: they are sent when the answer has left."""
    until = time.monotonic() + 60
    found: list[Message] = []
    while len(found) < n_wanted and time.monotonic() < until:
        time.sleep(0.02)
        texts = [one.read_text("utf-8") for one in sorted(folder.glob("*.log"))]
        found = [message_from_string(text) for text in texts if text.rstrip().endswith("-" * 79)]
    return found


def make_older(home: Path) -> None:
    """Let everybody who is logged in have logged in an hour ago."""
    command = [sys.executable, "-m", "podium", "manage", "--home", str(home), "shell", "-c"]
    subprocess.run([*command, AN_HOUR_LATER], capture_output=True, check=True)


def body_of(letter: Message) -> str:
    """What stands in a mail; how it is coded is Django's matter."""
    body = letter.get_payload(decode=True)
    assert isinstance(body, bytes)
    return body.decode()


class Visitor:
    """Follows links, and sends forms with their hidden token, as a person does."""

    def __init__(
        self, address: str, headers: dict[str, str] | None = None, **options: object
    ) -> None:
        self.cookies_told: list[str] = []
        hooks = {"response": [self._note]}
        self.http = httpx.Client(
            base_url=address,
            follow_redirects=True,
            event_hooks=hooks,
            headers=_HEADERS | (headers or {}),
            **options,
        )
        self.origin = address

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def _note(self, answer: httpx.Response) -> None:
        self.cookies_told += answer.headers.get_list("set-cookie")

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def send(
        self, path: str, form: dict[str, object] | None = None, to: str = ""
    ) -> httpx.Response:
        """Open the page at `path`, fill in its form and send it."""
        return self.submit(self.get(path), form, to)

    def submit(
        self, page: httpx.Response, form: dict[str, object] | None = None, to: str = ""
    ) -> httpx.Response:
        """Fill in the last form of a page that is open, and send it."""
        tokens = _FIELD.findall(page.text)
        assert tokens, f"{page.status_code} {page.url} has no form:\n{text_of(page)}"
        headers = {"origin": self.origin, "referer": f"{self.origin}{page.url.path}"}
        fields = {"csrfmiddlewaretoken": tokens[-1], **(form or {})}
        return self.http.post(to or str(page.url), data=fields, headers=headers)

    def set_up(
        self, log: Path, username: str = "ada", password: str = PASSWORD, email: str = ""
    ) -> httpx.Response:
        form = {"username": username, "password1": password, "password2": password}
        return self.send(set_up_path(log), {**form, "email": email})

    def log_in(self, username: str = "ada", password: str = PASSWORD) -> httpx.Response:
        return self.send("/accounts/login/", {"login": username, "password": password})

    def activate_totp(self, password: str = PASSWORD) -> str:
        """Set up codes as a second factor; the secret that they are made of."""
        page = self.get("/accounts/2fa/totp/activate/")
        if "reauthenticate" in page.url.path:
            page = self.submit(page, {"password": password})
        secret = _SECRET.search(page.text)
        assert secret is not None, text_of(page)
        done = self.submit(page, {"code": pyotp.TOTP(secret[1]).now()})
        assert "recovery" in done.url.path, text_of(done)
        return secret[1]


def text_of(page: httpx.Response) -> str:
    """What one can read on a page."""
    return unescape(re.sub(r"<[^>]+>|\s+", " ", page.text))
