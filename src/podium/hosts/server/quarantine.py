"""Requests that ended a worker: recognized later, and not run again and again."""

from __future__ import annotations

from collections.abc import Sequence

from podium.errors import Quarantined
from podium.flow.job import Job
from podium.hosts.server.scoreboard import IN_FLIGHT_MAX, Scoreboard

KILLS_MAX = 2


def blamed(suspects: dict[bytes, int], in_flight: Sequence[bytes]) -> dict[bytes, int]:
    """The suspects after a worker ended while it ran these requests.

    A request that ran alone is to blame. Of several any may be, so each of them runs alone from now
    on.
    """
    after = dict(suspects)
    for digest in in_flight:
        count = after.pop(digest, 0)  # and added again at the end: the oldest are dropped first
        after[digest] = min(count + 1, KILLS_MAX) if len(in_flight) == 1 else max(count, 1)
    return after


class Quarantine:
    """A worker's view of such requests, which also reports its own to the supervisor.

    Args:
        slot: this worker's place on the scoreboard.
    """

    def __init__(self, scoreboard: Scoreboard, slot: int) -> None:
        self._scoreboard = scoreboard
        self._slot = slot
        self._generation = -1
        self._suspects: dict[bytes, int] = {}
        self._free = list(range(IN_FLIGHT_MAX))
        self._taken: dict[int, list[int]] = {}
        self._n_calls = 0

    def check(self, job: Job) -> None:
        """Refuse a request that ended the process twice.

        Raises:
            Quarantined: it did.
        """
        if self._count(job) >= KILLS_MAX:
            raise Quarantined(
                "this request crashed a worker process twice, so it is refused",
                hint="change the rows, or tell the operator of this server",
            )

    def is_suspect(self, job: Job) -> bool:
        """Whether it was running when a process ended: such a request runs alone."""
        return self._count(job) > 0

    def begin(self, jobs: Sequence[Job]) -> int:
        """Record that these requests run; returns a number for `end`."""
        self._n_calls += 1
        places = []
        for job in jobs:
            if not self._free:  # requests that aren't recorded can't be blamed
                break
            place = self._free.pop()
            self._scoreboard.begin(self._slot, place, job.digest)
            places.append(place)
        self._taken[self._n_calls] = places
        return self._n_calls

    def end(self, number: int) -> None:
        """Record that they are done, and the process survived."""
        for place in self._taken.pop(number):
            self._scoreboard.end(self._slot, place)
            self._free.append(place)

    def _count(self, job: Job) -> int:
        if self._scoreboard.generation != self._generation:
            self._generation = self._scoreboard.generation
            self._suspects = self._scoreboard.suspects()
        return self._suspects.get(job.digest, 0) if self._suspects else 0
