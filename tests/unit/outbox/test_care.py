"""Copies of the store's file, and what becomes of a damaged one."""

from __future__ import annotations

import random
import stat
from pathlib import Path

import apsw
import pytest

from podium.cli.main import run
from podium.errors import SetupError, StoreError
from podium.outbox import care
from podium.outbox.outbox import Outbox
from podium.records.store import RecordQuery
from podium.records.stores.sqlite import SqliteStore
from podium.records.stores.sqlite_file import MIGRATIONS
from podium.testing.stores.samples import pages, sample

FORMATS = Path(__file__).parents[2] / "formats"
N_RECORDS = 3_000


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    store = SqliteStore(home / "podium.db")
    store.insert([sample(number) for number in range(N_RECORDS)])
    store.close()
    return home


def damage(path: Path, n_pages: int = 6) -> None:
    """Garbage in some pages, but not in the first, which holds the names of tables."""
    content = bytearray(path.read_bytes())
    chosen = random.Random(0)
    for _ in range(n_pages):
        at = chosen.randrange(20, len(content) // 4_096) * 4_096
        content[at : at + 4_096] = chosen.randbytes(4_096)
    path.write_bytes(content)


def ids_in(path: Path) -> set[str]:
    store = SqliteStore(path)
    found = {one.id for page in pages(store, RecordQuery(), limit=1_000) for one in page}
    store.close()
    return found


def test_a_whole_file_is_well(home):
    found = care.check(home / "podium.db", home / "outbox")

    assert found == care.Report(N_RECORDS, (), 0, (), 0)
    assert found.is_well


def test_a_newer_podiums_file_is_left_as_it_is(home, tmp_path):
    path, copy = home / "podium.db", tmp_path / "copy.db"
    for one in (path, copy):
        SqliteStore(one).close()
        connection = apsw.Connection(str(one))
        connection.pragma("user_version", len(MIGRATIONS) + 1)
        connection.close()

    for care_for in (
        lambda: care.check(path, home / "outbox"),
        lambda: care.restore(path, home / "outbox", copy),
        lambda: care.repair(path, home / "outbox"),
        lambda: care.back_up(path, home / "outbox", tmp_path / "another.db"),
    ):
        with pytest.raises(StoreError, match="written by a newer Podium"):
            care_for()

    assert list(home.glob("podium.db.*-*")) == [], "nothing was put aside"
    assert not (tmp_path / "another.db").exists()


@pytest.mark.parametrize("is_repaired", [False, True])
def test_a_copy_of_an_earlier_version_takes_its_place(home, is_repaired):
    old = FORMATS / "records-1" / "sqlite.db"

    done = care.restore(home / "podium.db", home / "outbox", old)
    if is_repaired:
        done = care.repair(home / "podium.db", home / "outbox")

    store = SqliteStore(home / "podium.db")
    assert store.insert([sample(9, role="replay")]).inserted == 1
    roles = [one.role for one in store.page(RecordQuery(), limit=10).records]
    assert (done.n_records, roles) == (4, ["replay"] + ["primary"] * 4)
    store.close()


def test_a_copy_holds_what_waits_in_the_outbox_too(home, tmp_path):
    outbox = Outbox(home / "outbox")
    outbox.append([sample(N_RECORDS), sample(N_RECORDS + 1)])
    copy = tmp_path / "copy.db"

    n_waiting = care.check(home / "podium.db", home / "outbox").n_waiting
    n_records = care.back_up(home / "podium.db", home / "outbox", copy)
    outbox.close()

    assert n_waiting == 2
    assert n_records == len(ids_in(copy)) == N_RECORDS + 2
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


def test_a_copy_replaces_no_file(home, tmp_path):
    taken = tmp_path / "taken.db"
    taken.write_text("mine")

    with pytest.raises(SetupError, match="exists already"):
        care.back_up(home / "podium.db", home / "outbox", taken)

    assert taken.read_text() == "mine"


def test_a_damaged_file_is_reported_and_its_readable_records_are_rescued(home):
    path, before = home / "podium.db", ids_in(home / "podium.db")
    damage(path)

    found = care.check(path, home / "outbox")
    mended = care.repair(path, home / "outbox")
    after = ids_in(path)

    print(f"{mended.n_records} rescued, {mended.n_lost} lost")
    assert found.problems
    assert mended.aside.name.startswith("podium.db.damaged-")
    assert mended.aside.is_file()
    assert len(after) == mended.n_records
    assert after <= before
    assert 0.7 * N_RECORDS < len(after) < N_RECORDS
    assert mended.n_lost > 0
    assert care.check(path, home / "outbox").is_well


def test_a_file_without_a_head_is_refused_with_what_to_do(home):
    path = home / "podium.db"
    path.write_bytes(b"garbage" * 10_000)

    assert care.check(path, home / "outbox").problems
    with pytest.raises(StoreError) as raised:
        care.repair(path, home / "outbox")

    assert "restore a backup" in raised.value.hint
    assert path.is_file()


def test_a_copy_is_restored_while_a_store_is_open_and_the_store_goes_on_with_it(home, tmp_path):
    path, copy = home / "podium.db", tmp_path / "copy.db"
    care.back_up(path, home / "outbox", copy)
    store = SqliteStore(path)
    store.insert([sample(N_RECORDS)])

    mended = care.restore(path, home / "outbox", copy)
    store.insert([sample(N_RECORDS + 1)])
    n_seen = sum(len(page) for page in pages(store, RecordQuery(), limit=1_000))
    store.close()

    assert n_seen == N_RECORDS + 1
    assert len(ids_in(path)) == N_RECORDS + 1
    assert len(ids_in(mended.aside)) == N_RECORDS + 1


@pytest.mark.parametrize("what", ["damaged", "foreign", "missing"])
def test_what_is_no_whole_copy_is_not_restored(home, tmp_path, what):
    path, copy = home / "podium.db", tmp_path / "copy.db"
    if what == "damaged":
        care.back_up(path, home / "outbox", copy)
        damage(copy)
    elif what == "foreign":
        copy.write_bytes((b"SQLite format 3\0" + bytes(84)).ljust(4_096, b"\0"))

    with pytest.raises((SetupError, StoreError)):
        care.restore(path, home / "outbox", copy)

    assert len(ids_in(path)) == N_RECORDS


def test_the_commands_say_what_they_did(home, tmp_path, capsys):
    where, copy = ["--home", str(home)], str(tmp_path / "copy.db")

    assert run(["records", "check", *where]) == 0
    assert run(["records", "backup", copy, *where]) == 0
    damage(home / "podium.db")
    assert run(["records", "check", *where]) == 4
    assert run(["records", "repair", *where]) == 0
    assert run(["records", "restore", copy, *where]) == 0
    said = capsys.readouterr().out

    assert "3,000 records, intact" in said
    assert f"{copy} contains 3,000 records." in said
    assert "podium records repair" in said
    assert "podium.db.damaged-" in said
    assert "podium.db.replaced-" in said


def test_other_databases_have_tools_of_their_own(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PODIUM_STORE", "postgresql://me:secret@db/records")

    assert run(["records", "check", "--home", str(tmp_path)]) == 1

    said = capsys.readouterr().err
    assert "pg_dump" in said
    assert "secret" not in said
