"""Similarities of texts are the quick ratios of Python's difflib."""

from __future__ import annotations

from difflib import SequenceMatcher

import numpy as np
import pytest

from podium.errors import BundleError
from podium.program.operations import Shapes, Similarity, Texts
from podium.program.operations.texts import similarity

LETTERS = list("abcAB \u00e9\U0001f600")


def test_similarities_are_those_of_difflib():
    draw = np.random.default_rng(0)
    texts = ["".join(draw.choice(LETTERS, n)) for n in draw.integers(0, 25, 120)]
    known = ("", "zz", *dict.fromkeys(text for text in texts[:15] if text))

    found = Similarity(0, known).prepare(Shapes(1))([], [[*texts, None]])

    ratios = [[SequenceMatcher(None, a, b).quick_ratio() for b in known] for a in texts]
    np.testing.assert_array_equal(found[:-1], ratios)
    assert np.isnan(found[-1]).all()


def test_no_rows_have_no_similarities():
    assert Similarity(0, ("a", "b")).prepare(Shapes(1))([], [[]]).shape == (0, 2)


def test_a_plan_with_too_many_texts_is_refused(monkeypatch):
    shapes = Shapes(1)
    shapes.add(Texts(0).check(shapes))
    monkeypatch.setattr(similarity, "LETTERS_MAX", 3)

    Similarity(0, ("ab",)).check(shapes)
    for texts in ((), ("ab", "cd")):
        with pytest.raises(BundleError):
            Similarity(0, texts).check(shapes)
