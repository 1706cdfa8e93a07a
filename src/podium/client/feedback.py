"""True outcomes in requests of a size that every server takes, and what became of them all."""

from __future__ import annotations

from typing import Any

import msgspec

from podium.client.answers import FeedbackOutcome
from podium.client.batches import BATCH_ROWS
from podium.client.rows import rows_of
from podium.errors import TimedOut


class FeedbackRows:
    """The rows of feedback that are still to be sent, and the outcome of those that were.

    Args:
        rows: of `id` or `key`, `truth` and perhaps `note`: as for predictions.
    """

    def __init__(self, rows: object) -> None:
        table = rows_of(rows)
        # A cell without a value isn't sent: `note` of one row, `key` of another that has an `id`.
        self._rows = [
            {name: value for name, value in table.row(at).items() if value is not None}
            for at in range(table.n_rows)
        ]
        self._at = 0
        self.outcome = FeedbackOutcome()

    @property
    def next(self) -> list[dict[str, Any]]:
        """The rows of the next request; empty if all were sent."""
        return self._rows[self._at : self._at + BATCH_ROWS]

    def sent(self, outcome: FeedbackOutcome) -> None:
        """Add the outcome of a request with the next rows.

        Raises:
            TimedOut: the server had no time for any of them.
        """
        n_done = len(self.next) - outcome.remaining
        if n_done <= 0:
            raise TimedOut(
                "the server's store took too long for a single row of feedback",
                hint=f"send the rows again, from row {self._at}",
            )
        total = self.outcome
        for name in ("added", "records", "unknown", "refused"):
            setattr(total, name, getattr(total, name) + getattr(outcome, name))
        total.rows += [msgspec.structs.replace(r, row=r.row + self._at) for r in outcome.rows]
        self._at += n_done
