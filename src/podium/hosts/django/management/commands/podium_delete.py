"""`manage.py podium_delete`: deletes records permanently, in whatever store the project has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from podium.errors import PodiumError
from podium.hosts.django.audit import write
from podium.hosts.django.host import current_host
from podium.outbox.deletion import Deletion, Selection
from podium.web.deleting import selected_by

_OPTIONS = {
    "model": "of this model",
    "since": "from the start of this day (UTC)",
    "until": "until the end of this day (UTC)",
    "outcome": "with this prediction",
    "owner": "of this owner, such as user:7",
    "id": "the record with this id, or all whose ids begin with it",
    "key": "FIELD=VALUE: whose input FIELD has this value",
}
# As for `podium records delete`.
WAIT_S = 15.0


class Command(BaseCommand):
    """Counts the records that match all options; deletes them with --yes."""

    help = "Delete the records that match all options."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the filters and the confirmation."""
        for name, words in _OPTIONS.items():
            parser.add_argument(f"--{name}", default="", help=words)
        parser.add_argument("--all", action="store_true", help="all records")
        parser.add_argument(
            "--yes", action="store_true", help="delete them; without it they are only counted"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Count, or delete.

        Raises:
            CommandError: an option is invalid, or something fails.
        """
        try:
            said = {name: str(options[name]) for name in _OPTIONS}
            selection = selected_by(said, is_everything=options["all"])
            deletion = current_host().app.deletion
            if deletion is None:
                raise CommandError("records aren't stored here")
            if options["yes"]:
                self._delete(deletion, selection)
                return
            n_records = deletion.count(selection).n_records
        except PodiumError as error:
            raise CommandError(f"{error.message}. {error.hint}") from error
        self.stdout.write(f"{n_records:,} records would be deleted; run it with --yes to delete.")

    def _delete(self, deletion: Deletion, selection: Selection) -> None:
        deleted = deletion.delete_audited(selection, _audit)
        is_gone = deletion.drain(WAIT_S)
        self.stdout.write(f"{deleted.n_records:,} records deleted.")
        if not is_gone:
            raise CommandError("they are still in the outbox on disk: run this again later")


def _audit(event: str, details: Mapping[str, str]) -> None:
    write(event, details={**details, "by": "manage.py podium_delete"})
