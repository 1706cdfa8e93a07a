"""Submissions of the fast lane: their responses are sent as bytes, without a coroutine."""

from __future__ import annotations

from typing import Protocol

from podium.flow.request import Prepared, RequestContext
from podium.flow.submission import Submission
from podium.flow.version import LoadedVersion
from podium.hosts.server.head import PredictHead
from podium.http import Verdict


class Requester(Protocol):
    """A connection that waits for a response."""

    @property
    def address(self) -> str:
        """The client's address."""

    def answer(self, data: bytes, *, is_last: bool) -> None:
        """Send the bytes of a response."""


class Sender(Protocol):
    """Sends the response of a submission: the lane."""

    def send(self, done: LaneSubmission) -> None:
        """Send the response."""


class LaneSubmission(Submission):
    """A request on one of our connections."""

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
