"""Owners of records by their ids; tokens that say what they are for; no right that does nothing."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import migrations, models
from django.db.models import Q


def say_everything(apps: Any, schema_editor: Any) -> None:
    """Let tokens that were for everything, since nothing was ticked, say so."""
    tokens = apps.get_model("podium", "ApiToken").objects.using(schema_editor.connection.alias)
    for token in tokens.iterator():
        before = token.model_names, token.actions
        token.model_names, token.actions = token.model_names or ["*"], token.actions or ["*"]
        if before != (token.model_names, token.actions):
            token.save(update_fields=["model_names", "actions"])


def say_nothing(apps: Any, schema_editor: Any) -> None:
    """Go back to where an empty list was everything."""
    tokens = apps.get_model("podium", "ApiToken").objects.using(schema_editor.connection.alias)
    for token in tokens.iterator():
        token.model_names = [name for name in token.model_names if name != "*"]
        token.actions = [name for name in token.actions if name != "*"]
        token.save(update_fields=["model_names", "actions"])


def take_manage_away(apps: Any, schema_editor: Any) -> None:
    """Delete the permissions to manage versions: nothing ever asked for them."""
    rows = apps.get_model("auth", "Permission").objects.using(schema_editor.connection.alias)
    is_it = Q(codename="manage") | Q(codename__startswith="manage_")
    ours = rows.filter(is_it, content_type__app_label="podium").values_list("pk", flat=True)
    # In two steps: MongoDB deletes nothing by the values of another table.
    rows.filter(pk__in=list(ours)).delete()


class Migration(migrations.Migration):
    """Adds the columns, and brings tokens and permissions up to date."""

    dependencies: ClassVar[list[Any]] = [
        ("podium", "0002_accounts"),
        # Not its last one: in MongoDB it has migrations of the project's own.
        ("auth", "__first__"),
    ]

    operations: ClassVar[list[Any]] = [
        migrations.AddField(
            model_name="prediction",
            name="owner",
            field=models.TextField(
                blank=True, help_text="whose it is: an id with its kind", null=True
            ),
        ),
        migrations.AlterField(
            model_name="prediction",
            name="actor",
            field=models.TextField(blank=True, help_text="who asked, by name", null=True),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="actor_id",
            field=models.CharField(blank=True, default="", editable=False, max_length=150),
        ),
        migrations.AlterField(
            model_name="apitoken",
            name="model_names",
            field=models.JSONField(
                blank=True, default=list, help_text="names; * is all that its owner may use"
            ),
        ),
        migrations.AlterField(
            model_name="apitoken",
            name="actions",
            field=models.JSONField(
                blank=True, default=list, help_text="* is all that its owner may do"
            ),
        ),
        migrations.RunPython(say_everything, say_nothing),
        migrations.RunPython(take_manage_away, migrations.RunPython.noop),
    ]
