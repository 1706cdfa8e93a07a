"""The database under a MongoStore: its client, indexes and errors."""

from __future__ import annotations

import itertools
import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, TypeAlias, TypeVar

import pymongo
from bson import Int64
from bson.codec_options import CodecOptions, TypeDecoder, TypeRegistry
from bson.errors import BSONError
from pymongo import IndexModel, MongoClient, ReadPreference, WriteConcern
from pymongo.collection import Collection as _Collection
from pymongo.database import Database as _Database
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ExecutionTimeout,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.uri_parser import split_options

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
Document: TypeAlias = dict[str, Any]
Collection: TypeAlias = _Collection[Document]
Database: TypeAlias = _Database[Document]

DATABASE = "podium"  # where the address names none
CONNECT_MS = 5_000
CALL_S = 30
TRIES = 100
TRY_AGAIN_S = 0.02
UNAUTHORIZED = 13
_LOGIN_FAILED = (18, 8000)  # the second one is Atlas's
_LOGIN_HINT = "check the user, the password, and authSource: the database that knows the user"
# The numbers are those of MongoDB's error_codes.yml; 8000 is Atlas's, of a quota that is used up. A
# primary that steps down or shuts down, or was one, sends the last ones.
_CAUSES: tuple[tuple[Cause, tuple[int, ...], str], ...] = (
    (FULL, (14031, 8000), ""),
    (REFUSED, (UNAUTHORIZED,), "the user needs the role readWrite for this database"),
    (BUSY, (46, 202, 462), ""),
    (SILENT, (50, 64), ""),
    (READ_ONLY, (10107, 13435, 13436, 189, 91, 11600, 11602), ""),
)
# A majority of the members has it on its disks: no failure of one of them loses it.
_DURABLE = WriteConcern(w="majority", j=True)
_PRIMARY = ReadPreference.PRIMARY
# Others have written to what a transaction wrote, or the primary has changed.
_CONFLICT = "TransientTransactionError"
# A generator of its own: a program may have seeded the global one.
_random = random.Random()  # noqa: S311 - not a secret


class _Integers(TypeDecoder):
    """Integers of 64 bits as Python's: what else is made of them expects no others."""

    bson_type = Int64
    transform_bson = int  # type: ignore[assignment] # called with the value alone


# Whatever the client of an application makes of its documents.
_CODEC: CodecOptions[Document] = CodecOptions(type_registry=TypeRegistry([_Integers()]))


