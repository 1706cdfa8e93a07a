"""A signature's fields and outputs as tables on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from podium.cli.example import example_row
from podium.cli.terminal import harmless, value_text
from podium.signature import Field, Label, Output, Range, Signature
from podium.signature.labels import label_text, shown_label

_LABELS_MAX = 8
_ROOM_FOR_EXAMPLE = 70


def fields_table(signature: Signature, to: Console) -> Grid:
    """One line for each field: its name, its type, whether it may be missing, what it accepts."""
    example = example_row(signature)
    table = Grid(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("field", style="bold", overflow="fold", max_width=max(16, to.width // 3))
    table.add_column("type", no_wrap=True)
    table.add_column("missing", no_wrap=True)
    table.add_column("values", overflow="fold", ratio=1)
    if to.width >= _ROOM_FOR_EXAMPLE:
        table.add_column("example", overflow="ellipsis", no_wrap=True, max_width=to.width // 6)
    for one in signature.fields:
        cells = [harmless(one.name), one.type, _missing(one), describe_input(one)]
        if to.width >= _ROOM_FOR_EXAMPLE:
            cells.append(value_text(example.get(one.name)))
        table.add_row(*(Text(cell) for cell in cells))
    return table


def describe_input(one: Field) -> str:
    """The values of a field in training, and those that it accepts."""
    if one.type in ("category", "boolean"):
        return _labels(one)
    if one.type == "text":
        return f"at most {one.max_length:,} characters"
    unit = f" {harmless(one.unit)}" if one.unit else ""
    seen, bounds = _range(one.seen, unit), _range(one.bounds, unit)
    if not bounds:
        return seen
    return f"{seen}; possible: {bounds}" if seen else bounds


def describe_output(one: Output) -> str:
    """The values of an output: its labels, or their range."""
    if one.classes:
        labels = _listed(list(map(shown_label, one.outcomes)))
        return f"{labels}, with probabilities" if one.has_probabilities else labels
    unit = f" {harmless(one.unit)}" if one.unit else ""
    seen = _range(one.seen, unit)
    if one.task == "regression":
        return f"a number{f', {seen} in training' if seen else unit and f' in{unit}'}"
    return {
        "clustering": "the number of a cluster",
        "anomaly": "1 for normal rows, -1 for outliers",
    }.get(one.task, "any value")


def _missing(one: Field) -> str:
    if not one.is_used:
        return "not used"
    if one.missing == "refuse":
        return "no"
    share = f", {one.missing_share:.1%}" if one.missing_share else ""
    return f"{'warns' if one.missing == 'warn' else 'yes'}{share}"


def _labels(one: Field) -> str:
    if not one.categories:
        return "true or false" if one.type == "boolean" else "any label"
    shares = [_with_share(c.value, c.frequency) for c in one.categories]
    text = _listed(shares)
    return text if one.type == "boolean" or one.unknown == "refuse" else f"{text}, or others"


def _with_share(label: Label, share: float) -> str:
    return f"{label_text(label)} {share:.0%}" if share >= 0.005 else label_text(label)


def _listed(texts: list[str]) -> str:
    text = ", ".join(harmless(one) for one in texts[:_LABELS_MAX])
    rest = len(texts) - _LABELS_MAX
    return f"{text} and {rest:,} more" if rest > 0 else text


def _range(one: Range, unit: str) -> str:
    low, high = one.minimum, one.maximum
    if low is not None and high is not None:
        return f"{value_text(low)} to {value_text(high)}{unit}"
    if low is not None:
        return f"at least {value_text(low)}{unit}"
    return "" if high is None else f"at most {value_text(high)}{unit}"
