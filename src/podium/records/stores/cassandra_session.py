"""The cluster under a CassandraStore: its address, its session, its tables, and its failures."""

from __future__ import annotations

import re
import ssl
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
from cassandra import ConsistencyLevel, DependencyException, ProtocolVersion
from cassandra.query import tuple_factory

from podium.errors import SetupError, StoreError
from podium.records import forks
from podium.records.stores import cassandra_errors as errors
from podium.records.stores import cassandra_statements as cql
from podium.records.stores.threads import Threads

CONNECT_S = 5
REQUEST_S = 10
_PORT = 9042
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,47}")
_HOST = re.compile(r"([A-Za-z0-9_.-]+)(?::([0-9]{1,5}))?")
_OPTIONS = {"dc", "ca", "shards", "create"}
_HINT = "write cassandra://user:password@host1,host2:9042/keyspace?dc=datacenter1"


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """What an address says.

    Attributes:
        dc: the datacenter whose nodes are asked; None for that of the first one that answers.
        ca: the file of the certificates that sign those of the nodes; None doesn't encrypt.
        shards: into how many partitions each day is divided, if this is the first server.
        creates: whether to create missing tables.
    """

    hosts: tuple[str, ...]
    port: int
    keyspace: str
    user: str | None = None
    password: str = ""
    dc: str | None = None
    ca: str | None = None
    shards: int = 4
    creates: bool = True


def read_address(address: str) -> Address:
    """What an address such as `cassandra://user:password@host1,host2:9042/keyspace` says.

    Raises:
        SetupError: it is invalid; the message doesn't contain it.
    """
    parts = urlsplit(address)
    credentials, _, places = parts.netloc.rpartition("@")
    hosts = [_HOST.fullmatch(one) for one in places.split(",")]
    keyspace = parts.path.removeprefix("/")
    if not _NAME.fullmatch(keyspace):
        raise SetupError("the URL of the store has no valid keyspace", hint=_HINT)
    ports = {int(one[2]) for one in hosts if one is not None and one[2]}
    if None in hosts or len(ports) > 1 or any(not 0 < port < 2**16 for port in ports):
        reason = "the URL of the store has no valid hosts, or several ports"
        raise SetupError(reason, hint=_HINT)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if unknown := options.keys() - _OPTIONS:
        known = ", ".join(sorted(_OPTIONS))
        raise SetupError(
            f"the URL of the store has no option {min(unknown)}", hint=f"known: {known}"
        )
    shards = options.get("shards", "4")
    if not shards.isdecimal() or not 1 <= int(shards) <= 64:
        raise SetupError("shards in the URL of the store isn't a number from 1 to 64", hint=_HINT)
    if (create := options.get("create", "yes")) not in ("yes", "no"):
        raise SetupError("create in the URL of the store is neither yes nor no", hint=_HINT)
    user, colon, password = credentials.partition(":")
    return Address(
        hosts=tuple(one[1] for one in hosts if one is not None),
        port=min(ports, default=_PORT),
        keyspace=keyspace,
        user=unquote(user) if user or colon else None,
        password=unquote(password),
        dc=options.get("dc"),
        ca=_file(options.get("ca")),
        shards=int(shards),
        creates=create == "yes",
    )


def check_driver() -> None:
    """Check that the driver finds an event loop, as it does where libev or asyncore is.

    Raises:
        SetupError: it finds none.
    """
    try:
        import cassandra.cluster  # noqa: F401
    except DependencyException as error:
        raise SetupError(
            "cassandra-driver has no event loop for this Python",
            hint="install a wheel of the driver, which has libev, or use Python 3.11",
        ) from error


