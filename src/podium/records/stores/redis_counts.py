"""Counts in Redis or Valkey, in which those of several servers meet."""

from __future__ import annotations

import random
import struct
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from itertools import chain
from typing import Any, TypeAlias

import msgspec

from podium.errors import StoreError
from podium.records.counted import HOURS_A_DAY, Entry, Found, Key, Role, Tallies, Tally, tally_of
from podium.records.stores.redis_database import RedisDatabase

# Each failed try means that another server added to the same counts.
TRIES = 200
PAUSE_S = 0.02
_PIECE = 500
_HOUR_MAX = 2**32 - 1
# Of a member of the index: the model, the first hour and the number of hours, what else tells counts
# apart.
_MEMBER = struct.Struct(">8sIB16s")
_START = struct.Struct(">8sI")
# A generator of its own: a program may have seeded the global one.
_random = random.Random()  # noqa: S311 - not a secret

_READ = """
local members = redis.call('ZRANGEBYLEX', KEYS[2], ARGV[1], ARGV[2])
local values = {}
for n = 1, #members do values[n] = redis.call('HGET', KEYS[1], members[n]) end
return {members, values, redis.call('HGET', KEYS[4], ARGV[3])}
"""
# 1: changed; 0: other values are there by now; 2: this entry was added before.
_CHANGE = """
if ARGV[1] ~= '' then
  local last = redis.call('HGET', KEYS[4], ARGV[1])
  if last and tonumber(last) >= tonumber(ARGV[2]) then return 2 end
end
local start = 4 + tonumber(ARGV[3])
for at = start, #ARGV, 3 do
  if (redis.call('HGET', KEYS[1], ARGV[at]) or '') ~= ARGV[at + 1] then return 0 end
end
for at = start, #ARGV, 3 do
  local member, value = ARGV[at], ARGV[at + 2]
  if value == '' then
    redis.call('HDEL', KEYS[1], member)
    redis.call('ZREM', KEYS[2], member)
  else
    redis.call('HSET', KEYS[1], member, value)
    redis.call('ZADD', KEYS[2], 0, member)
  end
end
for at = 4, start - 1 do redis.call('SADD', KEYS[3], ARGV[at]) end
if ARGV[1] ~= '' then redis.call('HSET', KEYS[4], ARGV[1], ARGV[2]) end
return 1
"""


class _Row(msgspec.Struct, frozen=True, array_like=True):
    """Counts as they are stored; the layout is compressed."""

    model: str
    digest: str
    role: Role
    hour: int
    n_hours: int
    layout: bytes
    numbers: tuple[int, int, int, bytes]


_encode, _rows = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(_Row)
# A member of the index, and what is stored under it before and after: b"" is nothing.
_Change: TypeAlias = tuple[bytes, bytes, bytes]
# What is added, by its member of the index.
_Sums: TypeAlias = dict[bytes, tuple[Key, Tally]]


