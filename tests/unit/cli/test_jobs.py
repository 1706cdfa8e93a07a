"""`podium jobs`: the jobs of a home folder, beside a server that can't run them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from podium.jobs.job import Job
from podium.jobs.jobs import Jobs
from podium.settings import Settings

BUNDLE = Path(__file__).parents[2] / "formats" / "logistic-1.podium"


def run(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "podium", "jobs", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_it_runs_jobs_until_it_is_stopped(tmp_path: Path):
    jobs = Jobs(Settings(home=str(tmp_path)))
    now_us = time.time_ns() // 1_000
    job = Job(
        id="0" * 32,
        model="logistic-1",
        version="1",
        digest="291fec9b849ec7609d1f4fabe584fdcce33302da694feb22c54a813180d5812b",
        path=str(BUNDLE),
        owner="user:1",
        state="waiting",
        queued_us=now_us,
        created_us=now_us,
    )
    with jobs.begun(16) as upload:
        upload.write(b"island,year\nx,1\n")
        jobs.add(job, upload)
    with run("--home", str(tmp_path)) as process:
        limit_s = time.monotonic() + 60
        while not (ended := jobs.find(job.model, job.id)).has_ended:
            assert time.monotonic() < limit_s
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=60)

    jobs.file.close()
    assert (ended.state, ended.n_rows, ended.n_refused) == ("done", 1, 1)
    assert "running the jobs of" in output
    assert process.returncode == 128 + signal.SIGTERM, errors


@pytest.mark.slow
def test_a_home_folder_that_isnt_there_is_told(tmp_path: Path):
    with run("--home", str(tmp_path / "none")) as process:
        _, errors = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "doesn't exist" in errors
    assert not (tmp_path / "none").exists()
