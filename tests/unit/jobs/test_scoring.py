"""The scoring of a job in this process: disks, records."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

import podium
from podium.bundle import Bundle
from podium.errors import InputError, NoSpace, SetupError, StoreError
from podium.flow.version import LoadedVersion
from podium.jobs import recording, scoring
from podium.jobs.jobs import Jobs
from podium.jobs.process import Order, work
from podium.jobs.recording import Recording
from podium.jobs.scoring import Stopped, score
from podium.outbox.outboxed import OutboxedStore
from podium.records.record import Record
from podium.records.storable import is_id
from podium.records.store import RecordQuery
from podium.records.stores.memory import MemoryStore
from podium.sources import bundles_of

from .conftest import HEADER, ROW


def test_a_full_disk_is_told_and_nothing_is_kept(jobs: Jobs, add, bundle: Bundle):
    job = add(HEADER + ROW * 5_000, state="running")
    jobs.results_of(job).symlink_to("/dev/full")

    with pytest.raises(NoSpace, match="the disk of the server is full"):
        score(job, jobs, bundle)


def test_results_that_dont_fit_beside_other_jobs_are_told(
    jobs: Jobs, add, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(scoring, "PROGRESS_S", 0.0)
    settings = msgspec.structs.replace(jobs.settings, jobs_bytes_max=300_000)
    job = add(HEADER + ROW * 5_000, state="running")

    with pytest.raises(NoSpace, match="beside the files of other jobs"):
        score(job, Jobs(settings), bundle)

    assert [path.name for path in jobs.folder_of(job).iterdir()] == ["input.csv"]


def test_a_job_that_was_cancelled_stops_at_the_next_report(
    jobs: Jobs, add, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(scoring, "PROGRESS_S", 0.0)
    job = add(state="running")
    jobs.file.change(job.id, ("running",), state="cancelled")

    with pytest.raises(Stopped):
        score(job, jobs, bundle)


def test_a_job_that_was_cancelled_while_it_starts_does_nothing(jobs: Jobs, add):
    job = add(state="waiting")
    jobs.file.take("waiting", "run-1")
    jobs.cancel(job)

    work(Order(settings=jobs.settings, job=job.id))

    assert not jobs.folder_of(job).exists()


def test_columns_are_checked_with_their_new_names(jobs: Jobs, add, bundle: Bundle):
    body = HEADER.replace(b"island", b"place") + ROW
    lacking, both = add(body), add(body, fields={"place": "island", "year": "island"})

    with pytest.raises(InputError, match="lacks a column that the model needs: island"):
        score(lacking, jobs, bundle)
    with pytest.raises((InputError, SetupError)):
        score(both, jobs, bundle)


@podium.model
def lengths(name: str) -> float:
    """The length of a text."""
    return float(len(name))


def records_of(jobs: Jobs) -> list[Record]:
    """What jobs recorded, as the server ships it, newest first."""
    store = OutboxedStore(MemoryStore(), jobs.home / "outbox", ships=False)
    records = store.page(RecordQuery(), limit=100).records
    store.close()
    return list(records)


def test_a_row_that_no_store_can_hold_is_refused_alone(jobs: Jobs, add, tmp_path: Path):
    (bundle,) = bundles_of((lengths,), tmp_path / "packed", ())
    body = b'{"name": "ada"}\n{"name": "a\\u0000b"}\n{"name": "bob"}\n'
    job = add(body, format=".ndjson", state="running", is_recorded=True, name="Names", actor="ada")

    counts = score(job, jobs, bundle)

    assert counts == (3, 1)
    assert "NUL" in jobs.report_of(job).read_text()
    records = records_of(jobs)
    assert [(one.row_index, one.source, one.owner) for one in records] == [
        (2, "job: Names", "user:1"),
        (0, "job: Names", "user:1"),
    ]
    assert msgspec.json.decode(records[0].inputs) == {"name": "bob"}


def test_the_ids_of_rows_increase_beyond_what_a_counter_holds(jobs: Jobs, add, bundle: Bundle):
    job = add(state="running")
    made = Recording(job, LoadedVersion(bundle), jobs.settings)
    rows = [0, 1, 2**14 - 1, 2**14, 2**26 - 1, 2**26, 2**31]

    ids = [made._id(row) for row in rows]

    made.close()
    assert ids == sorted(set(ids))
    assert all(is_id(one) and one[12] == "7" for one in ids)
    assert all(one.startswith(job.record_prefix) for one in ids[:5])


@pytest.mark.slow
def test_a_job_waits_while_the_store_is_behind_and_then_fails(
    jobs: Jobs, add, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(recording, "WAIT_MAX_S", 0.3)
    settings = msgspec.structs.replace(jobs.settings, outbox_rows_max=100)
    job = add(HEADER + ROW * 200, state="running", is_recorded=True)

    with pytest.raises(StoreError, match="takes no more of them"):
        score(job, Jobs(settings), bundle)

    assert len(records_of(jobs)) == 64  # the first piece: no more than half wait at a time
