"""Records in the app's own MongoDB: documents of MongoEngine, over the app's connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flask import Flask
from mongoengine import (  # type: ignore[import-untyped] # it has no types
    ConnectionFailure,
    Document,
    FloatField,
    LongField,
    StringField,
)
from mongoengine.base import TopLevelDocumentMetaclass  # type: ignore[import-untyped] # likewise

from podium.errors import SetupError, StoreError
from podium.records.columns import COLUMNS
from podium.records.stores.mongodb import MongoStore
from podium.records.stores.mongodb_client import Database

if TYPE_CHECKING:
    from podium.records.store import Store

# JSON is a text, as in every store.
_FIELDS = {str: StringField, bytes: StringField, int: LongField, float: FloatField}

# What an app's document of records inherits from: its fields are the columns of a record, of which
# later versions may have more. The store makes its indexes.
RecordDocument: Any = TopLevelDocumentMetaclass(
    "RecordDocument",
    (Document,),
    {
        "__doc__": "A record of a prediction; inherit from it, and write to it only through Podium.",
        "__module__": __name__,
        "meta": {"abstract": True, "auto_create_index": False, "strict": False},
        **{one.name: _FIELDS[one.type](primary_key=one.name == "id") for one in COLUMNS},
    },
)


def opener_of(document: Any) -> Callable[[Flask], Store]:
    """A function that opens the store of an app in each of its processes.

    Args:
        document: the app's class, which inherits from RecordDocument: its `meta` may name another
            collection, and the alias of another connection.

    Raises:
        SetupError: it is another class.
    """
    # MongoEngine has no public names for what a document's class knows.
    if not issubclass(document, RecordDocument) or document._meta.get("abstract"):  # noqa: SLF001
        raise SetupError(
            f"the store is the class {document.__name__}, which isn't a document of records",
            hint="inherit from podium.hosts.flask.mongo.RecordDocument: class Prediction(RecordDocument)",
        )

    def database() -> Database:
        try:
            found: Database = document._get_db()  # noqa: SLF001 - see above
        except ConnectionFailure as error:
            raise StoreError(
                f"MongoEngine has no connection for {document.__name__}",
                hint="call mongoengine.connect(...) when the app is created",
            ) from error
        return found

    name = document._get_collection_name()  # noqa: SLF001 - see above
    return lambda _: MongoStore(database, collection=name)
