"""The tables of tokens, of the audit log, and of what rights hang on."""

from __future__ import annotations

from typing import Any, ClassVar

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from podium.hosts.django.mongodb import row_id


class Migration(migrations.Migration):
    """Makes them."""

    dependencies: ClassVar[list[Any]] = [
        ("podium", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar[list[Any]] = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", row_id()),
                (
                    "time",
                    models.DateTimeField(
                        db_index=True, default=django.utils.timezone.now, editable=False
                    ),
                ),
                ("event", models.CharField(db_index=True, editable=False, max_length=60)),
                (
                    "actor",
                    models.CharField(blank=True, db_index=True, editable=False, max_length=150),
                ),
                ("token", models.CharField(blank=True, editable=False, max_length=80)),
                ("target", models.CharField(blank=True, editable=False, max_length=200)),
                ("details", models.JSONField(blank=True, default=dict, editable=False)),
                ("address", models.CharField(blank=True, editable=False, max_length=45)),
            ],
            options={
                "verbose_name": "audit log entry",
                "verbose_name_plural": "audit log entries",
                "ordering": ("-time", "-id"),
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="ChangeStamp",
            fields=[
                ("id", row_id()),
                ("value", models.BigIntegerField(default=0)),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                ("id", row_id()),
                (
                    "name",
                    models.CharField(
                        help_text="what it is for: the audit log calls it so", max_length=80
                    ),
                ),
                (
                    "hint",
                    models.CharField(editable=False, help_text="how it begins", max_length=12),
                ),
                (
                    "digest",
                    models.CharField(
                        editable=False, help_text="SHA-256, in hex", max_length=64, unique=True
                    ),
                ),
                (
                    "model_names",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="names; none means all that its owner may use",
                    ),
                ),
                (
                    "actions",
                    models.JSONField(
                        blank=True, default=list, help_text="none means all that its owner may do"
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("expires_at", models.DateTimeField()),
                ("last_used_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="podium_tokens",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "API token",
                "ordering": ("-created_at", "-id"),
                "default_permissions": ("add", "change", "view"),
            },
        ),
        migrations.CreateModel(
            name="ServedModel",
            fields=[
                ("id", row_id()),
                ("name", models.CharField(editable=False, max_length=64)),
                ("version", models.CharField(editable=False, max_length=100)),
                ("since", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "verbose_name": "model",
                "ordering": ("name", "-since"),
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("name", "version"), name="podium_served_once")
                ],
            },
        ),
    ]
