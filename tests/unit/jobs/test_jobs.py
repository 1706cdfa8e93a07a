"""Files of jobs: how they come, what they may take, and when they are deleted."""

from __future__ import annotations

import os
import time

import msgspec
import pytest

from podium.errors import InputError, JobsError, NoSpace, NotFound, Overloaded, TooLarge
from podium.jobs import jobs as jobs_module
from podium.jobs.job import Preview
from podium.jobs.jobs import Jobs


def limited(jobs: Jobs, **settings: int) -> Jobs:
    return Jobs(msgspec.structs.replace(jobs.settings, **settings))


def test_a_file_that_no_job_took_is_gone(jobs: Jobs):
    with jobs.begun(4) as upload:
        upload.write(b"abcd")
        assert upload.path.exists()

    assert list(jobs.folder.iterdir()) == []


def test_a_file_that_is_too_long_is_refused_before_and_while_it_comes(jobs: Jobs):
    small = limited(jobs, job_bytes_max=10)

    with pytest.raises(TooLarge, match="longer than the 10 bytes"), small.begun(11):
        pass
    with pytest.raises(TooLarge, match="longer than 10 bytes"), small.begun(10) as upload:
        upload.write(b"x" * 11)


def test_files_that_come_at_once_share_the_disk(jobs: Jobs):
    small = limited(jobs, jobs_bytes_max=100)

    with small.begun(60) as upload:
        upload.write(b"x")  # the others count all that is to come
        with pytest.raises(NoSpace, match="has room for 40"), small.begun(41):
            pass
        with small.begun(40):
            pass


def test_a_file_is_as_long_as_what_came_of_it(jobs: Jobs, add):
    job = add(b"abc")

    assert jobs.input_of(job).read_bytes() == b"abc"
    assert job.n_bytes == 3
    assert jobs.folder_of(job).stat().st_mode & 0o777 == 0o700


def test_somebody_with_many_unfinished_jobs_waits(jobs: Jobs, add, monkeypatch):
    monkeypatch.setattr(jobs_module, "UNFINISHED_MAX", 2)
    first, _ = add(), add()

    with pytest.raises(Overloaded, match="2 of your jobs"):
        add()
    add(owner="user:2")
    jobs.cancel(first)
    add()


def test_what_is_too_old_is_deleted(jobs: Jobs, add):
    ended, kept, unstarted, waiting = (add() for _ in range(4))
    long_ago_us = time.time_ns() // 1_000 - 8 * 86_400 * 1_000_000
    jobs.file.change(ended.id, ("new",), state="done", changed_us=long_ago_us)
    jobs.file.change(kept.id, ("new",), state="done")
    jobs.file.change(unstarted.id, ("new",), state="ready", changed_us=long_ago_us)
    jobs.file.change(waiting.id, ("new",), state="waiting", changed_us=long_ago_us)
    strays = [jobs.folder / ".upload-1.tmp", jobs.folder / ("f" * 32), jobs.folder / "run-1.lock"]
    for stray in strays:
        stray.mkdir() if stray.suffix == "" else stray.touch()
        os.utime(stray, (0, 0))

    jobs.sweep()

    assert {one.id for one in jobs.file.everything()} == {kept.id, waiting.id}
    left = {path.name for path in jobs.folder.iterdir()}
    assert left == {kept.id, waiting.id, "run-1.lock"}


def test_a_file_without_a_needed_column_cant_be_started(jobs: Jobs, add):
    job = add()
    preview = msgspec.json.encode(Preview(columns=(("a", ""),), needed=("x",)))
    ready = jobs.file.change(job.id, ("new",), state="ready", preview=preview)
    assert ready is not None

    with pytest.raises(InputError, match="lacks columns"):
        jobs.start(ready, name="", is_recorded=False)


def test_a_job_is_started_once(jobs: Jobs, add):
    ready = jobs.file.change(add().id, ("new",), state="ready")
    assert ready is not None
    started = jobs.start(ready, name="first", is_recorded=False)

    again = jobs.start(ready, name="second", is_recorded=True)

    assert (started.state, again.name, again.is_recorded) == ("waiting", "first", False)


def test_deleting_removes_everything(jobs: Jobs, add):
    job = add()

    jobs.delete(job)

    assert not jobs.folder_of(job).exists()
    with pytest.raises(NotFound):
        jobs.find(job.model, job.id)


def test_a_folder_that_cant_be_made_is_an_error(jobs: Jobs):
    jobs.home.mkdir(parents=True)
    jobs.folder.touch()

    with pytest.raises(JobsError, match="can't be written"), jobs.begun(1):
        pass
