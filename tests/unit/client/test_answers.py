"""Answers of a server, and those of several requests as one."""

from __future__ import annotations

from podium.client.answers import Predictions, joined


def test_the_distances_of_several_requests_are_those_of_their_rows():
    parts = [
        Predictions(
            predictions=[label], distances=[{"0": label + 0.5, "1": 2.0}], versions=["1"], ids=["a"]
        )
        for label in (0, 1)
    ]

    found = joined(parts)

    assert found[1].distances == {"0": 1.5, "1": 2.0}
    assert [one.distances for one in found] == [{"0": 0.5, "1": 2.0}, {"0": 1.5, "1": 2.0}]
    assert joined([Predictions(predictions=[1], versions=["1"])])[0].distances is None
