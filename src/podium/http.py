"""Requests, responses and problems as plain values: what every view takes and gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs

import msgspec

from podium.access import NOBODY, Actor
from podium.errors import BadCell, RateLimited
from podium.monitor.metrics import Lane

# What is counted, as people are told.
PREDICTIONS, OTHERS = "prediction requests", "requests for pages"


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error as RFC 9457 has it.

    Attributes:
        type: a name that stays, for programs: `urn:podium:invalid_rows`.
        code: its last part.
        instance: of a fault that isn't the caller's: the name under which the log tells more.
        hint: what to do.
        cells: the values that aren't accepted, as many as are listed in one answer.
        n_cells: how many there are in all.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str = ""
    hint: str = ""
    cells: tuple[BadCell, ...] = ()
    n_cells: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request is one too many.

    Attributes:
        limit: requests a minute.
        remaining: how many more could come at once.
        reset_s: when all of them can again.
        retry_after_s: when the next one can; 0 where this one is granted.
        counted: what is limited, in words.
    """

    limit: int
    remaining: int
    reset_s: float
    retry_after_s: float = 0.0
    counted: str = PREDICTIONS

    def require(self) -> None:
        """Let the request go on, or not.

        Raises:
            RateLimited: it is one too many.
        """
        if self.retry_after_s:
            wait_s = math.ceil(self.retry_after_s)
            when = f"try again in {wait_s} {'second' if wait_s == 1 else 'seconds'}"
            is_prediction = self.counted == PREDICTIONS
            raise RateLimited(
                f"the limit is {self.limit} {self.counted} a minute",
                limit=self.limit,
                retry_after_s=self.retry_after_s,
                hint=f"{when}; a request with many rows counts once" if is_prediction else when,
            )

    @property
    def headers(self) -> dict[str, str]:
        """What a caller is told."""
        return {
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(self.remaining),
            "ratelimit-reset": str(-int(-self.reset_s // 1)),
        }


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
        is_bulk: who asks may send bulk requests.
        native: the request as the host has it, for what only the host knows.
        verdict: how much is left of the quota of who asks; None where it isn't counted.
        form_token: name and value of an input that every form of ours must carry for the host.
        lane: under which it is counted.
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
    is_bulk: bool = False
    native: Any = None
    form_token: tuple[str, str] | None = None
    verdict: Verdict | None = None
    static_url: Callable[[str], str] | None = None
    lane: Lane = "asgi"

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
