"""The table under a DynamoStore: its address, its client, its creation, and its failures."""

from __future__ import annotations

import logging
import random
import re
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectionError,  # noqa: A004 - botocore's, from which each failure of a connection derives
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    ReadTimeoutError,
)

from podium.errors import SetupError, StoreError
from podium.records import forks
from podium.records.stores.causes import BUSY, REFUSED, SILENT, UNREACHABLE, Cause
from podium.records.stores.threads import N_THREADS, Threads

CONNECT_S = 5
READ_S = 10
# So long a request is repeated while the table is throttled; it is logged at most so often.
THROTTLED_S = 20.0
LOGGED_EVERY_S = 10.0
CREATED_S = 60.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.05, 2.0
_THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
        "LimitExceededException",
    }
)
# What a write with a condition is answered: the condition isn't met, or a value is refused.
_ANSWERS = frozenset({"ConditionalCheckFailedException", "ValidationException"})
_REPEATED = frozenset(
    {"InternalServerError", "ServiceUnavailable", "TransactionInProgressException"}
)
_CAUSES: dict[str, tuple[Cause, str]] = {
    "AccessDeniedException": (
        REFUSED,
        "give these credentials the permissions in docs/how-to/dynamodb.md",
    ),
    "UnrecognizedClientException": (
        REFUSED,
        "check the credentials (AWS_ACCESS_KEY_ID, AWS_PROFILE, or a role)",
    ),
    "InvalidSignatureException": (
        REFUSED,
        "check the secret access key, and this machine's clock",
    ),
    "ExpiredTokenException": (REFUSED, "these temporary credentials have expired: renew them"),
    "InternalServerError": (UNREACHABLE, ""),
    "ServiceUnavailable": (UNREACHABLE, ""),
}
_HINTS = {"ResourceNotFoundException": "create the table, or leave out create=no"}
_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_OPTIONS = {"region", "endpoint", "shards", "ttl_days", "create"}
_HINT = "write dynamodb://TABLE?region=eu-central-1"
# A generator of its own: a program may have seeded the global one.
_random = random.Random()  # noqa: S311 - not a secret
_log = logging.getLogger("podium")


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """What an address says; None leaves it to boto3's settings.

    Attributes:
        endpoint: a server other than Amazon's.
        shards: into how many partitions each day of a new table is divided.
        ttl_days: after how many days DynamoDB deletes a record by itself; None for never.
        creates: whether to create the table if it is missing.
    """

    table: str
    region: str | None = None
    endpoint: str | None = None
    shards: int = 4
    ttl_days: int | None = None
    creates: bool = True


def read_address(address: str) -> Address:
    """What an address such as `dynamodb://TABLE?region=eu-central-1` says.

    Raises:
        SetupError: it is invalid.
    """
    # Errors show no part of it that may be a secret.
    parts = urlsplit(address)
    if not _NAME.fullmatch(parts.netloc) or parts.path not in ("", "/"):
        problem = "contains credentials" if "@" in address else "has no valid table name"
        hint = f"{_HINT}; credentials come from AWS_PROFILE, AWS_ACCESS_KEY_ID or a role"
        raise SetupError(f"the URL of the store {problem}", hint=hint)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if unknown := options.keys() - _OPTIONS:
        known = ", ".join(sorted(_OPTIONS))
        raise SetupError(
            f"the URL of the store has no option {min(unknown)}", hint=f"known: {known}"
        )
    if (create := options.get("create", "yes")) not in ("yes", "no"):
        raise SetupError("create in the URL of the store is neither yes nor no", hint=_HINT)
    return Address(
        table=parts.netloc,
        region=options.get("region"),
        endpoint=_endpoint(options.get("endpoint")),
        shards=_number(options, "shards", 64) or 4,
        ttl_days=_number(options, "ttl_days", 36_500),
        creates=create == "yes",
    )


