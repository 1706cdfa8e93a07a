"""`podium feedback`: a file of true outcomes added to the records that they belong to."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from podium.bundle import Bundle
from podium.cli.main import BROKEN, REFUSED
from podium.cli.record_deletion import audit_of
from podium.cli.terminal import harmless
from podium.deployments.registry import Registry
from podium.errors import SetupError
from podium.evaluation.records import open_records
from podium.flow.formats.csv_rows import CSV
from podium.settings import Settings, read_settings
from podium.sources import open_models
from podium.web.feedback_body import MEDIA, MEDIA_NAMES
from podium.web.feedback_rows import Outcome, add_feedback
from podium.web.truth_rules import TruthRules

ROWS_MAX = 10_000_000
LISTED_MAX = 20


@click.command()
@click.argument("file", metavar="TRUTH")
@click.option("--model", default="", help="The model's bundle, or its name in podium.toml.")
@click.option("--home", help="The home folder of the server; ./podium-home when left out.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings in TOML.")
def feedback(file: str, model: str, home: str | None, config: Path | None) -> int | None:
    """Add the true outcomes in the file TRUTH to the records of a model; the server may run.

    \b
    podium feedback truth.csv --model churn.podium

    TRUTH has the columns id, truth and, optionally, note: .csv, .tsv, .json or .ndjson, or - for CSV
    on standard input. In place of id there may be a column key, the business key of the records. With
    several outputs there is a column for each, such as truth.price.

    Rows that weren't added are listed; the exit code is 3 then.
    """
    media = CSV if file == "-" else MEDIA.get(Path(file).suffix.lower(), "")
    if not media:
        raise SetupError(f"{file} isn't a table", hint=f"known: {MEDIA_NAMES}")
    settings = read_settings({"home": home}, file=config)
    bundle = _model(settings, model)
    rules = TruthRules(Registry(settings.registry_folder, settings.trust))
    body = _read(file)
    with open_records(settings) as store:
        outcome = add_feedback(store, bundle, rules, (body, media), rows_max=ROWS_MAX)
    if outcome.added:
        how_many = str(outcome.records)
        audit_of(settings, "podium feedback")(
            "feedback_given", {"model": bundle.name, "records": how_many}
        )
    return _tell(outcome)


def _model(settings: Settings, named: str) -> Bundle:
    """The bundle of the model that is meant.

    Raises:
        SetupError: there is none, or it isn't known which.
        BundleError: its bundle can't be read.
    """
    sources = settings.models
    if named and Path(named).exists():
        sources, named = (named,), ""
    found = open_models(sources, Path(settings.home), settings.trust).bundles
    known = ", ".join(found) or "none"
    if named and named not in found:
        raise SetupError(f"no model is called {named!r}", hint=f"known: {known}")
    if not named and len(found) != 1:
        raise SetupError(
            "the records belong to one model, and it isn't known which",
            hint=f"name its bundle or itself with --model; known: {known}",
        )
    return found[named or next(iter(found))]


def _read(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise SetupError(f"{file} can't be read: {error.strerror}") from error


def _tell(outcome: Outcome) -> int | None:
    """Print what became of the rows; the exit code."""
    reached = f" to {outcome.records:,} records" if outcome.records != outcome.added else ""
    click.echo(
        f"{outcome.added:,} added{reached}, {outcome.unknown:,} unknown, {outcome.refused:,} refused"
    )
    for row in outcome.rows[:LISTED_MAX]:
        reason = harmless(row.reason) or "the model has no such record"
        click.echo(f"  row {row.row + 1}, {harmless(row.id or row.key)}: {reason}", err=True)
    if len(outcome.rows) > LISTED_MAX:
        click.echo(f"  and {len(outcome.rows) - LISTED_MAX:,} more", err=True)
    if outcome.remaining:
        click.echo(
            f"The store failed: the last {outcome.remaining:,} rows weren't added.", err=True
        )
        return BROKEN
    return REFUSED if outcome.rows else None
