"""The history of the demo's flights model: real predictions of two versions, and their truth."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.app import open_configured_store
from podium.cli.demo_history import N_FLIGHTS, N_REFUSED, N_TRUTHS, make_history
from podium.deployments.registry import Registry
from podium.jobs.jobs import Jobs
from podium.jobs.runner import Runner
from podium.records.store import RecordQuery, iter_pages
from podium.settings import Settings


@pytest.fixture
def flights() -> pd.DataFrame:
    rows = pd.DataFrame({"distance": np.arange(N_FLIGHTS) % 40 * 25.0 + 100})
    return rows.assign(arr_delay=rows["distance"] / 50 - 3)


def pack(folder: Path, version: str, flights: pd.DataFrame) -> Path:
    fields, delay = flights[["distance"]], flights["arr_delay"] + len(version)
    model = LinearRegression().fit(fields, delay)
    folder.mkdir()
    path = folder / "flights.podium"
    podium.pack(model, fields, delay, name="flights", version=version, path=path)
    return path


@pytest.mark.slow
def test_both_versions_predicted_and_most_outcomes_are_known(tmp_path, flights):
    settings = Settings(home=str(tmp_path / "home"))
    both = [pack(tmp_path / name, name, flights) for name in ("first", "second")]

    for _ in range(2):  # the second run finds it all there
        make_history("flights", *both, flights, "arr_delay", settings)

    store = open_configured_store(settings)
    records = [one for page in iter_pages(store, RecordQuery()) for one in page]
    store.close()
    by_version = dict.fromkeys(("first", "second"), 0)
    for record in records:
        by_version[record.version] += 1
    assert by_version == {"first": N_FLIGHTS // 2, "second": N_FLIGHTS // 2}
    truths = {record.inputs: record.feedback.truth for record in records if record.feedback}
    assert sum(record.feedback is not None for record in records) == N_TRUTHS
    assert truths[b'{"distance":100.0}'] == b"-1.0"
    events = Registry(Path(settings.home)).events("flights")
    assert [one.action for one in events] == ["promoted", "registered", "deployed", "registered"]


@pytest.mark.slow
def test_a_file_waits_that_the_server_scores_and_its_last_rows_are_refused(tmp_path, flights):
    settings = Settings(home=str(tmp_path / "home"))
    both = [pack(tmp_path / name, name, flights) for name in ("first", "second")]
    make_history("flights", *both, flights, "arr_delay", settings)
    jobs = Jobs(settings)
    (job,) = jobs.file.jobs("flights", None)
    assert (job.state, job.version) == ("waiting", "second")
    runner = Runner(jobs)

    runner.start()
    until = time.monotonic() + 60
    while not jobs.find("flights", job.id).has_ended and time.monotonic() < until:
        time.sleep(0.05)
    runner.close()

    done = jobs.find("flights", job.id)
    assert (done.state, done.n_rows, done.n_refused) == ("done", N_FLIGHTS + N_REFUSED, N_REFUSED)
    assert jobs.report_of(done).read_text().count("unknown") == N_REFUSED


def test_nothing_is_recorded_where_recording_is_off(tmp_path, flights):
    settings = Settings(home=str(tmp_path / "home"), records=False)

    make_history("flights", Path("none"), Path("none"), flights, "arr_delay", settings)

    assert not (tmp_path / "home").exists()
