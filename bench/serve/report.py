"""Tables and plots of what was measured, and where they go in docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from bench.documents import put, table_of
from bench.serve import places, plot
from bench.serve.models import TITLES
from bench.serve.rounds import Part, load_part
from bench.serve.web.catalog import TESTS

PAGE = places.DOCS / "benchmarks.md"
BULK = (
    "Rows a second with 1,000 rows a request, seconds from start to the first answer, and MB in "
    "memory after the load, of all processes and of one worker (the largest of them):"
)
UNITS = ("rows/s", "s", "MB", "MB a worker")
WHATS = ("rows_per_s", "start_s", "memory_mb", "worker_mb")


def markdown(part: Part) -> str:
    """The tables of a part, and how it was measured."""
    return "\n\n".join(text.strip() for text in [*WRITERS[part.name](part), *_how(part)]) + "\n"


def write(names: Iterable[str]) -> None:
    """Put the tables of these parts into their places in the docs, and their plots beside."""
    for name in names:
        part = load_part(name)
        if part is None:
            continue
        text = markdown(part)
        if name in PLOTS:
            image = f"images/bench-{name}.svg"
            (places.DOCS / image).write_text(PLOTS[name](part), "utf-8")
            text += f"\n![{PLOT_TITLES[name]}]({image})\n"
        put(PAGE, f"serve {name}", text)


def number(value: float | None) -> str:
    """A figure with some three digits that matter."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _predictions(part: Part) -> list[str]:
    names = [name for name in TITLES if name in part.kinds(0)]
    connections = [n for n in ("1", "16", "64") if n in part.kinds(1)]
    legend = "; ".join(TITLES[name] for name in names)
    pairs = [(name, n) for name in names for n in connections]
    heads = [f"{name.upper()}, {n}" for name, n in pairs]
    return [
        f"{legend}. The number after the comma is that of connections.",
        "Requests a second, one row each:",
        _table(part, heads, [(name, n, "per_s") for name, n in pairs]),
        "Latency in ms, p50 / p99:",
        _latencies(part, heads, pairs),
        "CPU time of the server, microseconds a request:",
        _table(part, heads, [(name, n, "cpu_us") for name, n in pairs]),
        BULK,
        _table(
            part,
            [
                *(f"{name.upper()}, {unit}" for unit in UNITS for name in names),
                "MB on disk",
            ],
            [
                *((n, what) for what in WHATS for n in names),
                ("disk_mb",),
            ],
        ),
    ]


def _classics(part: Part) -> list[str]:
    tests = [name for name in TESTS if name in part.kinds(0)]
    pairs = [(test, "64") for test in tests]
    heads = ["JSON" if test == "json" else test.capitalize() for test in tests]
    return [
        "64 connections. Requests a second:",
        _table(part, heads, [(test, n, "per_s") for test, n in pairs]),
        "Latency in ms, p50 / p99:",
        _latencies(part, heads, pairs),
        "CPU time of the server, microseconds a request:",
        _table(part, heads, [(test, n, "cpu_us") for test, n in pairs]),
    ]


def _recording(part: Part) -> list[str]:
    texts = _compared(
        part, "none", "Model A. In parentheses, as a share of what it is without records."
    )
    until = [one for one in part.kinds(1) if part.median("normal", "lasting", one, "per_s")]
    if until:
        cells = [number(part.median("normal", "lasting", one, "per_s")) for one in until]
        texts.append("A load without a pause, normal, 64 connections, requests/s until then:")
        texts.append(table_of(until, [cells]))
    return texts


def _ceiling(part: Part) -> list[str]:
    return _compared(part, "connection", "In parentheses, as a share of Podium's connection.")


def _compared(part: Part, base: str, legend: str) -> list[str]:
    """Throughput and p99 by connections, each beside the base's."""
    connections = [n for n in ("1", "16", "64") if n in part.kinds(1)]

    def cell(of: str, n: str, what: str) -> str:
        value, other = part.median(of, "a", n, what), part.median(base, "a", n, what)
        if value is None:
            return ""
        share = f" ({value / other:.0%})" if other and of != base else ""
        return f"{number(value)}{share}"

    whats = [(n, what) for what in ("per_s", "p99_ms") for n in connections]
    heads = [f"{n}: {'requests/s' if what == 'per_s' else 'p99, ms'}" for n, what in whats]
    rows = [[part.titles[of], *(cell(of, *one) for one in whats)] for of in part.measured()]
    return [f"One row a request; by number of connections. {legend}", table_of(["", *heads], rows)]


def _table(part: Part, heads: Sequence[str], whats: Sequence[tuple[str, ...]]) -> str:
    rows = [
        [part.titles[of], *(number(part.median(of, *what)) for what in whats)]
        for of in part.measured()
    ]
    return table_of(["", *heads], rows)


def _latencies(part: Part, heads: Sequence[str], pairs: Sequence[tuple[str, str]]) -> str:
    def cell(of: str, pair: tuple[str, str]) -> str:
        p50, p99 = part.median(of, *pair, "p50_ms"), part.median(of, *pair, "p99_ms")
        return f"{number(p50)} / {number(p99)}" if p50 is not None else ""

    rows = [[part.titles[of], *(cell(of, pair) for pair in pairs)] for of in part.measured()]
    return table_of(["", *heads], rows)


def _how(part: Part) -> list[str]:
    about = part.about
    text = (
        f"Medians of {about['rounds']} interleaved rounds, {about['seconds']} s each run. Machine: "
        f"{about['machine']}. Noise: {about['noise']}. Load: {about['load']}"
    )
    texts = [text]
    commands = about.get("commands", {})
    if commands:
        versions = about.get("versions", {})
        rows = [
            [part.titles[of], versions.get(of, ""), f"`{command}`"]
            for of, command in commands.items()
        ]
        texts.append(table_of(["", "version", "command"], rows))
    if part.problems:
        rows = [[part.titles.get(of, of), _inline(why)] for of, why in part.problems.items()]
        texts.append("Not measured, or not in full:")
        texts.append(table_of(["", "why"], rows))
    return texts


def _inline(text: str) -> str:
    return " ".join(text.replace("|", "/").replace(str(places.ROOT), ".").split())


def _bars(part: Part) -> str:
    groups = [name for name in part.kinds(0) if name != "disk_mb"]
    bars = {
        part.titles[of]: [part.median(of, name, "64", "per_s") or 0.0 for name in groups]
        for of in part.measured()
    }
    heads = [name.upper() if len(name) == 1 else name.capitalize() for name in groups]
    return plot.bars(PLOT_TITLES[part.name], heads, bars)


WRITERS: dict[str, Callable[[Part], list[str]]] = {
    "predictions": _predictions,
    "classics": _classics,
    "recording": _recording,
    "ceiling": _ceiling,
}
PLOTS: dict[str, Callable[[Part], str]] = {"predictions": _bars, "classics": _bars}
PLOT_TITLES = {
    "predictions": "Requests a second at 64 connections, one row each, logarithmic",
    "classics": "Requests a second at 64 connections, logarithmic",
}
