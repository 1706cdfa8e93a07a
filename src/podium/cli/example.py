"""An example row, and the command line that predicts it."""

from __future__ import annotations

import shlex

from podium.bundle import Bundle
from podium.cli.terminal import harmless
from podium.signature import Field, Label, Signature
from podium.signature.labels import label_text

# With more fields than this a command line is unreadable: the row is piped in instead.
FIELDS_MAX = 12


def example_row(signature: Signature) -> dict[str, Label | None]:
    """A row of the training data, or one made up of accepted values."""
    if signature.examples:
        return dict(signature.examples[0])
    return {one.name: _value(one) for one in signature.fields}


def example_command(bundle: Bundle) -> str:
    """A command line that predicts the example row."""
    file = shlex.quote(str(bundle.path or f"{bundle.name}.podium"))
    trust = trust_option(bundle)
    row = example_row(bundle.signature)
    arguments = [f"{name}={label_text(value)}" for name, value in row.items() if value is not None]
    if len(row) > FIELDS_MAX or any(harmless(one) != one for one in arguments):
        return f"podium predict {file} --example | podium predict {file} -{trust}"
    dashes = ["--"] if any(one.startswith("-") for one in arguments) else []
    return f"podium predict {file}{trust} {shlex.join([*dashes, *arguments])}"


def trust_option(bundle: Bundle) -> str:
    """The option that a command needs to load this bundle's model; usually none."""
    if bundle.runtime_name != "pickle":
        return ""
    return f" --trust sha256:{bundle.options.get('sha256', '...')}"


def _value(one: Field) -> Label | None:
    if one.type == "boolean":
        return True
    if one.type == "category":
        return one.labels[0] if one.labels else "a"
    if one.type == "text":
        return "some text"[: one.max_length]
    if one.type in ("float", "integer"):
        return _number(one)
    default = "2024-03-01" if one.type == "date" else "2024-03-01T13:45:00"
    edges = (one.seen.minimum, one.bounds.minimum, one.bounds.maximum)
    return next((edge for edge in edges if edge is not None), default)


def _number(one: Field) -> Label:
    """The median of the training data, or the possible number nearest to 1."""
    value = float(one.quantiles[len(one.quantiles) // 2]) if one.quantiles else 1.0
    if isinstance(one.bounds.minimum, (int, float)):
        value = max(value, one.bounds.minimum)
    if isinstance(one.bounds.maximum, (int, float)):
        value = min(value, one.bounds.maximum)
    return int(value) if one.type == "integer" else value
