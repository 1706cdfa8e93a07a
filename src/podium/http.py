"""Requests, responses and problems as plain values: the arguments and results of every view."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qs

import msgspec

from podium.access import NOBODY, Actor
from podium.errors import BadCell, RateLimited
from podium.metrics.metrics import Lane

if TYPE_CHECKING:
    from podium.deployments.upload import Upload

# The key of an ASGI scope that holds a `Handshake`; no client can set it.
HANDSHAKE = "podium.handshake"
# What is limited, in words.
PREDICTIONS, OTHERS = "prediction requests", "requests for pages"
EXPLANATIONS = "explanations"


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error in the form of RFC 9457.

    Attributes:
        type: a stable name, for programs: `urn:podium:invalid_rows`.
        code: its last part.
        instance: of a fault that isn't the caller's: the id under which the log has details.
        hint: what to do.
        cells: the invalid values, as many as are listed in one response.
        n_cells: their total number.
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
    """Whether a request exceeds a quota.

    Attributes:
        limit: requests a minute.
        remaining: how many more could be sent at once.
        reset_s: when the full quota is available again.
        retry_after_s: when the next one is allowed; 0 if this one is.
        counted: what is limited, in words.
    """

    limit: int
    remaining: int
    reset_s: float
    retry_after_s: float = 0.0
    counted: str = PREDICTIONS

    def require(self) -> None:
        """Check that the request is within the quota.

        Raises:
            RateLimited: it isn't.
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
        """The quota headers of the response."""
        return {
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(self.remaining),
            "ratelimit-reset": str(-int(-self.reset_s // 1)),
        }


class Handshake(Protocol):
    """A WebSocket that is to be opened, once a view admits it."""

    def admit(self, request: Request, model: str) -> None:
        """Open it, for the actor of this request.

        Raises:
            RateLimited: they have too many open already.
            Overloaded: too many are open already.
        """


@dataclass(frozen=True)
class Request:
    """One complete HTTP request.

    Attributes:
        path: decoded, below the mount.
        headers: values by lower-case name; repeated ones are joined with a comma.
        root_path: the prefix that Podium is mounted under, without a trailing slash.
        origin: scheme and host as the client sees them, `http://127.0.0.1:8000`.
        address: the client's IP address; "" if the host doesn't provide it.
        actor: who sent it, once it `is_identified`; anonymous until then.
        is_bulk: whether the actor may send bulk requests.
        native: the host's own request object.
        verdict: what is left of the actor's quota; None if it isn't counted.
        form_token: name and value of an input that the host requires in every form.
        lane: the lane under which it is counted.
        upload: what was its body, in a file: a bundle, or a file of rows.
        handshake: the WebSocket that it asks for, if it does.
        static_url: returns the URL of one of our static files, if the host serves them; None: we
            do.
        began_ns: when it was read, by `time.perf_counter_ns`.
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
    upload: Upload | None = None
    handshake: Handshake | None = None
    static_url: Callable[[str], str] | None = None
    lane: Lane = "asgi"
    began_ns: int = field(default_factory=time.perf_counter_ns, compare=False)

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
        """The URL of one of our paths, for a link on a page."""
        return self.root_path + path


@dataclass
class Response:
    """One HTTP response: complete, or in pieces if it may be long.

    Attributes:
        problem: the problem in it, if it is an error.
        is_compressible: whether its length may tell what is in it: it has no secret beside text that
            somebody else may choose.
    """

    body: bytes | Iterator[bytes] = b""
    status: int = 200
    media: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    problem: Problem | None = None
    is_compressible: bool = False

    @classmethod
    def json(cls, value: object, *, status: int = 200) -> Response:
        """A response of JSON."""
        return cls(msgspec.json.encode(value), status, "application/json")

    @classmethod
    def redirect(cls, address: str) -> Response:
        """A redirect to another URL, to be requested with GET (303)."""
        return cls(b"", 303, "text/plain; charset=utf-8", {"location": address})
