"""Why Couchbase failed: the driver's exceptions as causes."""

from __future__ import annotations

from typing import TypeAlias

from couchbase.exceptions import (
    AmbiguousTimeoutException,
    AuthenticationException,
    BucketNotFoundException,
    CollectionNotFoundException,
    CouchbaseException,
    DocumentLockedException,
    DurabilityImpossibleException,
    DurabilityInvalidLevelException,
    DurabilitySyncWriteAmbiguousException,
    DurabilitySyncWriteInProgressException,
    InternalServerFailureException,
    InvalidArgumentException,
    MissingConnectionException,
    QuotaLimitedException,
    RateLimitedException,
    RequestCanceledException,
    ScopeNotFoundException,
    ServiceUnavailableException,
    TemporaryFailException,
    TimeoutException,
    UnAmbiguousTimeoutException,
)

from podium.errors import StoreError
from podium.records.stores.causes import (
    BUSY,
    FAILED,
    FULL,
    READ_ONLY,
    REFUSED,
    SILENT,
    UNREACHABLE,
    Cause,
)

_Kinds: TypeAlias = tuple[type[CouchbaseException], ...]

_TIMEOUTS = (AmbiguousTimeoutException, UnAmbiguousTimeoutException, TimeoutException)
_AWAY = (
    "check that the cluster runs, can be reached, and has a node with the query service; "
    "with couchbases:// also that its certificate is trusted: see the option certificate"
)
# The driver has no classes for its numbers of what goes wrong with connections. One of them is of a
# status that it doesn't know: 0x35 to 0x38, among others, are limits of a bucket. See `Status` in
# mcbp/protocol/status.h of kv_engine.
_NETWORK, _UNKNOWN_STATUS = range(1001, 1100), 1004
_LIMIT = "see Couchbase's logs: the bucket has reached a limit, as of disk space, or is paused"
_CAUSES: tuple[tuple[Cause, _Kinds, str], ...] = (
    (
        REFUSED,
        (AuthenticationException,),
        "check the user, the password, and the roles of the user for this bucket",
    ),
    (FULL, (QuotaLimitedException,), "raise the quota of the scope, or delete old records"),
    (
        BUSY,
        # A node reports so that it has no memory left, or can't write fast enough to its disk.
        (TemporaryFailException,),
        "a node is starting, or has no memory or disk space left: see Couchbase's logs",
    ),
    (
        BUSY,
        (RateLimitedException, DocumentLockedException, DurabilitySyncWriteInProgressException),
        "",
    ),
    (
        READ_ONLY,
        (DurabilityImpossibleException, DurabilityInvalidLevelException),
        "the bucket has too few nodes, or no disk: choose another durability in the URL",
    ),
    (SILENT, (DurabilitySyncWriteAmbiguousException,), ""),
    (FAILED, (InternalServerFailureException,), "see Couchbase's logs"),
    (UNREACHABLE, (BucketNotFoundException,), "create the bucket, and give the user its roles"),
    (
        UNREACHABLE,
        (ScopeNotFoundException, CollectionNotFoundException),
        "create the scope of the URL; the collection is made when the server starts again",
    ),
    (
        UNREACHABLE,
        (MissingConnectionException, RequestCanceledException, ServiceUnavailableException),
        _AWAY,
    ),
)


def failure_of(where: str, error: CouchbaseException) -> StoreError:
    """The StoreError of a driver's exception; it contains no documents and no statements."""
    text = f"{where}: {reason(error)}"
    for cause, kinds, hint in _CAUSES:
        if isinstance(error, kinds):
            return cause.error(text, hint=hint)
    if isinstance(error, _TIMEOUTS):
        was_sent = getattr(error.error_context, "last_dispatched_to", None)
        return (SILENT if was_sent else UNREACHABLE).error(text, hint=_AWAY)
    if error.error_code == _UNKNOWN_STATUS:
        return FAILED.error(text, hint=_LIMIT)
    if (error.error_code or 0) in _NETWORK:
        return UNREACHABLE.error(text, hint=_AWAY)
    is_invalid = isinstance(error, InvalidArgumentException)
    return StoreError(text, hint="see the page on Couchbase for the URL" if is_invalid else "")


def reason(error: CouchbaseException) -> str:
    """What went wrong, without documents and statements."""
    name = type(error).__name__.removesuffix("Exception")
    code = getattr(error.error_context, "first_error_code", None)
    text = getattr(error.error_context, "first_error_message", None)
    if code:
        return f"{name}: {text} (error {code})"
    first_line = str(error.message or "").partition("\n")[0]
    return f"{name}: {first_line}" if first_line else name
