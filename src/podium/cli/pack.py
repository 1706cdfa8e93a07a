"""`podium pack`: a model file and its data, packed."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from podium.bundle import Bundle
from podium.bundle.data import read_data, split_target
from podium.bundle.pack import pack as pack_model
from podium.cli.compilation import show_compilation
from podium.errors import SetupError
from podium.flow.cost import UNKNOWN, measure
from podium.runtimes.python import load_function


@click.command()
@click.argument("model")
@click.option("--data", type=click.Path(path_type=Path), help="Training rows: CSV or Parquet.")
@click.option("--target", help="The column of the data that the model predicts.")
@click.option("--holdout", type=click.Path(path_type=Path), help="Rows that the model hasn't seen.")
@click.option("--name", help="The model's name; that of its file when left out.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The bundle to write.")
@click.option("--title", default="", help="What people read instead of the name.")
@click.option("--description", default="", help="What the model does, in a sentence.")
@click.option("--version", "version_", help="The model's version; the time when left out.")
@click.option("--signature", type=click.Path(path_type=Path), help="TOML that corrects the fields.")
@click.option("--limit", "limits", multiple=True, help="What users must know; can be repeated.")
@click.option("--code", metavar="MODULE:CLASS", help="What makes the network of a weights file.")
@click.option("--no-compile", is_flag=True, help="Serve the estimator itself, not a program of it.")
@click.option("--keep-original", is_flag=True, help="Put the estimator beside its program.")
@click.option("--trust", multiple=True, metavar="sha256:...", help="Allow this file to run code.")
def pack(
    model: str,
    data: Path | None,
    target: str | None,
    holdout: Path | None,
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
        trust=trust,
    )
    tell(bundle)


def packed(
    model: str,
    *,
    data: Path | None,
    target: str | None,
    holdout: Path | None = None,
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
    trust: tuple[str, ...] = (),
) -> Bundle:
    """The bundle of a model file and its data.

    Raises:
        SetupError: one of them can't be used.
    """
    is_file = Path(model).is_file() or (Path(model) / "MLmodel").is_file()
    if not is_file and ":" not in model:
        raise SetupError(f"{model} isn't there", hint="name a model file, or module:function")
    if is_file and data is None:
        raise SetupError(
            "--data is missing: the signature comes from the rows that the model was fitted on",
            hint=f"podium pack {model} --data train.csv --target NAME",
        )
    subject: object = Path(model) if is_file else load_function(model)
    rows, truth = split_target(read_data(data), target) if data is not None else (None, None)
    if data is not None and target is None and is_file:
        click.echo("no --target: the metrics are left out", err=True)
    held = None
    if holdout is not None:
        if target is None:
            raise SetupError("--holdout needs --target", hint="name the column to predict")
        held_rows, held_truth = split_target(read_data(holdout), target)
        held = (held_rows, held_truth)
    default = Path(model).stem if is_file else model.partition(":")[2]
    return pack_model(
        subject,
        rows,
        truth,
        name=name or default,
        path=path,
        title=title,
        description=description,
        version=version,
        target=target,
        holdout=held,
        signature=signature,
        limits=limits,
        code=code,
        compiles=compiles,
        keep_original=keep_original,
        trust=trust,
    )


def tell(bundle: Bundle) -> None:
    """Print what was packed, and what to do with it."""
    console = Console(highlight=False, soft_wrap=True)
    signature, card = bundle.signature, bundle.card
    size = bundle.path.stat().st_size if bundle.path else 0
    console.print(f"[bold]{bundle.path}[/bold]  {size / 1024:,.0f} KiB", markup=True)
    asked = ", ".join(one.name for one in signature.outputs)
    console.print(f"  predicts  {asked} ({signature.output.task})", markup=False)
    console.print(f"  from      {len(signature.fields)} fields: {_names(bundle)}", markup=False)
    console.print(f"  runs as   {bundle.runtime_name}{_cost(bundle)}", markup=False)
    for metric in card.metrics[:2]:
        rows = f"{card.n_metric_rows:,} rows"
        held = f"{rows} held out" if card.metrics_on == "holdout" else f"{rows} given"
        unit = f" {metric.unit}" if metric.unit else ""
        console.print(f"  {metric.title}: {metric.value:.4g}{unit} on {held}", markup=False)
    if bundle.compilation is not None:
        console.print()
        show_compilation(bundle.compilation, console)
    extra = ""
    if bundle.runtime_name == "pickle":
        digest = bundle.options["sha256"]
        console.print(
            f"  This model is a pickle, since {bundle.options['why']}.\n"
            "  Loading it runs the code inside: serve it only if you know where it comes from.",
            markup=False,
        )
        extra = f" --trust sha256:{digest}"
    console.print(f"\npodium serve {bundle.path}{extra}", markup=False)


def _cost(bundle: Bundle) -> str:
    """How long one row takes; nothing where finding out would run what isn't trusted yet."""
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
