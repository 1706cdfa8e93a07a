"""`podium score`: predicts the rows of a file of any size, and writes them to another."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import click

from podium.bundle import load
from podium.cli.main import REFUSED
from podium.cli.progress import progress_of, stopping
from podium.cli.terminal import harmless
from podium.cli.totals import Totals
from podium.errors import InputError, SetupError
from podium.scoring.bulk import Bulk
from podium.scoring.columns import check_columns
from podium.scoring.draft import Draft, StandardOutput, occupied
from podium.scoring.formats import Format, Source, format_of, open_source, writer_of
from podium.scoring.remote import Upload, Url, url_of
from podium.scoring.report import Report
from podium.scoring.scorer import Scorer


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The output files and their formats.

    Attributes:
        output: None is standard output.
        format: None is a text format like the input's.
        errors: the report of refused rows; None is none.
        limit: after how many refused rows to stop.
        replaces: whether a file that is there by the end is replaced.
    """

    output: Path | Url | None
    errors: Path | None
    format: Format | None
    limit: int | None
    is_gzip: bool = False
    n_threads: int | None = None
    replaces: bool = True


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("rows", metavar="IN")
@click.option("-o", "--output", metavar="OUT", help="The file to write; - is standard output.")
@click.option("--force", is_flag=True, help="Replace OUT once the new one is complete.")
@click.option("--prefix", default="", help="A prefix for the names of the predicted columns.")
@click.option(
    "--errors",
    type=click.Path(path_type=Path),
    help="The report of refused rows; OUT.errors.csv by default.",
)
@click.option(
    "--limit-errors", type=click.IntRange(min=1), help="Stop after this many invalid rows."
)
@click.option(
    "--engine",
    type=click.Choice(["dask", "ray", "spark"]),
    help="Score parts of IN with this engine; OUT becomes a folder of parts.",
)
@click.option("--trust", multiple=True, metavar="sha256:...", help="Allow this pickle to run code.")
def score(
    bundle: Path,
    rows: str,
    output: str | None,
    force: bool,
    prefix: str,
    errors: Path | None,
    limit_errors: int | None,
    engine: str | None,
    trust: tuple[str, ...],
) -> int:
    """Predict every row of the file IN, and write the rows to OUT with the predictions added.

    \b
    podium score churn.podium in.parquet -o out.parquet
    podium score churn.podium in.csv -o out.csv --prefix churn_
    podium score churn.podium 'in/*.parquet' -o out --engine ray
    podium score churn.podium s3://rows/in.parquet -o out.parquet
    cat in.csv | podium score churn.podium - > out.csv

    IN and OUT are .csv, .tsv, .ndjson (these also with .gz), .parquet, .arrow, .feather or .xlsx, by
    their names; a pipe holds CSV or NDJSON. Files may be larger than memory. The other columns stay as they are.
    Where IN is a folder or a pattern such as 'in/*.csv', OUT is a folder with a part for each file. Both may be
    URLs of object stores, where the name of a folder ends with /.

    Rows that the model can't answer keep their place, without an answer, and are listed in
    OUT.errors.csv: line, field, value, problem, what would be accepted. The exit code is 0 when
    every row was answered, and 3 when some were refused. OUT appears whole or not at all.
    """
    if engine is not None or is_several(rows):
        plan = _planned_parts(rows, output, errors, limit_errors, is_forced=force)
        # By its name: it is built on what is here.
        by_parts = import_module("podium.cli.score_parts")
        with stopping():
            scorer = Scorer(load(bundle, trust=trust), prefix)
            totals: Totals = by_parts.score_parts(engine, scorer, rows, plan, is_forced=force)
    else:
        plan = _planned(rows, output, errors, limit_errors, is_forced=force)
        scorer = Scorer(load(bundle, trust=trust), prefix)
        with stopping(), open_source(rows) as source:
            check_file(scorer, source)
            scorer.bundle.start()
            with progress_of(source) as advance:
                totals = score_source(scorer, source, plan, advance)
    totals.print_summary(plan.output, plan.errors)
    return REFUSED if totals.n_refused else 0


def _planned(
    rows: str, output: str | None, errors: Path | None, limit: int | None, *, is_forced: bool
) -> Plan:
    """What to write where, after checking the existing files.

    Raises:
        SetupError: a file would be overwritten.
    """
    if output is None and rows != "-":
        path = Path(rows)
        end = "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
        name = path.name.removesuffix(end)
        raise click.UsageError(f"give the output file: -o {name}-scored{end}, or -o - to print")
    if output is None or output == "-":
        _check_free(None, errors, rows, is_forced=is_forced)
        return Plan(output=None, errors=errors, format=None, limit=limit)
    url = url_of(output)
    if url is not None:
        return _planned_upload(url, errors, rows, limit, is_forced=is_forced)
    path = Path(output)
    if path.is_dir():
        raise SetupError(f"{path} is a folder", hint=f"give a file in it: -o {path / 'out.csv'}")
    is_device = path.exists() and not path.is_file()
    _check_free(path, errors, rows, is_forced=is_forced)
    if errors is None and not is_device:
        # It belongs to OUT: one left by a stopped run is no reason to refuse.
        errors = path.with_name(f"{path.name}.errors.csv")
    format_, is_gzip = (None, False) if is_device else format_of(path)
    return Plan(
        output=path,
        errors=errors,
        format=format_,
        is_gzip=is_gzip,
        limit=limit,
        replaces=is_forced,
    )


