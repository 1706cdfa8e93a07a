"""The implementation of `podium records delete`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from podium.app import store_file
from podium.evaluation.records import open_records
from podium.outbox.deletion import Audit, Deletion, Selection
from podium.outbox.keys import Keys
from podium.settings import Settings

_BROKEN = 4
# A worker continues in another file within a second, and the old one is shipped soon after.
WAIT_S = 15.0


def delete(settings: Settings, selection: Selection, *, is_sure: bool) -> int | None:
    """Count the selected records, and delete them if confirmed; returns the exit code.

    Raises:
        SetupError: this isn't a server's home.
        PodiumError: the records can't be read or deleted.
    """
    file, keys = store_file(settings), Keys(Path(settings.home) / "keys.db")
    with open_records(settings) as store:
        deletion = Deletion(store, recorder=store, keys=keys, file=file)
        if not is_sure:
            n_records = deletion.count(selection).n_records
            click.echo(f"{_of_records(n_records)} would be deleted; run it with --yes to delete.")
            return None
        deleted = deletion.delete_audited(selection, audit_of(settings, "podium records delete"))
        is_deleted = deletion.drain(WAIT_S)
    click.echo(f"{_of_records(deleted.n_records)} deleted.")
    for path in deleted.unreached:
        click.echo(
            f"{path} can't be searched: delete it, if it may contain some of them.", err=True
        )
    if not is_deleted:
        click.echo("They are still in the outbox on disk: run this again later.", err=True)
    return None if is_deleted and not deleted.unreached else _BROKEN


def audit_of(settings: Settings, command: str) -> Audit:
    """A function that writes to the audit log, if there are accounts."""
    if not settings.accounts.enabled:
        return lambda _event, _details: None
    from podium.accounts.start import configure, migrate

    configure(settings)
    migrate(settings)
    from podium.hosts.django.audit import write

    def audit(event: str, details: Mapping[str, str]) -> None:
        write(event, details={**details, "by": command})

    return audit


def _of_records(count: int) -> str:
    return "1 record" if count == 1 else f"{count:,} records"