class _Patience:
    """How often a request is repeated, and after how long."""

    def __init__(self, where: str, log: Callable[[str], None]) -> None:
        self._where = where
        self._log = log
        self._until_s = time.monotonic() + THROTTLED_S
        self._wait_s = _FIRST_WAIT_S
        self._n_failed = 0

    def waits_for(self, error: ClientError) -> bool:
        """Whether to repeat a request, after having waited.

        Raises:
            StoreError: the table was throttled for too long.
        """
        code = _code_of(error)
        if code not in _THROTTLED:
            return code in _REPEATED and self.allows_failure()
        if time.monotonic() + self._wait_s > self._until_s:
            hint = "raise the table's capacity; the outbox keeps records until then"
            reason = f"throttled for {THROTTLED_S:.0f} s: {code}"
            raise BUSY.error(f"{self._where}: {reason}", hint=hint) from error
        self._log(code)
        time.sleep(self._wait_s * _random.uniform(0.5, 1))
        self._wait_s = min(2 * self._wait_s, _LONGEST_WAIT_S)
        return True

    def allows_failure(self) -> bool:
        """Whether this is the first failure of the server or the connection."""
        self._n_failed += 1
        return self._n_failed == 1


class DynamoTable(forks.ForkAware):
    """Requests to one table; failures are raised as StoreError.

    A forked process leaves its parent's connections alone, and opens its own.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self.where = f"dynamodb://{address.table}"
        self._client: Any = None
        self._n_shards: int | None = None
        self._logged_s = -LOGGED_EVERY_S
        self.threads = Threads("podium-dynamodb")
        self._lock = threading.RLock()
        self._is_closed = False
        forks.watch(self)

    @property
    def n_shards(self) -> int:
        """Into how many partitions each day is divided: what the table's creator said."""
        self.open()
        assert self._n_shards is not None
        return self._n_shards

    def open(self) -> None:
        """Create the table if it is missing, once in each process.

        Raises:
            StoreError: the database failed, or the store is closed.
        """
        if self._n_shards is None or self._is_closed:
            with self._lock:
                if self._is_closed:
                    raise StoreError("the store is closed")
                if self._n_shards is None:
                    self._n_shards = self._read_shards()

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """The response to a request about this table, repeated while it is throttled.

        Raises:
            ClientError: the condition of a write isn't met, or DynamoDB refuses a value of it.
            StoreError: the database failed.
        """
        patience = _Patience(self.where, self._log_throttling)
        while True:
            try:
                method = getattr(self._connected(), operation)
                response: dict[str, Any] = method(TableName=self.address.table, **parameters)
            except ClientError as error:
                if "ConditionExpression" in parameters and _code_of(error) in _ANSWERS:
                    raise
                if not patience.waits_for(error):
                    raise self._failure(error) from error
            except (HTTPClientError, ConnectionError) as error:
                # A connection that was idle for long may be lost; one that can't be made is given up.
                if not isinstance(error, ConnectionClosedError) or not patience.allows_failure():
                    raise self._failure(error) from error
            except BotoCoreError as error:
                raise self._failure(error) from error
            else:
                return response

    def close(self) -> None:
        """Close the connections, after the requests that run."""
        with self._lock:
            self._is_closed = True
            client, self._client = self._client, None
        self.threads.close()
        if client is not None:
            client.close()

    def after_fork_in_child(self) -> None:
        """Leave the parent's connections."""
        forks.abandon(self._client)
        self._client = None
        self._lock = threading.RLock()

    def _log_throttling(self, code: str) -> None:
        # Each of a thousand records may be throttled: one line for all of them.
        if time.monotonic() - self._logged_s > LOGGED_EVERY_S:
            self._logged_s = time.monotonic()
            _log.warning("store_throttled: %s: %s", self.where, code)

    def _connected(self) -> Any:
        if self._client is None or self._is_closed:
            with self._lock:
                if self._is_closed:
                    raise StoreError("the store is closed")
                if self._client is None:
                    self._client = self._new_client()
        return self._client

    def _new_client(self) -> Any:
        config = Config(
            connect_timeout=CONNECT_S,
            read_timeout=READ_S,
            retries={"total_max_attempts": 1},  # see `call`
            max_pool_connections=2 * N_THREADS,
            parameter_validation=False,  # a fifth of the time of a request
        )
        address = self.address
        return boto3.session.Session().client(
            "dynamodb", region_name=address.region, endpoint_url=address.endpoint, config=config
        )

    def _read_shards(self) -> int:
        """The number of shards in the table, which is created if it is missing."""
        key = {"partition": {"S": "podium"}, "place": {"S": "table"}}
        if self.address.creates and not self._exists(key):
            self._create()
        response = self.call("get_item", Key=key, ConsistentRead=True)
        if "Item" not in response:
            item = key | {"shards": {"N": str(self.address.shards)}}
            try:
                self.call("put_item", Item=item, **ABSENT)
            except ClientError as error:
                if not is_unmet(error):
                    raise self._failure(error) from error
            response = self.call("get_item", Key=key, ConsistentRead=True)
        return int(response["Item"]["shards"]["N"])

    def _exists(self, key: dict[str, Any]) -> bool:
        try:
            self.call("get_item", Key=key, ConsistentRead=True)
        except StoreError as error:
            if not _is_missing(error):
                raise
            return False
        return True

    def _create(self) -> None:
        names = ("partition", "place", "odd_id", "named")
        try:
            self.call(
                "create_table",
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[
                    {"AttributeName": one, "AttributeType": "S"} for one in names
                ],
                KeySchema=_keys("partition", "place"),
                GlobalSecondaryIndexes=[_index("odd_id"), _index("named")],
            )
        except StoreError as error:
            cause = error.__cause__
            # Another server was faster.
            if not isinstance(cause, ClientError) or _code_of(cause) != "ResourceInUseException":
                raise
        until_s = time.monotonic() + CREATED_S
        while self.call("describe_table")["Table"]["TableStatus"] != "ACTIVE":
            if time.monotonic() > until_s:
                raise StoreError(f"{self.where}: the table isn't active after {CREATED_S:.0f} s")
            time.sleep(0.2)
        if self.address.ttl_days is not None:
            setting = {"Enabled": True, "AttributeName": "expires_s"}
            self.call("update_time_to_live", TimeToLiveSpecification=setting)

    def _failure(self, error: Exception) -> StoreError:
        if isinstance(error, ClientError):
            code, text = _code_of(error), f"{self.where}: {reason_of(error)}"
            if code in _CAUSES:
                cause, hint = _CAUSES[code]
                return cause.error(text, hint=hint)
            return StoreError(text, hint=_HINTS.get(code, ""))
        cause, hint = UNREACHABLE, "check that DynamoDB can be reached at this region or endpoint"
        if isinstance(error, ReadTimeoutError):
            cause = SILENT
        if isinstance(error, NoCredentialsError):
            cause = REFUSED
            hint = "set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give a role"
        if isinstance(error, NoRegionError):
            hint = _HINT
        return cause.error(f"{self.where}: {error}", hint=hint)


