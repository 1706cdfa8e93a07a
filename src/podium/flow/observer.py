"""Observers, which are notified of every predicted row after its response was sent, and of refusals."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from podium.errors import InvalidRows
from podium.flow.submission import Submission
from podium.flow.version import LoadedVersion

_log = logging.getLogger("podium")


class Observer(Protocol):
    """Is notified of responses: the interface for drift, alerts and live pages."""

    def observe(self, some: Sequence[Submission]) -> None:
        """Receive requests whose responses were sent together.

        What each holds stays as it is: its version, context and prepared rows, the outputs for its
        rows, and the ids of their records, which are empty if nothing is recorded.

        Called on the event loop if there is one, so it must return quickly; exceptions that it
        raises are logged and don't affect the response.
        """


class FailedRequests:
    """Requests that got no prediction, for whatever reason.

    Attributes:
        observers: called with the version, the status of HTTP, the `traceparent` of the request and
            when it began, by `time.perf_counter_ns`. As those of refused rows otherwise.
    """

    def __init__(self) -> None:
        self.observers: list[Callable[[LoadedVersion, int, str, int], object]] = []

    def notify(self, version: LoadedVersion, status: int, traceparent: str, began_ns: int) -> None:
        """Pass one on."""
        for observe in self.observers:
            try:
                observe(version, status, traceparent, began_ns)
            except Exception:  # noqa: BLE001 - an observer must not fail the requests
                _log.exception("observer_failed")


class RefusedRows:
    """Rows that a version refused: whoever reads requests notifies those who observe them.

    Attributes:
        observers: called with the version and what is wrong. They must return quickly; exceptions
            that they raise are logged and don't affect the response.
    """

    def __init__(self) -> None:
        self.observers: list[Callable[[LoadedVersion, InvalidRows], object]] = []

    def notify(self, version: LoadedVersion, error: InvalidRows) -> None:
        """Pass refused rows on."""
        for observe in self.observers:
            try:
                observe(version, error)
            except Exception:  # noqa: BLE001 - an observer must not fail the requests
                _log.exception("observer_failed")