def _planned_upload(
    url: Url, errors: Path | None, rows: str, limit: int | None, *, is_forced: bool
) -> Plan:
    """The same for a file elsewhere, whose report is a file here.

    Raises:
        SetupError: a file would be overwritten.
    """
    format_, is_gzip = format_of(url.path)
    errors = errors or Path(f"{url.path.name}.errors.csv")
    _check_free(None, errors, rows, is_forced=is_forced)
    if not is_forced and Upload(url).exists():
        raise occupied(url)
    return Plan(output=url, errors=errors, format=format_, is_gzip=is_gzip, limit=limit)


def is_several(rows: str) -> bool:
    """Whether several files are meant: a folder, or a pattern that isn't the name of a file."""
    url = url_of(rows)
    if url is not None:
        return url.is_several
    path = Path(rows)
    is_pattern = any(letter in rows for letter in "*?[")
    return path.is_dir() or (is_pattern and not path.exists())


def _planned_parts(
    rows: str, output: str | None, errors: Path | None, limit: int | None, *, is_forced: bool
) -> Plan:
    """The same for a folder of parts.

    Raises:
        SetupError: the report would be overwritten.
    """
    if rows == "-" or output is None or output == "-":
        raise click.UsageError("several files or parts become a folder: give IN, and -o OUT")
    url, path = url_of(output), Path(output)
    _check_free(None, errors, rows, is_forced=is_forced)
    if url is not None:
        errors = errors or Path(f"{url.path.name}.errors.csv")
        return Plan(output=url, errors=errors, format=None, limit=limit)
    errors = errors or path.with_name(f"{path.name}.errors.csv")
    return Plan(output=path, errors=errors, format=None, limit=limit)


def _check_free(output: Path | None, errors: Path | None, rows: str, *, is_forced: bool) -> None:
    some = [path for path in (output, errors) if path is not None]
    if len({path.resolve() for path in some}) < len(some):
        raise SetupError(f"{output} can't be both the output and the report", hint="give two files")
    for path in some:
        if rows != "-" and path.exists() and Path(rows).exists() and path.samefile(rows):
            raise SetupError(f"{path} is the input file", hint="write to another file")
        if path.is_file() and not is_forced:
            raise occupied(path)


def check_file(scorer: Scorer, source: Source) -> None:
    """Compare the file's columns with the fields, if they are known before the rows.

    Raises:
        InputError: columns that the model needs are missing.
        SetupError: columns are ambiguous.
    """
    names = source.reader.names
    if names is None:
        return
    for name in check_columns(scorer.bundle.signature, names, source.name):
        click.secho(
            f"warning: {source.name} has no column {harmless(name)!r}: "
            "every row is scored without it",
            fg="yellow",
            err=True,
        )


def score_source(
    scorer: Scorer, source: Source, plan: Plan, advance: Callable[[int], None]
) -> Totals:
    """Score all rows of a source, and write them as planned.

    Args:
        advance: is called with the number of rows that are done.

    Raises:
        PodiumError: the source or the model can't be used, or the output can't be written.
    """
    totals = Totals(place=source.reader.place)
    report = Report(plan.errors, source.reader.place)
    target = _target(plan)
    with target, report, ExitStack() as stack:
        target.open()
        form = plan.format or source.text_format
        writer = writer_of(target.file, form, source, is_gzip=plan.is_gzip)
        bulk = Bulk(scorer, source, writer, n_threads=plan.n_threads)
        for one in stack.enter_context(closing(bulk.results())):
            report.add(one.chunk, one.scored.bad, plan.limit)
            if report.n_rows == plan.limit:
                report.seal()
                report.publish()
                raise _too_many(report, plan)
            with target.writing():
                writer.write(one.encoded)
            totals.add(one.chunk.n_rows, one.scored)
            advance(totals.n_rows)
        with target.writing():
            writer.close()
        target.seal()
        report.seal()
        # The report first: predictions with gaps never exist without it.
        report.publish()
        target.publish()
    totals.first = report.first
    return totals


def _target(plan: Plan) -> StandardOutput | Upload | Draft:
    if plan.output is None:
        return StandardOutput()
    if isinstance(plan.output, Url):
        return Upload(plan.output)
    return Draft(plan.output, replaces=plan.replaces)


def _too_many(report: Report, plan: Plan) -> InputError:
    _, cell = report.first[-1]
    notes = [f"{plan.output} wasn't written"] if plan.output is not None else []
    notes += [f"details: {report.path if report.path is not None else cell}"]
    return InputError(
        f"stopped after {report.n_rows:,} refused {'row' if report.n_rows == 1 else 'rows'}",
        hint="; ".join(notes),
    )