class MongoDatabase(forks.ForkAware):
    """A database, of which each process has a client of its own; failures are raised as StoreError.

    Args:
        where: an address, or a function that returns a database of the application's own client,
            which the caller closes.

    Raises:
        SetupError: the address is invalid.
    """

    def __init__(
        self, where: str | Callable[[], Database], indexes: Mapping[str, Sequence[IndexModel]]
    ) -> None:
        self._indexes = indexes
        self._is_closed = False
        self._address = where if isinstance(where, str) else None
        self._client: MongoClient[Document] | None = None
        if isinstance(where, str):
            self._client = _client_of(where)
            self.where = without_password(where)
        else:
            self.where = "the application's MongoDB"
        self._of_app = None if isinstance(where, str) else where
        self._reset()
        forks.watch(self)

    def after_fork_in_child(self) -> None:
        """Leave the parent's client alone: closing it would end what the parent uses on the server."""
        if self._client is not None:
            forks.abandon(self._client)
            self._client = None
        self._reset()

    def run(self, name: str, work: Callable[[Collection], T]) -> T:
        """Run `work` on a collection, whose indexes are made first, and return its result.

        It is repeated once if the connection was lost, possibly after the work was done: repeating
        it must be harmless.

        Raises:
            StoreError: the database failed.
        """
        with self.failures():
            collection = self._prepared(name)
            with self._limited():
                try:
                    return work(collection)
                except (AutoReconnect, NotPrimaryError) as error:
                    # The others say that the time is over.
                    if type(error) not in (AutoReconnect, NotPrimaryError):
                        raise
                    return work(collection)

    def in_transaction(
        self, names: Sequence[str], work: Callable[[Sequence[Collection], Any], T]
    ) -> T:
        """Run `work` on collections, with a session: all of it is written, or nothing.

        It sees one state of them, and is repeated if others write to what it has seen.

        Raises:
            StoreError: the database failed, or has no transactions.
        """
        with self.failures():
            collections = [self._prepared(name) for name in names]
            client = self._database.client
            with self._limited(), client.start_session() as session:
                for tried in itertools.count(1):
                    try:
                        with session.start_transaction(ReadConcern("snapshot"), _DURABLE, _PRIMARY):
                            return work(collections, session)
                    except OperationFailure as error:
                        # The driver's own loop would try for two minutes, also if nobody answers.
                        if tried == TRIES or not error.has_error_label(_CONFLICT):
                            raise
                    time.sleep(TRY_AGAIN_S * min(tried, 10) * _random.uniform(0.5, 1))
        raise AssertionError("the last try returned or raised")

    def has_transactions(self) -> bool:
        """Whether it belongs to a replica set or a sharded cluster.

        Raises:
            StoreError: the database failed.
        """
        with self.failures(), self._limited():
            hello = self._database.command("hello")
        return "setName" in hello or hello.get("msg") == "isdbgrid"

    def may_use(self, name: str) -> bool:
        """Whether a collection is there, or could be made.

        Raises:
            StoreError: the database failed.
        """
        with self.failures():
            try:
                self._prepared(name)
            except OperationFailure as error:
                if error.code != UNAUTHORIZED:
                    raise
                return False
        return True

    def close(self) -> None:
        """Close the client, unless it is the application's."""
        self._is_closed = True
        if self._client is not None:
            # It tells the server goodbye, which may be away.
            with pymongo.timeout(1):
                self._client.close()

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Turn exceptions of the driver into a StoreError."""
        try:
            yield
        except OperationFailure as error:
            # Its text contains documents: it isn't the cause that a log shows.
            raise _failure(self.where, error) from None
        except PyMongoError as error:
            raise _failure(self.where, error) from error
        except BSONError as error:
            raise StoreError(
                f"{self.where}: a document is damaged: {type(error).__name__}",
                hint="find it with db.collection.validate() in mongosh",
            ) from None

    @property
    def _database(self) -> Database:
        if self._is_closed:
            raise StoreError("the store is closed")
        if self._of_app is not None:
            return self._of_app()
        if self._client is None:
            with self._lock:
                if self._client is None:
                    self._client = _client_of(self._address or "")
        return self._client.get_default_database(DATABASE)

    def _prepared(self, name: str) -> Collection:
        collection = self._database[name]
        if name not in self._is_prepared:
            with self._lock:
                if name not in self._is_prepared:
                    with self._limited():
                        missing = _missing(collection, self._indexes[name])
                    if missing:
                        # Without a limit: on a large collection it takes minutes.
                        collection.create_indexes(missing)
                    self._is_prepared.add(name)
        return collection.with_options(
            codec_options=_CODEC, read_preference=_PRIMARY, write_concern=_DURABLE
        )

    def _limited(self) -> Any:
        """The time of a call, unless the client has a limit of its own.

        Within this one it would also wait so long for a server that is away.
        """
        options = self._database.client.options
        limits = (options.timeout, options.pool_options.socket_timeout)
        return pymongo.timeout(CALL_S) if limits == (None, None) else nullcontext()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._is_prepared: set[str] = set()


def _missing(collection: Collection, wanted: Sequence[IndexModel]) -> list[IndexModel]:
    """The indexes that a collection lacks."""
    try:
        present = set(collection.index_information())
    except OperationFailure as error:
        if error.code != UNAUTHORIZED:
            raise
        return []  # who gave the user so few rights has made the indexes
    return [one for one in wanted if one.document["name"] not in present]


def _client_of(address: str) -> MongoClient[Document]:
    """A client, which isn't connected yet.

    Raises:
        SetupError: the address is invalid.
    """
    usual: dict[str, Any] = {
        "serverSelectionTimeoutMS": CONNECT_MS,
        "connectTimeoutMS": CONNECT_MS,
        "socketTimeoutMS": CALL_S * 1_000,
        "appName": "podium",
    }
    try:
        # The client only warns of options that it doesn't know, such as a misspelled `tls`.
        said = split_options(address.partition("?")[2], warn=False) if "?" in address else {}
        given = {name.lower() for name in said}
        return MongoClient(
            address,
            connect=False,
            **{name: value for name, value in usual.items() if name.lower() not in given},
        )
    except OSError as error:
        raise SetupError(
            f"a file that is named in the URL of the store can't be read: {error.strerror}",
            hint="check tlsCAFile and tlsCertificateKeyFile",
        ) from None
    except (PyMongoError, ValueError, TypeError):
        # Without the reason, which may contain a password.
        raise SetupError(
            "the URL of the store is invalid",
            hint="write it as mongodb://user:password@host:27017/name, with percent-encoding in "
            "the user and the password: see the page on MongoDB for its options",
        ) from None


def _reason(error: PyMongoError) -> str:
    """What went wrong, without documents, and without what the driver knows of all servers."""
    details = error.details if isinstance(error, OperationFailure) else None
    if isinstance(error, BulkWriteError):
        found = [*error.details["writeErrors"], *error.details["writeConcernErrors"]]
        details = found[0] if found else {}
    text = str((details or {}).get("errmsg") or "") or str(error)
    for end in (" (configured timeouts", ", Timeout:", ", full error:", "\n"):
        text = text.partition(end)[0]
    return text.strip() or type(error).__name__


def _failure(where: str, error: PyMongoError) -> StoreError:
    text = f"{where}: {_reason(error)}"
    if not isinstance(error, OperationFailure):
        is_silent = isinstance(error, NetworkTimeout | WTimeoutError | ExecutionTimeout)
        return (SILENT if is_silent else UNREACHABLE).error(text)
    code = _code(error)
    if code in _LOGIN_FAILED and "quota" not in text:
        return REFUSED.error(text, hint=_LOGIN_HINT)
    for cause, codes, hint in _CAUSES:
        if code in codes:
            return cause.error(text, hint=hint)
    return StoreError(text)


def _code(error: OperationFailure) -> int | None:
    """The server's number of an error, or of the first one in a batch."""
    if isinstance(error, BulkWriteError):
        found = [*error.details["writeErrors"], *error.details["writeConcernErrors"]]
        return found[0].get("code") if found else None
    return error.code
