"""A browser without scripts, as far as accounts need one."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Self

import httpx

PASSWORD = "correct-horse-battery"
_FIELD = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_LINK = re.compile(r"https?://\S+(/accounts/set-up/\S+/)")


def set_up_path(log: Path) -> str:
    """The path of the link that the server printed last."""
    return _LINK.findall(log.read_text("utf-8"))[-1]


class Visitor:
    """Follows links, and sends forms with their hidden token, as a person does."""

    def __init__(self, address: str, **options: object) -> None:
        self.http = httpx.Client(base_url=address, follow_redirects=True, **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def send(
        self, path: str, form: dict[str, object] | None = None, to: str = ""
    ) -> httpx.Response:
        """Open the page at `path`, fill in its form and send it."""
        page = self.get(path)
        token = _FIELD.search(page.text)
        assert token is not None, f"{page.status_code} {page.url} has no form:\n{page.text}"
        headers = {"origin": str(self.http.base_url).rstrip("/"), "referer": str(page.url)}
        return self.http.post(
            to or str(page.url),
            data={"csrfmiddlewaretoken": token[1], **(form or {})},
            headers=headers,
        )

    def set_up(self, log: Path, username: str = "ada", password: str = PASSWORD) -> httpx.Response:
        form = {"username": username, "password1": password, "password2": password}
        return self.send(set_up_path(log), form)

    def log_in(self, username: str = "ada", password: str = PASSWORD) -> httpx.Response:
        return self.send("/accounts/login/", {"login": username, "password": password})


def text_of(page: httpx.Response) -> str:
    """What one can read on a page."""
    return unescape(re.sub(r"<[^>]+>|\s+", " ", page.text))
