"""The file of the jobs: an SQLite database that every process with this home folder uses.

A job is at work in one place at a time: its row names the place, which a process holds by a lock (see
`runner`). Each change is a transaction that looks at the state first, so that a job that was cancelled
stays cancelled, whatever its process reports afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import apsw
import msgspec

from podium.errors import JobsError
from podium.jobs.job import ENDED, UNFINISHED, Job, State
from podium.records.home_file import HomeFile

SHOWN_MAX = 200
# A job that was begun this often, and never ended, isn't begun again.
STARTS_MAX = 5
_TABLE = """
CREATE TABLE job (
    id TEXT PRIMARY KEY,
    model TEXT NOT NULL,
    owner TEXT NOT NULL,
    state TEXT NOT NULL,
    slot TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    queued_us INTEGER NOT NULL,
    began_us INTEGER NOT NULL,
    changed_us INTEGER NOT NULL,
    n_bytes INTEGER NOT NULL,
    content BLOB NOT NULL
) STRICT;
CREATE INDEX job_by_state ON job (state, queued_us);
CREATE INDEX job_by_model ON job (model, created_us);
"""
# Whoever has fewer at work comes first, then whoever had none for longer, then who waits longer.
_NEXT = """
SELECT content FROM job AS one WHERE state = ? AND slot = '' ORDER BY
    (SELECT count(*) FROM job AS other WHERE other.owner = one.owner AND other.slot != ''),
    (SELECT coalesce(max(began_us), 0) FROM job AS other
        WHERE other.owner = one.owner AND other.id != one.id),
    queued_us, created_us, id LIMIT 1
