"""Why Cassandra or ScyllaDB failed: the driver's exceptions as causes."""

from __future__ import annotations

import re
from typing import TypeAlias

from cassandra import (
    AuthenticationFailed,
    DriverException,
    OperationTimedOut,
    ReadFailure,
    Timeout,
    Unauthorized,
    Unavailable,
    UnresolvableContactPoints,
    WriteFailure,
)
from cassandra.connection import ConnectionBusy, ConnectionException
from cassandra.pool import NoConnectionsAvailable
from cassandra.protocol import (
    CDCWriteException,
    ErrorMessage,
    IsBootstrappingErrorMessage,
    OverloadedErrorMessage,
    ServerError,
)

from podium.errors import StoreError
from podium.records.stores.causes import (
    BUSY,
    FAILED,
    FULL,
    REFUSED,
    SILENT,
    UNREACHABLE,
    Cause,
)

_Kinds: TypeAlias = tuple[type[Exception], ...]

_AWAY = "check that a node runs, can be reached, and that dc is its datacenter"
_BROKEN = "see the logs of the nodes: a replica fails, as with a full disk"
# The first that fits one of the nodes. A request that is invalid isn't here: a record may be to blame.
_CAUSES: tuple[tuple[Cause, _Kinds, str], ...] = (
    (FULL, (CDCWriteException,), "free space for the log of changes (cdc_total_space)"),
    (REFUSED, (AuthenticationFailed,), "check the user and the password in the URL"),
    (
        REFUSED,
        (Unauthorized,),
        "grant SELECT and MODIFY on the keyspace, and CREATE and ALTER or use create=no",
    ),
    (BUSY, (OverloadedErrorMessage, ConnectionBusy, NoConnectionsAvailable), ""),
    # Also of a mutation that is larger than half a segment of the commit log; a record is smaller,
    # unless the segments are made smaller than they usually are.
    (FAILED, (WriteFailure, ReadFailure, ServerError), _BROKEN),
    (SILENT, (OperationTimedOut, Timeout), "check that the nodes run, and aren't overloaded"),
    (UNREACHABLE, (Unavailable,), "start more nodes: LOCAL_QUORUM needs most replicas"),
    (
        UNREACHABLE,
        (IsBootstrappingErrorMessage, ConnectionException, UnresolvableContactPoints, OSError),
        _AWAY,
    ),
)
# A guardrail of Cassandra since 4.1 (an invalid request), and the limit of ScyllaDB (a write failure).
_FULL = re.compile("disk usage exceeds failure threshold|Critical disk utilization")
_NO_KEYSPACE = re.compile("eyspace.* not exist")


def kinds() -> _Kinds:
    """What the driver raises: some of it has no base class."""
    from cassandra.cluster import NoHostAvailable  # it looks for an event loop

    return (
        *(DriverException, AuthenticationFailed, ErrorMessage),
        *(NoHostAvailable, ConnectionException, OSError),
    )


def failure_of(where: str, error: Exception, *, secret: str = "") -> StoreError:
    """The StoreError of a driver's exception; it contains neither values nor the password."""
    found = getattr(error, "errors", None)
    each = [error, *(found.values() if isinstance(found, dict) else ())]
    said = str(each[-1]).partition("\n")[0] or type(each[-1]).__name__
    text = f"{where}: {said.replace(secret, '***') if secret else said}"
    words = " ".join(map(str, each))
    if _FULL.search(words):
        return FULL.error(text, hint="free disk space, add nodes, or delete old records")
    if _NO_KEYSPACE.search(words):
        return UNREACHABLE.error(
            text, hint="create the keyspace; its replication is yours to decide"
        )
    for cause, some, hint in _CAUSES:
        if any(isinstance(one, some) for one in each):
            return cause.error(text, hint=hint)
    if isinstance(each[-1], DriverException | ErrorMessage):
        return StoreError(text, hint="see the logs of the nodes")
    return UNREACHABLE.error(text, hint=_AWAY)  # no host, and none says why
