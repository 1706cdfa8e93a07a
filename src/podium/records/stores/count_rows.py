"""What rows and documents of counts have in common: their id, and their tally."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from typing import Any

import msgspec

from podium.errors import StoreError
from podium.records.counted import Key, Tally, tally_of

# As `Tally.numbers` has them.
NUMBERS = ("n_rows", "n_counted", "n_refused", "counts")


def id_of(key: Key, layout: str) -> str:
    """The same for what is added up."""
    text = msgspec.json.encode([*key, layout])
    return hashlib.sha256(text).hexdigest()[:32]


def read_tally(layout: bytes, numbers: Sequence[Any]) -> Tally:
    """The tally of a row.

    Args:
        layout: compressed.
        numbers: the values of NUMBERS.

    Raises:
        StoreError: the row is damaged.
    """
    try:
        return tally_of(zlib.decompress(layout).decode(), numbers)
    except (zlib.error, ValueError) as error:
        raise StoreError(f"counts in the database are damaged: {error}") from error
