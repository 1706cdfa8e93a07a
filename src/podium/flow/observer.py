"""Observers, which are notified of every predicted row after its response was sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from podium.flow.submission import Submission


class Observer(Protocol):
    """Is notified of responses: the interface for drift, alerts and live pages."""

    def observe(self, some: Sequence[Submission]) -> None:
        """Receive requests whose responses were sent together.

        What each holds stays as it is: its version, context and prepared rows, the outputs for its
        rows, and the ids of their records, which are empty if nothing is recorded.

        Called on the event loop if there is one, so it must return quickly; exceptions that it
        raises are logged and don't affect the response.
        """
