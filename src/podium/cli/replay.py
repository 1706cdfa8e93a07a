"""`podium replay`: recorded requests run through a version, or verified on those that gave them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from podium.cli.main import DIFFERENT, REFUSED
from podium.cli.terminal import harmless, number, value_text
from podium.evaluation.replay import replay as replay_version
from podium.evaluation.reports import (
    Latency,
    OutputChanges,
    QualityFigure,
    ReplayReport,
    VerificationReport,
)
from podium.evaluation.verification import verify as verify_records
from podium.records.export import time_text
from podium.settings import read_settings
from podium.signature import Output

MOVES_MAX, REASONS_MAX = 10, 10
DIGEST_LETTERS = 12


@click.command()
@click.argument("model")
@click.option("--version", metavar="VERSION", help="What to replay: a version, or a bundle's file.")
@click.option("--verify", is_flag=True, help="Compare with the version that made each record.")
@click.option("--since", help="From when: 7d, 12h or 2026-01-31; the first record by default.")
@click.option("--until", help="Until when; now by default.")
@click.option(
    "--limit", type=click.IntRange(min=1), help="At most this many records, oldest first."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--home", help="The home folder of the server; ./podium-home when left out.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings in TOML.")
def replay(
    model: str,
    version: str | None,
    verify: bool,
    since: str | None,
    until: str | None,
    limit: int | None,
    as_json: bool,
    home: str | None,
    config: Path | None,
) -> int | None:
    """Run the recorded inputs of MODEL through a version, before it goes live.

    \b
    podium replay churn --version 2 --since 7d
    podium replay churn --version churn-2.podium --json
    podium replay churn --verify

    VERSION is the alias or name of a registered version, the beginning of its digest, or the file of
    a bundle. The report shows which rows it refuses, which predictions move, how fast it is, and how
    good it is where the truth is known. Nothing is recorded or changed; the server may run. The exit
    code is 3 when rows were refused.

    With --verify each record is replayed on the version that made it, and every byte of its outputs is
    compared. The exit code is 5 when some differ, or none could be verified.
    """
    if verify == (version is not None):
        raise click.UsageError("give either --version or --verify")
    settings = read_settings({"home": home}, file=config)
    period = {"since": since, "until": until}
    if version is None:
        verified = verify_records(model, limit=limit, settings=settings, **period)
        _print(verified, _verification_lines(verified), as_json=as_json)
        return None if verified.is_verified else DIFFERENT
    report = replay_version(model, version, limit=limit, settings=settings, **period)
    _print(report, _replay_lines(report), as_json=as_json)
    return REFUSED if report.n_refused else None


def _print(
    report: ReplayReport | VerificationReport, lines: Iterator[str], *, as_json: bool
) -> None:
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
        return
    for line in lines:
        click.echo(harmless(line))


def _replay_lines(report: ReplayReport) -> Iterator[str]:
    by_version = ", ".join(f"{name} ({n:,})" for name, n in report.recorded_versions.items())
    name = f"{report.model} {report.version} ({report.digest[:DIGEST_LETTERS]})"
    yield f"{name} on {_records(report.n_records)}{_period(report)}"
    if not report.n_records:
        return
    yield f"  recorded by version {by_version}"
    yield f"  {report.n_replayed:,} predicted, {report.n_refused:,} refused"
    if report.n_incomparable:
        yield f"  {report.n_incomparable:,} recorded predictions are of another kind: not compared"
    for reason in report.refusals[:REASONS_MAX]:
        field = f"{reason.field} " if reason.field else ""
        accepted = f" (accepted: {reason.accepted})" if reason.accepted else ""
        yield f"    {reason.n_rows:,} x {field}{reason.problem}{accepted}"
        yield f"      such as record {', '.join(reason.examples[:2])}"
    for change in report.changes:
        yield from _change_lines(change)
    if report.latency is not None:
        yield from _latency_lines(report.latency)
    yield from _quality_lines(report)


def _change_lines(change: OutputChanges) -> Iterator[str]:
    if not change.n_rows:
        return
    yield ""
    of = "" if change.name == Output().name else f" of {change.name}"
    unit = f" {change.unit}" if change.unit else ""
    share = f"{100 * change.n_changed / change.n_rows:.1f} %"
    is_number = change.task == "regression"
    verb = "moved" if is_number else "changed"
    yield f"Predictions{of}: {change.n_changed:,} of {change.n_rows:,} {verb} ({share})"
    if change.n_moved:
        what = "differences" if is_number else f"differences of {change.n_moved:,} probabilities"
        most = f"95 % up to {_size(change.p95)}, largest {_size(change.max)}"
        yield f"  {what}: mean {_size(change.mean)}, {most}{unit}"
    for one in change.transitions[:MOVES_MAX]:
        yield f"  {one.n_rows:,} x {one.before} -> {one.after}"
    if change.largest:
        yield "  largest differences"
    for move in change.largest[:MOVES_MAX]:
        both = f"{value_text(move.before)} -> {value_text(move.after)}"
        yield f"    {move.record}  {both}, by {_size(move.size)}{unit}"


def _size(size: float) -> str:
    return number(float(f"{size:.4g}"))


def _latency_lines(latency: Latency) -> Iterator[str]:
    yield ""
    yield f"Latency of the model: {latency.batch_us:,.1f} us a row in batches"
    if latency.n_alone:
        yield f"  alone: median {latency.p50_us:,.0f} us, 95 % up to {latency.p95_us:,.0f} us"
    if latency.champion_p50_us is not None and latency.champion_p95_us is not None:
        most = f"95 % up to {latency.champion_p95_us:,.0f} us"
        yield f"  the champion: median {latency.champion_p50_us:,.0f} us, {most}"


def _quality_lines(report: ReplayReport) -> Iterator[str]:
    yield ""
    if not report.n_truths:
        yield "Quality: no ground truth is known for these records"
    else:
        rows = "row" if report.n_truths == 1 else "rows"
        yield f"Quality on {report.n_truths:,} {rows} with ground truth"
        width = max([len(one.title) for one in report.quality], default=0)
        if report.quality:
            yield f"  {'':<{width}}  {'recorded':>12}  {'replayed':>12}"
    for one in report.quality:
        both = (_figure(one.recorded), _figure(one.replayed))
        yield f"  {one.title:<{width}}  {both[0]:>12}  {both[1]:>12}  {_verdict(one)}".rstrip()
    for note in report.notes:
        yield f"  {note}"


def _figure(value: float | None) -> str:
    return "-" if value is None else _size(value)


def _verdict(one: QualityFigure) -> str:
    if one.recorded is None or one.replayed is None or one.recorded == one.replayed:
        return ""
    is_better = (one.replayed > one.recorded) == (one.better == "higher")
    return "better" if is_better else "worse"


def _verification_lines(report: VerificationReport) -> Iterator[str]:
    yield f"{report.model}: {_records(report.n_records)}{_period(report)}"
    yield f"  {report.n_identical:,} identical, {report.n_different:,} different"
    if report.n_rewritten:
        yield f"  {report.n_rewritten:,} with the same values, written otherwise"
    if report.n_rounding:
        yield f"  {report.n_rounding:,} differ by rounding alone: they were part of other batches"
    for one in report.missing:
        digest = f" ({one.digest[:DIGEST_LETTERS]})" if one.digest else ""
        yield f"  {one.n_records:,} not verified, of version {one.version}{digest}: {one.reason}"
    for difference in report.differences[:MOVES_MAX]:
        yield f"  {difference.record} of version {difference.version}: {difference.reason}"
        yield f"    recorded {difference.recorded}"
        if difference.replayed:
            yield f"    replayed {difference.replayed}"
    if report.n_different > MOVES_MAX:
        yield f"  and {report.n_different - MOVES_MAX:,} more"


def _records(n_records: int) -> str:
    return "1 record" if n_records == 1 else f"{n_records:,} records"


def _period(report: ReplayReport | VerificationReport) -> str:
    since = "" if report.since_us is None else f" since {time_text(report.since_us)[:16]}"
    until = "" if report.until_us is None else f" until {time_text(report.until_us)[:16]}"
    return f"{since}{until} UTC" if since or until else ""
