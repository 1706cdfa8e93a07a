"""Columns of texts compile: each way to cut them into terms, and to weigh these."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier


@pytest.fixture(scope="module")
def lines():
    """Lines of the descriptions of some data sets, and which one each is about."""
    rows = [
        (line, name, len(line))
        for name in ("iris", "wine", "breast_cancer", "diabetes")
        for line in getattr(datasets, f"load_{name}")().DESCR.splitlines()
        if line.count(" ") > 3
    ]
    texts, names, lengths = zip(*rows, strict=True)
    # Some have accents, runs of spaces and signs, as people write.
    texts = [f"Données  \t {t} Ünïté ½!" if i % 5 == 0 else t for i, t in enumerate(texts)]
    return pd.DataFrame({"line": texts, "length": lengths}), list(names)


def fit(vectorizer, lines, model=None):
    X, y = lines
    columns = ColumnTransformer(
        [("t", vectorizer, "line"), ("n", StandardScaler(), ["length"])], sparse_threshold=0
    )
    return make_pipeline(columns, model or LogisticRegression(max_iter=5_000)).fit(X, y)


def compiles(zoo, model, X):
    compiled, _, _ = zoo.compile(model, X)
    assert compiled.program is not None, compiled.why
    assert compiled.verification.difference < 1e-10
    return compiled


def name_of(case):
    """The same in each process: without addresses."""
    return re.sub(" at 0x[0-9a-f]+", "", str(case))


def len_of(text):
    return f"{text[:2]}{len(text)}"


@pytest.mark.parametrize(
    "vectorizer",
    [
        CountVectorizer(),
        CountVectorizer(analyzer=str.split, max_features=300),
        CountVectorizer(tokenizer=str.split, token_pattern=None, ngram_range=(1, 2), min_df=2),
        CountVectorizer(preprocessor=str.upper, analyzer="char", max_features=90),
        TfidfVectorizer(
            preprocessor=lambda text: text.strip().replace("-", "_").casefold(),
            tokenizer=lambda text: text.split(" "),
            token_pattern=None,
            max_features=200,
        ),
        HashingVectorizer(n_features=64, tokenizer=str.split, token_pattern=None),
        CountVectorizer(binary=True, max_features=50),
        CountVectorizer(lowercase=False, stop_words="english"),
        CountVectorizer(strip_accents="unicode", stop_words=["the", "iris"], ngram_range=(1, 3)),
        CountVectorizer(strip_accents="ascii", ngram_range=(2, 2), min_df=2),
        CountVectorizer(analyzer="char", ngram_range=(1, 3), max_features=200),
        CountVectorizer(analyzer="char", ngram_range=(2, 5), max_features=200),
        CountVectorizer(analyzer="char_wb", ngram_range=(1, 4), max_features=200),
        CountVectorizer(analyzer="char_wb", ngram_range=(6, 9), max_features=200),
        CountVectorizer(token_pattern=r"[a-zA-Z']+"),
        CountVectorizer(token_pattern=r"(?u)\b\w+\b"),
        CountVectorizer(token_pattern=r"\S+"),
        CountVectorizer(vocabulary=["class", "the", "wine", "never there"]),
        TfidfVectorizer(),
        TfidfVectorizer(sublinear_tf=True, norm="l1", smooth_idf=False),
        TfidfVectorizer(use_idf=False, norm=None, binary=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), max_df=0.5),
        HashingVectorizer(n_features=512),
        HashingVectorizer(n_features=64, norm=None, alternate_sign=False, binary=True),
        HashingVectorizer(n_features=100, norm="l1", analyzer="char", ngram_range=(1, 4)),
        make_pipeline(CountVectorizer(), TfidfTransformer()),
        make_pipeline(CountVectorizer(ngram_range=(1, 2)), TfidfTransformer(sublinear_tf=True)),
        make_pipeline(HashingVectorizer(n_features=256, norm=None), TfidfTransformer()),
        make_pipeline(HashingVectorizer(n_features=256), TfidfTransformer()),
        make_pipeline(HashingVectorizer(n_features=256, norm="l1"), TfidfTransformer(norm="l2")),
        make_pipeline(HashingVectorizer(n_features=256), TfidfTransformer(norm=None)),
    ],
    ids=name_of,
)
def test_a_vectorizer_compiles(zoo, lines, vectorizer):
    compiles(zoo, fit(vectorizer, lines), lines[0])


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(HashingVectorizer(), SGDClassifier(random_state=0)),
        make_pipeline(
            HashingVectorizer(n_features=2**17, alternate_sign=False), LogisticRegression()
        ),
        make_pipeline(HashingVectorizer(alternate_sign=False), MultinomialNB()),
        make_pipeline(HashingVectorizer(norm=None), TfidfTransformer(), LinearSVC()),
        make_pipeline(HashingVectorizer(), TfidfTransformer(), LinearSVC()),
        make_pipeline(HashingVectorizer(), TruncatedSVD(5, random_state=0), LogisticRegression()),
        make_pipeline(HashingVectorizer(), SVC(kernel="linear")),
        make_pipeline(
            FeatureUnion(
                [("word", HashingVectorizer()), ("char", TfidfVectorizer(analyzer="char_wb"))],
                transformer_weights={"char": 0.5},
            ),
            RidgeClassifier(),
        ),
        make_pipeline(CountVectorizer(), SelectKBest(chi2, k=30), LogisticRegression()),
        make_pipeline(TfidfVectorizer(), OneVsRestClassifier(LogisticRegression())),
    ],
    ids=lambda one: re.sub(r" at 0x\w+", "", str(one)),
)
def test_a_pipeline_that_begins_with_texts_compiles_to_sums(zoo, lines, model):
    X, y = list(lines[0]["line"]), lines[1]
    model.fit(X, y)

    compiled = compiles(zoo, model, X)

    kinds = {type(operation).__name__ for operation in compiled.program.plan.operations}
    assert "TermSum" in kinds
    assert compiled.verification.n_rows == len(X)


def test_a_million_columns_stand_beside_others(zoo, lines):
    X, y = lines
    columns = ColumnTransformer([("t", HashingVectorizer(), "line"), ("n", "passthrough", [1])])

    compiles(zoo, make_pipeline(columns, SGDClassifier(random_state=0)).fit(X, y), X)


def test_no_rows_of_a_million_columns_are_written_out(zoo, lines):
    X, y = list(lines[0]["line"])[::8], lines[1][::8]
    trees = make_pipeline(HashingVectorizer(), DecisionTreeClassifier()).fit(X, y)
    wider = make_pipeline(HashingVectorizer(n_features=2**23), MultinomialNB(force_alpha=False))
    wider[0].set_params(alternate_sign=False)

    assert "1048576 columns of terms, not only their" in zoo.compile(trees, X)[0].why
    assert "8388608 columns; up to" in zoo.compile(wider.fit(X, y), X)[0].why


@pytest.mark.parametrize(
    ("vectorizer", "model"),
    [
        (CountVectorizer(), KNeighborsClassifier(3)),
        (CountVectorizer(), KNeighborsClassifier(15, weights="distance")),
        (TfidfVectorizer(), KNeighborsClassifier(3)),
        (HashingVectorizer(n_features=512), KNeighborsClassifier(5)),
    ],
    ids=str,
)
def test_equally_near_texts_are_those_of_the_original(zoo, lines, vectorizer, model):
    X, y = list(lines[0]["line"]), lines[1]

    compiles(zoo, make_pipeline(vectorizer, model).fit(X, y), X)


def test_sparse_rows_have_no_other_distance(zoo, lines):
    X, y = list(lines[0]["line"]), lines[1]
    model = make_pipeline(CountVectorizer(), KNeighborsClassifier(3, metric="manhattan")).fit(X, y)

    assert "its distance is manhattan" in zoo.compile(model, X)[0].why


def test_trees_take_terms(zoo, lines):
    compiles(zoo, fit(TfidfVectorizer(), lines, DecisionTreeClassifier()), lines[0])


def test_weights_of_counts_need_no_operation_of_their_own(zoo, lines):
    both = make_pipeline(CountVectorizer(), TfidfTransformer())

    compiled = compiles(zoo, fit(both, lines), lines[0])

    kinds = [type(operation).__name__ for operation in compiled.program.plan.operations]
    assert kinds.count("TermSum") == 1
    assert "Terms" not in kinds


def test_a_few_texts_that_repeat_are_texts_all_the_same(zoo):
    X, y = zoo.data("cars")
    columns = ColumnTransformer(
        [("t", CountVectorizer(analyzer="char", ngram_range=(2, 2)), "Origin")]
    )

    compiles(zoo, make_pipeline(columns, LogisticRegression()).fit(X, y > 20), X)


@pytest.mark.parametrize(
    ("vectorizer", "why"),
    [
        (CountVectorizer(analyzer=lambda text: [text]), "its analyzer: "),
        (CountVectorizer(tokenizer=list, token_pattern=None), "loops over rows"),
        (CountVectorizer(preprocessor=len_of), "its preprocessor: "),
        (CountVectorizer(strip_accents=str.upper), "pass it as `preprocessor`"),
        (CountVectorizer(token_pattern=r"(?u)\b(\w+)\w\b"), "token pattern"),
        (CountVectorizer(token_pattern=r"(?:\w+\s?)+"), "token pattern"),
        (CountVectorizer(analyzer="char", ngram_range=(1, 40), max_features=50), "1 to 40 parts"),
        (TfidfVectorizer(dtype=np.float32), "float32"),
    ],
    ids=name_of,
)
def test_what_is_code_or_could_take_for_ever_is_not_compiled(zoo, lines, vectorizer, why):
    X, y = lines[0][::8], lines[1][::8]

    compiled, _, _ = zoo.compile(fit(vectorizer, (X, y)), X)

    assert compiled.program is None
    assert why in compiled.why


def test_counts_that_came_through_another_step_are_weighed_where_that_is_possible(zoo, lines):
    X, y = lines
    counts = ColumnTransformer(
        [("a", CountVectorizer(max_features=20), "line"), ("b", "passthrough", ["length"])],
        sparse_threshold=0,
    )
    plain = make_pipeline(counts, TfidfTransformer(norm=None), LogisticRegression(max_iter=9_000))
    normed = make_pipeline(counts, TfidfTransformer(), LogisticRegression())

    compiles(zoo, plain.fit(X, y), X)
    compiled, _, _ = zoo.compile(normed.fit(X, y), X)

    assert "aren't counts" in compiled.why
