"""The scripts that change records in Redis, and their arguments.

The keys of each are those of the records, the feedback, the index and the groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from msgspec.structs import replace

from podium.records.record import Record
from podium.records.stores.redis_index import Group, group_of, members_of, range_of_group

# A script blocks the server for 10 us a record, and is one message: in pieces of so many records,
# or a little more than so many bytes.
ROWS_MAX = 500
BYTES_MAX = 2**22

# One command for many: each is parsed, and written to the log, for itself. Lua unpacks no more than
# 8,000 values.
INSERT = """
local groups = tonumber(ARGV[1])
for g = 2, groups + 1 do redis.call('SADD', KEYS[4], ARGV[g]) end
local members, said, records, seen = {}, {}, {}, {}
local at = groups + 2
while at <= #ARGV do
  local id, n = ARGV[at], tonumber(ARGV[at + 3])
  if not seen[id] and redis.call('HEXISTS', KEYS[1], id) == 0 then
    seen[id] = true
    for m = at + 4, at + 3 + n do
      members[#members + 1] = 0
      members[#members + 1] = ARGV[m]
    end
    if ARGV[at + 2] ~= '' then
      said[#said + 1] = id
      said[#said + 1] = ARGV[at + 2]
    end
    records[#records + 1] = id
    records[#records + 1] = ARGV[at + 1]
  end
  at = at + 4 + n
end
if #records > 0 then
  redis.call('ZADD', KEYS[3], unpack(members))
  if #said > 0 then redis.call('HSET', KEYS[2], unpack(said)) end
  redis.call('HSET', KEYS[1], unpack(records))
end
return #records / 2
"""
# 1: set; 0: there is other feedback by now; -1: there is no such record.
SET_FEEDBACK = """
local results = {}
for at = 1, #ARGV, 4 do
  local id, member, before, after = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local result = -1
  if redis.call('HEXISTS', KEYS[1], id) == 1 then
    result = 0
    if (redis.call('HGET', KEYS[2], id) or '') == before then
      redis.call('ZADD', KEYS[3], 0, member)
      redis.call('HSET', KEYS[2], id, after)
      result = 1
    end
  end
  results[#results + 1] = result
end
return results
"""
DELETE = """
local groups = tonumber(ARGV[1])
local ids, members, at = {}, {}, 2 * groups + 2
while at <= #ARGV do
  local n = tonumber(ARGV[at + 1])
  ids[#ids + 1] = ARGV[at]
  for m = at + 2, at + 1 + n do members[#members + 1] = ARGV[m] end
  at = at + 2 + n
end
local deleted = redis.call('HDEL', KEYS[1], unpack(ids))
redis.call('HDEL', KEYS[2], unpack(ids))
redis.call('ZREM', KEYS[3], unpack(members))
for g = 2, 2 * groups, 2 do
  local first, last = '[' .. ARGV[g + 1], '(' .. ARGV[g + 1] .. '\\255'
  if #redis.call('ZRANGEBYLEX', KEYS[3], first, last, 'LIMIT', 0, 1) == 0 then
    redis.call('SREM', KEYS[4], ARGV[g])
  end
end
return deleted
"""

encode, encode_json = msgspec.msgpack.Encoder().encode, msgspec.json.Encoder().encode


def insertions(records: Sequence[Record]) -> Iterator[list[bytes | int]]:
    """The arguments of INSERT, in pieces."""
    groups: dict[Group, bytes] = {}
    rows: list[bytes | int] = []
    n_rows = n_bytes = 0
    for record in records:
        group = group_of(record)
        range_ = groups.get(group) or groups.setdefault(group, range_of_group(group))
        said = record.feedback
        raw = encode(record if said is None else replace(record, feedback=None))
        members = members_of(record, range_, has_feedback=said is not None)
        feedback = b"" if said is None else encode(said)
        rows += (bytes.fromhex(record.id), raw, feedback, len(members), *members)
        n_rows, n_bytes = n_rows + 1, n_bytes + len(raw) + len(feedback)
        if n_rows == ROWS_MAX or n_bytes > BYTES_MAX:
            yield [len(groups), *map(encode_json, groups), *rows]
            groups, rows, n_rows, n_bytes = {}, [], 0, 0
    if rows:
        yield [len(groups), *map(encode_json, groups), *rows]


def deletion(records: Sequence[Record]) -> list[bytes | int]:
    """The arguments of DELETE."""
    groups = {group: range_of_group(group) for group in map(group_of, records)}
    arguments: list[bytes | int] = [len(groups)]
    for group, range_ in groups.items():
        arguments += (encode_json(group), range_)
    for record in records:
        members = members_of(record, groups[group_of(record)], has_feedback=True)
        arguments += (bytes.fromhex(record.id), len(members), *members)
    return arguments
