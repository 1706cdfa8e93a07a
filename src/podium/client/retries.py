"""Which requests are sent again, and when."""

from __future__ import annotations

import datetime as dt
import email.utils
import random
from dataclasses import dataclass

from podium.errors import PodiumError

# The server, or a proxy before it, is busy or away for a while: nothing is wrong with the request.
PASSING = frozenset({429, 502, 503, 504})
# Problems with these statuses that don't pass by themselves.
LASTING = frozenset({"model_not_loaded"})


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a request is sent again after a failure that may pass.

    Between two attempts there is a random part of a time that doubles (source: Brooker, "Exponential
    Backoff And Jitter", AWS Architecture Blog, 2015), and at least what the server asks for.

    Args:
        n_max: the most retries of one request; 0 turns them off.
        first_s: the longest wait before the first retry.
        wait_max_s: the longest wait; if the server asks for more, the error is raised at once.
    """

    n_max: int = 5
    first_s: float = 0.25
    wait_max_s: float = 30.0

    def wait_s(self, n_failed: int, retry_after_s: float = 0.0) -> float | None:
        """How long to wait before the next attempt; None if there is none.

        Args:
            n_failed: how many attempts failed: 1 or more.
            retry_after_s: what the server asks for.
        """
        if n_failed > self.n_max or retry_after_s > self.wait_max_s:
            return None
        most_s = min(self.first_s * 2 ** (n_failed - 1), self.wait_max_s)
        return retry_after_s + random.uniform(0, most_s)  # noqa: S311 - no secret


def passes(status: int, error: PodiumError) -> bool:
    """Whether a request that got this error may succeed later."""
    return status in PASSING and error.code not in LASTING


def retry_after_s(header: str | None) -> float:
    """The seconds in a header Retry-After: a number, or a date; 0 without one."""
    if not header:
        return 0.0
    if header.strip().isdecimal():
        return float(header)
    try:
        when = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    if when.tzinfo is None:
        when = when.replace(tzinfo=dt.UTC)
    return max(0.0, (when - dt.datetime.now(dt.UTC)).total_seconds())
