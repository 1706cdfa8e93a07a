"""The process of a trial: bounds itself, loads a bundle, lets it answer, and reports one line."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from podium.bundle import Bundle
from podium.bundle.archive import read_archive
from podium.bundle.trust import parse_trust
from podium.deployments.trial import Failed, Order, Passed, Report, environment
from podium.errors import ModelError, NoPrediction, PodiumError, UnusableVersion
from podium.flow.run import run, run_async
from podium.signature.cells import check_table
from podium.table import Table

WARM_UP_ROWS = 64
_ENDS_WITH_PARENT = 1
_ORDER = msgspec.json.Decoder(Order)


def main() -> None:
    """Do what standard input says, and report on standard output."""
    order = _ORDER.decode(sys.stdin.buffer.read())
    report_fd = os.dup(1)
    os.dup2(2, 1)  # what a library prints isn't the report
    bound(order)
    os.write(report_fd, msgspec.json.encode(outcome(order)))
    os._exit(0)  # threads that a library started needn't agree


def bound(order: Order) -> None:
    """Allow this process no more than it may use, and let it end with its parent."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_ENDS_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    with suppress(OSError, AttributeError):
        os.nice(10)
    with suppress(OSError):  # where memory is short, this process is to end, and no worker
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")
    try:
        import resource
    except ModuleNotFoundError:  # Windows has no limits of this kind
        return
    signal.alarm(int(order.wall_s) + 5)
    for kind, most in (
        (resource.RLIMIT_AS, order.memory_bytes),
        (resource.RLIMIT_CPU, order.cpu_s),  # SIGXCPU; a few seconds later SIGKILL
        (resource.RLIMIT_FSIZE, order.file_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        last = most + 5 if kind == resource.RLIMIT_CPU else most
        with suppress(ValueError, OSError):
            last = last if hard == resource.RLIM_INFINITY else min(last, hard)
            resource.setrlimit(kind, (min(most, last), last))


def outcome(order: Order) -> Report:
    """What came of loading and calling the bundle."""
    try:
        archive = read_archive(order.path, max_bytes=order.unpacked_bytes)
        trust = [parse_trust(one) for one in order.trust]
        return Report(passed=_try(Bundle(archive, Path(order.path), trust), order.runtimes))
    except Exception as error:  # noqa: BLE001 - a model's library may raise anything
        return Report(failed=_failure_of(error, order))


def _failure_of(error: Exception, order: Order) -> Failed:
    cause = error.__cause__
    if isinstance(error, MemoryError) or isinstance(cause, MemoryError):
        gib = order.memory_bytes / (1 << 30)
        return Failed(message=f"it needs more than {gib:.1f} GiB of memory")
    if isinstance(error, ModelError) and cause is not None:
        return Failed(message=f"{error.message} for its own examples: {str(cause)[:300]}")
    if isinstance(error, PodiumError):
        return Failed(message=error.message, hint=error.hint)
    return Failed(message=f"it can't be loaded: {type(error).__name__}: {str(error)[:300]}")


def _try(bundle: Bundle, runtimes: tuple[str, ...]) -> Passed:
    if runtimes and bundle.runtime_name not in runtimes:
        raise UnusableVersion(
            _refusal(bundle.runtime_name),
            hint="copy the bundle to the server, and register it there with podium register",
        )
    began_s = time.perf_counter()
    bundle.check_parts()
    bundle.start()
    load_s = time.perf_counter() - began_s
    call_s, n_rows = _time_call(bundle)
    return Passed(
        name=bundle.name,
        version=bundle.version,
        digest=bundle.digest,
        load_s=round(load_s, 6),
        call_s=round(call_s, 6),
        n_rows=n_rows,
        libraries=environment(bundle.card.libraries),
    )


def _refusal(runtime: str) -> str:
    if runtime == "pickle":
        return "its model is a pickle, which is never accepted by upload: loading it runs its code"
    return (
        f"its runtime {runtime[:40]!r} isn't accepted by upload: it runs code that isn't Podium's"
    )


def _time_call(bundle: Bundle) -> tuple[float, int]:
    """Seconds and rows of a call with the examples, after a first one; none where it has effects."""
    runtime, examples = bundle.runtime, bundle.signature.examples
    if runtime.features.has_effects or not examples:
        return 0.0, 0
    table, _ = check_table(bundle.signature, Table.of(list(examples)))
    _predict(bundle, table)
    many = Table.concat([table] * -(-WARM_UP_ROWS // table.n_rows)).take(slice(WARM_UP_ROWS))
    began_s = time.perf_counter()
    _predict(bundle, many)
    return time.perf_counter() - began_s, many.n_rows


def _predict(bundle: Bundle, table: Table) -> None:
    """Let the model answer; rows that it has no finite answer for are told to callers, too."""
    runtime = bundle.runtime
    with suppress(NoPrediction):
        if runtime.features.is_async:
            most = runtime.features.max_batch_rows
            asyncio.run(run_async(runtime, bundle.signature, table, most))  # type: ignore[arg-type]
        else:
            run(runtime, table)


if __name__ == "__main__":
    main()
