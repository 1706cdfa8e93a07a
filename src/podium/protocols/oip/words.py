"""Errors in the words of Triton, where its clients look for them, and else in ours."""

from __future__ import annotations

from podium.http import Problem
from podium.protocols.words import one_line, unknown_name


def unknown_model(name: str, version: str = "") -> str:
    """What Triton says of a model or a version that it doesn't serve."""
    which = f" version {version}" if version else ""
    return f"Request for unknown model: '{name}'{which} is not found"


def text_of(problem: Problem) -> str:
    """A problem in one line: what is wrong, with the first invalid cells, and what to do."""
    name = unknown_name(problem)
    return one_line(problem) if name is None else unknown_model(name)
