"""In MongoDB: an index of ids that every query by an id uses."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import migrations

from podium.hosts.django import mongodb

NAME = "podium_prediction_id"


def index_ids(apps: Any, schema_editor: Any) -> None:
    """Replace the unique index of ids, which the backend restricts to values that are texts.

    A query need not say that its value is one, and then may not use such an index.
    """
    connection = schema_editor.connection
    if not mongodb.is_mongodb(connection.alias):
        return
    table = connection.get_collection(apps.get_model("podium", "Prediction")._meta.db_table)  # noqa: SLF001 - Django's own name for what is public
    table.create_index([("id", 1)], name=NAME, unique=True)
    for name, index in table.index_information().items():
        if index["key"] == [("id", 1)] and "partialFilterExpression" in index:
            table.drop_index(name)


class Migration(migrations.Migration):
    """Changes nothing in other databases."""

    dependencies: ClassVar[list[Any]] = [("podium", "0006_help_texts")]

    operations: ClassVar[list[Any]] = [
        migrations.RunPython(
            index_ids, migrations.RunPython.noop, hints={"model_name": "prediction"}
        ),
    ]
