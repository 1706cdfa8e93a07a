"""Which rows came in one request, in which role and by which bundle they were answered."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds the columns; the rows that are there keep their places."""

    dependencies: ClassVar[list[Any]] = [("podium", "0003_owners")]

    operations: ClassVar[list[Any]] = [
        migrations.AddField(
            model_name="prediction",
            name="request_id",
            field=models.TextField(
                blank=True, help_text="shared by the rows of one request", null=True
            ),
        ),
        migrations.AddField(
            model_name="prediction",
            name="row_index",
            field=models.BigIntegerField(
                db_default=0, default=0, help_text="of the row in its request, from 0"
            ),
        ),
        migrations.AddField(
            model_name="prediction",
            name="role",
            field=models.CharField(db_default="primary", default="primary", max_length=16),
        ),
        migrations.AddField(
            model_name="prediction",
            name="bundle_digest",
            field=models.TextField(
                blank=True, help_text="SHA-256 of the bundle that answered", null=True
            ),
        ),
        migrations.AddField(
            model_name="prediction",
            name="attributes",
            field=models.JSONField(blank=True, null=True),
        ),
    ]
