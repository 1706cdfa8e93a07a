"""Embeddings of manifolds, topics and codes of dictionaries compile."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import (
    NMF,
    DictionaryLearning,
    LatentDirichletAllocation,
    MiniBatchDictionaryLearning,
    MiniBatchNMF,
    SparseCoder,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.manifold import Isomap, LocallyLinearEmbedding
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

SEED = {"random_state": 0}
ATOMS = np.random.default_rng(0).normal(size=(12, 10))


@pytest.mark.parametrize(
    "embedding",
    [
        Isomap(),
        Isomap(n_neighbors=8, n_components=3, neighbors_algorithm="brute"),
        Isomap(p=1, neighbors_algorithm="ball_tree"),
        LocallyLinearEmbedding(**SEED),
        LocallyLinearEmbedding(n_neighbors=12, n_components=3, reg=0.1, **SEED),
        LocallyLinearEmbedding(method="modified", n_neighbors=12, **SEED),
    ],
    ids=str,
)
def test_an_embedding_compiles(zoo, embedding):
    zoo.check(make_pipeline(embedding, Ridge()), "diabetes")


@pytest.mark.parametrize("n_topics", [1, 3])
def test_topics_of_numbers_compile(zoo, n_topics):
    topics = LatentDirichletAllocation(n_topics, max_iter=2, max_doc_update_iter=10, **SEED)

    zoo.check(make_pipeline(MinMaxScaler(clip=True), topics, Ridge()), "diabetes")


def test_topics_of_texts_compile(zoo):
    texts = ["a vine and a wine", "wine of the vine", "the sea and a ship", "ships at sea", ""] * 6
    topics = LatentDirichletAllocation(2, max_iter=5, **SEED)
    model = make_pipeline(CountVectorizer(), topics, LogisticRegression())
    model.fit(texts, [0, 0, 1, 1, 1] * 6)

    compiled, _, _ = zoo.compile(model, texts)

    assert compiled.program is not None, compiled.why
    assert compiled.verification.difference < 1e-10


def test_topics_refuse_negative_counts_as_the_original_does(zoo):
    X, _ = zoo.data("iris")
    model = make_pipeline(
        LatentDirichletAllocation(2, max_iter=2, max_doc_update_iter=10, **SEED), Ridge()
    )

    compiled, _, _ = zoo.compile(model.fit(X, X[:, 0]), X)

    assert compiled.program is not None, compiled.why
    assert compiled.verification.n_refused > 0


@pytest.mark.parametrize(
    "coder",
    [
        SparseCoder(ATOMS),
        SparseCoder(ATOMS, transform_n_nonzero_coefs=5),
        SparseCoder(ATOMS, transform_algorithm="lars", transform_n_nonzero_coefs=4),
        SparseCoder(ATOMS, transform_algorithm="lasso_lars", transform_alpha=0.5),
        SparseCoder(
            ATOMS, transform_algorithm="lasso_lars", positive_code=True, transform_alpha=0.1
        ),
        SparseCoder(ATOMS, transform_algorithm="threshold", transform_alpha=0.3, split_sign=True),
        DictionaryLearning(5, max_iter=5, transform_algorithm="lasso_lars", **SEED),
        MiniBatchDictionaryLearning(5, max_iter=3, **SEED),
    ],
    ids=lambda one: f"{type(one).__name__}-{one.transform_algorithm}-{one.positive_code}",
)
def test_codes_of_a_dictionary_compile(zoo, coder):
    zoo.check(make_pipeline(StandardScaler(), coder, Ridge()), "diabetes")


@pytest.mark.parametrize(
    ("transformer", "why"),
    [
        (NMF(2, max_iter=2_000, **SEED), "depends on the rows beside it"),
        (MiniBatchNMF(2, max_iter=2_000, **SEED), "depends on the rows beside it"),
        (Isomap(n_neighbors=None, radius=2.0), "with n_neighbors it compiles"),
        (
            DictionaryLearning(2, max_iter=2, transform_algorithm="lasso_cd", **SEED),
            "'lasso_lars' finds the same ones",
        ),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_would_compile_is_said(zoo, transformer, why):
    X, y = zoo.data("diabetes")
    model = make_pipeline(MinMaxScaler(clip=True), transformer, Ridge()).fit(X, y)

    assert why in zoo.compile(model, X)[0].why


@pytest.mark.parametrize("transformer", [Isomap(), SparseCoder(ATOMS), MinMaxScaler()])
def test_single_precision_is_not_taken_for_double(zoo, transformer):
    X = zoo.data("diabetes")[0].astype(np.float32)
    model = make_pipeline(transformer, Ridge()).fit(X, X[:, 0])

    compiled, _, _ = zoo.compile(model, X)

    is_plain = isinstance(transformer, MinMaxScaler)
    assert (compiled.program is not None) == is_plain, compiled.why
    assert is_plain or "single precision" in compiled.why
