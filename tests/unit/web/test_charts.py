"""Charts: the paths that are drawn."""

from __future__ import annotations

import re

from podium.web.charts import HEIGHT, WIDTH, line_of, overlay_of, shares_of


def test_a_line_goes_from_edge_to_edge_and_breaks_where_nothing_was():
    path = line_of([10.0, 20.0, 30.0, 40.0], [0.0, 5.0, None, 10.0], most=10.0).path

    assert path == f"M0.0 {HEIGHT}.0h0L200.0 50.0M{WIDTH}.0 0.0h0"


def test_a_line_of_nothing_lies_on_the_ground():
    assert line_of([10.0, 12.0], [0.0, 0.0], most=0.0).path == "M0.0 100.0h0L600.0 100.0"
    assert line_of([10.0], [None], most=0.0).path == ""


def test_bars_are_shares_so_that_unequal_numbers_of_rows_compare():
    overlay = overlay_of([10, 30], [1_000, 3_000])

    heights = [re.findall(r"v-([\d.]+)", path) for path in (overlay.before, overlay.now)]
    assert heights == [["33.3", "100"], ["33.3", "100"]]


def test_what_is_rare_is_visible_and_what_is_not_there_is_not():
    overlay = overlay_of([1, 999_999, 0], [0, 0, 0])

    assert re.findall(r"v-([\d.]+)", overlay.before) == ["2", "100"]
    assert overlay.now == ""
    assert shares_of([0, 0]) == [0.0, 0.0]
