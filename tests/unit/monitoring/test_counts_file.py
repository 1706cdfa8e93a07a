"""The file of the counts: exact, whoever adds to it at once, and whatever happens meanwhile."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import apsw
import numpy as np
import pytest

from podium.errors import StoreError
from podium.monitoring.counts import Counted
from podium.monitoring.counts_file import CountsFile
from podium.monitoring.layout import places_of
from podium.records.counted import Key, Tally

LAYOUT = '[[["field","age"],3],[["score",""],2]]'
KEY = Key("churn", "aa", "primary", 1_000)


def tally(*counts, n_rows=1, n_refused=0):
    return Tally(LAYOUT, np.array(counts, np.int64), n_rows, n_rows, n_refused)


@pytest.fixture
def file(tmp_path):
    made = CountsFile(tmp_path / "monitoring.db")
    yield made
    made.close()


def test_what_is_added_is_summed_by_version_role_and_hour(file):
    other = KEY._replace(digest="bb")
    file.add({KEY: tally(1, 2, 3, 4, 5), other: tally(9, 9, 9, 9, 9)})
    file.add({KEY: tally(1, 0, 0, 0, 2**62, n_rows=10, n_refused=1)})

    found = file.read("churn", 0, 2_000)

    (one,) = found[KEY]
    assert (one.n_rows, one.n_counted, one.n_refused) == (11, 11, 1)
    places = places_of(one.layout)
    assert one.counts[places[Counted("field", "age")]].tolist() == [2, 2, 3]
    assert one.counts[places[Counted("score")]].tolist() == [4, 2**62 + 5]
    assert found[other][0].counts.tolist() == [9] * 5
    assert file.read("churn", 1_001, 2_000) == file.read("other", 0, 2_000) == {}


def test_nothing_was_counted_where_there_is_no_file(file):
    assert file.read("churn", 0, 2_000) == {}
    assert file.make_days(2_000) == 0
    assert not file.path.exists()


def test_hours_become_days_with_the_same_sums(file):
    for hour in range(100):
        file.add({KEY._replace(hour=hour): tally(hour, 1, 0, 0, 0)})

    n_replaced = file.make_days(60)  # the third day has not ended by then
    file.make_days(60)

    found = file.read("churn", 0, 100)
    assert n_replaced == 48
    assert [(one.hour, one.n_hours) for one in found][:3] == [(0, 24), (24, 24), (48, 1)]
    days = [some[0].counts.tolist()[:2] for some in list(found.values())[:2]]
    assert days == [[sum(range(24)), 24], [sum(range(24, 48)), 24]]


def test_a_late_hour_is_added_to_its_day(file):
    file.add({KEY._replace(hour=5): tally(1, 0, 0, 0, 0)})
    file.make_days(24)
    file.add({KEY._replace(hour=5): tally(2, 0, 0, 0, 0)})
    file.make_days(24)

    (found,) = file.read("churn", 0, 24).values()

    assert found[0].counts[0] == 3


def test_what_is_old_is_deleted(file):
    file.add({KEY._replace(hour=hour): tally(1, 0, 0, 0, 0) for hour in (10, 11)})

    file.forget(11)

    assert [one.hour for one in file.read("churn", 0, 24)] == [11]


def test_another_layout_of_a_version_is_counted_beside_it(file):
    file.add({KEY: tally(1, 2, 3, 4, 5)})
    file.add({KEY: Tally('[[["field","age"],1]]', np.array([7]), 1, 1)})

    (found,) = file.read("churn", 0, 2_000).values()

    assert [len(one.counts) for one in found] == [5, 1]


def test_a_removed_file_begins_anew(file):
    file.add({KEY: tally(1, 2, 3, 4, 5)})
    file.path.unlink()

    file.add({KEY: tally(1, 1, 1, 1, 1)})

    assert file.read("churn", 0, 2_000)[KEY][0].counts.tolist() == [1] * 5


@pytest.mark.parametrize("damage", ["bytes", "folder", "newer", "foreign"])
def test_a_file_that_cannot_be_used_is_one_error(file, damage):
    if damage == "bytes":
        file.path.write_bytes(b"no database" * 1_000)
    elif damage == "folder":
        file.path = file.path.parent / "gone" / "monitoring.db"
    else:
        connection = apsw.Connection(str(file.path))
        connection.pragma("user_version", 99 if damage == "newer" else 1)
        if damage == "newer":
            connection.pragma("application_id", 0x506F646D)
        connection.close()

    with pytest.raises(StoreError):
        file.add({KEY: tally(1, 2, 3, 4, 5)})


def test_damaged_counts_are_an_error_and_stay(file):
    file.add({KEY: tally(1, 2, 3, 4, 5)})
    connection = apsw.Connection(str(file.path))
    connection.execute("UPDATE counted SET counts = x'00'")
    connection.close()

    with pytest.raises(StoreError):
        file.read("churn", 0, 2_000)
    with pytest.raises(StoreError):
        file.add({KEY: tally(1, 2, 3, 4, 5)})


ADDS = """
import sys
from pathlib import Path
import numpy as np
from podium.monitoring.counts_file import CountsFile
from podium.records.counted import Key, Tally
file = CountsFile(Path(sys.argv[1]))
layout = '[[["field","age"],3]]'
print("ready", flush=True)
sys.stdin.readline()
for n in range(int(sys.argv[2])):
    key = Key("churn", "aa", "primary", n % 3)
    file.add({key: Tally(layout, np.array([1, n, int(sys.argv[3])]), 2, 1, 0)})
    print(n, flush=True)
"""


def adding(path: Path, n: int, worker: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", ADDS, str(path), str(n), str(worker)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_eight_processes_that_add_at_once_lose_nothing(file):
    workers = [adding(file.path, 30, worker) for worker in range(8)]
    for one in workers:
        assert one.stdout is not None
        one.stdout.readline()
    for one in workers:
        one.communicate("\n")

    found = file.read("churn", 0, 3)

    assert [one.returncode for one in workers] == [0] * 8
    total = sum(some[0].counts for some in found.values())
    assert total.tolist() == [240, 8 * sum(range(30)), 30 * sum(range(8))]
    assert sum(some[0].n_rows for some in found.values()) == 480


@pytest.mark.slow
def test_a_killed_process_leaves_whole_counts(file):
    worker = adding(file.path, 100_000, 1)
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write("\n")
    worker.stdin.flush()
    for line in worker.stdout:
        if line.strip() == "20":
            break
    worker.kill()
    n_reported = 21 + sum(1 for _ in worker.stdout)
    worker.communicate()

    total = sum(some[0].n_rows for some in file.read("churn", 0, 3).values()) // 2

    assert n_reported <= total <= n_reported + 1
    file.add({KEY: tally(1, 2, 3, 4, 5)})
