"""`podium records delete`: counts, deletes when that is meant, and can be run again."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from podium.outbox.outboxed import OutboxedStore
from podium.records.stores.sqlite import SqliteStore
from podium.testing.stores.samples import ids, ids_of, sample

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def delete(podium_run: Command) -> Command:
    """Runs `podium records delete` on a home."""
    return lambda home, *arguments: podium_run("records", "delete", "--home", home, *arguments)


def fill(home: Path, n_records: int) -> None:
    store = OutboxedStore(SqliteStore(home / "podium.db"), home / "outbox", ships=False)
    rows = [
        sample(n, model="odd" if n % 2 else "even", inputs=b'{"customer":%d}' % (n // 10))
        for n in range(n_records)
    ]
    for start in range(0, n_records, 2_000):
        store.insert(rows[start : start + 2_000])
    store.close()


def left(home: Path) -> list[str]:
    store = OutboxedStore(SqliteStore(home / "podium.db"), home / "outbox", ships=False)
    found = ids(store)
    store.close()
    return found


def test_without_yes_records_are_counted_and_stay(delete: Command, tmp_path: Path) -> None:
    fill(tmp_path, 30)

    done = delete(tmp_path, "--model", "odd")

    told = "15 records would be deleted; run it with --yes to delete.\n"
    assert done == (0, told, "")
    assert len(left(tmp_path)) == 30


def test_what_all_options_fit_is_deleted_with_what_dead_workers_left(
    delete: Command, tmp_path: Path
) -> None:
    fill(tmp_path, 30)

    done = delete(tmp_path, "--model", "odd", "--key", "customer=1", "--yes")

    assert done == (0, "5 records deleted.\n", "")
    assert left(tmp_path) == ids_of(*(n for n in range(29, -1, -1) if n not in range(11, 20, 2)))
    assert list((tmp_path / "outbox").rglob("*.db")) == []


def test_days_ids_and_versions_choose(delete: Command, tmp_path: Path) -> None:
    fill(tmp_path, 30)

    counts = [
        delete(tmp_path, *arguments)[1].partition(" ")[0]
        for arguments in (
            ("--until", "2026-02-28"),
            ("--since", "2026-03-01", "--until", "2026-03-01"),
            ("--id", sample(3).id),
            ("--version", "1"),
            ("--version", "2"),
            ("--owner", "user:7"),
            ("--all",),
        )
    ]

    assert counts == ["0", "30", "1", "30", "0", "0", "30"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "no records are selected"),
        (("--yes",), "no records are selected"),
        (("--key", "customer"), "has no value"),
        (("--key", "=1"), "has no value"),
        (("--since", "yesterday"), "is not a date"),
        (("--id", "xyz"), "An id has up to"),
    ],
)
def test_an_option_that_cannot_be_read_deletes_nothing(
    delete: Command, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    fill(tmp_path, 2)

    code, _, error = delete(tmp_path, *arguments, "--yes")

    assert code != 0
    assert says in error
    assert len(left(tmp_path)) == 2


def test_a_missing_home_is_not_created(delete: Command, tmp_path: Path) -> None:
    code, _, error = delete(tmp_path / "typo", "--all", "--yes")

    assert code == 1
    assert "there are no records in" in error
    assert not (tmp_path / "typo").exists()


@pytest.mark.slow
def test_a_deletion_that_is_killed_is_finished_by_the_next(delete: Command, tmp_path: Path) -> None:
    fill(tmp_path, 12_000)
    assert len(left(tmp_path)) == 12_000
    command = [sys.executable, "-m", "podium", "records", "delete", "--home", str(tmp_path)]
    running = subprocess.Popen([*command, "--all", "--yes"])
    began_s = time.monotonic()
    store = SqliteStore(tmp_path / "podium.db")
    while not 0 < len(ids(store)) < 12_000 and running.poll() is None:
        assert time.monotonic() - began_s < 60
    running.send_signal(signal.SIGKILL)
    running.wait()
    store.close()
    assert left(tmp_path)

    code, _, error = delete(tmp_path, "--all", "--yes")

    assert code == 0, error
    assert left(tmp_path) == []
    assert list((tmp_path / "outbox").rglob("*.db")) == []
