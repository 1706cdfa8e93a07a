"""Part 2, the three classic tests of web frameworks: JSON, Remote and Complete."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.serve import load, machine, places
from bench.serve.environment import NotInstalled
from bench.serve.options import Options
from bench.serve.peers.catalog import shown
from bench.serve.predictions import WARM_S, add_load
from bench.serve.rounds import Part
from bench.serve.server import NotServing, Server, ask, free_port, serving
from bench.serve.trial import JSON
from bench.serve.web.catalog import FRAMEWORKS, N_RECORDS, Framework, Test

NAME = "classics"
CONNECTIONS = 64
QUICK = ("podium", "flask", "fastapi")
# The page first, while all have the same number of records.
ORDER = ("complete", "json", "remote")


def measure(options: Options) -> Part:
    """Run the part: every framework, all three tests, in rounds."""
    part = Part(NAME)
    noise = machine.Noise()
    ready = [one for one in FRAMEWORKS if _is_chosen(one, options) and _is_installed(one, part)]
    database = _database()
    with _upstream() as (upstream, pid):
        variables = {"DATABASE": str(database), "UPSTREAM": upstream}
        for _ in range(options.rounds):
            for framework in ready:
                noise.sample()
                if framework.name not in part.problems:
                    _measure_one(framework, variables, pid, part, options)
    part.note(options, noise)
    return part


def _measure_one(
    framework: Framework, variables: dict[str, str], upstream: int, part: Part, options: Options
) -> None:
    print(f"  {framework.name:22}", end="", flush=True)
    try:
        with _running(framework, variables, upstream) as server:
            # Podium's page shows records that the first check left.
            for test in framework.tests.values():
                _check(server, test)
            for name in ORDER:
                _load(framework, name, server, part, options)
    except NotServing as error:
        part.problems[framework.name] = str(error)
        print(f"  {error}", end="")
    print(flush=True)


def _load(framework: Framework, name: str, server: Server, part: Part, options: Options) -> None:
    test = framework.tests[name]
    bodies = _bodies(framework, name, test)
    url, others = server.url(test.path), set(server.others)
    load.run(url, bodies, connections=CONNECTIONS, seconds=WARM_S, besides=others)
    found = load.run(url, bodies, connections=CONNECTIONS, seconds=options.seconds, besides=others)
    if found.failed:
        raise NotServing(f"{name}: {found.failed} of {found.requests} failed")
    add_load(part, framework.name, (name, str(CONNECTIONS)), found)
    print(f"  {name}: {found.per_s:,.0f}/s", end="", flush=True)


@contextmanager
def _running(framework: Framework, variables: dict[str, str], upstream: int) -> Iterator[Server]:
    environment = framework.environment()
    port = free_port()
    home = places.HOMES / f"web-{port}"
    home.mkdir(parents=True)
    words = framework.command.split()
    command = [word.format(bin=environment.bin, port=port, home=home) for word in words]
    path = f"{environment.bin}{os.pathsep}{os.environ['PATH']}"
    first = framework.tests["json"]

    def is_ready(port: int) -> bool:
        return first.is_right(0, *ask(port, first.path, first.line(0), JSON))

    try:
        with serving(
            command,
            name=f"web-{framework.name}",
            port=port,
            is_ready=is_ready,
            folder=framework.folder,
            environment={**variables, "PATH": path},
            others=frozenset({upstream}),
        ) as server:
            yield server
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _check(server: Server, test: Test) -> None:
    """Ask a few times and compare.

    Raises:
        NotServing: an answer is wrong.
    """
    for i in range(N_RECORDS if test.bodies else 1):
        body = test.line(i) if test.bodies else None
        try:
            status, answer = ask(server.port, test.path, body, JSON)
        except OSError as error:
            raise NotServing(f"no answer at {test.path}: {error!r}") from error
        if not test.is_right(i, status, answer):
            shown = answer[:300].decode("utf-8", "replace")
            raise NotServing(f"a wrong answer at {test.path}: {status} {shown}")


def _bodies(framework: Framework, name: str, test: Test) -> Path | None:
    if not test.bodies:
        return None
    file = places.BODIES / f"web-{framework.name}-{name}.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"".join(test.line(i) + b"\n" for i in range(len(test.bodies))))
    return file


def _database() -> Path:
    """Records as Podium would show them, in a file of SQLite."""
    file = places.CACHE / "web.sqlite"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    rows = [
        (f"{i:032x}", f"2026-01-01 00:00:{i:02}", f"Hello, person {i}!", f"person {i}", "api")
        for i in range(N_RECORDS)
    ]
    database = sqlite3.connect(file)
    with database:
        database.execute("CREATE TABLE records (id TEXT PRIMARY KEY, time, outcome, name, source)")
        database.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", rows)
    database.close()
    return file


@contextmanager
def _upstream() -> Iterator[tuple[str, int]]:
    """The slow service, on the load's core; its address and process."""
    port = free_port()
    command = [sys.executable, "-m", "bench.serve.upstream", str(port)]
    process = subprocess.Popen(machine.pinned(command, machine.LOAD_CORE), cwd=places.ROOT)
    try:
        until = time.perf_counter() + 10
        while time.perf_counter() < until:
            with suppress(OSError):
                ask(port, "/1", None, {})
                break
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.kill()
        process.wait()


def _is_chosen(framework: Framework, options: Options) -> bool:
    if options.is_quick and not options.only:
        return framework.name in QUICK
    return options.wants(framework.name)


def _is_installed(framework: Framework, part: Part) -> bool:
    part.titles[framework.name] = framework.title
    try:
        environment = framework.environment()
    except NotInstalled as error:
        part.problems[framework.name] = f"not installed: {error}"
        print(f"  {framework.name}: not installed: {error}", flush=True)
        return False
    part.about.setdefault("versions", {})[framework.name] = environment.version(framework.package)
    part.about.setdefault("commands", {})[framework.name] = shown(framework.command)
    return True
