"""A cluster of Elasticsearch or OpenSearch: requests, in every process and thread, and failures."""

from __future__ import annotations

import os
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, SSLError

from podium.errors import StoreError
from podium.records import forks
from podium.records.stores.causes import (
    BUSY,
    FULL,
    READ_ONLY,
    REFUSED,
    SILENT,
    UNREACHABLE,
    Cause,
)
from podium.records.stores.search_address import SearchAddress

CONNECT_S = 5.0
CONNECTIONS = 16  # of a process; further threads wait for one
Method = Literal["GET", "POST", "PUT", "DELETE"]

# By the status of a response.
_CAUSES: dict[int, tuple[Cause | None, str]] = {
    401: (REFUSED, "check the user and the password, or the API key"),
    403: (REFUSED, "give the user the rights that the documentation of this store lists"),
    413: (None, "the cluster, or a proxy before it, accepts only smaller requests"),
    429: (BUSY, "it has more to do than it can: it is asked again later"),
    502: (UNREACHABLE, ""),
    503: (UNREACHABLE, ""),
    504: (SILENT, ""),
}
_FULL = "free disk space, or delete old records: the cluster accepts new ones by itself then"
_BLOCKED = "somebody has blocked the index: remove the block (index.blocks)"
_UNREACHABLE = "check that it runs, can be reached, and speaks TLS or not as the URL says"


class Lost(Exception):
    """There was no response.

    Args:
        reason: what happened, without addresses of others or secrets.
        was_sent: whether the request may have been carried out.
    """

    def __init__(self, reason: str, *, was_sent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.was_sent = was_sent


def lost(cause: Any) -> Lost:
    """What a failure of urllib3 means: its own texts have addresses in memory and lines of code."""
    if isinstance(getattr(cause, "__context__", None), socket.gaierror):
        reason = "there is no such host"
    elif isinstance(cause, NewConnectionError):
        reason = "nothing listens there"
    elif isinstance(cause, ConnectTimeoutError):
        reason = "it doesn't accept the connection in time"
    elif isinstance(cause, SSLError):
        reason = "its certificate isn't trusted, or it speaks no TLS"
    else:
        return Lost(f"it can't be reached: {type(cause).__name__}", was_sent=True)
    return Lost(f"it can't be reached: {reason}", was_sent=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response.

    Attributes:
        body: as JSON, decoded.
    """

    status: int
    body: Any

    @property
    def error(self) -> str:
        """The type of the error; "" if there is none."""
        return error_type(self.body)


class Connection(ABC):
    """Sends requests with a client library. It is safe to use in many threads."""

    @abstractmethod
    def send(
        self,
        method: Method,
        path: str,
        params: Mapping[str, str],
        body: bytes | None,
        *,
        many: bool,
    ) -> Answer:
        """Send a request, and return the response, whatever its status.

        Args:
            many: whether the body is a sequence of lines of JSON.

        Raises:
            Lost: there was no response.
        """

    @abstractmethod
    def close(self) -> None:
        """Close all connections."""


class Cluster(forks.ForkAware, ABC):
    """Sends requests; a forked process leaves the connections of its parent alone."""

    def __init__(self, address: SearchAddress) -> None:
        self.address = address
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._pid = 0
        self._is_closed = False
        forks.watch(self)

    @abstractmethod
    def connect(self) -> Connection:
        """A new connection; nothing is sent yet."""

    def after_fork_in_child(self) -> None:
        """Replace the lock, which a thread of the parent may hold."""
        self._lock = threading.Lock()

    def request(
        self,
        method: Method,
        path: str,
        body: object = None,
        *,
        params: Mapping[str, str] | None = None,
        allowed: tuple[int, ...] = (),
    ) -> Answer:
        """Send a request, and return its response.

        A request whose response was lost is sent again, once: repeating it must be harmless.

        Args:
            body: a value that becomes JSON; a list becomes lines of JSON, and its bytes are lines.
            allowed: statuses besides success that are returned.

        Raises:
            StoreError: there is no response, or it has another status.
        """
        lines = isinstance(body, list)
        packed = None if body is None else _packed(body)
        try:
            answer = self._send(method, path, params or {}, packed, many=lines)
        except Lost as error:
            where = self.address.shown
            cause = SILENT if "in time" in error.reason else UNREACHABLE
            raise cause.error(f"{where}: {error.reason}", hint=_UNREACHABLE) from error
        if answer.status < 300 or answer.status in allowed:
            return answer
        raise self.failure(answer.status, answer.body)

    def failure(self, status: int, body: Any) -> StoreError:
        """The error of a response, or of one of the parts of a response."""
        kind, reason = error_type(body), _reason_of(body)
        said = f"{kind}: {reason}" if reason else kind or f"it responded with status {status}"
        cause, hint = _CAUSES.get(status, (None, ""))
        if kind == "cluster_block_exception":
            cause, hint = (FULL, _FULL) if "disk" in reason else (READ_ONLY, _BLOCKED)
        text = f"{self.address.shown}: {said}"
        return StoreError(text, hint=hint) if cause is None else cause.error(text, hint=hint)

    def close(self) -> None:
        """Close the connections of this process."""
        with self._lock:
            connection, self._connection = self._connection, None
            self._is_closed = True
            if connection is not None and self._pid == os.getpid():
                connection.close()

    def _send(
        self,
        method: Method,
        path: str,
        params: Mapping[str, str],
        body: bytes | None,
        *,
        many: bool,
    ) -> Answer:
        try:
            return self._answered(method, path, params, body, many=many)
        except Lost as error:
            if not error.was_sent and len(self.address.hosts) == 1:
                raise
        # The server may have closed a connection that was idle, or there is another node.
        return self._answered(method, path, params, body, many=many)

    def _answered(self, *request: Any, many: bool) -> Answer:
        answer = self._current().send(*request, many=many)
        if answer.status < 300 and not isinstance(answer.body, dict):
            # A connection that ends between the lines of the head looks like a response without a body.
            raise Lost("its response was cut off", was_sent=True)
        return answer

    def _current(self) -> Connection:
        if self._connection is not None and self._pid == os.getpid():
            return self._connection
        with self._lock:
            if self._is_closed:
                raise StoreError("the store is closed")
            if self._connection is None or self._pid != os.getpid():
                try:
                    self._connection, self._pid = self.connect(), os.getpid()
                except (OSError, ValueError) as error:  # of certificates that can't be read
                    raise StoreError(f"{self.address.shown}: {error}") from error
            return self._connection


def error_type(body: Any) -> str:
    """The type of the error in a response, or in a part of one; "" if there is none."""
    error = body.get("error", "") if isinstance(body, dict) else ""
    kind = error.get("type", "") if isinstance(error, dict) else error
    return kind if isinstance(kind, str) else ""


def _reason_of(body: Any) -> str:
    """Why, in the server's words: the first line, and none that may quote a value of a record."""
    error = body.get("error") if isinstance(body, dict) else None
    reason = error.get("reason") if isinstance(error, dict) else None
    if not isinstance(reason, str) or "parsing" in error_type(body):
        return ""
    return reason.strip().partition("\n")[0][:300]


def _packed(body: object) -> bytes:
    if isinstance(body, list):
        lines = (one if isinstance(one, bytes) else msgspec.json.encode(one) for one in body)
        return b"".join(line + b"\n" for line in lines)
    return msgspec.json.encode(body)
