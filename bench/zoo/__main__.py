"""Which models compile: each part of the zoo packed by the ordinary way, and counted.

python -m bench.zoo                         every part
python -m bench.zoo boosters --only ctr     cases of one part whose name holds this
python -m bench.zoo --why                   with the reason of each that doesn't compile
python -m bench.zoo --markdown docs/reference/compiled.md
                                            write the tables into their places there
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path

from bench.documents import put, table_of
from bench.zoo.case import Case, Line, line_of

# Each part is a module beside this one, with its TITLE and CASES.
PARTS = sorted(
    one.stem for one in Path(__file__).parent.glob("*.py") if "\nCASES" in one.read_text()
)


def lines_of(cases: Iterable[Case], only: str) -> Iterator[Line]:
    """What became of each case whose name holds `only`."""
    for case in cases:
        if only in case.name:
            try:
                yield line_of(case)
            except Exception as error:  # noqa: BLE001 - the other cases are still of interest
                yield Line(case.name, why=f"{type(error).__name__}: {error}")


def summary(title: str, lines: Sequence[Line]) -> tuple[str, ...]:
    """A part in one line of a table."""
    compiled = [line for line in lines if line.is_compiled]
    share = 100 * len(compiled) / max(1, len(lines))
    most = max((line.difference for line in compiled), default=0.0)
    return (
        title,
        str(len(lines)),
        str(sum(line.is_packed for line in lines)),
        f"{len(compiled)} ({share:.0f} %)",
        str(sum(line.n_labels for line in compiled)),
        f"{most:.0e}" if most else "0",
    )


HEAD = ("", "models", "packed", "compiled", "labels that differ", "largest difference")


def main() -> None:
    """Run the parts, print them, and write them into a page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--only", default="")
    parser.add_argument("--why", action="store_true")
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no part is named {min(unknown)}; there are {', '.join(PARTS)}")
    sums, others = [], []
    for part in options.parts or PARTS:
        module = import_module(f"bench.zoo.{part}")
        began, lines = time.perf_counter(), []
        for line in lines_of(module.CASES, options.only):
            lines.append(line)
            print(_told(line, why=options.why), flush=True)
        sums.append(summary(module.TITLE, lines))
        others += [
            (module.TITLE, _cell(line.name), _cell(line.why))
            for line in lines
            if not line.is_compiled
        ]
        print(" | ".join(sums[-1]), f"{time.perf_counter() - began:.0f} s\n", flush=True)
    if options.markdown is not None:
        put(options.markdown, "zoo", table_of(HEAD, sums))
        put(options.markdown, "others", table_of(("", "model", "why it doesn't compile"), others))
    sys.exit(any(sum_[4] != "0" for sum_ in sums))


def _cell(text: str) -> str:
    """A text as a cell of a table."""
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


def _told(line: Line, *, why: bool) -> str:
    became = "compiled" if line.is_compiled else "packed" if line.is_packed else "NOT PACKED"
    differs = f" {line.n_labels} LABELS DIFFER" if line.n_labels else ""
    figures = f"{line.difference:8.0e} {line.seconds:6.2f} s" if line.is_compiled else ""
    reason = f"\n    {line.why}" if why and line.why else ""
    return f"{line.name:60} {became:10} {figures}{differs}{reason}"


if __name__ == "__main__":
    main()
