"""Workers that tell each other: nothing is lost or counted twice, whoever ends and however."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from podium.errors import StoreError
from podium.metrics import families
from podium.metrics.metrics import FRESH_S, Metrics
from podium.metrics.siblings import ABANDONED_S, ENDED_NAME, new_folder

ROWS = "podium_rows_total"
WORKER = """
import sys
from pathlib import Path
from podium.metrics import families
from podium.metrics.metrics import Metrics

metrics = Metrics()
metrics.of("churn", "1").count_predicted(1, int(sys.argv[2]), [10])
metrics.watch(families.CONNECTIONS, lambda: 4)
metrics.watch(families.DROPPED, lambda: 2)
metrics.watch(families.STORE_ERRORS, lambda: 5)
metrics.write_snapshot(Path(sys.argv[1]))
print("written", flush=True)
sys.stdin.read()
metrics.of("churn", "1").count_predicted(1, 1000, [10])
metrics.close()
"""


class Worker:
    """A process that answered some rows, and wrote so."""

    def __init__(self, folder: Path, n_rows: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(folder), str(n_rows)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"written\n"

    def end(self, number: int = signal.SIGKILL) -> None:
        self.process.send_signal(number)
        self.process.communicate()


@pytest.fixture
def workers() -> Iterator[list[Worker]]:
    started: list[Worker] = []
    yield started
    for worker in started:
        if worker.process.poll() is None:
            worker.end()


@pytest.fixture
def metrics(tmp_path: Path) -> Iterator[Metrics]:
    made = Metrics()
    made.watch(families.CONNECTIONS, lambda: 1)
    made.watch(families.DROPPED, lambda: 0)
    made.watch(families.STORE_ERRORS, lambda: 5)
    made.write_snapshot(tmp_path)
    yield made
    made.close()


def test_every_worker_reports_the_metrics_of_all(tmp_path, metrics, workers, read):
    metrics.of("churn", "1").count_predicted(1, 3, [10])
    workers.append(Worker(tmp_path, 10))

    value = read(metrics.merged())
    assert value(ROWS) == 13
    assert value("podium_request_duration_seconds_count") == 2
    assert value("podium_workers") == 2
    assert value("podium_open_connections") == 5
    assert value("podium_records_dropped_total") == 2
    # Both know of the same errors, of the one shipper.
    assert value("podium_store_errors_total") == 5


@pytest.mark.slow
def test_what_a_killed_worker_counted_stays_and_what_it_held_does_not(
    tmp_path, metrics, workers, read
):
    for n_rows in (10, 20):
        workers.append(Worker(tmp_path, n_rows))
        workers[-1].end()

    for _ in range(3):
        value = read(metrics.merged())
        assert value(ROWS) == 30
        assert value("podium_request_duration_seconds_sum") == pytest.approx(2e-5)
        assert value("podium_records_dropped_total") == 4
        assert value("podium_workers") == value("podium_open_connections") == 1
    assert len(list(tmp_path.iterdir())) == 4  # two of this worker, the total and the lock


def test_a_worker_that_ends_leaves_its_last_numbers(tmp_path, metrics, workers, read):
    workers.append(Worker(tmp_path, 10))
    workers[0].process.communicate()

    assert read(metrics.merged())(ROWS) == 1_010


def test_a_worker_that_has_left_takes_no_second_place(tmp_path, metrics, read):
    leaving = Metrics()
    leaving.of("churn", "1").count_predicted(1, 10, [10])
    leaving.write_snapshot(tmp_path)
    leaving.close()

    leaving.write_snapshot(tmp_path)  # its timer runs on until the process ends

    assert read(metrics.merged())(ROWS) == 10


@pytest.mark.slow
def test_a_worker_killed_while_it_adds_an_ended_one_does_not_add_it_twice(
    tmp_path, metrics, workers, read
):
    workers.append(Worker(tmp_path, 10))
    workers[0].end()
    left = {
        path: path.read_bytes()
        for path in tmp_path.iterdir()
        if path.suffix in (".alive", ".snapshot")
    }
    metrics.merged()

    for path, content in left.items():
        path.write_bytes(content) if not path.exists() else None

    assert read(metrics.merged())(ROWS) == 10
    workers.append(Worker(tmp_path, 5))
    workers[1].end()
    assert read(metrics.merged())(ROWS) == 15


def test_counters_never_decrease_whichever_worker_is_scraped(tmp_path):
    workers = [Metrics() for _ in range(3)]
    for worker in workers:
        worker.write_snapshot(tmp_path)

    last = 0
    for turn in range(30):
        asked = workers[turn % 3]
        asked.of("churn", "1").count_predicted(1, 1, [1])
        rows = asked.merged().counted.counters[families.ROWS.series("churn", "1")]
        assert rows >= last
        last = rows
    assert last == 30
    for worker in workers:
        worker.close()


def test_a_stuck_worker_keeps_its_counters_and_loses_its_gauges(tmp_path, read):
    now_s = [100.0]
    stuck, well = Metrics(lambda: now_s[0]), Metrics(lambda: now_s[0])
    stuck.watch(families.CONNECTIONS, lambda: 9)
    stuck.of("churn", "1").count_predicted(1, 8, [1])
    stuck.write_snapshot(tmp_path)
    well.write_snapshot(tmp_path)

    now_s[0] += FRESH_S
    assert read(well.merged())("podium_open_connections") == 9
    now_s[0] += 1
    value = read(well.merged())
    assert (value("podium_workers"), value(ROWS)) == (1, 8)
    assert not [series for series in well.merged().current if "connections" in series[0]]
    stuck.of("churn", "1").count_predicted(1, 1, [1])
    stuck.write_snapshot(tmp_path)
    assert read(well.merged())("podium_workers") == 2
    assert read(well.merged())(ROWS) == 9
    stuck.close()
    well.close()


def test_without_a_folder_a_worker_reports_only_itself(read):
    metrics = Metrics()
    metrics.of("churn", "1").count_predicted(1, 2, [1])

    assert read(metrics.merged())(ROWS) == 2


def test_a_full_disk_is_logged_once_and_raises_nothing(tmp_path, caplog):
    metrics = Metrics()
    (tmp_path / "file").write_text("no folder")
    with caplog.at_level(logging.WARNING, "podium"):
        for _ in range(3):
            metrics.write_snapshot(tmp_path / "file" / "metrics")

    assert caplog.text.count("metrics_not_written") == 1


def test_a_folder_that_is_gone_is_an_error_and_no_smaller_number(tmp_path, metrics):
    for path in tmp_path.iterdir():
        path.unlink()
    tmp_path.rmdir()

    with pytest.raises(StoreError, match="can't be read"):
        metrics.merged()


def test_a_total_that_cannot_be_written_is_still_reported(tmp_path, metrics, workers, read):
    workers.append(Worker(tmp_path, 10))
    workers[0].end()
    (tmp_path / f"{ENDED_NAME}.new").mkdir()

    assert read(metrics.merged())(ROWS) == 10
    (tmp_path / f"{ENDED_NAME}.new").rmdir()
    assert read(metrics.merged())(ROWS) == read(metrics.merged())(ROWS) == 10


def test_each_start_counts_in_a_folder_of_its_own(tmp_path):
    first, second = new_folder(tmp_path), new_folder(tmp_path)

    assert first != second
    assert first.stat().st_mode & 0o777 == 0o700


def test_folders_of_servers_that_are_gone_are_deleted_and_no_others(tmp_path):
    recent, gone, living = (new_folder(tmp_path) for _ in range(3))
    ended, lives = Metrics(), Metrics()
    ended.write_snapshot(gone)
    ended.close()
    lives.write_snapshot(living)
    for folder in (gone, living):
        long_ago_s = folder.stat().st_mtime - ABANDONED_S - 60
        os.utime(folder, (long_ago_s, long_ago_s))

    made = new_folder(tmp_path)

    assert {made, recent, living} == set((tmp_path / "metrics").iterdir())
    lives.close()
