"""Observers, which are notified of every predicted row after its response was sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from podium.flow.request import Prepared, RequestContext
from podium.flow.version import LoadedVersion
from podium.outputs import Outputs


@dataclass(frozen=True, slots=True)
class Observation:
    """A request that got its response.

    Attributes:
        outputs: of its rows alone.
        ids: of the records, one for each row; empty if nothing is recorded.
    """

    version: LoadedVersion
    context: RequestContext
    prepared: Prepared
    outputs: Outputs
    ids: tuple[str, ...]


class Observer(Protocol):
    """Is notified of responses: the interface for drift, alerts and live pages."""

    def observe(self, some: Sequence[Observation]) -> None:
        """Receive requests whose responses were sent together.

        Called on the event loop if there is one, so it must return quickly; exceptions that it
        raises are logged and don't affect the response.
        """
