"""The zoo as a whole: how many kinds of models were tried, and how many compiled."""

from __future__ import annotations

import pytest

KINDS_MIN = 70
SHARE_MIN = 0.9


def test_most_kinds_of_models_compile(zoo):
    """Runs last: pytest takes the files of a folder by the alphabet, and this one is below all."""
    tried = {line[0] for line in zoo.lines}
    compiled = {line[0] for line in zoo.lines if line[2] == "yes"}
    if len(tried) < KINDS_MIN / 2:
        pytest.skip("only a part of the zoo was run")

    assert len(tried) >= KINDS_MIN
    assert len(compiled) >= SHARE_MIN * len(tried)


def test_no_label_differs_in_the_whole_zoo(zoo):
    labels = [line[5] for line in zoo.lines if line[5]]

    assert set(labels) <= {"0"}
