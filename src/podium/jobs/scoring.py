"""The scoring of a job's file: chunk by chunk, to a file that appears as a whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import dataclass

from podium.bundle import Bundle
from podium.errors import NoSpace, SetupError
from podium.flow.version import LoadedVersion
from podium.jobs.job import Job
from podium.jobs.jobs import Jobs, failure
from podium.jobs.recording import Recording
from podium.model_settings import key_field
from podium.scoring.bulk import Bulk
from podium.scoring.columns import check_columns
from podium.scoring.draft import Draft
from podium.scoring.formats import Source, format_of, open_source, writer_of
from podium.scoring.report import Report
from podium.scoring.scorer import Scorer
from podium.signature import Signature

# How often progress is written, and the disk looked at.
PROGRESS_S = 0.5
# A job shares the machine with the server.
N_THREADS = 2


class Stopped(Exception):
    """The job was cancelled."""


@dataclass
class Progress:
    """Writes how far a job is, now and then."""

    job: Job
    jobs: Jobs
    source: Source
    target: Draft
    said_s: float = 0.0

    def say(self, n_rows: int, n_refused: int, n_read: int) -> None:
        """Write it, unless that was done a moment ago.

        Raises:
            Stopped: the job was cancelled meanwhile.
            NoSpace: there is no room for more results.
        """
        now_s = time.monotonic()
        if now_s - self.said_s < PROGRESS_S:
            return
        self.said_s = now_s
        changed = self.jobs.file.change(
            self.job.id,
            ("running",),
            n_rows=n_rows,
            n_refused=n_refused,
            n_read=n_read,
            n_total=self.source.reader.n_rows or 0,
            out_bytes=self.target.file.tell(),
        )
        if changed is None:
            raise Stopped
        if not self.jobs.bytes_left():
            raise NoSpace(
                "the results don't fit on the disk of the server, beside the files of other jobs",
                hint="delete jobs whose results you have, and start it again",
            )


def score(job: Job, jobs: Jobs, bundle: Bundle) -> tuple[int, int]:
    """Score a job's file; returns how many rows it has, and how many of them were refused.

    Raises:
        Stopped: the job was cancelled.
        PodiumError: the file or the model can't be used, or the results can't be written.
    """
    with open_source(str(jobs.input_of(job)), called=job.file) as source:
        check(bundle.signature, source, job.fields)
        try:
            return _score(job, jobs, bundle, source)
        except SetupError as error:
            if isinstance(error.__cause__, OSError):
                raise failure(error.__cause__, jobs.results_of(job)) from error
            raise


def _score(job: Job, jobs: Jobs, bundle: Bundle, source: Source) -> tuple[int, int]:
    scorer, target = Scorer(bundle, fields=job.fields), Draft(jobs.results_of(job))
    report = Report(jobs.report_of(job), source.reader.place)
    format_, is_gzip = format_of(jobs.input_of(job))
    n_rows = n_refused = 0
    with target, report, _recording(job, jobs, bundle) as recording, ExitStack() as stack:
        target.open()
        writer = writer_of(target.file, format_, source, is_gzip=is_gzip)
        keep = recording.record if recording is not None else None
        bulk = Bulk(scorer, source, writer, keep=keep, n_threads=N_THREADS)
        progress = Progress(job, jobs, source, target)
        for one in stack.enter_context(closing(bulk.results())):
            report.add(one.chunk, one.scored.bad)
            with target.writing():
                writer.write(one.encoded)
            n_rows += one.chunk.n_rows
            n_refused += len(one.scored.refused)
            progress.say(n_rows, n_refused, one.n_read)
        with target.writing():
            writer.close()
        target.seal()
        report.seal()
        # The report first: results with gaps never exist without it.
        report.publish()
        target.publish()
    return n_rows, n_refused


def check(signature: Signature, source: Source, fields: Mapping[str, str]) -> None:
    """Compare the columns with the fields, where they are known before the rows.

    Raises:
        InputError: columns that the model needs are missing.
        SetupError: columns are ambiguous.
    """
    names = source.reader.names
    if names is not None:
        check_columns(signature, [fields.get(name, name) for name in names], source.name)


def _recording(job: Job, jobs: Jobs, bundle: Bundle) -> AbstractContextManager[Recording | None]:
    if not job.is_recorded:
        return nullcontext()
    key = key_field(jobs.settings.feedback, bundle.name, bundle.signature.names)
    return closing(Recording(job, LoadedVersion(bundle, key_field=key), jobs.settings))
