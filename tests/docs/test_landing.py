"""The landing page: its figures stand in the benchmarks, and the README says the same."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
LANDING = (ROOT / "docs/index.md").read_text("utf-8")
BENCHMARKS = (ROOT / "docs/benchmarks.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
# Columns of the tables of predictions for model C: 64 connections, and what is measured beside.
C_64, BESIDE = 9, (3, 6, 9, 13)


def table_after(heading: str, text: str) -> dict[str, list[str]]:
    """The rows of the first table after a line that begins so, by their first cell."""
    rows = text.partition(heading)[2].partition("\n|")[2].partition("\n\n")[0]
    cells = [[cell.strip() for cell in row.strip("| ").split("|")] for row in rows.splitlines()[2:]]
    return {name: values for name, *values in cells}


def test_the_figures_of_the_comparison_are_those_of_the_benchmarks() -> None:
    part = BENCHMARKS.partition("<!-- begin serve predictions -->")[2]
    rates = table_after("Requests a second, one row each:", part)
    latencies = table_after("Latency in ms, p50 / p99:", part)
    beside = table_after("Rows a second with 1,000 rows a request", part)

    shown = table_after("## How it compares", LANDING)

    assert len(shown) == 8
    for name, figures in shown.items():
        assert figures == [
            rates[name][C_64 - 1],
            latencies[name][C_64 - 1].partition(" / ")[2],
            *(beside[name][at - 1] for at in BESIDE),
        ]


def test_every_other_figure_of_the_comparison_stands_there_too() -> None:
    text = LANDING.partition("Most of the difference")[2].partition("Written by hand")[0]
    figures = re.findall(r"\d[\d,]*\d(?: %)?", text)

    assert len(figures) > 6
    assert [one for one in figures if one.replace("**", "") not in BENCHMARKS] == []


def test_the_readme_says_what_podium_is_in_the_same_words() -> None:
    sentence = re.search(r"^\*\*(.+?)\*\*", LANDING, re.MULTILINE | re.DOTALL)

    assert sentence is not None
    assert sentence.group(0) in README
