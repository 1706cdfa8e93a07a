"""Submissions of the fast lane: their responses are sent as bytes, without a coroutine."""

from __future__ import annotations

from typing import Protocol

from podium.flow.submission import Submission
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
    """A request on one of our connections. The lane sets the attributes."""

    __slots__ = ("head", "lane", "request_body", "requester", "verdict")

    lane: Sender
    requester: Requester
    head: PredictHead
    request_body: bytes
    verdict: Verdict | None

    @property
    def traceparent(self) -> str:
        """The same in the head: contexts are shared by all requests of an actor."""
        return self.head.traceparent

    def deliver(self) -> None:
        """Send the response."""
        self.lane.send(self)
