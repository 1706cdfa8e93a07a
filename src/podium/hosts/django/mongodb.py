"""What is different where the project's database is MongoDB, through django-mongodb-backend.

Django's own transactions do nothing there, and locks and inserts that skip duplicates don't exist: rows
are changed by conditions instead, each of which is atomic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.apps import apps
from django.db import Error, connections
from django.db.models import AutoField, Model
from django.utils.module_loading import import_string

# A document of MongoDB has at most 16 MB; what isn't JSON in a row takes less than the rest.
ROW_MAX_BYTES = 15 * 2**20
AUTO_FIELD = "django_mongodb_backend.fields.ObjectIdAutoField"


def row_id() -> AutoField[Any, Any]:
    """The primary key that migrations give to tables of ours: a whole number, or an ObjectId."""
    kind: type[AutoField[Any, Any]] = import_string(_kind_of_key())
    return kind(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


def _kind_of_key() -> str:
    return apps.get_app_config("podium").default_auto_field


def is_mongodb(using: str) -> bool:
    """Whether this is a database of MongoDB."""
    return bool(connections[using].vendor == "mongodb")


def has_object_ids() -> bool:
    """Whether the keys of our tables are ObjectIds."""
    return _kind_of_key().endswith("ObjectIdAutoField")


def is_unconfirmed(using: str) -> bool:
    """Whether the driver is told to wait for no confirmation of what it writes."""
    settings = connections[using].settings_dict
    address = parse_qs(urlsplit(str(settings.get("HOST", ""))).query)
    said = settings.get("OPTIONS", {}).get("w", address.get("w", [""])[0])
    return is_mongodb(using) and str(said) == "0"


def is_in_transaction(using: str) -> bool:
    """Whether `django_mongodb_backend.transaction.atomic` surrounds this."""
    return bool(getattr(connections[using], "in_atomic_block_mongo", False))


def errors_of(using: str) -> tuple[type[Exception], ...]:
    """What a database raises: Django's errors, and of MongoDB also the driver's."""
    if not is_mongodb(using):
        return (Error,)
    from bson.errors import BSONError
    from pymongo.errors import PyMongoError

    return Error, PyMongoError, BSONError, OverflowError


def reason_of(error: BaseException) -> str:
    """What failed, without the rows that were to be written."""
    if not str(error) and error.__cause__ is not None:
        error = error.__cause__  # the backend raises Django's errors without a text
    details = getattr(error, "details", None) or {}
    first = next(iter(details.get("writeErrors") or [details]))
    return str(first.get("errmsg") or error)


def refused_rows(rows: Sequence[Model], columns: Sequence[str]) -> dict[Any, str]:
    """Why MongoDB can't hold some rows, by their keys.

    Args:
        columns: those that contain JSON.
    """
    import bson

    found: dict[Any, str] = {}
    for row in rows:
        try:
            size = len(bson.encode({name: getattr(row, name) for name in columns}))
        except OverflowError:
            found[row.pk] = "a whole number has more than 64 bits, which MongoDB can't hold"
        except (bson.errors.BSONError, RecursionError) as error:
            found[row.pk] = f"MongoDB can't hold it: {error}"
        else:
            if size > ROW_MAX_BYTES:
                found[row.pk] = f"it has {size} bytes; MongoDB holds {ROW_MAX_BYTES} in a document"
    return found


def changed_if_same(using: str, row: Model, names: Sequence[str], new: Mapping[str, Any]) -> bool:
    """Write new values into a row of which some columns are still as they were read.

    Returns whether they were. The ORM can't express it: as a lookup, JSON with a `$` would be an
    operator.
    """
    connection: Any = connections[using]
    key = row._meta.pk  # noqa: SLF001 - Django's own name for what is public
    assert key is not None
    condition = {key.column: {"$eq": row.pk}} | {
        name: {"$eq": getattr(row, name)} for name in names
    }
    values = {name: {"$literal": value} for name, value in new.items()}
    with connection.wrap_database_errors:
        table = connection.get_collection(row._meta.db_table)  # noqa: SLF001 - likewise
        changed = table.update_one(condition, [{"$set": values}], session=connection.session)
    return bool(changed.matched_count)
