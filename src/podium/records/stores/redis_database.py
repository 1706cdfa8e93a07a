"""A Redis or Valkey server: connections to it, what it promises, and its errors."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Literal, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from redis import Redis, exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from podium.errors import SetupError, StoreError
from podium.records import forks
from podium.records.open import without_password
from podium.records.stores.causes import (
    BUSY,
    FULL,
    READ_ONLY,
    REFUSED,
    SILENT,
    UNREACHABLE,
    Cause,
)

T = TypeVar("T")

CONNECT_S = 5.0
ANSWER_S = 10.0
_SCHEMES = {"redis": "redis", "valkey": "redis", "rediss": "rediss", "valkeys": "rediss"}
_INVALID = "write it as redis://user:password@host:6379/0, or rediss:// for TLS"
_RIGHTS = "give this user the rights that docs/how-to/redis.md lists"
_NO_CLUSTER = "a cluster isn't supported: write the URL of a single primary"
# The first that fits: some are kinds of others. Without a hint, the cause's own.
_CAUSES: tuple[tuple[type[Exception], Cause, str], ...] = (
    (exceptions.AuthenticationError, REFUSED, "correct the user and the password in the URL"),
    (exceptions.NoPermissionError, REFUSED, _RIGHTS),
    (exceptions.OutOfMemoryError, FULL, "raise maxmemory, or delete old records"),
    (exceptions.ReadOnlyError, READ_ONLY, "this is a replica: write the URL of the primary"),
    (exceptions.MaxConnectionsError, BUSY, "raise maxclients, or run fewer servers"),
    (exceptions.BusyLoadingError, BUSY, "it loads its data after a start: it is asked again later"),
    (exceptions.MovedError, UNREACHABLE, _NO_CLUSTER),
    (exceptions.ClusterDownError, UNREACHABLE, _NO_CLUSTER),
    (exceptions.ClusterCrossSlotError, UNREACHABLE, _NO_CLUSTER),
    (exceptions.TimeoutError, SILENT, "check that the server runs and isn't overloaded"),
    (
        exceptions.ConnectionError,
        UNREACHABLE,
        "check that the server runs, can be reached, and accepts this user",
    ),
)
# What the server says without a class of the driver: it can't write its log or its snapshots, as on a
# full disk, or too few replicas are there.
_WORDS: tuple[tuple[str, Cause, str], ...] = (
    ("ACL failure", REFUSED, _RIGHTS),  # in a script, as Valkey says it
    ("executing the script can't", REFUSED, _RIGHTS),  # as Redis says it
    ("MISCONF", FULL, "free disk space on the server: it can't write its log or its snapshots"),
    ("NOREPLICAS", READ_ONLY, "start its replicas, or lower min-replicas-to-write"),
)
_log = logging.getLogger("podium")


class RedisDatabase(forks.ForkAware):
    """Connections to one database; failures are raised as StoreError.

    It connects when it is first used. A forked process leaves its parent's connections alone and
    opens its own.

    Args:
        address: `redis://user:password@host:port/number`, `rediss://` for TLS, or `valkey://` and
            `valkeys://`. Its option `prefix` begins the names of all keys.
        connect_s: how long a connection may take to open.
        answer_s: how long a response may take.
        holds_records: whether to warn where the server may lose what is stored.

    Raises:
        SetupError: the address is invalid.
    """

    def __init__(
        self,
        address: str,
        *,
        connect_s: float = CONNECT_S,
        answer_s: float = ANSWER_S,
        holds_records: bool = True,
    ) -> None:
        self.where = without_password(address)
        self._url, self._prefix = _parsed(address)
        self._options: dict[str, Any] = {
            "socket_connect_timeout": connect_s,
            "socket_timeout": answer_s,
            "protocol": 2,
            # A connection to a server that was restarted is renewed; what took too long isn't sent
            # again.
            "retry": Retry(NoBackoff(), 1, supported_errors=(exceptions.ConnectionError,)),
        }
        self._lock = threading.Lock()
        self._is_checked = not holds_records
        self._is_closed = False
        # Unless it says more: it is another process than ours.
        self.durability: Literal["process", "power"] = "process"
        self._client = self._new_client()
        forks.watch(self)

    def key(self, name: str) -> str:
        """The name of a key in the database."""
        return f"{self._prefix}:{name}"

    def run(self, work: Callable[[Any], T]) -> T:
        """Run `work` with a client, and return its result.

        A command is repeated once after the connection was lost: repeating it must be harmless.

        Raises:
            StoreError: the server failed.
        """
        if self._is_closed:
            raise StoreError("the store is closed")
        with self.failures():
            if not self._is_checked:
                self._check()
            return work(self._client)

    def script(self, text: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Run a script; nobody sees some of its changes without the others, even after a crash.

        Raises:
            StoreError: the server failed.
        """
        return self.run(lambda client: client.eval(text, len(keys), *keys, *arguments))

    def after_fork_in_child(self) -> None:
        """Use other connections than the parent."""
        self._lock = threading.Lock()
        self._client = self._new_client()

    def close(self) -> None:
        """Close all idle connections."""
        self._is_closed = True
        with suppress(exceptions.RedisError, OSError):
            self._client.close()

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Turn exceptions of the driver into a StoreError."""
        try:
            yield
        except (exceptions.RedisError, OSError) as error:
            # Some messages repeat the arguments of a command.
            message = str(error).partition("\n")[0].partition(", with args")[0]
            text = f"{self.where}: {message or type(error).__name__}"
            raise _failure(error, text) from error

    def _new_client(self) -> Any:
        try:
            client = Redis.from_url(self._url, **self._options)
            client.connection_pool.make_connection()  # finds options that don't exist
        except (ValueError, TypeError, exceptions.RedisError) as error:
            # Without the address, which may contain a password.
            raise SetupError("the URL of Redis is invalid", hint=_INVALID) from error
        return client

    def _check(self) -> None:
        """What the server's settings mean for records, looked up once."""
        with self._lock:
            if self._is_checked:
                return
            found = self._settings()
            is_appended = bool(found.get("aof_enabled"))
            if is_appended and found.get("appendfsync") == "always":
                self.durability = "power"
            if not is_appended and found.get("save") == "":
                _log.warning(
                    "redis_not_persistent %s: records are lost when it restarts; set appendonly yes",
                    self.where,
                )
            policy = str(found.get("maxmemory_policy", ""))
            if policy.startswith("allkeys") and found.get("maxmemory"):
                _log.warning(
                    "redis_evicts %s: with maxmemory-policy %s it drops records when it is full; "
                    "set noeviction",
                    self.where,
                    policy,
                )
            self._is_checked = True

    def _settings(self) -> dict[str, Any]:
        """Those that the server shows: many services forbid some of the commands."""
        client: Any = self._client
        found: dict[str, Any] = {}
        for look, name in (
            (client.info, "memory"),
            (client.info, "persistence"),
            (client.config_get, "appendfsync"),
            (client.config_get, "save"),
        ):
            with suppress(exceptions.ResponseError):
                found |= look(name)
        return {name: _text(value) for name, value in found.items()}


def _failure(error: Exception, text: str) -> StoreError:
    for words, cause, hint in _WORDS:
        if words in str(error):
            return cause.error(text, hint=hint)
    for kind, cause, hint in _CAUSES:
        if isinstance(error, kind):
            return cause.error(text, hint=hint)
    return UNREACHABLE.error(text) if isinstance(error, OSError) else StoreError(text)


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _parsed(address: str) -> tuple[str, str]:
    """The address for the driver, and the prefix of all keys.

    Raises:
        SetupError: it is invalid.
    """
    try:
        url = urlsplit(address)
        _ = url.port
    except ValueError as error:
        raise SetupError("the URL of Redis is invalid", hint=_INVALID) from error
    options = dict(parse_qsl(url.query, keep_blank_values=True))
    prefix = options.pop("prefix", "podium")
    if url.scheme not in _SCHEMES or not url.hostname or not prefix:
        raise SetupError("the URL of Redis is invalid", hint=_INVALID)
    url = url._replace(scheme=_SCHEMES[url.scheme], query=urlencode(options))
    return url.geturl(), prefix
