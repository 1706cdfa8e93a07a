"""Errors on their way through the app's error handlers."""

from __future__ import annotations

import flask
from werkzeug.exceptions import HTTPException

from podium import http


class Problem(HTTPException):
    """An error of ours, as the handlers of an app take it: by its `code`, or by this class.

    Where the app has no handler for it, and where the handler returns `error.get_response()`, it is
    told as Podium tells it: people read a page, programs `application/problem+json`.

    Attributes:
        problem: what stands in a problem's JSON: detail, hint, cells.
        is_for_people: whether whoever asked reads pages.
    """

    def __init__(self, problem: http.Problem, response: flask.Response) -> None:
        super().__init__(problem.detail, response)
        self.code = problem.status
        self.problem = problem
        self.is_for_people = response.mimetype == "text/html"

    @property
    def name(self) -> str:
        """What it is called."""
        return self.problem.title
