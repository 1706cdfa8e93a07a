"""Errors in the words of Triton, where its clients look for them, and else in ours."""

from __future__ import annotations

import re

from podium.http import Problem

CELLS_MAX = 10
_NO_MODEL = re.compile(r"no model is called '(?P<name>.*)'")


def unknown_model(name: str, version: str = "") -> str:
    """What Triton says of a model or a version that it doesn't serve."""
    which = f" version {version}" if version else ""
    return f"Request for unknown model: '{name}'{which} is not found"


def text_of(problem: Problem) -> str:
    """A problem in one line: what is wrong, with the first invalid cells, and what to do."""
    unknown = _NO_MODEL.fullmatch(problem.detail) if problem.status == 404 else None
    if unknown is not None:
        return unknown_model(unknown["name"])
    if len(problem.cells) > 1:
        text = f"{problem.n_cells} values are not accepted: "
        text += "; ".join(map(str, problem.cells[:CELLS_MAX]))
        return text if problem.n_cells <= CELLS_MAX else f"{text}; and more"
    return f"{problem.detail}; {problem.hint}" if problem.hint else problem.detail
