"""Jobs that run: in processes of their own, to their end or to somebody else's."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from podium.account_settings import Accounts
from podium.jobs.job import Job, preview_of
from podium.jobs.jobs import Jobs
from podium.jobs.runner import Runner
from podium.outbox.lock import FileLock

from .conftest import HEADER, ROW

pytestmark = pytest.mark.slow
WAIT_S = 120.0
# So many rows take most of a second: a test that stalls for less still finds the job running.
MANY = 300_000


@pytest.fixture
def runner(jobs: Jobs) -> Iterator[Runner]:
    made = Runner(jobs)
    yield made
    made.close()


def until(jobs: Jobs, job: Job, holds: Callable[[Job], bool]) -> Job:
    limit_s = time.monotonic() + WAIT_S
    while not holds(found := jobs.find(job.model, job.id)):
        assert time.monotonic() < limit_s, found
        time.sleep(0.05)
    return found


def ended(jobs: Jobs, job: Job) -> Job:
    return until(jobs, job, lambda one: one.has_ended)


def children() -> list[int]:
    """The processes of jobs that this one started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            command = path.with_name("cmdline").read_bytes()
        except OSError:  # it ended
            continue
        if parent == os.getpid() and b"podium.jobs.process" in command:
            found.append(int(path.parent.name))
    return found


def test_first_rows_are_looked_at_and_then_all_are_scored(jobs: Jobs, add, runner: Runner):
    body = b"nr," + HEADER + b"1," + ROW + b"2,Nowhere,x,18.7,181,3750,male,2007\n"
    job = add(body)
    runner.start()

    ready = until(jobs, job, lambda one: one.state != "new")
    preview = preview_of(ready)
    assert preview is not None, ready
    assert (preview.can_start, preview.n_rows, preview.n_refused) == (True, 2, 1)
    assert preview.columns[:2] == (("nr", ""), ("island", "island"))
    assert preview.rows[0][:2] == ("1", "Torgersen")
    assert preview.rows[0][-4] == "Adelie"
    assert [place for place, _ in preview.problems] == ["line 3", "line 3"]
    jobs.start(ready, name="October", is_recorded=False)

    done = ended(jobs, job)
    assert (done.state, done.n_rows, done.n_refused, done.share) == ("done", 2, 1, 1.0)
    rows = list(csv.DictReader(jobs.results_of(done).read_text().splitlines()))
    assert [(row["nr"], row["prediction"]) for row in rows] == [("1", "Adelie"), ("2", "")]
    report = list(csv.DictReader(jobs.report_of(done).read_text().splitlines()))
    assert [(row["line"], row["field"]) for row in report] == [
        ("3", "island"),
        ("3", "bill_length_mm"),
    ]
    assert {path.name for path in jobs.folder_of(done).iterdir()} == {
        "input.csv",
        "results.csv",
        "refused.csv",
    }


def test_columns_of_other_names_are_offered_and_used(jobs: Jobs, add, runner: Runner):
    job = add(HEADER.replace(b"island", b"Island ").replace(b"year", b"Years") + ROW)
    runner.start()
    ready = until(jobs, job, lambda one: one.state != "new")
    preview = preview_of(ready)
    assert preview is not None
    assert preview.needed == ("island", "year")
    assert preview.suggested == {"island": "Island ", "year": "Years"}

    jobs.look_again(ready, {"Island ": "island", "Years": "year"})

    ready = until(jobs, job, lambda one: one.state != "new" and one.fields != {})
    preview = preview_of(ready)
    assert preview is not None
    assert preview.can_start
    done = ended(jobs, jobs.start(ready, name="", is_recorded=False))
    header, row = jobs.results_of(done).read_text().splitlines()
    assert header.startswith("Island ,bill_length_mm")
    assert ",Adelie," in row


def test_a_file_that_cant_be_scored_fails_and_leaves_nothing(jobs: Jobs, add, runner: Runner):
    job = add(b"a,b\n1,2\n", state="waiting")
    runner.start()

    failed = ended(jobs, job)

    assert failed.state == "failed"
    assert failed.error.startswith("rows.csv lacks 2 columns that the model needs")
    assert str(jobs.home) not in failed.error + failed.hint
    assert [path.name for path in jobs.folder_of(failed).iterdir()] == ["input.csv"]


def test_a_file_without_rows_is_scored_to_one_without_rows(jobs: Jobs, add, runner: Runner):
    job = add(HEADER, state="waiting")
    runner.start()

    done = ended(jobs, job)

    assert (done.state, done.n_rows) == ("done", 0)
    assert b"prediction" in jobs.results_of(done).read_bytes()


