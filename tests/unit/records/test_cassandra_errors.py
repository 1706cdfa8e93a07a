"""Why Cassandra fails: its driver's exceptions, as causes."""

from __future__ import annotations

import struct
from io import BytesIO

import pytest
from cassandra import (
    AlreadyExists,
    AuthenticationFailed,
    OperationTimedOut,
    ReadTimeout,
    Unauthorized,
    UnresolvableContactPoints,
    WriteFailure,
)
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionBusy, ConnectionShutdown
from cassandra.protocol import ErrorMessage

from podium.errors import StoreError
from podium.records.stores import cassandra_errors
from podium.records.stores.causes import (
    BUSY,
    FAILED,
    FULL,
    REFUSED,
    SILENT,
    UNREACHABLE,
    Cause,
)

QUORUM = struct.pack(">Hii", 4, 1, 2)
SIMPLE = struct.pack(">H", 6) + b"SIMPLE"
GUARDRAIL = (
    "Guardrail replica_disk_usage violated: Write request failed because disk usage exceeds failure "
    "threshold in destination replicas."
)
SCYLLA = "Critical disk utilization: rejected write mutation"

# ERROR bodies of the native protocol, version 4: the code, the message, and what else the code has.
ON_THE_WIRE = [
    (0x2200, GUARDRAIL, b"", FULL),
    (0x1500, SCYLLA, QUORUM + struct.pack(">i", 1) + SIMPLE, FULL),
    (0x1600, "CDC space is exhausted", b"", FULL),
    (0x2100, "User ada has no MODIFY permission on <table podium.podium_record>", b"", REFUSED),
    (0x1001, "Too many requests in flight", b"", BUSY),
    (0x0000, "java.io.IOException: No space left on device", b"", FAILED),
    (0x1500, "Operation failed", QUORUM + struct.pack(">i", 1) + SIMPLE, FAILED),
    (0x1300, "Operation failed", QUORUM + struct.pack(">ib", 1, 0), FAILED),
    (0x1100, "Operation timed out", QUORUM + struct.pack(">H", 3) + b"CAS", SILENT),
    (0x1200, "Operation timed out", QUORUM + b"\0", SILENT),
    (0x1000, "Cannot achieve consistency level LOCAL_QUORUM", QUORUM, UNREACHABLE),
    (0x1002, "Cannot read from a bootstrapping node", b"", UNREACHABLE),
    (0x2200, "Keyspace 'podium' does not exist", b"", UNREACHABLE),
    # A record may be to blame.
    (0x2200, "Mutation of 17.0MiB is too large for the maximum size of 16.0MiB", b"", None),
    (
        0x2200,
        "Guardrail column_value_size violated: Value of column inputs has size 9MiB",
        b"",
        None,
    ),
    (0x2000, "line 1:0 no viable alternative at input", b"", None),
]


@pytest.mark.parametrize(("code", "said", "more", "cause"), ON_THE_WIRE)
def test_what_a_node_says_has_a_cause(
    code: int, said: str, more: bytes, cause: Cause | None
) -> None:
    body = struct.pack(">iH", code, len(said)) + said.encode() + more
    raised = ErrorMessage.recv_body(BytesIO(body), 4, None, None, None).to_exception()

    assert isinstance(raised, cassandra_errors.kinds())
    for error in (raised, NoHostAvailable("Unable to complete", {"10.0.0.1:9042": raised})):
        check(error, cause, said)


@pytest.mark.parametrize(
    ("raised", "cause"),
    [
        (AuthenticationFailed("Failed to authenticate: hush-7Kq is wrong"), REFUSED),
        (Unauthorized("no permission"), REFUSED),
        (ConnectionBusy("Connection is busy"), BUSY),
        (OperationTimedOut(errors={"10.0.0.1": "Client request timeout"}), SILENT),
        (ConnectionShutdown("Connection to 10.0.0.1 was closed"), UNREACHABLE),
        (ConnectionRefusedError(111, "Connection refused"), UNREACHABLE),
        (UnresolvableContactPoints({}), UNREACHABLE),
        (AlreadyExists("podium", "podium_record"), None),
    ],
)
def test_what_the_driver_finds_out_by_itself_has_a_cause(
    raised: Exception, cause: Cause | None
) -> None:
    check(raised, cause, "")
    check(NoHostAvailable("Unable to connect", {"10.0.0.1:9042": raised}), cause, "")


def test_no_node_at_all_is_a_cluster_that_cannot_be_reached() -> None:
    check(
        NoHostAvailable("Unable to complete the operation against any hosts", {}), UNREACHABLE, ""
    )


def test_of_several_nodes_the_one_that_says_most_is_believed() -> None:
    each = {
        "10.0.0.1": WriteFailure("Operation failed"),
        "10.0.0.2": ReadTimeout("Operation timed out"),
        "10.0.0.3": ConnectionRefusedError(111, "Connection refused"),
    }

    check(NoHostAvailable("Unable to complete", each), FAILED, "Connection refused")


def check(raised: Exception, cause: Cause | None, said: str) -> None:
    error = cassandra_errors.failure_of("cassandra://db:9042/podium", raised, secret="hush-7Kq")

    assert type(error) is StoreError
    assert error.reason == (cause.reason if cause else "")
    assert error.hint
    assert error.message.startswith("cassandra://db:9042/podium: ")
    assert said in error.message
    assert "hush-7Kq" not in error.message
