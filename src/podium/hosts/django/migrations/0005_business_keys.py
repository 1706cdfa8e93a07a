"""The callers' own keys, by which truth is given, and what feedback said before it was corrected."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds the columns, and the index of keys."""

    dependencies: ClassVar[list[Any]] = [("podium", "0004_requests")]

    operations: ClassVar[list[Any]] = [
        migrations.AddField(
            model_name="prediction",
            name="feedback_earlier",
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="prediction",
            name="business_key",
            field=models.CharField(
                blank=True, help_text="the caller's name for it", max_length=200, null=True
            ),
        ),
        migrations.AddIndex(
            model_name="prediction",
            index=models.Index(fields=["business_key", "-time_us"], name="podium_prediction_key"),
        ),
    ]
