"""Files that appear as a whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from podium.errors import SetupError
from podium.scoring.draft import Draft


def test_a_file_that_mustnt_be_replaced_stays_however_late_it_came(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with Draft(path, replaces=False) as draft:
        draft.open()
        draft.file.write(b"mine")
        draft.seal()
        path.write_bytes(b"of another")

        with pytest.raises(SetupError, match="exists already"):
            draft.publish()

    assert path.read_bytes() == b"of another"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_where_there_was_none_has_one_name(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with Draft(path, replaces=False) as draft:
        draft.open()
        draft.file.write(b"mine")
        draft.seal()
        draft.publish()

    assert path.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_nlink == 1
