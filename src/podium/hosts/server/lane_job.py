"""Submissions of the fast lane: requests whose answers leave as bytes, without a coroutine."""

from __future__ import annotations

from typing import Protocol

from podium.flow.request import Prepared, RequestContext
from podium.flow.submission import Submission
from podium.flow.version import LoadedVersion
from podium.hosts.server.head import PredictHead
from podium.http import Verdict


class Requester(Protocol):
    """A connection that waits for an answer."""

    @property
    def address(self) -> str:
        """Of the client."""

    def answer(self, data: bytes, *, is_last: bool) -> None:
        """Send the bytes of a response."""


class Sender(Protocol):
    """What sends the response to a submission: the lane."""

    def send(self, done: LaneSubmission) -> None:
        """Send it."""


class LaneSubmission(Submission):
    """A request on a connection of ours."""

    __slots__ = ("head", "lane", "request_body", "requester", "verdict")

    def __init__(
        self,
        lane: Sender,
        requester: Requester,
        head: PredictHead,
        request_body: bytes,
        version: LoadedVersion,
        context: RequestContext,
        prepared: Prepared,
        verdict: Verdict | None,
        digest: bytes,
    ) -> None:
        super().__init__(version, context, prepared, digest=digest)
        self.lane = lane
        self.requester = requester
        self.head = head
        self.request_body = request_body
        self.verdict = verdict

    def deliver(self) -> None:
        """Send the response."""
        self.lane.send(self)
