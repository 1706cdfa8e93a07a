"""How long records are kept, and when older ones are deleted."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

DAY_US = 86_400_000_000
EVERY_S = 3_600.0
# Clock corrections are smaller than this; a bigger jump may be a mistake.
JUMP_MAX_S = 3_600.0
# If the jump is intended, the clock stays that way for this long.
BELIEVED_AFTER_S = 86_400.0

_log = logging.getLogger("podium")


class Retention:
    """Decides when to delete records, and which.

    A clock that jumps ahead would make every record look old: it isn't trusted for a day.

    Args:
        keep_days: how long records are kept; 0 keeps them for ever.
        wall_s: seconds since 1970.
        steady_s: seconds of a clock that can't be set.
    """

    def __init__(
        self,
        keep_days: int,
        *,
        wall_s: Callable[[], float] = time.time,
        steady_s: Callable[[], float] | None = None,
    ) -> None:
        self._keep_days = keep_days
        self._wall_s, self._steady_s = wall_s, steady_s or _since_boot_s
        self._offset_s = self._wall_s() - self._steady_s()
        self._jumped_s: float | None = None
        self._deleted_s: float | None = None

    def due_us(self) -> int | None:
        """The time before which records are to be deleted now; None if none are."""
        now_s = self._steady_s()
        if not self._keep_days:
            return None
        if self._deleted_s is not None and now_s - self._deleted_s < EVERY_S:
            return None
        if not self._trusts_clock(now_s):
            return None
        return int(self._wall_s() * 1e6) - self._keep_days * DAY_US

    def done(self) -> None:
        """They were deleted: the next deletion is in an hour."""
        self._deleted_s = self._steady_s()

    def _trusts_clock(self, now_s: float) -> bool:
        offset_s = self._wall_s() - now_s
        if offset_s - self._offset_s <= JUMP_MAX_S:
            self._offset_s, self._jumped_s = offset_s, None
            return True
        if self._jumped_s is None:
            self._jumped_s = now_s
            _log.warning(
                "clock_jumped: by %.0f s; no records are deleted for a day",
                offset_s - self._offset_s,
            )
        if now_s - self._jumped_s < BELIEVED_AFTER_S:
            return False
        self._offset_s, self._jumped_s = offset_s, None
        return True


def _since_boot_s() -> float:
    """Seconds of a clock that can't be set, and that continues while the machine sleeps."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
