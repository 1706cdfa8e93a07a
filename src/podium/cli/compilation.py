"""The result of compiling a model, for a terminal."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from podium.bundle.compilation import Compilation, CompiledStep, Graph, Verified
from podium.cli.terminal import harmless, shelf

# Separates the names of nested steps.
PATH = " / "


def compilation_title(compilation: Compilation) -> str:
    """The heading of the part about it."""
    if compilation.graph is not None and compilation.graph.is_used:
        return "Not compiled: an ONNX graph is served instead of the original"
    if not compilation.is_compiled:
        return "Not compiled: the original is served"
    precision = "single" if compilation.is_single else "double"
    size = f"{compilation.n_bytes / 1024:,.0f} KiB"
    return f"Compiled to a program of {size}, in {precision} precision"


def compilation_part(compilation: Compilation) -> RenderableType:
    """The steps, the operations that they became, and how program and original compare."""
    parts: list[RenderableType] = [_steps(compilation.steps)]
    if compilation.why:
        parts.append(Text(harmless(f"Because {compilation.why}"), style="yellow"))
    parts += _advice(compilation.steps)
    if compilation.operations:
        kinds = ", ".join(
            f"{one.kind} ({one.n_numbers:,})" if one.n_numbers else one.kind
            for one in compilation.operations
        )
        parts.append(Text(f"Operations: {kinds}"))
    if compilation.verified is not None:
        parts.append(Text(_verified(compilation.verified), style="dim"))
    if compilation.graph is not None:
        parts.append(_graph(compilation.graph))
    return Group(*parts)


def _advice(steps: tuple[CompiledStep, ...]) -> list[Text]:
    """What would make each step compile that doesn't."""
    advised = [step for step in steps if step.advice]
    return [
        Text(harmless(f"To compile {step.name.split(PATH)[-1]}: {step.advice}."), style="cyan")
        for step in advised
    ]


def print_compilation(compilation: Compilation, to: Console) -> None:
    """Print the table of the steps below a heading."""
    to.print(Text(compilation_title(compilation), style="bold"))
    to.print(compilation_part(compilation))


def _steps(steps: tuple[CompiledStep, ...]) -> Table:
    table = shelf()
    for step in _from_outside(steps):
        *around, name = step.name.split(PATH)
        estimator = step.estimator.rpartition(".")[2]
        table.add_row(
            "  " * len(around) + harmless(name),
            Text("" if estimator.lower() == name.lower() else estimator, style="dim"),
            Text("compiled", style="green") if step.is_compiled else Text("not compiled", "yellow"),
            harmless(step.why) if step.why else _difference(step.difference),
        )
    return table


def _from_outside(steps: tuple[CompiledStep, ...]) -> list[CompiledStep]:
    """The steps with outer ones before inner ones."""
    inside: dict[str, list[CompiledStep]] = {}
    for step in steps:
        inside.setdefault(step.name.rpartition(PATH)[0], []).append(step)
    ordered: list[CompiledStep] = []

    def walk(around: str) -> None:
        for step in inside.pop(around, []):
            ordered.append(step)
            walk(step.name)

    walk("")
    # If compiling ended early, the outer steps are missing.
    return [*ordered, *(step for rest in inside.values() for step in rest)]


def _difference(difference: float | None) -> str:
    if difference is None:
        return ""
    return "no difference" if difference == 0 else f"differs by {difference:.1e}"


def _graph(graph: Graph) -> Text:
    if graph.is_used and graph.verified is not None:
        return Text(f"As an ONNX graph: {_verified(graph.verified)}", style="dim")
    return Text(harmless(f"Nor as an ONNX graph: {graph.why}"), style="dim")


def _verified(verified: Verified) -> str:
    rows = f"{verified.n_rows:,} training rows and {verified.n_perturbed:,} derived from them"
    if not verified.is_equal:
        return f"Compared on {rows}."
    differ = f"differ by {verified.difference:.1e} at most" if verified.difference else "are equal"
    refused = f"; both refuse {verified.n_refused:,} others" if verified.n_refused else ""
    return (
        f"Verified on {rows}: the labels are the same, the numbers {differ} "
        f"(allowed: {verified.tolerance:.0e}){refused}."
    )
