"""Transformers of whole rows: components, projections, kernel components."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Features, NotCompiled
from podium.program.operations import Finite, Kernel, Link, Matmul
from podium.program.operations.neighbors.kernels import KernelName
from podium.table import Array

KERNELS: Mapping[str, KernelName] = {
    "cosine": "cosine",
    "laplacian": "laplacian",
    "linear": "linear",
    "poly": "poly",
    "polynomial": "poly",
    "rbf": "rbf",
    "sigmoid": "sigmoid",
}


def pca(estimator: Any, build: Builder, x: Features) -> Features:
    """Components, shifted by the mean after the product, as the original does."""
    components = estimator.components_
    bias = -(np.reshape(estimator.mean_, (1, -1)) @ components.T)[0]
    register = product_of(build, _finite(build, x), components.T, bias)
    if estimator.whiten:
        scale = np.sqrt(estimator.explained_variance_)
        register = build.scale(register, divide=np.maximum(scale, np.finfo(scale.dtype).eps))
    return build.features(register)


def projection(estimator: Any, build: Builder, x: Features) -> Features:
    """Components, not centred."""
    components = estimator.components_
    dense = components.toarray() if hasattr(components, "toarray") else components
    return build.features(build.linear(x, dense, 0.0))


def neighborhood_components(estimator: Any, build: Builder, x: Features) -> Features:
    """A learned linear map, not centred."""
    return build.features(build.linear(x, estimator.components_, 0.0))


def sparse_pca(estimator: Any, build: Builder, x: Features) -> Features:
    """The ridge regression of centred rows on the components, which is linear in the rows."""
    components = np.asarray(estimator.components_, np.float64)
    if components.shape[0] > components.shape[1]:
        raise NotCompiled("it has more components than columns")
    gram = components @ components.T
    gram[np.diag_indices_from(gram)] += float(estimator.ridge_alpha)
    weights = np.linalg.solve(gram, components).T
    register = build.scale(_finite(build, x), subtract=estimator.mean_)
    return build.features(product_of(build, register, weights))


def boltzmann_machine(estimator: Any, build: Builder, x: Features) -> Features:
    """The probability that each hidden unit is on."""
    bias = np.asarray(estimator.intercept_hidden_)
    register = product_of(build, _finite(build, x), np.asarray(estimator.components_).T, bias)
    return build.features(build.add(Link(register, "sigmoid")))


def fast_ica(estimator: Any, build: Builder, x: Features) -> Features:
    """Components of centred rows."""
    mean = estimator.mean_ if estimator.whiten else None
    return build.features(_centred(build, x, mean, estimator.components_.T))


def factor_analysis(estimator: Any, build: Builder, x: Features) -> Features:
    """The expected factors of centred rows.

    In two products, as the original: with little noise, combining them would round differently.
    """
    components = estimator.components_
    weighted = components / estimator.noise_variance_
    covariance = np.linalg.inv(np.eye(len(components)) + np.dot(weighted, components.T))
    register = _centred(build, x, estimator.mean_, weighted.T)
    return build.features(product_of(build, register, covariance))


def linear_discriminants(estimator: Any, build: Builder, x: Features) -> Features:
    """The directions that separate the classes best."""
    if estimator.solver not in ("svd", "eigen"):
        raise NotCompiled(f"it transforms nothing with solver={estimator.solver!r}")
    n_components = estimator._max_components  # noqa: SLF001 - there is no public name
    mean = estimator.xbar_ if estimator.solver == "svd" else None
    return build.features(_centred(build, x, mean, estimator.scalings_[:, :n_components]))


def feature_agglomeration(estimator: Any, build: Builder, x: Features) -> Features:
    """The mean of each group of columns."""
    if estimator.pooling_func is not np.mean:
        raise NotCompiled("its pooling function is code, not data")
    labels = np.asarray(estimator.labels_)
    groups = (labels[:, None] == np.arange(labels.max() + 1)).astype(np.float64)
    register = build.add(Matmul(_finite(build, x), groups))
    return build.features(build.scale(register, divide=groups.sum(axis=0)))


def kernel_pca(estimator: Any, build: Builder, x: Features) -> Features:
    """Kernels to the training rows, centred, as components."""
    params = {name: getattr(estimator, name) for name in ("degree", "coef0")}
    params["gamma"] = estimator.gamma_
    register = kernel_of(build, x, estimator.kernel, estimator.X_fit_, params)
    return build.features(centred_components(estimator, build, register))


def centred_components(estimator: Any, build: Builder, register: int) -> int:
    """The register of components, of kernels to the training rows.

    The mean of a row's kernels is subtracted within the weights, which are linear, too.
    """
    center = estimator._centerer  # noqa: SLF001 - as in its transform
    values, vectors = estimator.eigenvalues_, estimator.eigenvectors_
    some = np.flatnonzero(values)
    weights = np.zeros_like(vectors)
    weights[:, some] = vectors[:, some] / np.sqrt(values[some])
    register = build.scale(register, subtract=center.K_fit_rows_)
    constant = np.mean(center.K_fit_rows_) - center.K_fit_all_
    bias = -constant * weights.sum(axis=0)
    return product_of(build, register, weights - weights.mean(axis=0), bias)


def kernel_of(build: Builder, x: Features, kernel: Any, rows: Array, params: Any) -> int:
    """The register of the kernels between the rows and the training rows.

    Raises:
        NotCompiled: the kernel is unknown.
    """
    name = KERNELS.get(kernel) if isinstance(kernel, str) else None
    if name is None:
        raise NotCompiled(f"its kernel {kernel!r} isn't supported")
    rows = rows.toarray() if hasattr(rows, "toarray") else np.asarray(rows)
    gamma, coef0, degree = params.get("gamma"), params.get("coef0"), params.get("degree")
    kind = np.float32 if rows.dtype == np.float32 else np.float64
    return build.add(
        Kernel(
            _finite(build, x),
            np.ascontiguousarray(rows, kind),
            name,
            gamma=1.0 / rows.shape[1] if gamma is None else float(gamma),
            coef0=1.0 if coef0 is None else float(coef0),
            degree=3.0 if degree is None else float(degree),
        )
    )


def _finite(build: Builder, x: Features) -> int:
    return build.add(Finite(build.matrix(x)))


def _centred(build: Builder, x: Features, mean: Array | None, weights: Array) -> int:
    """Rows minus the mean, times the weights."""
    register = _finite(build, x)
    if mean is None:
        return product_of(build, register, weights)
    if build.is_single(register) and mean.dtype != np.float32:
        # Doubles minus singles are doubles, and so is the product that has the mean in its bias.
        return product_of(build, register, weights, -(mean @ weights))
    return product_of(build, build.scale(register, subtract=mean), weights)


def product_of(build: Builder, x: int, weights: Array, bias: Array | None = None) -> int:
    """The register of rows times weights, in the precision that both share."""
    kind = np.float32 if weights.dtype == np.float32 else np.float64
    bias = None if bias is None else np.ascontiguousarray(bias, kind)
    return build.add(Matmul(x, np.ascontiguousarray(weights, kind), bias))


TRANSFORMERS: Mapping[str, Callable[[Any, Builder, Features], Features]] = {
    "sklearn.BernoulliRBM": boltzmann_machine,
    "sklearn.FactorAnalysis": factor_analysis,
    "sklearn.FastICA": fast_ica,
    "sklearn.FeatureAgglomeration": feature_agglomeration,
    "sklearn.GaussianRandomProjection": projection,
    "sklearn.IncrementalPCA": pca,
    "sklearn.KernelPCA": kernel_pca,
    "sklearn.LinearDiscriminantAnalysis": linear_discriminants,
    "sklearn.MiniBatchSparsePCA": sparse_pca,
    "sklearn.NeighborhoodComponentsAnalysis": neighborhood_components,
    "sklearn.PCA": pca,
    "sklearn.SparsePCA": sparse_pca,
    "sklearn.SparseRandomProjection": projection,
    "sklearn.TruncatedSVD": projection,
}
