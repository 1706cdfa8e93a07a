"""The formats of files that are sent to be scored."""

from __future__ import annotations

import pytest

from podium.errors import UnsupportedMedia
from podium.web.scored_files import _format


@pytest.mark.parametrize("file", ["rows.arrow", "rows.feather", "rows.doc", "rows.xlsx.gz", ""])
def test_arrow_files_of_strangers_are_refused_as_what_isnt_known(file: str):
    with pytest.raises(UnsupportedMedia, match="is of no format that can be scored") as refused:
        _format(file, "")

    assert "arrow" not in (refused.value.hint or "")
    assert _format("rows.csv.gz", "") == ".csv.gz"