"""
_JOB = msgspec.msgpack.Decoder(Job)


class JobsFile(HomeFile):
    """The database; it is made with the first job."""

    application_id = 0x506F646A  # "Podj"
    migrations = (_TABLE,)
    journal = "wal"
    synchronous = "NORMAL"
    is_kept = True
    error = JobsError
    damage = (msgspec.DecodeError,)

    def add(self, job: Job) -> None:
        """Add a job.

        Raises:
            JobsError: the file can't be written.
        """
        with self.changing() as connection:
            _put(connection, job)

    def find(self, job_id: str) -> Job | None:
        """The job with this id.

        Raises:
            JobsError: the file can't be read.
        """
        with self.looking() as connection:
            return None if connection is None else _find(connection, job_id)

    def jobs(self, model: str, owner: str | None = None) -> list[Job]:
        """The jobs of a model, the newest first; at most SHOWN_MAX of them.

        Args:
            owner: only theirs; None: everybody's.

        Raises:
            JobsError: the file can't be read.
        """
        sql = "SELECT content FROM job WHERE model = ?"
        values: list[Any] = [model]
        if owner is not None:
            sql, values = f"{sql} AND owner = ?", [model, owner]
        return self._several(f"{sql} ORDER BY created_us DESC, id DESC LIMIT {SHOWN_MAX}", values)

    def everything(self) -> list[Job]:
        """All jobs, the oldest first.

        Raises:
            JobsError: the file can't be read.
        """
        return self._several("SELECT content FROM job ORDER BY created_us, id", ())

    def n_unfinished(self, owner: str) -> int:
        """How many jobs of somebody haven't ended.

        Raises:
            JobsError: the file can't be read.
        """
        marks = ", ".join("?" * len(UNFINISHED))
        sql = f"SELECT count(*) FROM job WHERE owner = ? AND state IN ({marks})"  # noqa: S608 - marks
        with self.looking() as connection:
            if connection is None:
                return 0
            n_jobs: int = connection.execute(sql, (owner, *UNFINISHED)).get
            return n_jobs

    def is_any_open(self) -> bool:
        """Whether any job waits for a place, or is in one.

        Raises:
            JobsError: the file can't be read.
        """
        sql = "SELECT 1 FROM job WHERE state IN ('new', 'waiting') OR slot != '' LIMIT 1"
        with self.looking() as connection:
            return connection is not None and bool(connection.execute(sql).get)

    def n_before(self, job: Job) -> int:
        """How many jobs that wait were started before this one.

        Raises:
            JobsError: the file can't be read.
        """
        sql = "SELECT count(*) FROM job WHERE state = 'waiting' AND queued_us < ?"
        with self.looking() as connection:
            if connection is None:
                return 0
            n_jobs: int = connection.execute(sql, (job.queued_us,)).get
            return n_jobs

    def take(self, state: State, slot: str) -> Job | None:
        """The next job in a state, which is at work in this place from now on.

        Args:
            state: `new`, or `waiting`, after which it is `running`.

        Raises:
            JobsError: the file can't be used.
        """
        if not self._has(state):
            return None
        with self.changing() as connection:
            found: Any = connection.execute(_NEXT, (state,)).get
            if found is None:
                return None
            job = _JOB.decode(found)
            after: State = "running" if state == "waiting" else state
            now_us = time.time_ns() // 1_000
            job = msgspec.structs.replace(
                job,
                state=after,
                slot=slot,
                n_starts=job.n_starts + 1,
                n_rows=0,
                n_read=0,
                n_refused=0,
                out_bytes=0,
                began_us=now_us,
                changed_us=now_us,
            )
            _put(connection, job)
            return job

    def release(self, slot: str) -> list[Job]:
        """Let the jobs of a place that nobody holds begin again; those that began too often fail.

        Raises:
            JobsError: the file can't be used.
        """
        sql = "SELECT content FROM job WHERE slot = ?"
        if not self._several(sql, (slot,)):
            return []
        with self.changing() as connection:
            released = [_released(one) for one in _decoded(connection, sql, (slot,))]
            for job in released:
                _put(connection, job)
        return released

    def change(self, job_id: str, states: Sequence[State], **values: Any) -> Job | None:
        """Change a job that is in one of these states; None if it is in none of them, or gone.

        Raises:
            JobsError: the file can't be used.
        """
        with self.changing() as connection:
            job = _find(connection, job_id)
            if job is None or job.state not in states:
                return None
            values.setdefault("changed_us", time.time_ns() // 1_000)
            job = msgspec.structs.replace(job, **values)
            if job.has_ended:
                job = msgspec.structs.replace(job, slot="")
            _put(connection, job)
            return job

    def remove(self, job_id: str) -> None:
        """Forget a job.

        Raises:
            JobsError: the file can't be used.
        """
        with self.changing() as connection:
            connection.execute("DELETE FROM job WHERE id = ?", (job_id,))

    def _has(self, state: State) -> bool:
        sql = "SELECT 1 FROM job WHERE state = ? AND slot = '' LIMIT 1"
        with self.looking() as connection:
            return connection is not None and bool(connection.execute(sql, (state,)).get)

    def _several(self, sql: str, values: Sequence[Any]) -> list[Job]:
        with self.looking() as connection:
            if connection is None:
                return []
            return _decoded(connection, sql, values)


def _decoded(connection: apsw.Connection, sql: str, values: Sequence[Any]) -> list[Job]:
    rows: list[tuple[Any, ...]] = connection.execute(sql, values).fetchall()
    return [_JOB.decode(content) for (content,) in rows]


def _released(job: Job) -> Job:
    """A job whose process was cut, as it waits to begin again."""
    if job.state in ENDED:
        return msgspec.structs.replace(job, slot="")
    if job.n_starts >= STARTS_MAX:
        return msgspec.structs.replace(
            job,
            state="failed",
            slot="",
            error=f"it began {job.n_starts} times, and was cut each time",
            hint="the server was stopped, or ended, each time: look into its log, and start it again",
        )
    state: State = "waiting" if job.state == "running" else job.state
    return msgspec.structs.replace(job, state=state, slot="", n_rows=0, n_read=0, n_refused=0)


def _find(connection: apsw.Connection, job_id: str) -> Job | None:
    found: bytes | None = connection.execute("SELECT content FROM job WHERE id = ?", (job_id,)).get
    return None if found is None else _JOB.decode(found)


def _put(connection: apsw.Connection, job: Job) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO job VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            job.id,
            job.model,
            job.owner,
            job.state,
            job.slot,
            job.created_us,
            job.queued_us,
            job.began_us,
            job.changed_us,
            job.n_bytes,
            msgspec.msgpack.encode(job),
        ),
    )
