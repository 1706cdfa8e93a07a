"""What a client of either kind needs before it sends anything, and what follows from a response."""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from podium.client.calls import Call, T
from podium.client.failures import failure_of
from podium.client.retries import Retries, passes, retry_after_s
from podium.errors import SetupError, Unreachable
from podium.plugins import needs

if TYPE_CHECKING:
    import httpx

VARIABLE = "PODIUM_TOKEN"
PIECE_BYTES = 2**18


@dataclass(frozen=True, slots=True)
class Connection:
    """A server, and how it is called.

    Attributes:
        address: of the server, with the prefix that Podium is mounted under, if there is one.
        token: sent with every request; "" for none. It is in no message and no `repr`.
        timeout_s: for connecting, and for each wait for bytes.
        verify: whether the server's certificate is checked, or the context that checks it.
    """

    address: str
    token: str = field(repr=False)
    timeout_s: float
    retries: Retries
    verify: ssl.SSLContext | bool
    n_connections: int

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of httpx's clients."""
        with needs("client"):
            import httpx
        limits = httpx.Limits(
            max_connections=self.n_connections, max_keepalive_connections=self.n_connections
        )
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        # Redirects aren't followed: they could lead a token to another server.
        return {
            "base_url": self.address,
            "headers": headers,
            "timeout": self.timeout_s,
            "verify": self.verify,
            "limits": limits,
        }


def connection_to(
    address: str,
    token: str | None,
    timeout_s: float,
    retries: Retries | int,
    verify: ssl.SSLContext | bool,
    n_connections: int,
) -> Connection:
    """A connection with checked arguments.

    Raises:
        SetupError: one of them can't be used.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SetupError(
            f"{address[:80]!r} isn't the address of a server", hint="write http://127.0.0.1:8000"
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise SetupError(
            "the address of a server has no user, query or fragment",
            hint=f"pass a token as token=, or in {VARIABLE}",
        )
    found = (os.environ.get(VARIABLE, "") if token is None else token).strip()
    if not (found.isascii() and found.isprintable() and " " not in found):
        raise SetupError(
            "the token has characters that no token has", hint="copy it again, as a whole"
        )
    if isinstance(retries, int):
        retries = Retries(retries)
    return Connection(address.rstrip("/"), found, timeout_s, retries, verify, n_connections)


class Attempts:
    """The attempts at one call: what each result means, and how long to wait before the next."""

    def __init__(self, retries: Retries, call: Call[Any]) -> None:
        self._retries = retries
        self._call = call
        self._n_failed = 0

    def after(self, response: httpx.Response) -> float:
        """How long to wait after a response that isn't what was asked for.

        Raises:
            PodiumError: the problem in the response, if the request isn't sent again.
        """
        asked_s = retry_after_s(response.headers.get("retry-after"))
        error = failure_of(response.status_code, response.content, asked_s)
        self._n_failed += 1
        # A server that refuses a request for now has done nothing; a proxy can't know.
        is_sent = response.status_code in (502, 504) and not self._call.is_repeatable
        wait_s = None
        if passes(response.status_code, error) and not is_sent:
            wait_s = self._retries.wait_s(self._n_failed, asked_s)
        if wait_s is None:
            raise error
        return wait_s

    def after_error(self, error: Exception) -> float:
        """How long to wait after no response came.

        Raises:
            Unreachable: the request isn't sent again.
        """
        import httpx

        self._n_failed += 1
        never_sent = isinstance(
            error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
        )
        wait_s = None
        if self._call.is_repeatable or never_sent:
            wait_s = self._retries.wait_s(self._n_failed)
        if wait_s is None:
            reason = str(error) or type(error).__name__
            hint = "look whether it runs, and at the address"
            if not (self._call.is_repeatable or never_sent):
                hint = "it may have got the request: look at its jobs before you send it again"
            raise Unreachable(f"the server doesn't answer: {reason}", hint=hint) from error
        return wait_s


def request_of(call: Call[Any], *, is_async: bool = False) -> dict[str, Any]:
    """The arguments of httpx's `build_request`."""
    given = {**_trace_context(), **call.headers}
    headers = {name: value.encode("latin-1") for name, value in given.items()}
    content: Any = call.body or None
    if call.file is not None:
        # Servers of Podium don't take a body whose length they don't know.
        headers["content-length"] = str(call.file.stat().st_size).encode()
        content = _pieces_async(call.file) if is_async else _pieces(call.file)
    return {
        "method": call.method,
        "url": call.path,
        "content": content,
        "params": dict(call.query) or None,
        "headers": headers,
    }


def _trace_context() -> dict[str, str]:
    """The headers that continue the caller's trace (W3C Trace Context), if it uses OpenTelemetry."""
    headers: dict[str, str] = {}
    if "opentelemetry.trace" in sys.modules:
        from opentelemetry import propagate

        propagate.inject(headers)
    return headers


def value_of(call: Call[T], response: httpx.Response) -> T:
    """What a response is, once it is read."""
    is_repeated = response.headers.get("idempotency-replayed") == "true"
    return call.read(response.content, is_repeated)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


async def _pieces_async(path: Path) -> AsyncIterator[bytes]:
    for piece in _pieces(path):
        yield piece
