"""The command line: which parts to run, with whom, how long, and whether the docs are written."""

from __future__ import annotations

import argparse
import sys
import time

from bench.serve import ceiling, classics, load, machine, predictions, recording, report
from bench.serve.options import Options

PARTS = {part.NAME: part.measure for part in (predictions, classics, recording, ceiling)}
ROUNDS = 3
SECONDS = 2


def main() -> None:
    """Measure, print tables, and with --write put them into docs/benchmarks.md."""
    options, writes, only_report = _read(sys.argv[1:])
    if not only_report:
        machine.adopt_orphans()
        machine.pin_self()
        print(f"load: {load.description()}\nmachine: {machine.description()}", flush=True)
        began = time.perf_counter()
        for name in options.parts:
            print(f"\n{name}", flush=True)
            part = PARTS[name](options)
            part.save()
            print(f"\n{report.markdown(part)}")
        print(f"took {(time.perf_counter() - began) / 60:.1f} minutes")
    if writes or only_report:
        report.write(options.parts)


def _read(arguments: list[str]) -> tuple[Options, bool, bool]:
    parser = argparse.ArgumentParser(
        prog="python -m bench.serve", description="Podium and its peers, under the same load."
    )
    parser.add_argument("--part", action="append", choices=PARTS, help="one part; repeat for more")
    parser.add_argument("--only", default="", help="who takes part: flask,podium")
    parser.add_argument("--models", default="a,b,c", help="which models: a,b,c")
    parser.add_argument("--seconds", type=int, default=0, help="how long each load runs")
    parser.add_argument("--rounds", type=int, default=0, help="how often all is measured")
    parser.add_argument("--quick", action="store_true", help="a few peers, one round")
    parser.add_argument("--write", action="store_true", help="put the tables into the docs")
    parser.add_argument("--report", action="store_true", help="write the docs from the last run")
    given = parser.parse_args(arguments)
    options = Options(
        parts=tuple(given.part or PARTS),
        only=tuple(given.only.split(",")) if given.only else (),
        models=tuple(given.models.split(",")),
        seconds=given.seconds or (1 if given.quick else SECONDS),
        rounds=given.rounds or (1 if given.quick else ROUNDS),
        is_quick=given.quick,
    )
    return options, given.write, given.report
