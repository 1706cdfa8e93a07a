"""The tables in which servers count together what their models see."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Makes them."""

    dependencies: ClassVar[list[Any]] = [("podium", "0007_mongodb")]

    operations: ClassVar[list[Any]] = [
        migrations.CreateModel(
            name="MonitoringSource",
            fields=[
                ("source", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("number", models.BigIntegerField()),
            ],
            options={"default_permissions": ()},
        ),
        migrations.CreateModel(
            name="MonitoringCount",
            fields=[
                (
                    "id",
                    models.CharField(
                        editable=False, max_length=32, primary_key=True, serialize=False
                    ),
                ),
                ("model", models.CharField(max_length=255)),
                ("digest", models.CharField(max_length=80)),
                ("role", models.CharField(max_length=16)),
                (
                    "hour",
                    models.BigIntegerField(help_text="the first one, in hours since 1970, UTC"),
                ),
                ("n_hours", models.BigIntegerField()),
                ("n_rows", models.BigIntegerField()),
                ("n_counted", models.BigIntegerField()),
                ("n_refused", models.BigIntegerField()),
                ("layout", models.BinaryField()),
                ("counts", models.BinaryField()),
            ],
            options={
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["model", "hour"], name="podium_counts_model"),
                    models.Index(fields=["n_hours", "hour"], name="podium_counts_hour"),
                ],
            },
        ),
    ]
