"""The table of predictions."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Makes it."""

    initial = True
    dependencies: ClassVar[list[Any]] = []
    operations: ClassVar[list[Any]] = [
        migrations.CreateModel(
            name="Prediction",
            fields=[
                (
                    "id",
                    models.CharField(
                        editable=False, max_length=32, primary_key=True, serialize=False
                    ),
                ),
                ("time_us", models.BigIntegerField(help_text="microseconds since 1970, UTC")),
                ("model", models.CharField(max_length=255)),
                ("version", models.TextField()),
                ("inputs", models.JSONField()),
                ("outputs", models.JSONField()),
                ("outcome", models.TextField(help_text="the prediction as a text")),
                ("outcome_number", models.FloatField(blank=True, null=True)),
                ("latency_us", models.BigIntegerField(default=0)),
                ("source", models.TextField(default="api")),
                ("actor", models.TextField(blank=True, null=True)),
                ("feedback_truth", models.JSONField(blank=True, null=True)),
                ("feedback_time_us", models.BigIntegerField(blank=True, null=True)),
                ("feedback_actor", models.TextField(blank=True, null=True)),
                ("feedback_note", models.TextField(blank=True, default="")),
            ],
            options={
                "ordering": ("-time_us", "-id"),
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["-time_us", "-id"], name="podium_prediction_time"),
                    models.Index(
                        fields=["model", "-time_us", "-id"], name="podium_prediction_model"
                    ),
                ],
            },
        ),
    ]