class RedisCounts:
    """Counts in a hash, with a sorted set of its fields, in the order of their bytes.

    Sums are computed here, because Lua's numbers are doubles. A script writes them, and the number
    of the entry, if the values from which they were computed are still there; else it is tried
    again. So no count is lost or added twice, whoever adds at once.

    Args:
        database: the caller closes it.
    """

    def __init__(self, database: RedisDatabase) -> None:
        self._database = database
        # Of the hash, its index, the names of models, and the last entry of each source.
        names = ("count", "count_index", "count_model", "count_source")
        self._keys = tuple(map(database.key, names))
        self._count, self._index, self._models, _ = self._keys

    def is_there(self) -> bool:
        """There is always a place for counts."""
        return True

    def add(self, entry: Entry, tallies: Tallies) -> None:
        """Add counts, all or none; an entry that was added before changes nothing."""
        added = _summed(tallies)
        self._change(lambda: self._additions(added), entry)

    def read(
        self, model: str, since_hour: int, until_hour: int, source: str = ""
    ) -> tuple[Found, int]:
        """The counts of a model, and the last entry of a source in them."""
        arguments = (*_between(model, since_hour, until_hour), source)
        _, values, number = self._database.script(_READ, self._keys, arguments)
        found: Found = {}
        for value in values:
            key, tally = _counts_of(value)
            if key.model == model:
                found.setdefault(key, []).append(tally)
        return found, int(number or 0) if found else 0

    def last_hours(self) -> dict[str, int]:
        """The last hour in which something of each model was counted; of a day its last one."""
        hours: dict[str, int] = {}
        for model in self._known():
            last = self._members(model, 0, _HOUR_MAX, n_last=1)
            if last:
                # A day that began before the last hour may end after it.
                began = max(_place(last[0])[0] - HOURS_A_DAY, 0)
                places = map(_place, self._members(model, began, _HOUR_MAX))
                hours[model] = max(hour + n_hours - 1 for hour, n_hours in places)
        return hours

    def make_days(self, before_hour: int) -> int:
        """Add up the hours of each day before this hour; returns how many hours were replaced."""
        before_hour -= before_hour % HOURS_A_DAY
        days: dict[tuple[str, int], list[bytes]] = {}
        for model in self._known():
            for member in self._members(model, 0, before_hour):
                hour, n_hours = _place(member)
                if n_hours == 1:
                    days.setdefault((model, hour // HOURS_A_DAY), []).append(member)
        return sum(map(self._make_day, days.values()))

    def forget(self, before_hour: int) -> None:
        """Delete what was counted before this hour."""
        for model in self._known():
            old = self._members(model, 0, before_hour)
            for start in range(0, len(old), _PIECE):
                some = old[start : start + _PIECE]
                self._change(partial(self._deletions, some))

    def _make_day(self, hours: Sequence[bytes]) -> int:
        """Replace hours by their day; returns how many were left of them."""

        def changes() -> list[_Change]:
            deletions = self._deletions(hours)
            rows = [_counts_of(before) for _, before, _ in deletions]
            day = _summed((key.day, tally) for key, tally in rows)
            return deletions + self._additions(day)

        return sum(not after for _, _, after in self._change(changes))

    def _change(
        self, changes: Callable[[], list[_Change]], entry: Entry | None = None
    ) -> list[_Change]:
        """Make changes, all or none, and return them; nothing if the entry was added before."""
        for tried in range(TRIES):
            found = changes()
            models = {_rows.decode(after).model for _, _, after in found if after}
            source, number = (b"", 0) if entry is None else entry
            arguments = (source, number, len(models), *models, *chain.from_iterable(found))
            result = self._database.script(_CHANGE, self._keys, arguments)
            if result:
                return found if result == 1 else []
            time.sleep(PAUSE_S * min(tried, 10) * _random.random())
        raise StoreError("counts in Redis change all the time", hint="it is tried again")

    def _additions(self, added: _Sums) -> list[_Change]:
        before = self._values(list(added))
        return [
            (member, value or b"", _value(key, tally, value))
            for (member, (key, tally)), value in zip(added.items(), before, strict=True)
        ]

    def _deletions(self, members: Sequence[bytes]) -> list[_Change]:
        """Of those that are there."""
        pairs = zip(members, self._values(members), strict=True)
        return [(member, value, b"") for member, value in pairs if value is not None]

    def _known(self) -> list[str]:
        found = self._database.run(lambda client: client.smembers(self._models))
        return sorted(name.decode() for name in found)

    def _members(
        self, model: str, since_hour: int, until_hour: int, *, n_last: int = 0
    ) -> list[bytes]:
        """What is in the index of some hours of a model; if so wanted, the last ones first."""
        first, last = _between(model, since_hour, until_hour)

        def look(client: Any) -> list[bytes]:
            found: list[bytes] = (
                client.zrevrangebylex(self._index, last, first, start=0, num=n_last)
                if n_last
                else client.zrangebylex(self._index, first, last)
            )
            return found

        return self._database.run(look)

    def _values(self, members: Sequence[bytes]) -> list[bytes | None]:
        if not members:
            return []
        found: list[bytes | None] = self._database.run(
            lambda client: client.hmget(self._count, members)
        )
        return found


def _hash(*texts: str, size: int = 8) -> bytes:
    return blake2b("\0".join(texts).encode(), digest_size=size).digest()


def _member(key: Key, layout: str) -> bytes:
    rest = _hash(key.digest, key.role, layout, size=16)
    return _MEMBER.pack(_hash(key.model), key.hour, key.n_hours, rest)


def _place(member: bytes) -> tuple[int, int]:
    """The first hour, and the number of hours."""
    _, hour, n_hours, _ = _MEMBER.unpack(member)
    return hour, n_hours


def _between(model: str, since_hour: int, until_hour: int) -> tuple[bytes, bytes]:
    hours = (min(max(hour, 0), _HOUR_MAX) for hour in (since_hour, until_hour))
    first, last = (_START.pack(_hash(model), hour) for hour in hours)
    return b"[" + first, b"(" + last


def _summed(rows: Iterable[tuple[Key, Tally]]) -> _Sums:
    added: _Sums = {}
    for key, tally in rows:
        member = _member(key, tally.layout)
        if member in added:
            added[member][1].add(tally)
        else:
            added[member] = (key, replace(tally))
    return added


def _value(key: Key, tally: Tally, before: bytes | None) -> bytes:
    """What is stored once a tally was added to what was stored before."""
    total = replace(tally)
    if before is not None:
        total.add(_counts_of(before)[1])
    return _encode(_Row(*key, zlib.compress(tally.layout.encode()), total.numbers))


def _counts_of(raw: bytes) -> tuple[Key, Tally]:
    try:
        row = _rows.decode(raw)
        layout = zlib.decompress(row.layout).decode()
        key = Key(row.model, row.digest, row.role, row.hour, row.n_hours)
        return key, tally_of(layout, row.numbers)
    except (zlib.error, ValueError) as error:
        raise StoreError(f"counts in Redis are damaged: {error}") from error
