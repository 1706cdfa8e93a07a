"""Which of two answers a caller would rather have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.web.accept import quality

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "media", "expected"),
    [
        ("", "text/html", 1.0),
        ("  ", "text/html", 1.0),
        ("*/*", "text/html", 1.0),
        (BROWSER, "text/html", 1.0),
        (BROWSER, "application/json", 0.8),
        ("application/json", "text/html", 0.0),
        ("text/*;q=0.5, text/html;q=0.1", "text/html", 0.1),
        ("text/html;q=0, */*", "text/html", 0.0),
        ("TEXT/HTML; level=1; Q=0.3", "text/html", 0.3),
        ("text/html;q=much", "text/html", 0.0),
        ("text/html;q=nan", "text/html", 0.0),
        ("text/html;q=7", "text/html", 0.0),
        (",,text/html,", "text/html", 1.0),
    ],
)
def test_the_most_specific_range_decides(accept, media, expected):
    assert quality(accept, media) == expected


@given(st.text())
def test_whatever_the_header_says_is_a_share(accept):
    assert 0 <= quality(accept, "text/html") <= 1
