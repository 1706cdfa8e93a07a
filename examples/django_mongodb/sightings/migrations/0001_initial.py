"""Sightings, as `manage.py makemigrations` writes them down."""

import django.db.models.deletion
import django_mongodb_backend.fields
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Sighting",
            fields=[
                (
                    "id",
                    django_mongodb_backend.fields.ObjectIdAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "island",
                    models.CharField(
                        choices=[
                            ("Biscoe", "Biscoe"),
                            ("Dream", "Dream"),
                            ("Torgersen", "Torgersen"),
                        ],
                        max_length=20,
                    ),
                ),
                ("bill_length_mm", models.FloatField()),
                ("bill_depth_mm", models.FloatField()),
                ("flipper_length_mm", models.FloatField()),
                ("body_mass_g", models.FloatField()),
                ("seen_at", models.DateTimeField(auto_now_add=True)),
                ("species", models.CharField(editable=False, max_length=20)),
                ("probability", models.FloatField(editable=False, null=True)),
                ("prediction_id", models.CharField(editable=False, max_length=32)),
                (
                    "seen_by",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-seen_at"],
            },
        ),
    ]