# Parameters of a write that overwrites nothing, and of one that creates nothing.
ABSENT = {
    "ConditionExpression": "attribute_not_exists(#partition)",
    "ExpressionAttributeNames": {"#partition": "partition"},
}
PRESENT = ABSENT | {"ConditionExpression": "attribute_exists(#partition)"}


def is_unmet(error: ClientError) -> bool:
    """Whether a write's condition wasn't met; otherwise DynamoDB refused a value."""
    return _code_of(error) == "ConditionalCheckFailedException"


def reason_of(error: ClientError) -> str:
    """What DynamoDB says."""
    return f"{_code_of(error)}: {error.response['Error'].get('Message', '')}"


def _code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _is_missing(error: StoreError) -> bool:
    cause = error.__cause__
    return isinstance(cause, ClientError) and _code_of(cause) == "ResourceNotFoundException"


def _keys(*names: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": name, "KeyType": kind}
        for name, kind in zip(names, ("HASH", "RANGE"), strict=False)
    ]


def _index(name: str) -> dict[str, Any]:
    return {
        "IndexName": name,
        "KeySchema": _keys(name),
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }


def _endpoint(text: str | None) -> str | None:
    if text is None:
        return None
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in text:
        raise SetupError(
            "endpoint in the URL of the store is no http:// or https:// address without credentials",
            hint="write dynamodb://TABLE?region=local&endpoint=http://127.0.0.1:8000",
        )
    return text


def _number(options: dict[str, str], name: str, greatest: int) -> int | None:
    text = options.get(name)
    if text is None:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= greatest:
        raise SetupError(f"{name} in the URL of the store isn't a number from 1 to {greatest}")
    return int(text)
