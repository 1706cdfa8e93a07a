"""The file of the jobs: turns, places, and what two processes can't both do."""

from __future__ import annotations

from pathlib import Path

import pytest

from podium.errors import JobsError
from podium.jobs.jobs import Jobs
from podium.jobs.jobs_file import STARTS_MAX, JobsFile


def owners_in_turn(file: JobsFile, n_places: int) -> list[str]:
    """Whose jobs are taken, where each ends when `n_places` are at work."""
    owners, working = [], []
    while job := file.take("waiting", f"run-{len(owners)}"):
        owners.append(job.owner)
        working.append(job)
        if len(working) == n_places:
            file.change(working.pop(0).id, ("running",), state="done")
    return owners


def test_a_job_is_in_one_place(jobs: Jobs, add):
    job = add(state="waiting")

    first, second = (jobs.file.take("waiting", place) for place in ("run-1", "run-2"))

    assert first is not None
    assert (first.id, first.state, first.slot) == (job.id, "running", "run-1")
    assert second is None


def test_those_with_none_at_work_come_first(jobs: Jobs, add):
    for owner in ("user:1", "user:1", "user:1", "user:2", "user:3"):
        add(state="waiting", owner=owner)

    owners = owners_in_turn(jobs.file, n_places=2)

    assert owners == ["user:1", "user:2", "user:3", "user:1", "user:1"]


def test_a_cancelled_job_stays_cancelled_whatever_its_process_reports(jobs: Jobs, add):
    job = add(state="waiting")
    jobs.file.take("waiting", "run-1")
    jobs.cancel(job)

    reported = jobs.file.change(job.id, ("running",), state="done", n_rows=7)

    assert reported is None
    found = jobs.find(job.model, job.id)
    assert (found.state, found.n_rows, found.slot) == ("cancelled", 0, "")
    assert not jobs.folder_of(job).exists()


def test_a_job_whose_place_was_given_up_begins_again(jobs: Jobs, add):
    job = add(state="waiting")
    jobs.file.take("waiting", "run-1")
    jobs.file.change(job.id, ("running",), n_rows=500, n_read=9)

    released = jobs.file.release("run-1")

    assert [(one.id, one.state, one.n_rows, one.n_read) for one in released] == [
        (job.id, "waiting", 0, 0)
    ]
    again = jobs.file.take("waiting", "run-2")
    assert again is not None
    assert again.n_starts == 2


def test_a_job_that_is_cut_again_and_again_fails(jobs: Jobs, add):
    job = add(state="waiting")

    for _ in range(STARTS_MAX):
        assert jobs.file.take("waiting", "run-1") is not None
        jobs.file.release("run-1")

    found = jobs.find(job.model, job.id)
    assert found.state == "failed"
    assert f"began {STARTS_MAX} times" in found.error


def test_somebody_sees_their_own_jobs(jobs: Jobs, add):
    mine, theirs = add(owner="user:1"), add(owner="user:2")

    assert [one.id for one in jobs.file.jobs(mine.model, "user:1")] == [mine.id]
    assert [one.id for one in jobs.file.jobs(mine.model)] == [theirs.id, mine.id]
    assert jobs.file.jobs("another model") == []


def test_before_the_first_job_there_is_no_file(jobs: Jobs):
    assert jobs.file.jobs("any") == []
    assert jobs.file.find("0" * 32) is None
    assert jobs.file.take("waiting", "run-1") is None
    assert jobs.file.release("run-1") == []
    assert not jobs.file.is_any_open()
    assert not jobs.file.path.exists()


def test_a_file_of_another_program_is_an_error(tmp_path: Path):
    path = tmp_path / "jobs.db"
    path.write_bytes(b"not a database" * 100)

    with pytest.raises(JobsError, match=r"jobs\.db can't be used"):
        JobsFile(path).find("0" * 32)
