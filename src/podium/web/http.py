"""Requests and responses as plain values: what every view takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec

from podium.access import NOBODY, Actor

if TYPE_CHECKING:
    from podium.web.problems import Problem
    from podium.web.quota import Verdict


@dataclass(frozen=True)
class Request:
    """One HTTP request, read whole.

    Attributes:
        path: decoded, below the mount.
        headers: values by lower-case name; repeated ones joined with a comma.
        root_path: the prefix that Podium is mounted under, without a slash at its end.
        origin: scheme and host as the client sees them, `http://127.0.0.1:8000`.
        address: the client's IP address; "" where the host doesn't tell.
        actor: who asks, once that `is_identified`; nobody until then.
        native: the request as the host has it, for what only the host knows.
        verdict: how much is left of the quota of who asks; None where it isn't counted.
        form_token: name and value of an input that every form of ours must carry for the host.
        static_url: gives the address of a file of ours, where the host serves them; None: we do.
    """

    method: str
    path: str
    query_string: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    root_path: str = ""
    origin: str = "http://127.0.0.1:8000"
    address: str = ""
    actor: Actor = NOBODY
    is_identified: bool = False
    native: Any = None
    form_token: tuple[str, str] | None = None
    verdict: Verdict | None = None
    static_url: Callable[[str], str] | None = None

    @cached_property
    def query(self) -> dict[str, str]:
        """The last value of each query parameter."""
        parsed = parse_qs(self.query_string, keep_blank_values=True, errors="replace")
        return {name: values[-1] for name, values in parsed.items()}

    @property
    def media(self) -> str:
        """The content type in lower case, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def url(self, path: str) -> str:
        """The address of a path of ours, for a link on a page."""
        return self.root_path + path


@dataclass
class Response:
    """One HTTP response: whole, or in pieces where it may be long.

    Attributes:
        problem: what it tells, where it tells of an error.
    """

    body: bytes | Iterator[bytes] = b""
    status: int = 200
    media: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    problem: Problem | None = None

    @classmethod
    def json(cls, value: object, *, status: int = 200) -> Response:
        """A response of JSON."""
        return cls(msgspec.json.encode(value), status, "application/json")

    @classmethod
    def redirect(cls, address: str) -> Response:
        """Go and GET this address instead (303)."""
        return cls(b"", 303, "text/plain; charset=utf-8", {"location": address})
