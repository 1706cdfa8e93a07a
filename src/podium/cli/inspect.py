"""`podium inspect`: the contents of a bundle, without loading its model."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console, RenderableType
from rich.text import Text

from podium.bundle import Bundle, load
from podium.bundle.card import Metric
from podium.bundle.libraries import packages_in
from podium.cli.compilation import compilation_part, compilation_title
from podium.cli.example import example_command, trust_option
from podium.cli.fields import describe_output, fields_table
from podium.cli.terminal import console, harmless, heading, indented, number, shelf, wrapped
from podium.distribution import install_command
from podium.signature.correct import to_toml
from podium.web.among import output_facts


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--toml", "as_toml", is_flag=True, help="Print the signature, to correct it by hand.")
def inspect(bundle: Path, as_json: bool, as_toml: bool) -> None:
    """Show the contents of BUNDLE: fields, outputs, metrics and requirements.

    The model isn't loaded, so none of its libraries is needed.

    \b
    podium inspect churn.podium
    podium inspect churn.podium --json
    podium inspect churn.podium --toml > churn.toml    correct it by hand, then
    podium pack model.joblib --data train.csv --signature churn.toml
    """
    if as_json and as_toml:
        raise click.UsageError("give either --json or --toml, not both")
    opened = load(bundle)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(described(opened))))
    elif as_toml:
        click.echo(to_toml(opened.signature).encode(), nl=False)
    else:
        _print_bundle(opened, console())


def described(bundle: Bundle) -> dict[str, Any]:
    """Everything in a bundle except the model itself, as plain JSON values."""
    return {
        "name": bundle.name,
        "version": bundle.version,
        "digest": f"sha256:{bundle.digest}",
        "runtime": bundle.runtime_name,
        "requires": list(bundle.requires),
        "options": bundle.options,
        "is_compiled": bundle.is_compiled,
        "card": msgspec.to_builtins(bundle.card),
        "signature": msgspec.to_builtins(bundle.signature),
        "compilation": msgspec.to_builtins(bundle.compilation),
        "baseline": msgspec.to_builtins(bundle.baseline),
        "n_background": 0 if bundle.background is None else bundle.background.n_rows,
    }


def _print_bundle(bundle: Bundle, to: Console) -> None:
    card = bundle.card
    to.print(heading(harmless(card.title or bundle.name)))
    if card.description:
        to.print(Text(harmless(card.description)))
    to.print()
    for name, value in _facts(bundle).items():
        if value:
            to.print(wrapped(name, value, to), soft_wrap=True)
    for title, part in _parts(bundle, to):
        to.print()
        to.print(heading(title))
        to.print(indented(part))
    to.print()
    to.print(example_command(bundle), soft_wrap=True)
    to.print(f"podium serve {shlex.quote(str(bundle.path))}{trust_option(bundle)}", soft_wrap=True)


def _parts(bundle: Bundle, to: Console) -> list[tuple[str, RenderableType]]:
    """The parts of the output: each a heading and its content."""
    card = bundle.card
    parts: list[tuple[str, RenderableType]] = []
    if card.metrics:
        parts.append((_metrics_title(bundle), _metrics(card.metrics)))
    if card.notes:
        parts.append(("Notes", Text("\n".join(f"- {harmless(note)}" for note in card.notes))))
    if card.limits:
        limits = "\n".join(f"- {harmless(limit)}" for limit in card.limits)
        parts.append(("Limits", Text(limits)))
    parts.append((_fields_title(bundle), fields_table(bundle.signature, to)))
    parts.append(("Answers", _outputs(bundle)))
    if bundle.compilation is not None:
        parts.append((compilation_title(bundle.compilation), compilation_part(bundle.compilation)))
    return parts


def _facts(bundle: Bundle) -> dict[str, str]:
    card = bundle.card
    when = card.created.replace("T", " ").replace("Z", " UTC") or "unknown"
    facts = {
        "name": bundle.name,
        "version": bundle.version,
        "packed": f"{when}, with Python {card.python}" if card.python else when,
        "model": card.model,
        "runs as": bundle.runtime_name,
        "needs": _needs(bundle),
        "trained on": f"{card.n_rows:,} rows" if card.n_rows else "unknown",
        "keeps": _background(bundle),
        "libraries": ", ".join(f"{name} {version}" for name, version in card.libraries.items()),
        "file": _file(bundle.path),
        "digest": f"sha256:{bundle.digest}",
    }
    if bundle.runtime_name == "pickle":
        facts["trust"] = (
            f"sha256:{bundle.options.get('sha256', '')} It is a pickle, "
            f"since {bundle.options.get('why', 'skops cannot hold it')}: loading it runs its code."
        )
    return facts


def _background(bundle: Bundle) -> str:
    if bundle.background is None:
        return ""
    return f"{bundle.background.n_rows} training rows, for explanations"


def _needs(bundle: Bundle) -> str:
    packages = packages_in(bundle.options)
    if not (bundle.requires or packages):
        return ""
    return install_command(*bundle.requires, packages=packages)


def _file(path: Path | None) -> str:
    if path is None:
        return ""
    size = path.stat().st_size
    return f"{path}, {size / 1024:,.0f} KiB" if size < 2**20 else f"{path}, {size / 2**20:,.1f} MiB"


def _metrics_title(bundle: Bundle) -> str:
    card = bundle.card
    if not card.warning:
        return f"Metrics on {card.measured_on}"
    return f"Measured on {card.measured_on}. {card.warning}"


def _metrics(metrics: tuple[Metric, ...]) -> RenderableType:
    table = shelf()
    for one in metrics:
        unit = f" {harmless(one.unit)}" if one.unit else ""
        table.add_row(
            harmless(one.label),
            Text(number(float(f"{one.value:.4g}")) + unit, style="bold"),
            Text(f"{one.better} is better", style="dim"),
        )
    return table


def _fields_title(bundle: Bundle) -> str:
    n_fields = len(bundle.signature.fields)
    return "1 field" if n_fields == 1 else f"{n_fields:,} fields"


def _outputs(bundle: Bundle) -> RenderableType:
    table = shelf()
    for one in bundle.signature.outputs:
        lines = [f"{title}: {words}" for title, words in output_facts(one, bundle.baseline)]
        lines = lines or [describe_output(one)]
        lines += [] if one.threshold is None else [one.threshold.sentence]
        text = "\n".join(map(harmless, lines))
        table.add_row(Text(harmless(one.label), style="bold"), one.task, Text(text))
    return table
