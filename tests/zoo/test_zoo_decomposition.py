"""Components, projections and kernels of rows compile."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import FeatureAgglomeration
from sklearn.decomposition import (
    NMF,
    PCA,
    FactorAnalysis,
    FastICA,
    IncrementalPCA,
    KernelPCA,
    MiniBatchSparsePCA,
    SparsePCA,
    TruncatedSVD,
)
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, NeighborhoodComponentsAnalysis
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection

SEED = {"random_state": 0}
TRANSFORMERS = [
    FactorAnalysis(2, **SEED),
    FastICA(3, tol=0.1, **SEED),
    FastICA(3, whiten="arbitrary-variance", tol=0.1, **SEED),
    FeatureAgglomeration(3),
    GaussianRandomProjection(4, **SEED),
    IncrementalPCA(3),
    IncrementalPCA(3, whiten=True),
    KernelPCA(3),
    KernelPCA(3, kernel="rbf"),
    KernelPCA(3, kernel="poly", degree=2, gamma=0.01),
    KernelPCA(3, kernel="cosine"),
    Nystroem(n_components=20, **SEED),
    Nystroem(kernel="poly", n_components=10, degree=2, coef0=0.5, **SEED),
    Nystroem(kernel="sigmoid", n_components=10, gamma=0.01, **SEED),
    Nystroem(kernel="laplacian", n_components=10, **SEED),
    Nystroem(kernel="cosine", n_components=10, **SEED),
    Nystroem(kernel="linear", n_components=4, **SEED),
    PCA(3),
    PCA(0.9),
    PCA(whiten=True, n_components=3, svd_solver="full"),
    RBFSampler(n_components=30, **SEED),
    RBFSampler(gamma="scale", n_components=10, **SEED),
    BernoulliRBM(5, n_iter=3, **SEED),
    MiniBatchSparsePCA(3, max_iter=20, **SEED),
    SparsePCA(3, max_iter=50, **SEED),
    SparseRandomProjection(4, **SEED),
    TruncatedSVD(3, **SEED),
]


@pytest.mark.parametrize("data", ["diabetes", "cars"])
@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=str)
def test_a_transformer_of_rows_compiles(zoo, transformer, data):
    zoo.check(make_pipeline(transformer, Ridge()), data)


def test_a_learned_metric_compiles(zoo):
    learned = NeighborhoodComponentsAnalysis(2, max_iter=20, **SEED)

    zoo.check(make_pipeline(StandardScaler(), learned, KNeighborsClassifier(3)), "iris")


def test_rotated_factors_compile(zoo):
    # On cars, whose one-hot columns leave no noise, the original's own batches differ by 1e-6.
    factors = FactorAnalysis(3, rotation="varimax", svd_method="lapack")

    zoo.check(make_pipeline(factors, Ridge()), "diabetes")


@pytest.mark.parametrize("data", ["iris", "wine", "breast_cancer", "penguins"])
def test_components_before_a_classifier_compile(zoo, data):
    model = make_pipeline(StandardScaler(), PCA(3, whiten=True), LogisticRegression())

    zoo.check(model, data)


@pytest.mark.parametrize("data", ["wine", "penguins"])
@pytest.mark.parametrize("transformer", [PCA(3), RBFSampler(n_components=9, **SEED)], ids=str)
def test_a_forest_of_components_compiles(zoo, transformer, data):
    forest = RandomForestClassifier(10, random_state=0)

    zoo.check(make_pipeline(transformer, forest), data)


@pytest.mark.parametrize("solver", ["svd", "eigen"])
def test_discriminants_compile(zoo, solver):
    discriminants = LinearDiscriminantAnalysis(solver=solver)

    # The columns of penguins depend on each other: that solver refuses them.
    for data in ("iris", "wine", "penguins") if solver == "svd" else ("iris", "wine"):
        zoo.check(make_pipeline(discriminants, LogisticRegression(max_iter=500)), data)


@pytest.mark.parametrize(
    "transformer",
    [PCA(3), FactorAnalysis(2), FastICA(3, tol=0.1, **SEED), RBFSampler(n_components=9, **SEED),
     Nystroem(n_components=9, **SEED), GaussianRandomProjection(4, **SEED), TruncatedSVD(3)],
    ids=str,
)  # fmt: skip
def test_rows_of_single_precision_compile(zoo, transformer):
    X, y = zoo.data("wine")
    X = StandardScaler().fit_transform(X).astype(np.float32)

    compiled, _, _ = zoo.compile(make_pipeline(transformer, Ridge()).fit(X, y * 1.0), X)

    assert compiled.program is not None, compiled.why


def test_what_iterates_for_each_row_is_not_compiled(zoo):
    X, y = zoo.data("diabetes")
    model = make_pipeline(MinMaxScaler(clip=True), NMF(2, max_iter=500), Ridge()).fit(X, y)

    compiled, _, _ = zoo.compile(model, X)

    assert compiled.program is None
    assert "until all rows of a call together change little" in compiled.why


def test_a_kernel_that_is_code_is_not_compiled(zoo):
    X, y = zoo.data("diabetes")
    model = make_pipeline(Nystroem(kernel=np.dot, n_components=5, **SEED), Ridge()).fit(X, y)

    compiled, _, _ = zoo.compile(model, X)

    assert compiled.program is None
    assert "kernel" in compiled.why
