"""The cluster under a CouchbaseStore: its connections, collection, indexes and errors."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from couchbase.auth import PasswordAuthenticator
from couchbase.cluster import Cluster
from couchbase.collection import Collection
from couchbase.durability import DurabilityLevel, ServerDurability
from couchbase.exceptions import AuthenticationException, CouchbaseException
from couchbase.n1ql import QueryScanConsistency
from couchbase.options import ClusterOptions, ClusterTimeoutOptions, QueryOptions

from podium.errors import SetupError, StoreError
from podium.records import forks
from podium.records.open import without_password
from podium.records.stores.couchbase_address import CouchbaseAddress, quoted, read_address
from podium.records.stores.couchbase_errors import failure_of

T = TypeVar("T")

CONNECT_S = 10.0
CALL_S = 30.0
# An index of a collection with many records is built for so long; later it is looked for again.
BUILD_S = 300.0
# The nodes of a cluster see a new collection one after another.
_VISIBLE_S, _LOOK_AGAIN_S = 10.0, 0.2

# Pages are found by an index that ends in (time_us, id). An index is read in one direction alone.
_NEWEST = "`time_us` DESC, `id` DESC"
INDEXES: Mapping[str, str] = {
    "podium_record_oldest": "(`time_us`, `id`)",
    "podium_record_newest": f"({_NEWEST})",
    "podium_record_by_model": f"(`model`, {_NEWEST})",
    "podium_record_by_outcome": f"(`model`, `outcome`, {_NEWEST})",
    "podium_record_by_key": f"(`business_key`, {_NEWEST}) WHERE `business_key` IS VALUED",
    "podium_record_by_feedback": f"(`model`, {_NEWEST}) WHERE `feedback_time_us` IS VALUED",
    "podium_record_by_id": "(`id`)",
}
_COLLECTIONS = (
    "SELECT RAW k.`name` FROM system:keyspaces AS k "
    "WHERE k.`bucket` = $bucket AND k.`scope` = $scope AND k.`name` = $collection"
)
_INDEXES = (
    "SELECT RAW i.`name` FROM system:indexes AS i "
    "WHERE i.bucket_id = $bucket AND i.scope_id = $scope AND i.keyspace_id = $collection"
)


class CouchbaseCluster(forks.ForkAware):
    """A collection, of which each process has connections of its own.

    Failures are raised as StoreError.

    Raises:
        SetupError: the address is invalid.
    """

    def __init__(self, address: str) -> None:
        self.address: CouchbaseAddress = read_address(address)
        self.where = without_password(address)
        certificate = self.address.certificate
        if certificate is not None and not Path(certificate).is_file():
            raise SetupError(
                f"the certificate of the URL of the store isn't a file: {certificate}",
                hint="name a file of the authorities that signed the cluster's certificate",
            )
        level = DurabilityLevel[self.address.durability.upper()]
        self.durability = ServerDurability(level)
        self._is_closed = False
        self._cluster: Cluster | None = None
        self._collection: Collection | None = None
        self._reset()
        forks.watch(self)

    def after_fork_in_child(self) -> None:
        """Leave the parent's cluster alone: its threads don't exist here."""
        if self._cluster is not None:
            forks.abandon((self._cluster, self._collection))
        self._reset()

    def run(self, work: Callable[[Collection], T]) -> T:
        """Run `work` on the collection, which is made first, and return its result.

        Raises:
            StoreError: the database failed.
        """
        with self.failures():
            return work(self._opened())

    def query(self, statement: str, values: Mapping[str, Any]) -> list[Any]:
        """The rows of a SELECT, which sees all that was written before.

        Raises:
            StoreError: the database failed.
        """
        with self.failures():
            self._opened()
            consistency = QueryScanConsistency.REQUEST_PLUS
            return self._rows(statement, values, scan_consistency=consistency, read_only=True)

    def close(self) -> None:
        """End the connections; a second call does nothing."""
        self._is_closed = True
        with self._lock:
            cluster, self._cluster, self._collection = self._cluster, None, None
        if cluster is not None:
            with self.failures():
                cluster.close()

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Turn exceptions of the driver into a StoreError."""
        try:
            yield
        except CouchbaseException as error:
            # Without its cause: its context contains documents and statements with values.
            raise failure_of(self.where, error) from None

    def _opened(self) -> Collection:
        if self._is_closed:
            raise StoreError("the store is closed")
        if self._collection is None:
            with self._lock:
                if self._collection is None:
                    self._collection = self._prepared()
        return self._collection

    def _prepared(self) -> Collection:
        """The collection, with its indexes: what is missing is made."""
        address = self.address
        if self._cluster is None:
            self._cluster = _connected(address)
        bucket = self._cluster.bucket(address.bucket)
        # Who gave the user too few rights to look for them has made them.
        try:
            found = self._names(_COLLECTIONS), self._names(_INDEXES)
        except AuthenticationException:
            found = None
        if found is not None:
            self._create_missing(*found)
        return bucket.scope(address.scope).collection(address.collection)

    def _create_missing(self, collections: set[str], indexes: set[str]) -> None:
        address = self.address
        if not collections:
            self._create(f"CREATE COLLECTION {address.keyspace}", _COLLECTIONS, address.collection)
        for name in sorted(INDEXES.keys() - indexes):
            statement = f"CREATE INDEX {quoted(name)} ON {address.keyspace} {INDEXES[name]}"
            self._create(statement, _INDEXES, name)

    def _create(self, statement: str, present: str, name: str) -> None:
        """Create something, unless another process does so at the same moment."""
        try:
            self._rows(statement, {}, timeout=timedelta(seconds=BUILD_S))
        except CouchbaseException:
            if name not in self._names(present):
                raise
        until_s = time.monotonic() + _VISIBLE_S
        while name not in self._names(present) and time.monotonic() < until_s:
            time.sleep(_LOOK_AGAIN_S)

    def _names(self, statement: str) -> set[str]:
        address = self.address
        values = {
            "bucket": address.bucket,
            "scope": address.scope,
            "collection": address.collection,
        }
        return set(self._rows(statement, values, read_only=True))

    def _rows(self, statement: str, values: Mapping[str, Any], **options: Any) -> list[Any]:
        assert self._cluster is not None
        chosen = QueryOptions(named_parameters=dict(values), **options)
        return list(self._cluster.query(statement, chosen).rows())

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._cluster = None
        self._collection = None


def _connected(address: CouchbaseAddress) -> Cluster:
    limits = ClusterTimeoutOptions(
        bootstrap_timeout=timedelta(seconds=CONNECT_S),
        connect_timeout=timedelta(seconds=CONNECT_S),
        kv_timeout=timedelta(seconds=CALL_S),
        kv_durable_timeout=timedelta(seconds=CALL_S),
        query_timeout=timedelta(seconds=CALL_S),
    )
    who = PasswordAuthenticator(address.user, address.password, cert_path=address.certificate)
    # What the driver measures and reports would run in threads of its own, for nobody.
    options = ClusterOptions(
        who,
        timeout_options=limits,
        enable_tracing=False,
        enable_metrics=False,
        enable_orphan_reporting=False,
        enable_app_telemetry=False,
    )
    return Cluster.connect(address.connection, options)
