"""One key for one thing, however its caller writes it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.records.business_key import business_key_of
from podium.records.storable import KEY_LENGTH, reason_to_refuse
from podium.testing.stores.samples import sample


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("4711", "4711"),
        (" 4711\t", "4711"),
        (4711, "4711"),
        (4711.0, "4711"),
        (0.5, "0.5"),
        ("Zoë 🐧", "Zoë 🐧"),
        ("e\u0301", "e\u0301"),  # another text than é, which looks the same
        ("", None),
        (" \n", None),
        (None, None),
        (True, None),
        (float("inf"), None),
        (float("nan"), None),
        ("a\x00b", None),
        ("\ud800", None),
        ([1], None),
    ],
)
def test_what_is_written_is_one_key(value: object, key: str | None) -> None:
    assert business_key_of(value) == key


def test_long_keys_stay_apart() -> None:
    long, longer = "k" * KEY_LENGTH, "k" * (KEY_LENGTH + 1)

    assert business_key_of(long) == long
    keys = {business_key_of(longer), business_key_of(longer + "k")}
    assert len(keys) == 2
    assert all(key is not None and key.startswith("sha256:") for key in keys)


@given(st.text(st.characters(exclude_categories=[])) | st.floats() | st.integers())
def test_every_key_can_be_stored_and_is_its_own(value: object) -> None:
    key = business_key_of(value)

    assert reason_to_refuse(sample(1, business_key=key)) is None
    assert business_key_of(key) == key
