"""Part 1, predictions: three models, one row at 1, 16 and 64 connections, 1,000 rows at one."""

from __future__ import annotations

from bench.serve import machine
from bench.serve.environment import NotInstalled, podium_environment
from bench.serve.load import Load
from bench.serve.options import Options
from bench.serve.peers.catalog import CONTENDERS, Contender
from bench.serve.rounds import Part
from bench.serve.server import NotServing
from bench.serve.trial import BULK_ROWS, Trial, trial

NAME = "predictions"
CONNECTIONS = (64, 1, 16)
QUICK = ("podium", "flask-gthread", "fastapi")
# Batching servers learn how long a batch may wait.
WARM_S = 1
BULK_S = 1


def measure(options: Options) -> Part:
    """Run the part: every model, every contender, in rounds."""
    part = Part(NAME)
    noise = machine.Noise()
    ready = [one for one in CONTENDERS if _is_chosen(one, options) and _is_installed(one, part)]
    for round_ in range(options.rounds):
        for name in options.models:
            for contender in ready:
                if round_ < contender.rounds_max and contender.name not in part.problems:
                    noise.sample()
                    _measure_one(contender, name, part, options)
    part.note(options, noise)
    return part


def add_load(part: Part, of: str, what: tuple[str, ...], found: Load) -> None:
    """Note all figures of a run."""
    part.add(of, (*what, "per_s"), found.per_s)
    part.add(of, (*what, "p50_ms"), found.p50_ms)
    part.add(of, (*what, "p99_ms"), found.p99_ms)
    part.add(of, (*what, "cpu_us"), found.cpu_us)


def _measure_one(contender: Contender, name: str, part: Part, options: Options) -> None:
    print(f"  {contender.name:22} {name}", end="", flush=True)
    try:
        with trial(contender, name) as one:
            _load(one, part, options)
    except NotServing as error:
        part.problems[contender.name] = f"model {name.upper()}: {error}"
        print(f"  {error}", end="")
    print(flush=True)


def _load(one: Trial, part: Part, options: Options) -> None:
    of, name = one.contender.name, one.model.name
    print(f"  ready in {one.server.start_s:.2f} s", end="", flush=True)
    part.add(of, (name, "start_s"), one.server.start_s)
    one.load(CONNECTIONS[0], WARM_S)
    for connections in options.some(CONNECTIONS):
        found = one.load(connections, options.seconds)
        add_load(part, of, (name, str(connections)), found)
        print(f"  {connections}: {found.per_s:,.0f}/s", end="", flush=True)
    found = one.load_bulk(BULK_S)
    part.add(of, (name, "rows_per_s"), found.per_s * BULK_ROWS)
    part.add(of, (name, "memory_mb"), one.server.memory_mb())
    part.add(of, (name, "worker_mb"), one.server.largest_mb())
    print(f"  rows: {found.per_s * BULK_ROWS:,.0f}/s", end="", flush=True)


def _is_chosen(contender: Contender, options: Options) -> bool:
    """Whether it takes part; in a quick run without names, a few do."""
    if options.is_quick and not options.only:
        return contender.name in QUICK
    return options.wants(contender.name)


def _is_installed(contender: Contender, part: Part) -> bool:
    part.titles[contender.name] = contender.title
    try:
        environment = contender.environment()
        sized = environment if contender.folder else podium_environment()
    except NotInstalled as error:
        part.problems[contender.name] = f"not installed: {error}"
        print(f"  {contender.name}: not installed: {error}", flush=True)
        return False
    part.add(contender.name, ("disk_mb",), sized.size_mb())
    part.about.setdefault("versions", {})[contender.name] = environment.version(contender.package)
    part.about.setdefault("commands", {})[contender.name] = contender.shown
    return True
