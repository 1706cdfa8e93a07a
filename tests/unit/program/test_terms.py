"""Terms of texts: counted as scikit-learn counts, and no plan makes that take for ever."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer

from podium.errors import BundleError, ModelError
from podium.program.operations import Analysis, Shapes, Terms, TermSum
from podium.program.operations.texts.analysis import is_safe

SAFE = [
    r"(?u)\b\w\w+\b",
    r"(?u)\b\w+\b",
    r"\b\w{3,12}\b",
    r"\w+",
    r"\S+",
    r"[A-Za-z]+",
    r"[^\W\d_]+",
    r"(?u)\b[a-zA-Z][\w'-]+\b",
    r"\b[^,;]+\b",
]
UNSAFE = [
    r"(\w+)+x",
    r"(?:a|aa)+",
    r"\w+\w+",
    r"\w*\w*\w*x",
    r"\S+\b",
    r"[a-z]+\b",
    r"\w+.*x",
    r"(?=\w)\w+",
    r"\w+\1",
    r"[z-a]+",
    r"[a&&b]+",
    r"",
    r"[[a]+",
    r"\w{1000}",
]


def rows_of(terms, *texts):
    shapes = Shapes(1)
    terms.check(shapes)
    return terms.prepare(shapes)([list(texts)], [])


@given(
    st.text(alphabet="aB cé\t\n.½ñ-1", max_size=30),
    st.sampled_from(["word", "char", "char_wb"]),
    st.integers(1, 6),
    st.integers(0, 5),
    st.booleans(),
    st.sampled_from([None, "ascii", "unicode"]),
)
def test_terms_are_those_of_scikit_learn(text, of, shortest, more, lowercase, accents):
    theirs = CountVectorizer(
        analyzer=of,
        ngram_range=(shortest, shortest + more),
        lowercase=lowercase,
        strip_accents=accents,
    )
    ours = Analysis(
        of=of,
        shortest=shortest,
        longest=shortest + more,
        is_lowered=lowercase,
        strip_accents=accents or "",
    )

    assert sorted(ours.prepare()(text)) == sorted(theirs.build_analyzer()(text))


@pytest.mark.slow
@given(st.lists(st.text(max_size=12), max_size=4))
def test_hashes_are_those_of_scikit_learn(words):
    text = " ".join(words).encode("utf-8", "replace").decode()
    theirs = HashingVectorizer(n_features=997, analyzer="char", ngram_range=(1, 7), norm=None)
    terms = Terms(0, Analysis(of="char", longest=7), n_hashed=997, is_signed=True)

    np.testing.assert_array_equal(rows_of(terms, text), theirs.transform([text]).toarray())


@pytest.mark.parametrize("pattern", SAFE)
def test_a_safe_pattern_takes_time_in_proportion_to_the_text(pattern):
    assert is_safe(pattern)
    terms = Analysis(pattern=pattern).prepare()
    texts = ["a" * 200_000, "a!" * 100_000, "!" * 200_000, "a" + "!" * 200_000, "a1'" * 70_000]

    began = time.process_time()
    for text in texts:
        list(terms(text))

    assert time.process_time() - began < 30  # some 0.1; hours, if it were the square


@pytest.mark.parametrize("pattern", UNSAFE)
def test_any_other_pattern_is_refused(pattern):
    assert not is_safe(pattern)
    with pytest.raises(BundleError):
        Terms(0, Analysis(pattern=pattern), ("a",)).check(Shapes(1))


@pytest.mark.parametrize(
    "terms",
    [
        Terms(1, Analysis(), ("a",)),
        Terms(0, Analysis()),
        Terms(0, Analysis(), ("a",), n_hashed=4),
        Terms(0, Analysis(), ("a", "a")),
        Terms(0, Analysis(), ("a", "b"), weights=np.ones(3)),
        Terms(0, Analysis(), n_hashed=4, is_sublinear=True),
        Terms(0, Analysis(shortest=3, longest=2), ("a",)),
    ],
    ids=range(7),
)
def test_a_plan_that_contradicts_itself_is_refused(terms):
    with pytest.raises(BundleError):
        terms.check(Shapes(1))


@pytest.mark.parametrize(
    "sums",
    [
        TermSum(0, Analysis(), ("a", "b"), sums=np.ones(2)),
        TermSum(0, Analysis(), ("a", "b"), sums=np.ones((3, 1))),
        TermSum(0, Analysis(), n_hashed=8, sums=np.ones((1, 1)), places=np.array([8], np.int32)),
        TermSum(0, Analysis(), n_hashed=8, sums=np.ones((1, 1)), places=np.array([-1], np.int32)),
        TermSum(0, Analysis(), n_hashed=8, sums=np.ones((2, 1)), places=np.array([1], np.int32)),
    ],
    ids=range(5),
)
def test_sums_that_do_not_fit_their_terms_are_refused(sums):
    with pytest.raises(BundleError):
        sums.check(Shapes(1))


def test_sums_of_terms_are_products_of_their_rows():
    texts = ["a b b", "", "b c", "nothing"]
    weights = np.array([[1.0, 2.0], [4.0, 8.0]])
    terms = Terms(0, Analysis(pattern=r"\w+"), ("a", "b", "c"), norm="l1")
    sums = TermSum(
        0,
        terms.analysis,
        terms.vocabulary,
        norm="l1",
        sums=weights,
        places=np.array([2, 1], np.int32),
    )

    expected = rows_of(terms, *texts) @ np.array([[0, 0], weights[1], weights[0]])
    np.testing.assert_allclose(rows_of(sums, *texts), expected)


@pytest.mark.parametrize("cell", [None, 3, 2.5, b"text", np.nan])
def test_only_texts_have_terms(cell):
    with pytest.raises(ModelError):
        rows_of(Terms(0, Analysis(), ("text",)), "text", cell)


def test_a_text_without_known_terms_is_a_row_of_zeros():
    terms = Terms(0, Analysis(), ("one", "two"), norm="l2")

    assert rows_of(terms, "", "three", "one three").tolist() == [[0, 0], [0, 0], [1, 0]]
