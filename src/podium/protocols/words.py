"""Problems as one line of text, for the clients of other systems, whose errors have no more."""

from __future__ import annotations

import re

from podium.http import Problem

CELLS_MAX = 10
_NO_MODEL = re.compile(r"no model is called '(?P<name>.*)'")


def unknown_name(problem: Problem) -> str | None:
    """The name of the model that isn't served, if that is the problem."""
    found = _NO_MODEL.fullmatch(problem.detail) if problem.status == 404 else None
    return None if found is None else found["name"]


def one_line(problem: Problem) -> str:
    """What is wrong, with the first invalid cells, and what to do."""
    if len(problem.cells) > 1:
        text = f"{problem.n_cells} values are not accepted: "
        text += "; ".join(map(str, problem.cells[:CELLS_MAX]))
        return text if problem.n_cells <= CELLS_MAX else f"{text}; and more"
    return f"{problem.detail}; {problem.hint}" if problem.hint else problem.detail
