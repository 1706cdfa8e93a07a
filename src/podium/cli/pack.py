"""`podium pack`: packs a model file and its data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click
from rich.console import Console

from podium.bundle import Bundle
from podium.bundle.background import ROWS, ROWS_MAX
from podium.cli.compilation import print_compilation
from podium.errors import SetupError
from podium.flow.cost import UNKNOWN, measure
from podium.packing.announce import listed_units
from podium.packing.data import read_data, split_target
from podium.packing.pack import pack as pack_model
from podium.runtimes.python import load_function
from podium.signature import Signature, Task
from podium.web.numbers import SPACE, headline

# What models without a target predict, which has no name.
_WITHOUT_TARGET: Mapping[Task, str] = {"clustering": "clusters", "anomaly": "outliers"}


@click.command()
@click.argument("model")
@click.option("--data", type=click.Path(path_type=Path), help="Training rows: CSV or Parquet.")
@click.option("--target", help="The column of the data that the model predicts.")
@click.option("--holdout", type=click.Path(path_type=Path), help="Held-out rows, for the metrics.")
@click.option("--cv", type=int, metavar="N", help="Measure by cross-validation with N folds.")
@click.option(
    "--groups", metavar="COLUMN", help="A column of groups that cross-validation keeps together."
)
@click.option(
    "--weights", metavar="COLUMN", help="A column of sample weights for cross-validation."
)
@click.option("--time", metavar="COLUMN", help="A column of times, for thresholds of drift.")
@click.option("--name", help="The model's name; the file's name by default.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The bundle to write.")
@click.option("--title", default="", help="A title to show instead of the name.")
@click.option("--description", default="", help="What the model does, in a sentence.")
@click.option("--version", "version_", help="The model's version; the current time by default.")
@click.option(
    "--signature", type=click.Path(path_type=Path), help="A TOML file that corrects the fields."
)
@click.option(
    "--limit", "limits", multiple=True, help="A limitation that users must know; can be repeated."
)
@click.option(
    "--code",
    metavar="MODULE:CLASS",
    help="The class of the network whose weights the file contains.",
)
@click.option(
    "--no-compile", is_flag=True, help="Serve the estimator itself, not a compiled program."
)
@click.option("--keep-original", is_flag=True, help="Pack the estimator beside its program.")
@click.option(
    "--distances/--no-distances",
    default=None,
    help="Return the distances to all clusters; by default of up to 100.",
)
@click.option("--rounds", help="The rounds of a booster to use: all, best or a number.")
@click.option(
    "--background",
    type=click.IntRange(0, ROWS_MAX),
    default=ROWS,
    show_default=True,
    help="How many training rows to keep for explanations.",
)
@click.option("--no-importance", is_flag=True, help="Don't measure what matters to the model.")
@click.option("--trust", multiple=True, metavar="sha256:...", help="Allow this file to run code.")
def pack(
    model: str,
    data: Path | None,
    target: str | None,
    holdout: Path | None,
    cv: int | None,
    groups: str | None,
    weights: str | None,
    time: str | None,
    name: str | None,
    output: Path | None,
    title: str,
    description: str,
    version_: str | None,
    signature: Path | None,
    limits: tuple[str, ...],
    code: str | None,
    no_compile: bool,
    keep_original: bool,
    distances: bool | None,
    rounds: str | None,
    background: int,
    no_importance: bool,
    trust: tuple[str, ...],
) -> None:
    """Pack MODEL into a bundle.

    MODEL is a skops, ONNX, safetensors, joblib or pickle file, or module:function.

    \b
    podium pack model.joblib --data train.csv --target delay
    """
    bundle = packed(
        model,
        data=data,
        target=target,
        holdout=holdout,
        cv=cv,
        groups=groups,
        weights=weights,
        time=time,
        name=name,
        path=output,
        title=title,
        description=description,
        version=version_,
        signature=signature,
        limits=limits,
        code=code,
        compiles=not no_compile,
        keep_original=keep_original,
        distances=distances,
        rounds=rounds,
        background=background,
        importance=not no_importance,
        trust=trust,
    )
    print_summary(bundle)


def packed(
    model: str,
    *,
    data: Path | None,
    target: str | None,
    holdout: Path | None = None,
    cv: int | None = None,
    groups: str | None = None,
    weights: str | None = None,
    time: str | None = None,
    name: str | None = None,
    path: Path | None = None,
    title: str = "",
    description: str = "",
    version: str | None = None,
    signature: Path | None = None,
    limits: tuple[str, ...] = (),
    code: str | None = None,
    compiles: bool = True,
    keep_original: bool = False,
    distances: bool | None = None,
    rounds: str | None = None,
    background: int = ROWS,
    importance: bool = True,
    trust: tuple[str, ...] = (),
) -> Bundle:
    """The bundle of a model file and its data.

    Raises:
        SetupError: one of them is invalid.
    """
    is_file = Path(model).is_file() or (Path(model) / "MLmodel").is_file()
    if not is_file and ":" not in model:
        raise SetupError(f"{model} doesn't exist", hint="give a model file, or module:function")
    if is_file and data is None:
        raise SetupError(
            "--data is missing: the signature is inferred from the training rows",
            hint=f"podium pack {model} --data train.csv --target NAME",
        )
    subject: object = Path(model) if is_file else load_function(model)
    rows, truth = split_target(read_data(data), target) if data is not None else (None, None)
    row_groups = row_weights = row_times = None
    held_out = None
    if holdout is not None:
        if target is None:
            raise SetupError("--holdout needs --target", hint="name the column to predict")
        holdout_rows, holdout_truth = split_target(read_data(holdout), target)
        held_out = (holdout_rows, holdout_truth)
    if rows is not None:
        rows, row_groups = split_target(rows, groups)
        rows, row_weights = split_target(rows, weights)
        rows, row_times = split_target(rows, time)
    default = Path(model).stem if is_file else model.partition(":")[2]
    bundle = pack_model(
        subject,
        rows,
        truth,
        name=name or default,
        path=path,
        title=title,
        description=description,
        version=version,
        target=target,
        holdout=held_out,
        cv=cv,
        groups=row_groups,
        sample_weight=row_weights,
        times=row_times,
        signature=signature,
        limits=limits,
        code=code,
        compiles=compiles,
        keep_original=keep_original,
        distances=distances,
        rounds=int(rounds) if rounds is not None and rounds.isdecimal() else rounds,
        background=background,
        importance=importance,
        trust=trust,
    )
    if is_file and target is None and bundle.signature.output.task not in _WITHOUT_TARGET:
        click.echo("nothing was measured: --target names the column that it predicts", err=True)
    return bundle


def print_summary(bundle: Bundle) -> None:
    """Print a summary of the bundle, and the next steps."""
    console = Console(highlight=False, soft_wrap=True)
    signature, card = bundle.signature, bundle.card
    size = bundle.path.stat().st_size if bundle.path else 0
    console.print(f"[bold]{bundle.path}[/bold]  {size / 1024:,.0f} KiB", markup=True)
    console.print(f"  predicts  {_predicted(signature)}", markup=False)
    console.print(f"  from      {len(signature.fields)} fields: {_names(bundle)}", markup=False)
    console.print(f"  runs as   {bundle.runtime_name}{_cost(bundle)}", markup=False)
    if bundle.background is not None:
        kept = f"{bundle.background.n_rows} training rows, for explanations"
        console.print(f"  keeps     {kept} (--background 0 keeps none)", markup=False)
    if units := listed_units(signature):
        console.print(f"  units     {units} (--signature corrects them)", markup=False)
    for note in (headline(card).replace(SPACE, " "), *card.notes):
        if note:
            console.print(f"  {note}", markup=False)
    if card.metrics_on == "training":
        console.print(
            "  To estimate how it does on new data, pass held-out rows (--holdout test.csv), or "
            "cross-validate (--cv 5)",
            markup=False,
        )
    if bundle.compilation is not None:
        console.print()
        print_compilation(bundle.compilation, console)
    extra = ""
    if bundle.runtime_name == "pickle":
        digest = bundle.options["sha256"]
        console.print(
            f"  This model is a pickle, because {bundle.options['why']}.\n"
            "  Loading it runs the code inside: serve it only if you know where it comes from.",
            markup=False,
        )
        extra = f" --trust sha256:{digest}"
    console.print(f"\npodium serve {bundle.path}{extra}", markup=False)


def _predicted(signature: Signature) -> str:
    """What the model predicts: its outputs, and of which kind they are."""
    task = signature.output.task
    names = ", ".join(one.name for one in signature.outputs)
    return _WITHOUT_TARGET.get(task, f"{names} ({task})")


def _cost(bundle: Bundle) -> str:
    """How long one row takes; nothing if measuring would run code that isn't trusted yet."""
    if bundle.runtime_name in ("python", "pickle"):
        return ""
    cost = measure(bundle.start())
    one_us, more_us = cost.of(1) * 1e6, cost.row_s * 1e6
    return (
        "" if cost == UNKNOWN else f", one row in {one_us:,.0f} us, {more_us:.1f} us each in many"
    )


def _names(bundle: Bundle) -> str:
    names = bundle.signature.names
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
