"""How often and when a request is sent again."""

from __future__ import annotations

import datetime as dt
import email.utils

import pytest

from podium.client.retries import Retries, passes, retry_after_s
from podium.errors import ModelNotLoaded, Overloaded, RateLimited


def test_waits_double_with_jitter_up_to_their_bound() -> None:
    retries = Retries(10, first_s=1.0, wait_max_s=5.0)

    waits = [[retries.wait_s(n) for _ in range(200)] for n in range(1, 11)]

    for most_s, found in zip([1, 2, 4, *[5] * 7], waits, strict=True):
        assert 0.8 * most_s < max(one or 0 for one in found) <= most_s
        assert min(one or 0 for one in found) < 0.2 * most_s
    assert retries.wait_s(11) is None


def test_the_server_is_waited_for_as_long_as_it_asks_within_the_bound() -> None:
    retries = Retries(3, first_s=0.5, wait_max_s=10.0)

    assert all(4.0 <= (retries.wait_s(1, 4.0) or 0) <= 4.5 for _ in range(100))
    assert retries.wait_s(1, 10.5) is None
    assert Retries(0).wait_s(1) is None


def test_retry_after_is_read_as_seconds_or_as_a_date() -> None:
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=90)

    assert retry_after_s("7") == 7.0
    assert retry_after_s(email.utils.format_datetime(later, usegmt=True)) == pytest.approx(
        90, abs=5
    )
    assert [retry_after_s(text) for text in (None, "", "soon", "-5")] == [0.0] * 4


def test_only_what_passes_by_itself_is_sent_again() -> None:
    limited, busy = RateLimited("x", limit=1, retry_after_s=1), Overloaded("x")

    assert passes(429, limited)
    assert all(passes(status, busy) for status in (502, 503, 504))
    assert not any(passes(status, busy) for status in (400, 401, 404, 408, 409, 422, 500, 501))
    assert not passes(503, ModelNotLoaded("x"))
