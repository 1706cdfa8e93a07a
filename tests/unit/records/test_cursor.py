"""Cursors come back as they were, and nothing else is read as one."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from podium.errors import InputError
from podium.records.cursor import BadCursor, cursor_of, read_cursor
from podium.testing.stores.samples import sample

ID = "0" * 32


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


@given(st.integers(0, 2**53 - 1), st.text("0123456789abcdef", min_size=32, max_size=32))
def test_a_cursor_comes_back_and_is_safe_in_an_address(time_us: int, record_id: str) -> None:
    cursor = cursor_of(sample(id=record_id, time_us=time_us))

    assert read_cursor(cursor) == (time_us, record_id)
    assert re.fullmatch(r"[\w-]+", cursor, re.ASCII)


@given(st.text())
@example("\ud800")
@example("A")
@example("AAAA====")
def test_any_other_text_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(BadCursor) as raised:
        read_cursor(text)

    assert isinstance(raised.value, InputError)
    assert raised.value.hint


@pytest.mark.parametrize(
    "inside",
    [
        f"-1.{ID}",
        f"+1.{ID}",
        f"1_0.{ID}",
        f"01.{ID}",
        f"{2**53}.{ID}",
        f"{10**40}.{ID}",
        f"1.{ID}0",
        f"1.{ID[1:]}",
        f"1.{ID[2:]}0x",
        f"1.{ID[1:]}A",
        f"1.{ID}\n",
        f".{ID}",
        f"1{ID}",
        f"\u0661.{ID}",
    ],
)
def test_a_place_that_cannot_be_is_refused(inside: str) -> None:
    with pytest.raises(BadCursor):
        read_cursor(encoded(inside))


def test_a_cursor_with_other_characters_between_is_refused() -> None:
    good = cursor_of(sample())

    with pytest.raises(BadCursor):
        read_cursor(f"{good[:8]}!\n !{good[8:]}")
