"""The index of records in Redis: which members a record has, and in which order they are."""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import TypeAlias

import msgspec

from podium.records.record import Record, Role
from podium.records.store import RecordQuery

Place: TypeAlias = tuple[int, str]

_PLACE = struct.Struct(">Q16s")
# In a member of the index.
ID = slice(-16, None)
PLACE = slice(-_PLACE.size, None)


class Group(msgspec.Struct, frozen=True, array_like=True):
    """Records that share what most queries ask for."""

    model: str
    version: str
    role: Role


def range_of(kind: bytes, *values: str) -> bytes:
    """The beginning of the members of some records: texts of any length become eight bytes.

    Others may begin likewise, once in 2**64: what is read is compared with the query.
    """
    return kind + blake2b("\0".join(values).encode(), digest_size=8).digest()


def range_of_group(group: Group) -> bytes:
    """The beginning of the members of a group."""
    return range_of(b"g", group.model, group.version, group.role)


def group_of(record: Record) -> Group:
    """The group to which a record belongs."""
    return Group(record.model, record.version, record.role)


def place_of(record: Record) -> bytes:
    """The end of each member of a record: its time and its id, in the order of pages."""
    return _PLACE.pack(record.time_us, bytes.fromhex(record.id))


def members_of(record: Record, group: bytes, *, has_feedback: bool) -> list[bytes]:
    """The members of the index that belong to a record."""
    place = place_of(record)
    members = [group + place]
    if record.owner is not None:
        members.append(range_of(b"o", record.model, record.owner) + place)
    if record.business_key is not None:
        members.append(range_of(b"k", record.business_key) + place)
    if has_feedback:
        members.append(range_of(b"f", record.model) + place)
    return members


def bounds_of(query: RecordQuery, after: Place | None, *, is_newest: bool) -> tuple[bytes, bytes]:
    """The first place of a query, and the one after the last, as bytes."""
    top = 2**63 - 1
    since_us = min(max(query.since_us or 0, 0), top)
    until_us = top if query.until_us is None else min(max(query.until_us, 0), top)
    first, last = (_PLACE.pack(time_us, b"") for time_us in (since_us, until_us))
    if after is None:
        return first, last
    place = _PLACE.pack(after[0], bytes.fromhex(after[1]))
    return (first, min(last, place)) if is_newest else (max(first, place + b"\0"), last)
