"""`podium retrain`: a model trained on its records and their truth by a user's recipe."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

import click
import msgspec

from podium.cli.progress import stopping
from podium.cli.record_deletion import audit_of
from podium.cli.terminal import harmless
from podium.retraining.orders import HOLDOUT, TIMEOUT_S, Recipe
from podium.retraining.retrain import Retrained
from podium.retraining.retrain import retrain as retrain_model
from podium.settings import read_settings

DIGEST_LETTERS = 12


@click.command()
@click.argument("model")
@click.option(
    "--recipe", required=True, metavar="FILE:FUNCTION", help="What returns the fitted estimator."
)
@click.option("--data", default="", help="The model's original training data: CSV or Parquet.")
@click.option(
    "--holdout",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=HOLDOUT,
    help="The share of the truths, the newest, to measure on; 0.2 by default.",
)
@click.option("--since", default="", help="Only records since then: 90d or 2026-01-31.")
@click.option("--timeout", type=click.FloatRange(min=1), default=TIMEOUT_S, help="In seconds.")
@click.option("--memory", type=click.IntRange(min=64), help="The most memory, in MB.")
@click.option("--version", "version_", default="", help="The new version's name.")
@click.option("--note", default="", help="Why, for the log of changes.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--home", help="The home folder of the server; ./podium-home when left out.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings in TOML.")
def retrain(
    model: str,
    recipe: str,
    data: str,
    holdout: float,
    since: str,
    timeout: float,
    memory: int | None,
    version_: str,
    note: str,
    as_json: bool,
    home: str | None,
    config: Path | None,
) -> None:
    """Train MODEL on its records and their ground truth, and register the result.

    \b
    podium retrain churn --recipe train.py:train
    podium retrain churn --recipe train.py:train --data train.csv --since 90d

    The recipe is a function that takes the rows as a DataFrame, the true values as its last column,
    and returns a fitted estimator. A second parameter gets the training data in --data. It runs in a
    process with limits. The newest truths are held out, and measured on, beside the champion.

    The new version becomes the challenger, if it accepts what the champion accepts. It is never
    promoted: podium promote does that.
    """
    order = Recipe(
        model=model,
        recipe=recipe,
        data=data,
        holdout=holdout,
        since=since,
        timeout_s=timeout,
        memory_mb=memory or 0,
        version=version_,
    )
    settings = read_settings({"home": home}, file=config)
    with stopping():
        done = retrain_model(order, settings, actor=getpass.getuser(), note=note, on_output=_print)
    details = {"model": model, "version": done.version, "digest": done.digest}
    details["user"] = getpass.getuser()
    audit_of(settings, "podium retrain")("version_registered", details)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(done), indent=2).decode())
    else:
        _print_summary(done)


def _print(piece: bytes) -> None:
    """What the recipe prints stays apart from the result."""
    sys.stderr.write(piece.decode("utf-8", "replace"))
    sys.stderr.flush()


def _print_summary(done: Retrained) -> None:
    trained, digest = done.trained, done.digest[:DIGEST_LETTERS]
    data = f" and {trained.n_data:,} rows of data" if trained.n_data else ""
    click.echo(
        f"{done.model} {done.version} ({digest}), trained on {trained.n_train:,} truths{data}"
    )
    if trained.n_left_out:
        click.echo(
            f"  {trained.n_left_out:,} records with feedback can't be used and were left out"
        )
    click.echo(f"  on the {trained.n_holdout:,} newest truths:")
    for figure in trained.figures:
        click.echo(f"    {harmless(figure.sentence)}")
    if not trained.figures:
        click.echo("    nothing could be measured")
    if done.is_challenger:
        click.echo("It is the challenger now. To serve it:")
    else:
        click.echo(f"It is registered, and isn't the challenger: {harmless(done.reason)}")
    click.echo(f"  podium replay {done.model} --version {digest}")
    click.echo(f"  podium promote {done.model} {digest}")
