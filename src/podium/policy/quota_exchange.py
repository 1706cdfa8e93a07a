"""What servers on several machines counted, exchanged through Redis a moment later."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, TypeAlias

from podium.errors import StoreError
from podium.plugins import needs
from podium.records import forks
from podium.records.open import without_password

EXCHANGE_S = 0.1
WAIT_S = 1.0
RETRY_S = (1.0, 10.0)  # at first, and at most
# How far ahead several servers together can use up a quota before they know of each other.
DEBT_MAX_S = 600.0
_PIECE = 1_000

# The queue of each caller, as `podium.policy.quota` describes it, by the clock of the Redis server.
_ADD = """
local clock, results = redis.call('TIME'), {}
local now_s = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
for n = 1, #KEYS do
  local used_s = math.max(tonumber(redis.call('GET', KEYS[n]) or '0') - now_s, 0)
  used_s = math.min(used_s + tonumber(ARGV[n]), tonumber(ARGV[#ARGV]))
  local until_s = string.format('%.6f', now_s + used_s)
  redis.call('SET', KEYS[n], until_s, 'PX', math.ceil(used_s * 1000) + 1000)
  results[n] = string.format('%.6f', used_s)
end
return results
"""

# Sets for how long a caller's quota is used up, by all servers together.
Settle: TypeAlias = Callable[[int, float], None]

_log = logging.getLogger("podium")


class QuotaExchange(forks.ForkAware):
    """Adds what this process counted to what others did, and passes the sums back.

    A thread of its own does that ten times a second, as long as there is something to add: no
    request waits for Redis, and each server still knows its own counts while Redis is down.

    Args:
        address: as `RedisDatabase` takes it.

    Raises:
        SetupError: the address is invalid.
        MissingExtra: the driver isn't installed.
    """

    def __init__(self, address: str) -> None:
        self.where = without_password(address)
        with needs("redis"):
            module: Any = import_module("podium.records.stores.redis_database")
        self._database = module.RedisDatabase(
            address, connect_s=WAIT_S, answer_s=WAIT_S, holds_records=False
        )
        self._waiting: dict[int, tuple[float, Settle]] = {}
        self._thread: threading.Thread | None = None
        self._reset()
        forks.watch(self)

    def add(self, name: int, used_s: float, settle: Settle) -> None:
        """Add to what a caller used; `settle` gets the sum of all servers, in another thread.

        Args:
            name: a hash of the caller.
        """
        with self._lock:
            before_s = self._waiting[name][0] if name in self._waiting else 0.0
            self._waiting[name] = (before_s + used_s, settle)
        if not self._is_needed.is_set():
            self._is_needed.set()
            self._start()

    def after_fork_in_child(self) -> None:
        """Leave the thread to the parent, with what waits there."""
        self._reset()

    def close(self) -> None:
        """End the thread."""
        self._is_closed.set()
        self._is_needed.set()
        if self._thread is not None:
            self._thread.join(3 * WAIT_S)
        self._database.close()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._is_needed, self._is_closed = threading.Event(), threading.Event()
        self._waiting, self._thread = {}, None

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and not self._is_closed.is_set():
                self._thread = threading.Thread(target=self._run, name="podium-quota", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        retry_s = 0.0
        while not self._is_closed.is_set():
            self._is_needed.wait()
            self._is_closed.wait(EXCHANGE_S)
            self._is_needed.clear()
            try:
                self._exchange()
            except StoreError as error:
                if not retry_s:
                    _log.warning(
                        "quota_store_down %s: each server counts for itself meanwhile",
                        error.message,
                    )
                retry_s = min(max(2 * retry_s, RETRY_S[0]), RETRY_S[1])
                self._is_closed.wait(retry_s)
                continue
            if retry_s:
                _log.warning("quota_store_up %s: servers count together again", self.where)
            retry_s = 0.0

    def _exchange(self) -> None:
        with self._lock:
            taken, self._waiting = self._waiting, {}
        names = list(taken)
        for start in range(0, len(names), _PIECE):
            some = {name: taken[name] for name in names[start : start + _PIECE]}
            self._add(some)

    def _add(self, some: Mapping[int, tuple[float, Settle]]) -> None:
        keys = [self._database.key(f"quota:{name:016x}") for name in some]
        used = [f"{used_s:.6f}" for used_s, _ in some.values()]
        sums = self._database.script(_ADD, keys, (*used, DEBT_MAX_S))
        for (name, (_, settle)), used_s in zip(some.items(), sums, strict=True):
            settle(name, float(used_s))


def open_exchange(address: str) -> QuotaExchange | None:
    """The exchange through this Redis, or None where there is no address.

    Raises:
        SetupError: the address is invalid.
        MissingExtra: the driver isn't installed.
    """
    return QuotaExchange(address) if address else None
