"""A folder of parts that appears as a whole, or not at all."""

from __future__ import annotations

import threading
from itertools import count
from pathlib import Path

import pytest

from podium.errors import SetupError
from podium.scoring.folder import FolderDraft


def test_nothing_remains_of_a_draft_to_which_others_still_write(tmp_path: Path):
    begun = threading.Event()

    def write(folder: FolderDraft) -> None:
        for number in count():
            try:
                folder.part(number, ".csv").touch()
            except FileNotFoundError:
                return
            begun.set()

    with FolderDraft(tmp_path / "out", is_forced=False) as folder:
        writer = threading.Thread(target=write, args=(folder,))
        writer.start()
        assert begun.wait(timeout=60)

    writer.join(timeout=60)
    assert not writer.is_alive()
    assert list(tmp_path.iterdir()) == []


def test_a_published_folder_takes_the_place_of_an_earlier_one(tmp_path: Path):
    for content in ("first", "second"):
        with FolderDraft(tmp_path / "out", is_forced=True) as folder:
            folder.part(0, ".csv").write_text(content)
            folder.publish()

    assert (tmp_path / "out/part-00000.csv").read_text() == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_first_of_two_runs_to_the_same_folder_stays(tmp_path: Path):
    with (
        FolderDraft(tmp_path / "out", is_forced=False) as first,
        FolderDraft(tmp_path / "out", is_forced=False) as second,
    ):
        for draft, content in ((first, "first"), (second, "second")):
            draft.part(0, ".csv").write_text(content)
        first.publish()

        with pytest.raises(SetupError, match="exists already"):
            second.publish()

    assert (tmp_path / "out/part-00000.csv").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
