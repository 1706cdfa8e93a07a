"""The process of a job: `python -m podium.jobs.process` with an order on its standard input."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

import msgspec

from podium.deployments.child_bounds import end_with, limit_memory
from podium.deployments.niceness import let_others_first
from podium.errors import PodiumError, UnusableVersion
from podium.settings import Settings

NICENESS = 19
_MEGABYTE = 2**20


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the process is to do.

    Attributes:
        job: the id of the job, which is `new` or `running`.
    """

    settings: Settings
    job: str


_ORDER = msgspec.json.Decoder(Order)


def main() -> None:
    """Do what the order says, and write what came of it to the file of the jobs."""
    parent = os.getppid()
    order = _ORDER.decode(sys.stdin.buffer.read())
    end_with(parent)
    with suppress(OSError):  # ended before any other where memory is short
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")
    memory_mb = order.settings.job_memory_mb
    limit_memory(memory_mb * _MEGABYTE)
    try:
        work(order)
    except MemoryError:
        hint = "is one of its rows very long? Raise job_memory_mb, or send the file in parts"
        _fail(order, f"it needs more than the {memory_mb:,} MB of memory that a job may use", hint)
    except PodiumError as error:
        _fail(order, error.message, error.hint)
    os._exit(0)  # threads that a library started needn't agree


def work(order: Order) -> None:
    """Look at the first rows of a job's file, or score all of it.

    Raises:
        PodiumError: the file or the model can't be used, or the results can't be written.
    """
    # They need memory themselves, so that the limit comes first.
    from podium.bundle import load
    from podium.jobs.jobs import Jobs
    from podium.jobs.previewing import preview
    from podium.jobs.scoring import Stopped, score

    jobs = Jobs(order.settings)
    job = jobs.file.find(order.job)
    if job is None or job.has_ended:
        return
    bundle = load(job.path, trust=order.settings.trust)
    if bundle.digest != job.digest:
        raise UnusableVersion(
            f"the bundle of version {job.version} was replaced since the file was sent",
            hint="send the file again",
        )
    bundle.start()
    let_others_first(NICENESS)  # not before: where the server is busy, loading would take minutes
    if job.state == "new":
        found = msgspec.json.encode(preview(job, jobs, bundle))
        jobs.file.change(job.id, ("new",), state="ready", slot="", preview=found)
        return
    with suppress(Stopped):
        n_rows, n_refused = score(job, jobs, bundle)
        size = jobs.results_of(job).stat().st_size
        done = {"n_rows": n_rows, "n_refused": n_refused, "out_bytes": size, "n_read": job.n_bytes}
        jobs.file.change(job.id, ("running",), state="done", **done)


def _fail(order: Order, message: str, hint: str) -> None:
    from podium.jobs.jobs import Jobs

    jobs = Jobs(order.settings)
    folder = str(jobs.folder.resolve())
    texts = {"error": message.replace(folder, "jobs"), "hint": hint.replace(folder, "jobs")}
    jobs.file.change(order.job, ("new", "running"), state="failed", **texts)


if __name__ == "__main__":
    main()
