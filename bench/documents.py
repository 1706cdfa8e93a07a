"""Figures into a document: Markdown tables between marks that it holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def table_of(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def put(document: Path, name: str, text: str) -> None:
    """Replace what stands between the marks `<!-- begin NAME -->` and `<!-- end NAME -->`.

    Raises:
        ValueError: the document lacks them.
    """
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
    before, found, rest = document.read_text("utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{document} has no place for {name}")
    document.write_text(f"{before}{begin}\n{text.rstrip()}\n\n{end}{after}", "utf-8")
