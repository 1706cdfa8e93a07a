"""Jobs of a packed model, in a home of their own."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import podium
from podium.bundle import Bundle
from podium.jobs.job import Job
from podium.jobs.jobs import Jobs
from podium.settings import Settings

BUNDLE = Path(__file__).parents[2] / "formats" / "logistic-1.podium"
ROW = b"Torgersen,39.1,18.7,181,3750,male,2007\n"
HEADER = b"island,bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g,sex,year\n"

AddJob = Callable[..., Job]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return podium.load(BUNDLE)


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    made = Jobs(Settings(home=str(tmp_path / "home")))
    yield made
    made.file.close()


@pytest.fixture
def add(jobs: Jobs, bundle: Bundle) -> AddJob:
    """Adds a job with a body, of somebody."""

    def add_job(body: bytes = HEADER + ROW, owner: str = "user:1", **more: Any) -> Job:
        now_us = time.time_ns() // 1_000
        job = Job(
            id=secrets.token_hex(16),
            model=bundle.name,
            version=bundle.version,
            digest=bundle.digest,
            path=str(BUNDLE),
            owner=owner,
            created_us=now_us,
            changed_us=now_us,
            **{"file": "rows.csv", "queued_us": now_us, **more},
        )
        with jobs.begun(len(body)) as upload:
            upload.write(body)
            return jobs.add(job, upload)

    return add_job
