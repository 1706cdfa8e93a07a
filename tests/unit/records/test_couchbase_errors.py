"""Why Couchbase fails: its driver's exceptions, as causes. Those of a node are in tests/contract."""

from __future__ import annotations

import couchbase.exceptions as driver
import pytest
from couchbase.exceptions import CouchbaseException

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
from podium.records.stores.couchbase_errors import failure_of

CAUSES = [
    (driver.QuotaLimitedException, FULL),
    (driver.DurabilityImpossibleException, READ_ONLY),
    (driver.DurabilityInvalidLevelException, READ_ONLY),
    (driver.TemporaryFailException, BUSY),
    (driver.RateLimitedException, BUSY),
    (driver.DocumentLockedException, BUSY),
    (driver.DurabilitySyncWriteInProgressException, BUSY),
    (driver.AuthenticationException, REFUSED),
    (driver.DurabilitySyncWriteAmbiguousException, SILENT),
    (driver.InternalServerFailureException, FAILED),
    (driver.BucketNotFoundException, UNREACHABLE),
    (driver.ScopeNotFoundException, UNREACHABLE),
    (driver.CollectionNotFoundException, UNREACHABLE),
    (driver.ServiceUnavailableException, UNREACHABLE),
    (driver.RequestCanceledException, UNREACHABLE),
    (driver.MissingConnectionException, UNREACHABLE),
    # A record may be to blame.
    (driver.InvalidArgumentException, None),
    (driver.InvalidValueException, None),
    (driver.ParsingFailedException, None),
    (driver.ValueFormatException, None),
]
TIMEOUTS = (
    driver.AmbiguousTimeoutException,
    driver.UnAmbiguousTimeoutException,
    driver.TimeoutException,
)


@pytest.mark.parametrize(("kind", "cause"), CAUSES)
def test_an_exception_of_the_driver_has_a_cause(
    kind: type[CouchbaseException], cause: Cause | None
) -> None:
    error = failure_of("couchbase://ada:***@db/podium", kind(message="it says so\nand more"))

    assert error.reason == (cause.reason if cause else "")
    assert error.hint or cause is None
    assert error.message.startswith("couchbase://ada:***@db/podium: ")
    assert error.message.endswith(": it says so")


@pytest.mark.parametrize("kind", TIMEOUTS)
@pytest.mark.parametrize(
    ("sent_to", "cause"), [("10.0.0.1:11210", SILENT), ("", UNREACHABLE), (None, UNREACHABLE)]
)
def test_a_request_that_no_node_got_is_not_one_that_got_no_answer(
    kind: type[CouchbaseException], sent_to: str | None, cause: Cause
) -> None:
    context = driver.KeyValueErrorContext(last_dispatched_to=sent_to)

    assert failure_of("db", kind(context=context)).reason == cause.reason


def test_a_status_that_the_driver_does_not_know_is_the_stores_own() -> None:
    error = failure_of("db", CouchbaseException(error_code=1004))

    assert error.reason == FAILED.reason
    assert "disk space" in error.hint
    assert failure_of("db", CouchbaseException(error_code=1006)).reason == UNREACHABLE.reason
    assert failure_of("db", CouchbaseException(error_code=201)).reason == ""
