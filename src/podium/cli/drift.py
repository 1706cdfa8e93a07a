"""`podium drift`: how far the rows of a file have moved from those of training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec.structs import asdict

from podium.bundle import Bundle, load
from podium.cli.drift_table import Line, print_drifts
from podium.cli.main import DIFFERENT
from podium.cli.progress import progress_of, stopping
from podium.cli.score import check_file
from podium.errors import SetupError
from podium.monitoring.counts import (
    Counted,
    Counts,
    count_outputs,
    count_table,
    histograms_of,
    slots_of,
    trained,
)
from podium.monitoring.drift import WINDOWS_A_YEAR, Drift, Level, drift_of
from podium.scoring.formats import open_source
from podium.scoring.scorer import Answered, Scorer


@dataclass
class Totals:
    """The rows of a file, counted.

    Attributes:
        n_rows: those that the model answered.
        n_refused: those that it couldn't.
    """

    counts: dict[Counted, Counts] = field(default_factory=dict)
    n_rows: int = 0
    n_refused: int = 0

    def add(self, bundle: Bundle, answered: Answered) -> None:
        """Count a chunk."""
        baseline, signature = bundle.baseline, bundle.signature
        self.n_refused += len(answered.refused)
        for part, outputs in answered.parts:
            self.n_rows += len(part)
            found = count_table(baseline, signature, answered.rows(part))
            found |= count_outputs(baseline, signature, outputs)
            for what, counts in found.items():
                self.counts[what] = self.counts.get(what, 0) + counts


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("rows", metavar="IN")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--trust", multiple=True, metavar="sha256:...", help="Allow this pickle to run code.")
def drift(bundle: Path, rows: str, as_json: bool, trust: tuple[str, ...]) -> int:
    """Compare the rows of the file IN with the training data of BUNDLE, and the predictions too.

    \b
    podium drift churn.podium october.csv
    podium drift churn.podium october.parquet --json

    IN is any file that `podium score` reads. The exit code is 5 if a field or the predictions drifted: by
    more than chance explains, and far enough to matter.
    """
    opened_bundle = load(bundle, trust=trust)
    histograms = histograms_of(opened_bundle.baseline)
    if not histograms:
        raise SetupError(
            f"{bundle} has no training data to compare with", hint="pack it with the training rows"
        )
    scorer, totals = Scorer(opened_bundle), Totals()
    with stopping(), open_source(rows) as source:
        check_file(scorer, source)
        opened_bundle.start()
        with progress_of(source) as advance:
            for chunk in source.chunks():
                totals.add(opened_bundle, scorer.answer(chunk))
                advance(totals.n_rows + totals.n_refused)
    drifts = {what: drift_of(histograms[what], counts) for what, counts in totals.counts.items()}
    levels = {what: one.level_for(len(drifts) * WINDOWS_A_YEAR) for what, one in drifts.items()}
    if as_json:
        _print_json(opened_bundle, totals, drifts, levels)
    else:
        _print_table(opened_bundle, totals, drifts, levels)
    return DIFFERENT if set(levels.values()) - {"none"} else 0


def _print_json(
    bundle: Bundle, totals: Totals, drifts: Mapping[Counted, Drift], levels: Mapping[Counted, Level]
) -> None:
    histograms = histograms_of(bundle.baseline)
    found = [
        {"kind": what.kind, "name": what.name, "level": levels[what], **asdict(one)}
        | _slots(histograms[what], totals.counts[what])
        for what, one in drifts.items()
    ]
    whole = {
        "model": bundle.name,
        "version": bundle.version,
        "rows": totals.n_rows,
        "refused": totals.n_refused,
        "drift": found,
    }
    click.echo(msgspec.json.format(msgspec.json.encode(whole)))


def _slots(histogram: Any, counts: Counts) -> dict[str, Any]:
    return {
        "slots": slots_of(histogram),
        "training_counts": trained(histogram).tolist(),
        "counts": counts.tolist(),
    }


def _print_table(
    bundle: Bundle, totals: Totals, drifts: Mapping[Counted, Drift], levels: Mapping[Counted, Level]
) -> None:
    click.echo(f"{bundle.name} {bundle.version}: {totals.n_rows:,} rows compared", nl=False)
    click.echo(f", {totals.n_refused:,} refused" if totals.n_refused else "")
    histograms = histograms_of(bundle.baseline)
    lines = [
        Line(
            what,
            one.psi,
            levels[what],
            slots_of(histograms[what]),
            trained(histograms[what]),
            totals.counts[what],
        )
        for what, one in drifts.items()
    ]
    print_drifts(lines, totals.n_rows)
