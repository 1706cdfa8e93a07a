"""`manage.py podium_score`: predictions for a table of the project, or for a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from django.apps import apps
from django.core.exceptions import (
    FieldDoesNotExist,
    FieldError,
    ImproperlyConfigured,
    ValidationError,
)
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import models

from podium.deployments.traffic import Traffic
from podium.errors import InvalidRows, PodiumError
from podium.flow.answer import column_cells, column_names
from podium.flow.formats.csv_rows import CSV
from podium.flow.request import PredictRequest, RequestContext
from podium.flow.version import LoadedVersion
from podium.hosts.django.host import current_host
from podium.hosts.django.predicted import output_of, predict
from podium.hosts.predicted import Predicted

ERRORS_SHOWN = 10


class Command(BaseCommand):
    """Scores rows."""

    help = (
        "Ask a model about every row of a table, and fill in what it says: "
        "podium_score churn shop.Customer --set risk=probabilities.yes. "
        "Or about every row of a CSV file: podium_score churn in.csv --to out.csv."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("model", help="the name of the model")
        parser.add_argument("source", help="app_label.Model, or a CSV file")
        parser.add_argument(
            *("--set", "-s"),
            action="append",
            default=[],
            metavar="FIELD=PART",
            help="fill a field of the table with prediction, label, probabilities.LABEL, score, "
            "distances.LABEL, id or version",
        )
        parser.add_argument(
            "--input",
            action="append",
            default=[],
            metavar="INPUT=FIELD",
            help="an input of the model that has another name in the table",
        )
        parser.add_argument(
            "--where",
            action="append",
            default=[],
            metavar="LOOKUP=VALUE",
            help="only rows that match, as in filter(): plan=pro, risk__isnull=True",
        )
        parser.add_argument("--to", help="the file to write; standard output by default")
        parser.add_argument("--database", default=None, help="the database of the table")

    def handle(self, *_: Any, **options: Any) -> None:
        """Score, and print the number of rows.

        Raises:
            CommandError: a name is unknown, or rows are invalid; those before them are done.
        """
        host = current_host()
        try:
            version = host.champion(options["model"])
            if Path(options["source"]).is_file():
                n_rows = self._score_file(version, options)
            else:
                n_rows = self._score_table(version, options)
        except InvalidRows as refusal:
            raise CommandError(_refused(refusal)) from refusal
        except PodiumError as error:
            raise CommandError(f"{error.message}. {error.hint}") from error
        finally:
            host.close()  # ship the records now: this process ends
        self.stderr.write(self.style.SUCCESS(f"{n_rows} rows"))

    def _score_file(self, version: LoadedVersion, options: dict[str, Any]) -> int:
        with Path(options["source"]).open(encoding="utf-8-sig", newline="") as source:
            if not options["to"]:
                return _score_lines(version, source, csv.writer(self.stdout))
            with Path(options["to"]).open("w", encoding="utf-8", newline="") as target:
                return _score_lines(version, source, csv.writer(target))

    def _score_table(self, version: LoadedVersion, options: dict[str, Any]) -> int:
        table = _table(options["source"])
        wanted = _pairs(options["set"], "--set")
        if not wanted:
            raise CommandError(
                "there is nothing to write: pass a field to fill, as --set risk=prediction"
            )
        called = _pairs(options["input"], "--input")
        columns = {name: called.get(name, name) for name in version.signature.names}
        rows: models.QuerySet[Any] = models.QuerySet(table, using=options["database"])
        n_rows = 0
        try:
            for name in wanted:
                table._meta.get_field(name)  # noqa: SLF001 - Django's own name for what is public
            chosen = rows.filter(**_lookups(options["where"])).order_by("pk")
            for chunk in _pages(chosen.values_list("pk", *columns.values()), version):
                predictions = _predict(version, list(columns), chunk)
                changed = [
                    table(pk=pk, **{name: output_of(one, part) for name, part in wanted.items()})
                    for (pk, *_), one in zip(chunk, predictions, strict=True)
                ]
                rows.bulk_update(changed, list(wanted), batch_size=500)
                n_rows += len(chunk)
        except (FieldDoesNotExist, FieldError, ValidationError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error
        return n_rows


def _table(label: str) -> type[models.Model]:
    try:
        return apps.get_model(label)
    except (LookupError, ValueError) as error:
        raise CommandError(
            f"{label} is neither a file nor a table: write it as app_label.Model"
        ) from error


def _pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    if any(not name or not value for name, _, value in pairs):
        raise CommandError(f"{option} takes NAME=NAME")
    return {name: value for name, _, value in pairs}


def _lookups(texts: Sequence[str]) -> dict[str, Any]:
    words = {"True": True, "False": False, "None": None}
    pairs = [text.partition("=") for text in texts]
    return {name: words.get(value, value) for name, _, value in pairs}


def _pages(values: Any, version: LoadedVersion) -> Iterator[list[Any]]:
    """Rows ordered by their keys: updates meanwhile move none of them."""
    most = version.limits.rows_max
    chunk = list(values[:most])
    while chunk:
        yield chunk
        chunk = list(values.filter(pk__gt=chunk[-1][0])[:most])


def _predict(
    version: LoadedVersion, names: Sequence[str], chunk: Sequence[Sequence[Any]]
) -> list[Predicted]:
    rows = [dict(zip(names, cells, strict=True)) for _, *cells in chunk]
    kinds = {field.name: field.type for field in version.signature.fields}
    for row in rows:  # an empty string in a table is a missing value
        row.update({n: None for n, v in row.items() if v == "" and kinds[n] != "text"})
    return predict(version.name, rows)


def _score_lines(version: LoadedVersion, source: TextIO, writer: Any) -> int:
    """Read rows of texts, and write them with the predictions."""
    reader = csv.reader(source)
    header = next(reader, [])
    writer.writerow([*header, *column_names(version.signature)])
    n_rows = 0
    for chunk in _chunks(reader, version.limits.rows_max):
        text = io.StringIO()
        csv.writer(text).writerows([header, *chunk])
        try:
            request = PredictRequest(text.getvalue().encode(), CSV, RequestContext(source="cli"))
            answer = current_host().app.service.predict(Traffic(version), request)
        except InvalidRows as refusal:
            raise CommandError(_refused(refusal, n_rows)) from refusal
        cells = column_cells(version.signature, answer.outputs)
        writer.writerows([*row, *said] for row, said in zip(chunk, cells, strict=True))
        n_rows += len(chunk)
    return n_rows


def _chunks(rows: Iterator[Any], most: int) -> Iterator[list[Any]]:
    while chunk := list(islice(rows, most)):
        yield chunk


def _refused(refusal: InvalidRows, n_before: int = 0) -> str:
    lines = [f"{refusal.n_cells} values are not accepted; none of these rows was saved:"]
    lines += [f"  {cell}" for cell in refusal.cells[:ERRORS_SHOWN]]
    if n_before:
        lines.append(f"  (rows are counted after the first {n_before})")
    return "\n".join(lines)
