"""Observers of refused rows: none of them changes what the caller is told."""

from __future__ import annotations

from podium.errors import InvalidRows
from podium.testing import Client


def test_an_observer_that_fails_changes_no_refusal_and_stops_no_other_observer(app, caplog):
    seen: list[InvalidRows] = []

    def fails(_version: object, _error: InvalidRows) -> None:
        raise RuntimeError("can't start new thread")

    def sees(_version: object, error: InvalidRows) -> None:
        seen.append(error)

    observers = app.service.refused_rows.observers
    before = list(observers)
    observers[:] = [fails, sees]
    try:
        answer = Client(app).post("/api/models/loans/predict", {"no such field": 1})
    finally:
        observers[:] = before

    assert answer.status == 422
    assert len(seen) == 1
    assert "observer_failed" in caplog.text
