"""Quotas: how many requests an actor may send, over all processes that share a home, or a Redis."""

from __future__ import annotations

import mmap
import os
import struct
import time
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

from podium.access import Actor
from podium.errors import SetupError
from podium.http import EXPLANATIONS, OTHERS, PREDICTIONS, Verdict
from podium.policy.addresses import network_of
from podium.policy.quota_exchange import DEBT_MAX_S, QuotaExchange
from podium.settings import Settings

FILE_NAME = "quota.bin"
PERIOD_S = 60.0
# Pages are cheaper than predictions, and one prediction by form takes several.
OTHERS_TIMES = 10
# A hash of the caller, and until when their minute is used up.
_SLOT = struct.Struct("=Qd")
N_SLOTS = 65_536
# The number of neighbouring slots that are searched.
PROBES = 8


class Quota:
    """Counts the requests of each user, of each user's tokens, and of each anonymous address.

    Predictions are counted separately, so that looking at pages doesn't use them up.

    Each has a virtual queue that empties evenly (the generic cell rate algorithm of ATM): a whole
    minute's requests may come at once, and then one after each interval. The state is one
    timestamp each, in a file that all processes map. Two writers at the same moment may lose a
    count; nobody waits for a lock.

    Args:
        settings: their `quota_token`, `quota_user` and `quota_address`.
        folder: where the file is.
        exchange: adds what other servers counted, a moment later; the caller closes it.
        clock_s: a clock that all processes of the machine share.

    Raises:
        SetupError: the file can't be created.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        exchange: QuotaExchange | None = None,
        *,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._exchange = exchange
        self._clock_s = clock_s
        # A time further ahead is from before the machine was restarted.
        self._ahead_max_s = (PERIOD_S if exchange is None else DEBT_MAX_S) + 1
        try:
            fd = os.open(folder / FILE_NAME, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                os.ftruncate(fd, _SLOT.size * N_SLOTS)
                self._slots = mmap.mmap(fd, _SLOT.size * N_SLOTS)
            finally:
                os.close(fd)
        except OSError as error:
            raise SetupError(f"{folder / FILE_NAME} can't be used: {error.strerror}") from error

    def take(self, actor: Actor, address: str, *, is_prediction: bool = True) -> Verdict | None:
        """Count a request, unless it is one too many; None if nothing is counted.

        Args:
            address: of the client, by which anonymous callers are counted.
            is_prediction: whether it is a prediction; everything else counts as a page.
        """
        settings = self._settings
        if actor.via:  # all tokens of a user together, or else a new token would be a new quota
            limit, key = settings.quota_token, f"token {actor.owner}"
        elif actor.is_known:
            limit, key = settings.quota_user, f"user {actor.owner}"
        else:
            limit, key = settings.quota_address, f"address {network_of(address)}"
        if not limit:
            return None
        if is_prediction:
            return self._take(key, limit, PREDICTIONS)
        return self._take(f"other {key}", OTHERS_TIMES * limit, OTHERS)

    def take_explanation(self, actor: Actor, address: str) -> Verdict:
        """Count an explanation, unless it is one too many; the setting limits them."""
        if actor.is_known:  # pages and tokens together
            key = f"user {actor.owner}"
        else:
            key = f"address {network_of(address)}"
        return self._take(f"explain {key}", self._settings.quota_explanations, EXPLANATIONS)

    def close(self) -> None:
        """Close the file."""
        self._slots.close()

    def _take(self, key: str, limit: int, counted: str) -> Verdict:
        now_s = self._clock_s()
        name = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "little") or 1
        at, until_s = self._find(name, now_s)
        interval_s = PERIOD_S / limit
        used_s = max(until_s - now_s, 0.0)
        if used_s + interval_s > PERIOD_S + 1e-9:
            if self._exchange is not None:  # others may know that it takes longer
                self._exchange.add(name, 0.0, self._settle)
            return Verdict(limit, 0, used_s, used_s + interval_s - PERIOD_S, counted)
        used_s += interval_s
        _SLOT.pack_into(self._slots, at, name, now_s + used_s)
        if self._exchange is not None:
            self._exchange.add(name, interval_s, self._settle)
        remaining = int((PERIOD_S - used_s) / interval_s + 1e-6)
        return Verdict(limit, remaining, used_s, counted=counted)

    def _settle(self, name: int, used_s: float) -> None:
        """Set what all servers counted together; what this one counted since isn't lost."""
        now_s = self._clock_s()
        at, until_s = self._find(name, now_s)
        if now_s + used_s > until_s:
            _SLOT.pack_into(self._slots, at, name, now_s + used_s)

    def _find(self, name: int, now_s: float) -> tuple[int, float]:
        """The slot of a name, and until when it is used up: its own, a free one, or the oldest."""
        free, oldest_s = 0, float("inf")
        for probe in range(PROBES):
            at = (name + probe) % N_SLOTS * _SLOT.size
            found, until_s = _SLOT.unpack_from(self._slots, at)
            is_current = now_s < until_s <= now_s + self._ahead_max_s
            if found == name:
                return at, until_s if is_current else now_s
            if (until_s if is_current else 0.0) < oldest_s:
                free, oldest_s = at, until_s if is_current else 0.0
        return free, now_s


def open_quota(
    settings: Settings, folder: Callable[[], Path], exchange: QuotaExchange | None = None
) -> Quota | None:
    """The quota according to the settings, or None.

    Args:
        folder: creates the home folder, and returns it.
        exchange: with other servers.
    """
    if not (settings.quota_token or settings.quota_user or settings.quota_address):
        return None
    return Quota(settings, folder(), exchange)
