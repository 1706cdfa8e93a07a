"""The jobs of a home folder: files arrive, wait, are scored, and are deleted after some time.

Each has a folder of its own, `jobs/ID`, with the file, and at the end the results and the report of its
invalid rows. Their rows are in `jobs.db`. Any process that uses the home folder may do any of this.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from podium.deployments.upload import SPARE_BYTES, Upload
from podium.errors import (
    InputError,
    JobsError,
    NoSpace,
    NotFound,
    Overloaded,
    PodiumError,
    TooLarge,
)
from podium.jobs.job import Job, State, preview_of
from podium.jobs.jobs_file import JobsFile
from podium.settings import Settings

FOLDER = "jobs"
# So many files arrive at a process at a time.
ARRIVING_MAX = 8
# So many jobs of one person may wait, run, or be looked at.
UNFINISHED_MAX = 50
# A file that nobody started is kept for a day; one that nothing belongs to, for an hour.
UNSTARTED_S, STRAY_S = 86_400, 3_600
_DAY_S = 86_400
INPUT, RESULTS, REPORT = "input", "results", "refused.csv"


class Jobs:
    """What requests do with jobs; `runner.Runner` runs them.

    Attributes:
        field: the name of the file in a form; `what` is what is sent, and `advice` how.
    """

    field, what = "file", "file"
    advice = "send the rows as CSV, NDJSON, Parquet or Excel"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.bytes_max = settings.job_bytes_max
        self.home = Path(settings.home)
        self.folder = self.home / FOLDER
        self.file = JobsFile(self.home / "jobs.db")
        self.news = threading.Event()
        self._free = threading.Semaphore(ARRIVING_MAX)

    @contextmanager
    def begun(self, n_bytes: int) -> Iterator[Upload]:
        """A file for so many bytes, which is gone at the end unless a job took it.

        Raises:
            TooLarge: that is more than may be sent.
            NoSpace: they don't fit on the disk, or beside the files of other jobs.
            Overloaded: many others arrive already.
            JobsError: it can't be written.
        """
        if n_bytes > self.bytes_max:
            raise TooLarge(
                f"the file is longer than the {self.bytes_max} bytes that may be scored as a job",
                hint="send it in parts, or run podium score on the server",
            )
        if not self._free.acquire(blocking=False):
            raise Overloaded("many files are being sent already", hint="try again in a moment")
        try:
            upload = self._create(n_bytes)
            try:
                yield upload
            finally:
                upload.close()
        finally:
            self._free.release()

    def add(self, job: Job, upload: Upload) -> Job:
        """Take a file that has arrived, as a job.

        Raises:
            Overloaded: its owner has many unfinished jobs.
            JobsError: it can't be kept.
        """
        if self.file.n_unfinished(job.owner) >= UNFINISHED_MAX:
            raise Overloaded(
                f"{UNFINISHED_MAX} of your jobs haven't ended",
                hint="wait until some of them have, or cancel some",
            )
        job = msgspec.structs.replace(job, n_bytes=upload.n_bytes)
        place = self.folder_of(job)
        try:
            place.mkdir(mode=0o700)
            os.truncate(upload.path, upload.n_bytes)
            upload.path.rename(self.input_of(job))
        except OSError as error:
            raise failure(error, place) from error
        try:
            self.file.add(job)
        except JobsError:
            shutil.rmtree(place, ignore_errors=True)
            raise
        self.news.set()
        return job

    def start(self, job: Job, *, name: str, is_recorded: bool) -> Job:
        """Let a job wait for its turn.

        Raises:
            InputError: its file lacks a column that the model needs.
            JobsError: the file of jobs can't be used.
        """
        preview = preview_of(job)
        if job.state == "ready" and preview is not None and not preview.can_start:
            raise InputError(
                "the file lacks columns that the model needs",
                hint="say which of its columns they are, or send another file",
            )
        started = self.file.change(
            job.id,
            ("ready",),
            state="waiting",
            name=name,
            is_recorded=is_recorded,
            queued_us=time.time_ns() // 1_000,
            n_starts=0,
        )
        self.news.set()
        return started or self.find(job.model, job.id)

    def look_again(self, job: Job, fields: dict[str, str]) -> Job:
        """Look at the first rows again, with other columns for fields.

        Raises:
            JobsError: the file of jobs can't be used.
        """
        states: tuple[State, ...] = ("ready",)
        changed = self.file.change(
            job.id, states, state="new", fields=fields, preview=b"", n_starts=0
        )
        self.news.set()
        return changed or self.find(job.model, job.id)

    def cancel(self, job: Job) -> Job:
        """Cancel a job that hasn't ended; its results so far are deleted.

        Raises:
            JobsError: the file of jobs can't be used.
        """
        states: tuple[State, ...] = ("new", "ready", "waiting", "running")
        cancelled = self.file.change(job.id, states, state="cancelled")
        if cancelled is not None:
            self.news.set()
            self._clear(cancelled)
        return cancelled or self.find(job.model, job.id)

    def delete(self, job: Job) -> None:
        """Delete a job with its files, cancelling it first if it hasn't ended.

        Raises:
            JobsError: the file of jobs can't be used.
        """
        self.cancel(job)
        self.file.remove(job.id)
        shutil.rmtree(self.folder_of(job), ignore_errors=True)

    def find(self, model: str, job_id: str) -> Job:
        """The job of a model with this id.

        Raises:
            NotFound: there is none.
            JobsError: the file of jobs can't be read.
        """
        job = self.file.find(job_id)
        if job is None or job.model != model:
            raise NotFound(
                "there is no such job", hint="jobs are deleted some days after they ended"
            )
        return job

    def folder_of(self, job: Job) -> Path:
        """Where its files are."""
        return self.folder / job.id

    def input_of(self, job: Job) -> Path:
        """The file that was sent."""
        return self.folder_of(job) / f"{INPUT}{job.format}"

    def results_of(self, job: Job) -> Path:
        """The results, which are there when it is done."""
        return self.folder_of(job) / f"{RESULTS}{job.format}"

    def report_of(self, job: Job) -> Path:
        """The report of its invalid rows; there is none if every row has a prediction."""
        return self.folder_of(job) / REPORT

    def bytes_used(self) -> int:
        """What the files of all jobs take."""
        n_bytes = 0
        for path in self.folder.glob("**/*"):
            try:
                n_bytes += path.stat().st_size if path.is_file() else 0
            except OSError:  # it was deleted meanwhile
                continue
        return n_bytes

    def bytes_left(self) -> int:
        """What may still be written, by the settings and by the disk."""
        free = shutil.disk_usage(self.folder).free - SPARE_BYTES
        return max(min(free, self.settings.jobs_bytes_max - self.bytes_used()), 0)

    def sweep(self) -> None:
        """Delete what is too old: jobs that ended, files that nobody started, and remains.

        Raises:
            JobsError: the file of jobs can't be used.
        """
        now_us, known = time.time_ns() // 1_000, set()
        keep_us = self.settings.jobs_keep_days * _DAY_S * 1_000_000
        for job in self.file.everything():
            known.add(job.id)
            is_old = job.has_ended and job.changed_us < now_us - keep_us
            is_left = job.state == "ready" and job.changed_us < now_us - UNSTARTED_S * 1_000_000
            if is_old or is_left:
                self.file.remove(job.id)
                shutil.rmtree(self.folder_of(job), ignore_errors=True)
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            try:
                is_stray = path.stat().st_mtime < time.time() - STRAY_S
            except OSError:
                continue
            if is_stray and path.is_dir() and path.name not in known:
                shutil.rmtree(path, ignore_errors=True)
            elif is_stray and path.name.startswith(".upload-"):
                path.unlink(missing_ok=True)

    def _clear(self, job: Job) -> None:
        """Delete the files of a job that was cancelled: nobody will ask for them."""
        shutil.rmtree(self.folder_of(job), ignore_errors=True)

    def _create(self, n_bytes: int) -> Upload:
        path = self.folder / f".upload-{secrets.token_hex(8)}.tmp"
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.mkdir(mode=0o700, exist_ok=True)
            left = self.bytes_left()
            if n_bytes > left:
                raise NoSpace(
                    f"the file has {n_bytes} bytes, and the server has room for {left}",
                    hint="delete jobs whose results you have; those that ended are deleted after "
                    f"{self.settings.jobs_keep_days} days",
                )
            upload = Upload(path, n_bytes, what=self.what, failure=failure)
            os.truncate(path, n_bytes)  # so that it counts for others that arrive meanwhile
        except OSError as error:
            raise failure(error, path) from error
        return upload


def failure(error: OSError, path: Path) -> PodiumError:
    """The error for a file of a job that can't be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return NoSpace(
            "the disk of the server is full: nothing of it was kept",
            hint="delete jobs whose results you have, or ask the operator for more space",
        )
    return JobsError(f"{path} can't be written: {error.strerror}")
