"""`podium monitor`: what a served model saw and predicted, against its training data."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from podium.cli.main import DIFFERENT
from podium.settings import read_settings

if TYPE_CHECKING:
    from podium.monitoring.report import Report


@click.command()
@click.argument("model")
@click.option("--window", default="day", help="hour, day (the default) or week.")
@click.option("--since", default="", help="From when: 7d, 12h or a date, in UTC.")
@click.option("--version", default="", help="An alias, a name or a digest; the champion.")
@click.option("--role", default="primary", help="primary, or shadow.")
@click.option("--json", "as_json", is_flag=True, help="Print the JSON that the API would return.")
@click.option("--home", help="The home folder of the server; ./podium-home when left out.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings in TOML.")
def monitor(
    model: str,
    window: str,
    since: str,
    version: str,
    role: str,
    *,
    as_json: bool,
    home: str | None,
    config: Path | None,
) -> int:
    """Compare the rows that MODEL got, and its predictions, with its training data.

    \b
    podium monitor churn
    podium monitor churn --window hour --since 12h --json

    The server may run meanwhile. The exit code is 5 if a field or the predictions drifted in that
    time: by more than chance explains, and far enough to matter.
    """
    import msgspec

    from podium.app import open_configured_store
    from podium.deployments.registry import Registry
    from podium.monitoring.monitoring import Monitoring
    from podium.protocols.monitoring import report_of, value_of

    settings = read_settings({"home": home}, file=config)
    folder = Path(settings.home)
    with ExitStack() as ends:
        store = None
        if settings.store:  # a database may have the counts of several servers
            store = open_configured_store(settings, is_late=True)
            ends.callback(store.close)
        monitoring = Monitoring(
            folder, {}, Registry(settings.registry_folder, settings.trust), store=store
        )
        ends.callback(monitoring.close)
        report = report_of(
            monitoring, model, window=window, since=since, version=version, role=role
        )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(value_of(report))))
    else:
        _print(report)
    return DIFFERENT if report.level != "none" else 0


def _print(report: Report) -> None:
    import numpy as np

    from podium.cli.drift_table import Line, print_drifts
    from podium.cli.terminal import harmless
    from podium.monitoring.counts import Counted
    from podium.records.export import time_text

    name = harmless(f"{report.model} {report.version}")
    since = time_text(report.since_us)[:16].replace("T", " ")
    click.echo(f"{name}: {report.n_rows:,} rows since {since} UTC", nl=False)
    sample = f", {report.n_counted:,} of them counted" if report.n_counted < report.n_rows else ""
    click.echo(f"{sample}, {report.n_refused:,} refused")
    others = [one for one in report.versions if one.digest != report.digest]
    for one in others:
        which = harmless(f"{one.version or one.digest[:12]} ({one.role})")
        click.echo(f"  beside it {which}: {one.n_rows:,} rows")
    if not report.has_baseline:
        click.echo("It was packed without training rows: there is nothing to compare with.")
        return
    lines = [
        Line(
            Counted(one.kind, one.name),
            one.psi,
            one.level,
            one.slots,
            np.array(one.trained),
            np.array(one.counts),
        )
        for one in report.measured
    ]
    print_drifts(lines, report.n_counted)
