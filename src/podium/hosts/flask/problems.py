"""Errors on their way through the app's error handlers."""

from __future__ import annotations

import flask
from werkzeug.exceptions import HTTPException

from podium import http


class Problem(HTTPException):
    """One of our errors, which the app's error handlers can catch by its `code`, or by this class.

    If the app has no handler for it, or its handler returns `error.get_response()`, the response is
    Podium's own: a page for people, `application/problem+json` for programs.

    Attributes:
        problem: the content of a problem's JSON: detail, hint, cells.
        is_for_people: whether the client reads pages.
    """

    def __init__(self, problem: http.Problem, response: flask.Response) -> None:
        super().__init__(problem.detail, response)
        self.code = problem.status
        self.problem = problem
        self.is_for_people = response.mimetype == "text/html"

    @property
    def name(self) -> str:
        """Its title."""
        return self.problem.title