def test_a_process_that_is_killed_fails_its_job_and_no_other(jobs: Jobs, add, runner: Runner):
    job, other = add(HEADER + ROW * MANY, state="waiting"), add(state="waiting")
    runner.start()
    ended(jobs, other)
    until(jobs, job, lambda one: one.n_rows > 0)

    (pid,) = children()
    os.kill(pid, signal.SIGKILL)

    failed = ended(jobs, job)
    assert (failed.state, failed.error) == ("failed", "the process of the job ended by signal 9")
    assert not jobs.results_of(failed).exists()


def test_a_running_job_is_cancelled_and_its_process_ends(jobs: Jobs, add, runner: Runner):
    job = add(HEADER + ROW * MANY, state="waiting")
    runner.start()
    running = until(jobs, job, lambda one: one.n_rows > 0)

    jobs.cancel(running)

    limit_s = time.monotonic() + WAIT_S
    while children():
        assert time.monotonic() < limit_s
        time.sleep(0.05)
    assert jobs.find(job.model, job.id).state == "cancelled"
    assert not jobs.folder_of(job).exists()


def test_a_job_of_a_server_that_stops_begins_again_in_another(jobs: Jobs, add, runner: Runner):
    job = add(HEADER + ROW * MANY, state="waiting")
    runner.start()
    until(jobs, job, lambda one: one.n_rows > 0)

    runner.close()

    assert children() == []
    cut = jobs.find(job.model, job.id)
    assert (cut.state, cut.n_rows) == ("waiting", 0)
    other = Runner(jobs)
    other.start()
    done = ended(jobs, job)
    other.close()
    assert (done.state, done.n_rows, done.n_starts) == ("done", MANY, 2)
    assert jobs.results_of(done).read_bytes().count(b"\n") == MANY + 1


def test_two_servers_run_each_job_once_and_no_more_than_may_run(jobs: Jobs, add, runner: Runner):
    waiting = [add(state="waiting", owner=f"user:{n}") for n in range(3)]
    settings = msgspec.structs.replace(jobs.settings, jobs_running_max=1)
    others = [Runner(Jobs(settings)) for _ in range(2)]

    for other in others:
        other.start()
    done = [ended(jobs, job) for job in waiting]

    for other in others:
        other.close()
    assert [(one.state, one.n_starts) for one in done] == [("done", 1)] * 3
    spans = sorted((one.began_us, one.changed_us) for one in done)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))


def test_a_place_that_another_process_holds_stays_its_own(jobs: Jobs, add):
    settings = msgspec.structs.replace(jobs.settings, jobs_running_max=1)
    runner = Runner(Jobs(settings))
    job = add(state="waiting")
    held = FileLock(jobs.folder / "run-1.lock")
    runner.start()
    look = add()  # which is looked at meanwhile
    until(jobs, look, lambda one: one.state == "ready")
    assert jobs.find(job.model, job.id).state == "waiting"

    held.release()

    assert ended(jobs, job).state == "done"
    runner.close()


def test_a_bundle_that_was_replaced_fails_the_job(jobs: Jobs, add, runner: Runner, tmp_path: Path):
    path = tmp_path / "model.podium"
    shutil.copy(Path(__file__).parents[2] / "formats" / "forest-1.podium", path)
    job = add(state="waiting")
    jobs.file.change(job.id, ("waiting",), path=str(path))
    runner.start()

    failed = ended(jobs, job)

    assert "was replaced" in failed.error


def test_a_row_that_takes_all_memory_ends_the_job_alone(jobs: Jobs, add):
    settings = msgspec.structs.replace(jobs.settings, job_memory_mb=256)
    runner = Runner(Jobs(settings))
    bomb = add(b'{"a":[' + b"0," * 25_000_000 + b"0]}", state="waiting", format=".ndjson")
    endless = add(HEADER + b"x" * 64_000_000, state="waiting")
    runner.start()

    failed, other = ended(jobs, bomb), ended(jobs, endless)

    runner.close()
    assert (failed.state, other.state) == ("failed", "failed")
    assert "256 MB of memory" in failed.error
    assert "line 2 of rows.csv is longer than 64,000,000 bytes" in other.error


def test_settings_of_any_type_and_secrets_dont_reach_the_process(jobs: Jobs, add):
    django = {"LOGGING_CONFIG": object()}
    accounts = Accounts(enabled=True, secret_key="s", django=django)
    settings = msgspec.structs.replace(
        jobs.settings, accounts=accounts, store="postgresql://me:pw@db"
    )
    runner = Runner(Jobs(settings))
    job = add(state="waiting")
    runner.start()

    done = ended(jobs, job)

    runner.close()
    assert done.state == "done"
