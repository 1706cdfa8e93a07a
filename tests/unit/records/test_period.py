"""Moments and durations as people write them."""

from __future__ import annotations

import pytest

from podium.errors import SetupError
from podium.records.period import duration_s, moment_us

NOW_US = 1_700_000_000_000_000


def test_durations_have_a_unit() -> None:
    assert [duration_s(one) for one in ("90s", "30m", " 12h", "7d", "2w")] == [
        90, 1_800, 43_200, 604_800, 1_209_600,
    ]  # fmt: skip
    for wrong in ("", "7", "0d", "-1d", "7 d", "1.5h", "d", "7y", "9999999999d", "\u0667d"):
        with pytest.raises(SetupError, match="isn't a duration"):
            duration_s(wrong)


def test_a_moment_is_so_long_ago_or_a_time_in_utc() -> None:
    assert moment_us("2h", NOW_US) == NOW_US - 7_200_000_000
    assert moment_us("1970-01-02", NOW_US) == 86_400_000_000
    assert moment_us("1970-01-01T01:00:00.5+01:00", NOW_US) == 500_000
    for wrong in ("", "tomorrow", "2026-13-01", "7"):
        with pytest.raises(SetupError, match="neither a duration nor a time"):
            moment_us(wrong, NOW_US)
