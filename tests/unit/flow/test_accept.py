"""Which of two answers a caller would rather have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import podium
from podium.flow.accept import quality
from podium.testing import Client


@podium.model
def twice(x: float) -> float:
    return 2 * x


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


@pytest.mark.parametrize(
    ("accept", "body", "media"),
    [
        ("", b'{"x": 1}', "application/json"),
        ("*/*", b'{"x": 1}', "application/json"),
        ("text/csv;q=0, application/json", b'{"x": 1}', "application/json"),
        ("application/json;q=0.1, text/csv;q=0.9", b'[{"x": 1}]', "text/csv; charset=utf-8"),
        ("text/csv, application/json", b'[{"x": 1}]', "application/json"),
        ("text/*", b'{"x": 1}', "text/csv; charset=utf-8"),
        ("application/ndjson", b'{"x": 1}', "application/x-ndjson"),
        ("image/png", b'{"x": 1}', "application/json"),
        ("application/json;q=0, */*", b'{"x": 1}', "text/csv; charset=utf-8"),
    ],
)
def test_an_answer_is_written_as_its_caller_wants_it_most(tmp_path, accept, body, media):
    app = podium.App(twice, home=str(tmp_path), records=False)

    reply = Client(app).post(
        "/api/models/twice/predict", body=body, accept=accept, content_type="application/json"
    )

    app.close()
    assert reply.status == 200
    assert reply.media == media
