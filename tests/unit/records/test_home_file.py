"""Small files of the home folder: made at the first change, moved on, and never another program's."""

from __future__ import annotations

import sqlite3

import apsw
import pytest

from podium.errors import RegistryError, StoreError
from podium.records.home_file import HomeFile


class Notes(HomeFile):
    """One table; the newest version has a second column."""

    application_id = 0x4E6F7465
    migrations = (
        "CREATE TABLE note (text TEXT NOT NULL) STRICT;",
        "ALTER TABLE note ADD COLUMN author TEXT;",
    )


class OldNotes(Notes):
    """As an earlier release had it."""

    migrations = Notes.migrations[:1]


class KeptNotes(Notes):
    """With connections that stay open."""

    is_kept = True
    journal = "wal"
    error = RegistryError


@pytest.fixture(params=[Notes, KeptNotes])
def notes(request, tmp_path):
    file = request.param(tmp_path / "notes.db")
    yield file
    file.close()


def test_there_is_no_file_before_the_first_change(notes):
    with notes.looking() as connection:
        assert connection is None
    assert not notes.path.exists()


def test_a_change_is_seen_as_a_whole_or_not_at_all(notes):
    with notes.changing() as connection:
        connection.execute("INSERT INTO note VALUES ('a', 'ada')")
    two = "INSERT INTO note VALUES ('b', 'ada'); INSERT INTO note VALUES (NULL, 'ada')"
    with pytest.raises(notes.error), notes.changing() as connection:
        connection.execute(two)

    with notes.looking() as connection:
        assert connection.execute("SELECT * FROM note").fetchall() == [("a", "ada")]
    assert notes.path.stat().st_mode & 0o777 == 0o600


def test_a_file_of_an_earlier_release_is_moved_on_when_it_is_read(notes):
    with OldNotes(notes.path).changing() as connection:
        connection.execute("INSERT INTO note VALUES ('a')")

    with notes.looking() as connection:
        assert connection.execute("SELECT text, author FROM note").fetchall() == [("a", None)]


def test_a_file_of_a_newer_release_or_of_another_program_stays_as_it_is(notes):
    with notes.changing():
        pass
    notes.close()
    before = notes.path.read_bytes()
    with pytest.raises(StoreError, match="newer Podium"), OldNotes(notes.path).looking():
        pass
    assert notes.path.read_bytes() == before

    notes.path.unlink()
    with sqlite3.connect(notes.path) as connection:
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    with pytest.raises(notes.error, match="another program"), notes.changing():
        pass


def test_what_is_no_database_is_the_error_of_the_file_with_a_hint(notes):
    notes.path.write_bytes(b"no database" * 500)

    with pytest.raises(notes.error, match="can't be used") as caught, notes.looking():
        pass

    assert caught.value.hint == notes.hint
    assert isinstance(caught.value.__cause__, apsw.NotADBError)


def test_a_file_that_was_removed_begins_anew(notes):
    with notes.changing() as connection:
        connection.execute("INSERT INTO note VALUES ('a', NULL)")
    for path in notes.path.parent.glob("notes.db*"):
        path.unlink()

    with notes.changing() as connection:
        assert connection.execute("SELECT count(*) FROM note").get == 0