class CassandraSession(forks.ForkAware):
    """Statements in one keyspace; failures are raised as StoreError.

    Each process has a session of its own; a forked one leaves its parent's alone.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self.where = f"cassandra://{','.join(address.hosts)}:{address.port}/{address.keyspace}"
        self.threads = Threads("podium-cassandra")
        self._cluster: Any = None
        self._session: Any = None
        self._prepared: dict[str, Any] = {}
        self._n_shards: int | None = None
        self._lock = threading.RLock()
        self._is_closed = False
        forks.watch(self)

    @property
    def n_shards(self) -> int:
        """Into how many partitions each day is divided: what the first server said."""
        self.open()
        assert self._n_shards is not None
        return self._n_shards

    def open(self) -> None:
        """Connect, and create tables that are missing, once in each process.

        Raises:
            StoreError: the database failed, or the store is closed.
        """
        if self._n_shards is not None and self._session is not None and not self._is_closed:
            return
        with self._lock:
            if self._is_closed:
                raise StoreError("the store is closed")
            if self._session is None:
                self._connect()
            if self._n_shards is None:
                if self.address.creates:
                    self._create_tables()
                self._n_shards = self._read_shards()

    def run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows that a statement returns.

        Raises:
            StoreError: the database failed.
        """
        session = self._session
        if session is None or self._is_closed:
            self.open()
            session = self._session
        try:
            prepared = self._prepared.get(statement)
            if prepared is None:
                prepared = self._prepared[statement] = session.prepare(statement)
            rows: list[tuple[Any, ...]] = list(session.execute(prepared, values))
        except errors.kinds() as error:
            raise self.failure(error) from error
        return rows

    def applies(self, statement: str, *values: Any) -> bool:
        """Whether the condition of a statement was met, so that it changed something."""
        return bool(self.run(statement, *values)[0][0])

    def failure(self, error: Exception) -> StoreError:
        """The StoreError of a driver's exception; it contains neither values nor the password."""
        return errors.failure_of(self.where, error, secret=self.address.password)

    def close(self) -> None:
        """Close the connections, after the statements that run."""
        self._is_closed = True
        self.threads.close()
        with self._lock:
            cluster, self._cluster, self._session = self._cluster, None, None
        if cluster is not None:
            cluster.shutdown()

    def after_fork_in_child(self) -> None:
        """Leave the parent's connections."""
        forks.abandon((self._cluster, self._session))
        self._cluster = self._session = None
        self._prepared = {}
        self._lock = threading.RLock()

    def _connect(self) -> None:
        cluster = self._new_cluster()
        try:
            session = cluster.connect()
            session.set_keyspace(self.address.keyspace)
        except errors.kinds() as error:
            cluster.shutdown()
            raise self.failure(error) from error
        self._cluster, self._prepared, self._session = cluster, {}, session

    def _new_cluster(self) -> Any:
        from cassandra.auth import PlainTextAuthProvider
        from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
        from cassandra.policies import DCAwareRoundRobinPolicy, TokenAwarePolicy

        address = self.address
        profile = ExecutionProfile(
            load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy(address.dc or "")),
            consistency_level=ConsistencyLevel.LOCAL_QUORUM,
            serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL,
            request_timeout=REQUEST_S,
            row_factory=tuple_factory,
        )
        provider = None
        if address.user is not None:
            provider = PlainTextAuthProvider(address.user, address.password)
        return Cluster(
            contact_points=address.hosts,
            port=address.port,
            auth_provider=provider,
            ssl_context=_tls(address),
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
            # Of Cassandra since 2.2 and ScyllaDB; the driver would try others first, with warnings.
            protocol_version=ProtocolVersion.V4,
            connect_timeout=CONNECT_S,
            control_connection_timeout=CONNECT_S,
        )

    def _create_tables(self) -> None:
        keyspace = self.address.keyspace
        found = {name for (name,) in self.run(cql.TABLE_NAMES, keyspace)}
        for name in cql.TABLES:
            if name not in found:
                self._define(cql.create_table(name))
        if "podium_record" in found:
            columns = {name for (name,) in self.run(cql.COLUMN_NAMES, keyspace, "podium_record")}
            for name in cql.RECORD_COLUMNS:
                if name not in columns:
                    # Another server may be faster.
                    with suppress(StoreError):
                        self._define(cql.add_column(name))

    def _define(self, statement: str) -> None:
        try:
            self._session.execute(statement)
        except errors.kinds() as error:
            raise self.failure(error) from error

    def _read_shards(self) -> int:
        rows = self.run(cql.GET_SETTING, "shards")
        if not rows:
            self.run(cql.INSERT_SETTING, "shards", self.address.shards)
            rows = self.run(cql.GET_SETTING, "shards")
        return int(rows[0][0])


def _tls(address: Address) -> ssl.SSLContext | None:
    if address.ca is None:
        return None
    context = ssl.create_default_context(cafile=address.ca)
    # Nodes are reached by the addresses that they announce, which are rarely in certificates: whoever
    # has one of this authority is a node.
    context.check_hostname = False
    return context


def _file(path: str | None) -> str | None:
    if path is not None and not Path(path).is_file():
        raise SetupError(f"there is no file {path}", hint="name the file of the certificates in ca")
    return path
