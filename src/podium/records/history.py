"""What was said of a record before its feedback was corrected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from podium.records.record import Feedback

# So many corrections are kept: the first statement, and the latest ones.
HISTORY_MAX = 20
# Of texts that are long: so much is kept, and the latest statement in any case.
HISTORY_MAX_BYTES = 2**18


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was said, as `Feedback` has it.

    Attributes:
        truth: as it was given.
        time_us: when, in microseconds since 1970.
        actor: who.
    """

    truth: Any
    time_us: int
    actor: str | None = None
    note: str = ""


_statements = msgspec.json.Decoder(list[Statement])


def earlier_statements(feedback: Feedback | None) -> Sequence[Statement]:
    """What was said before, oldest first."""
    if feedback is None or feedback.earlier is None:
        return ()
    return _statements.decode(feedback.earlier)


def succeeding(before: Feedback | None, new: Feedback) -> Feedback:
    """The feedback of a record that had some before: it remembers it.

    The same truth of the same actor with the same note is no correction: it changes nothing, so that
    a request may be repeated.
    """
    new = msgspec.structs.replace(new, earlier=None)
    if before is None:
        return new
    last, said = statement_of(before), statement_of(new)
    if _text(msgspec.structs.replace(last, time_us=said.time_us)) == _text(said):
        return before
    earlier = [*earlier_statements(before), last]
    while len(earlier) > 1 and _is_too_much(earlier):
        del earlier[1 if len(earlier) > 2 else 0]
    return msgspec.structs.replace(new, earlier=msgspec.json.encode(earlier))


def statement_of(feedback: Feedback) -> Statement:
    """What feedback says, without what was said before."""
    return Statement(
        truth=msgspec.json.decode(feedback.truth),
        time_us=feedback.time_us,
        actor=feedback.actor,
        note=feedback.note,
    )


def _text(said: Statement) -> bytes:
    """A statement as a text, in which 1 and true differ, and the order of keys makes no difference."""
    return msgspec.json.encode(said, order="sorted")


def _is_too_much(earlier: Sequence[Statement]) -> bool:
    return len(earlier) > HISTORY_MAX or len(msgspec.json.encode(earlier)) > HISTORY_MAX_BYTES
