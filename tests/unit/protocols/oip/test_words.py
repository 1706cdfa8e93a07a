"""Errors as one line of text."""

from __future__ import annotations

import pytest

from podium.access import Action, Actor
from podium.errors import BadCell, InvalidRows, NotFound
from podium.policy.authority import require
from podium.protocols.oip.words import text_of
from podium.web import problems


def test_an_unknown_model_is_called_what_triton_calls_it():
    other = Actor("eve", "Eve")
    with pytest.raises(NotFound) as error:
        require(other, Action.PREDICT, "iris")

    assert text_of(problems.of_error(error.value)) == (
        "Request for unknown model: 'iris' is not found"
    )


def test_invalid_cells_are_listed_up_to_a_point():
    cells = [BadCell(row=row, field="a", problem="is missing") for row in range(12)]

    text = text_of(problems.of_error(InvalidRows(cells, n_cells=40)))

    assert text.startswith("40 values are not accepted: row 0, a: is missing; row 1")
    assert text.endswith("row 9, a: is missing; and more")


def test_what_to_do_is_part_of_the_text():
    assert text_of(problems.of_error(NotFound("no page", hint="see /docs"))) == "no page; see /docs"
