"""Who looks on: told of every answered row, after its answer left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from podium.flow.request import Prepared, RequestContext
from podium.flow.version import LoadedVersion
from podium.outputs import Outputs


@dataclass(frozen=True, slots=True)
class Observation:
    """A request that was answered.

    Attributes:
        outputs: of its rows alone.
        ids: of the records, one a row; empty when nothing is recorded.
    """

    version: LoadedVersion
    context: RequestContext
    prepared: Prepared
    outputs: Outputs
    ids: tuple[str, ...]


class Observer(Protocol):
    """Learns what was answered: drift, alerts and pages that show it live hang here."""

    def observe(self, some: Sequence[Observation]) -> None:
        """Take note of requests that were answered together.

        Called on the event loop where there is one, so that it must not take long; what it raises is
        logged, and changes nothing for those who asked.
        """
