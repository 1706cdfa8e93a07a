"""Clearer help texts; the tables stay as they are."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Changes help texts only."""

    dependencies: ClassVar[list[Any]] = [("podium", "0005_business_keys")]

    operations: ClassVar[list[Any]] = [
        migrations.AlterField(
            model_name="prediction",
            name="actor",
            field=models.TextField(blank=True, help_text="the actor's name", null=True),
        ),
        migrations.AlterField(
            model_name="prediction",
            name="owner",
            field=models.TextField(
                blank=True, help_text="the owner's id, with its kind", null=True
            ),
        ),
        migrations.AlterField(
            model_name="prediction",
            name="row_index",
            field=models.BigIntegerField(
                db_default=0, default=0, help_text="position in its request, from 0"
            ),
        ),
        migrations.AlterField(
            model_name="prediction",
            name="bundle_digest",
            field=models.TextField(
                blank=True, help_text="SHA-256 of the bundle that made the prediction", null=True
            ),
        ),
        migrations.AlterField(
            model_name="prediction",
            name="business_key",
            field=models.CharField(
                blank=True, help_text="the caller's own key", max_length=200, null=True
            ),
        ),
        migrations.AlterField(
            model_name="apitoken",
            name="name",
            field=models.CharField(help_text="its purpose, shown in the audit log", max_length=80),
        ),
        migrations.AlterField(
            model_name="apitoken",
            name="hint",
            field=models.CharField(editable=False, help_text="its first characters", max_length=12),
        ),
        migrations.AlterField(
            model_name="apitoken",
            name="model_names",
            field=models.JSONField(
                blank=True, default=list, help_text="names; * is every model that its owner may use"
            ),
        ),
        migrations.AlterField(
            model_name="apitoken",
            name="actions",
            field=models.JSONField(
                blank=True, default=list, help_text="* is every action that its owner may perform"
            ),
        ),
    ]
