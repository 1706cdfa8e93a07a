"""Problems as one line of text."""

from __future__ import annotations

from podium.access import Action, Actor
from podium.errors import BadCell, InvalidRows, NotFound, PodiumError
from podium.http import Problem
from podium.policy.authority import require
from podium.protocols.words import one_line, unknown_name
from podium.web import problems


def test_the_name_of_an_unknown_model_is_found():
    found = []
    try:
        require(Actor("eve", "Eve"), Action.PREDICT, "iris")
    except PodiumError as error:
        found = [unknown_name(problems.of_error(error))]

    assert found == ["iris"]
    assert unknown_name(problems.of_error(NotFound("there is nothing at /v1"))) is None


def test_invalid_cells_are_listed_up_to_a_point():
    cells = [BadCell(row=row, field="a", problem="is missing") for row in range(12)]

    text = one_line(problems.of_error(InvalidRows(cells, n_cells=40)))

    assert text.startswith("40 values are not accepted: row 0, a: is missing; row 1")
    assert text.endswith("row 9, a: is missing; and more")


def test_the_hint_is_part_of_the_line():
    one = Problem(type="", title="", status=400, detail="no", code="input", hint="send rows")

    assert one_line(one) == "no; send rows"
