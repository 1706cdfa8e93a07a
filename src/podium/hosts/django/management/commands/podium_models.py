"""`manage.py podium_models`: the models of the project."""

from __future__ import annotations

from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser

from podium.bundle import Bundle
from podium.errors import PodiumError
from podium.hosts.django.host import current_host


class Command(BaseCommand):
    """Lists the models."""

    help = "List the models of the project: name, version, runtime, digest and file."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `--json`."""
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *_: Any, **options: Any) -> None:
        """Print a line for each model.

        Raises:
            CommandError: the setting is invalid.
        """
        try:
            found = current_host().opened
        except PodiumError as error:
            raise CommandError(f"{error.message}. {error.hint}") from error
        models = [_describe(bundle) for bundle in found.bundles.values()]
        for name, failure in found.failures.items():
            self.stderr.write(f"{name} can't be served: {failure}")
        if options["json"]:
            self.stdout.write(msgspec.json.encode(models).decode())
            return
        for model in models:
            self.stdout.write(self.style.MIGRATE_HEADING(f"{model['name']} {model['version']}"))
            for name in ("title", "task", "fields", "runtime", "digest", "file"):
                self.stdout.write(f"  {name:<8} {model[name]}")


def _describe(bundle: Bundle) -> dict[str, Any]:
    return {
        "name": bundle.name,
        "version": bundle.version,
        "title": bundle.card.title,
        "task": bundle.signature.output.task,
        "fields": ", ".join(bundle.signature.names),
        "runtime": bundle.runtime_name,
        "digest": bundle.digest,
        "file": str(bundle.path or ""),
    }
