"""Runs jobs: each in a process of its own, a few at a time among all servers of a home folder.

There are so many places at work. A place is a file, and whoever holds its lock may have one job at work
in it: several servers and workers with the same home folder agree by that. A process that ends gives its
places up, whatever ended it, and its jobs end with it: who takes a place next lets the job that was in it
begin again.
"""

from __future__ import annotations

import logging
import os
import subprocess
import threading
import time
from contextlib import suppress

import msgspec

from podium.account_settings import Accounts
from podium.alert_settings import Alerts
from podium.deployments.trial import child_environment, end_group, interpreter
from podium.errors import JobsError, PodiumError
from podium.jobs.job import Job, State
from podium.jobs.jobs import Jobs
from podium.jobs.process import Order
from podium.outbox.lock import FileLock
from podium.records import forks
from podium.settings import Settings

# How often a process looks for jobs that other processes took in, and for what is too old.
LOOK_S, SWEEP_S = 1.0, 600.0
# How often it looks whether a job that it runs was cancelled.
WATCH_S = 0.25
# First rows that take longer are no reason to wait for them.
PREVIEW_S = 120.0
PREVIEWS_MAX = 2
_CLOSED_S, _FAILED_S = 10.0, 30.0
_log = logging.getLogger("podium")


def runner_of(settings: Settings) -> Runner | None:
    """A runner for jobs with these settings; None where they are turned off."""
    return Runner(Jobs(settings)) if settings.job_bytes_max else None


class Runner(forks.ForkAware):
    """Runs the jobs of a home folder as far as it gets places for them, in threads of its own.

    A thread outlives the process that it starts: that ends with it.

    Attributes:
        jobs: what requests use.
    """

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        n_running = jobs.settings.jobs_running_max
        self._places: dict[str, State] = {f"run-{n + 1}": "waiting" for n in range(n_running)}
        self._places |= {f"look-{n + 1}": "new" for n in range(PREVIEWS_MAX)}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._working: dict[str, threading.Thread] = {}
        self._swept_s = 0.0
        forks.watch(self)

    def after_fork_in_child(self) -> None:
        """The threads are the parent's, and so is what they do."""
        self._stop = threading.Event()
        self._thread, self._working = None, {}

    def start(self) -> None:
        """Begin to look for jobs, where there are locks for it."""
        if self._thread is None and os.name == "posix":
            self._thread = threading.Thread(target=self._run, name="podium-jobs", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the jobs that are at work here; they begin again elsewhere, or later."""
        self._stop.set()
        self.jobs.news.set()
        for thread in (self._thread, *list(self._working.values())):
            if thread is not None:
                thread.join(_CLOSED_S)
        self.jobs.file.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.jobs.news.wait(LOOK_S)
            self.jobs.news.clear()
            try:
                if self.jobs.file.is_any_open():
                    self._look()
                self._sweep()
            except PodiumError as error:
                _log.error("jobs_not_run: %s", error)
                self._stop.wait(_FAILED_S)

    def _look(self) -> None:
        """Begin a job in each place that is free."""
        self._working = {place: one for place, one in self._working.items() if one.is_alive()}
        for place, state in self._places.items():
            if place in self._working or self._stop.is_set():
                continue
            try:
                lock = FileLock(self.jobs.folder / f"{place}.lock")
            except BlockingIOError:
                continue  # another process has it
            except OSError as error:
                raise JobsError(f"{self.jobs.folder} can't be used: {error}") from error
            if not self._begin(place, state, lock):
                lock.release()

    def _begin(self, place: str, state: State, lock: FileLock) -> bool:
        """Begin a job in a place that is held; whether there is one."""
        file = self.jobs.file
        for left in file.release(place):
            _log.warning("job_cut: %s %s", left.id, left.state, extra={"model": left.model})
        job = file.take(state, place)
        if job is None:
            return False
        thread = threading.Thread(target=self._work, args=(job, lock), name=f"podium-{place}")
        thread.daemon = True
        self._working[place] = thread
        thread.start()
        return True

    def _work(self, job: Job, lock: FileLock) -> None:
        """Run a job, and give its place up."""
        file = self.jobs.file
        try:
            why = self._run_process(job)
            if self._stop.is_set():
                file.release(job.slot)
            elif why:
                error, hint = f"the process of the job {why}", "the log of the server may say more"
                file.change(job.id, ("new", "running"), state="failed", error=error, hint=hint)
            ended = file.find(job.id)
            state = "deleted" if ended is None else ended.state
            extra = {"model": job.model, "job": job.id}
            _log.info("job_%s: %s", "looked_at" if state == "ready" else state, job.id, extra=extra)
        except PodiumError as error:
            _log.error("job_not_run: %s: %s", job.id, error, extra={"model": job.model})
            with suppress(PodiumError):  # it was told
                texts = {"error": error.message, "hint": error.hint}
                file.change(job.id, ("new", "running"), state="failed", **texts)
        finally:
            lock.release()
            self.jobs.news.set()

    def _run_process(self, job: Job) -> str:
        """Run a job's process until it ends, or has to; what became of it if it ended badly.

        Raises:
            PodiumError: it can't be started.
        """
        for path in self.jobs.folder_of(job).glob("*"):  # of a process that was cut
            if path != self.jobs.input_of(job):
                path.unlink(missing_ok=True)
        order = msgspec.json.encode(Order(settings=_needed(self.jobs.settings), job=job.id))
        try:
            process = subprocess.Popen(
                [interpreter(), "-P", "-m", "podium.jobs.process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                # What is written aside, as parts of a workbook, is bounded and deleted as the rest.
                env=child_environment() | {"TMPDIR": str(self.jobs.folder_of(job).absolute())},
                start_new_session=True,  # what it starts ends with it
            )
        except OSError as error:
            raise JobsError(f"the process of a job can't be started: {error}") from error
        assert process.stdin is not None
        try:
            with suppress(BrokenPipeError), process.stdin:
                process.stdin.write(order)
            why = self._watch(process, job)
        finally:
            end_group(process)
        return why

    def _watch(self, process: subprocess.Popen[bytes], job: Job) -> str:
        """Wait until the process has ended; why it has to be ended or failed, if it did."""
        until_s = time.monotonic() + PREVIEW_S
        while True:
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(WATCH_S)
                how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
                return f"ended {how}" if code else ""
            if self._stop.is_set():
                return "was stopped"
            now = self.jobs.file.find(job.id)
            if now is None or now.has_ended:
                return ""
            if job.state == "new" and time.monotonic() > until_s:
                return f"took longer than {PREVIEW_S:g} s for the first rows"

    def _sweep(self) -> None:
        now_s = time.monotonic()
        if not self._swept_s or now_s - self._swept_s > SWEEP_S:
            self._swept_s = now_s
            self.jobs.sweep()


def _needed(settings: Settings) -> Settings:
    """The settings that a job needs: no secrets, and no Django settings of any type."""
    return msgspec.structs.replace(settings, store="", accounts=Accounts(), alerts=Alerts())
