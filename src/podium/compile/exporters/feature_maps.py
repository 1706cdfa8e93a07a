"""Feature maps that approximate kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.decomposition import kernel_of, product_of
from podium.compile.features import Features, NotCompiled
from podium.program.operations import Elementwise, Finite, Join, Link, Matmul
from podium.program.operations.rows.elementwise import ElementwiseName
from podium.table import Array

# The widest sketch: its transform is a product with as many columns and rows.
SKETCH_MAX = 2_048


def rbf_sampler(estimator: Any, build: Builder, x: Features) -> Features:
    """The cosine of a random projection."""
    register = build.add(Finite(build.matrix(x)))
    return _waves(estimator, build, register, (2.0 / estimator.n_components) ** 0.5)


def skewed_chi2_sampler(estimator: Any, build: Builder, x: Features) -> Features:
    """The cosine of a random projection of logarithms."""
    skewedness = float(estimator.skewedness)
    register = build.matrix(x)
    if build.is_single(register):
        raise NotCompiled("it takes logarithms in single precision")
    register = build.add(Finite(register, float(np.nextafter(-skewedness, np.inf))))
    logs = build.add(Link(build.scale(register, add=skewedness), "log"))
    return _waves(estimator, build, logs, np.sqrt(2.0) / np.sqrt(estimator.n_components))


def _waves(estimator: Any, build: Builder, x: int, height: float) -> Features:
    angles = product_of(build, x, estimator.random_weights_, estimator.random_offset_)
    return build.features(build.scale(build.add(Link(angles, "cos")), multiply=height))


def nystroem(estimator: Any, build: Builder, x: Features) -> Features:
    """Kernels to the sampled rows, orthogonalized."""
    params = estimator._get_kernel_params()  # noqa: SLF001 - as in its transform
    register = kernel_of(build, x, estimator.kernel, estimator.components_, params)
    return build.features(product_of(build, register, estimator.normalization_.T))


def additive_chi2_sampler(estimator: Any, build: Builder, x: Features) -> Features:
    """Waves of the logarithm of each number, as high as its root; zero stays zero."""
    register = build.add(Finite(build.matrix(x), 0.0))
    if build.is_single(register):
        raise NotCompiled("it takes logarithms in single precision")
    interval = estimator.sample_interval
    if interval is None:
        interval = {1: 0.8, 2: 0.5, 3: 0.4}[estimator.sample_steps]
    parts = [build.add(Link(build.scale(register, multiply=interval), "sqrt"))]
    logs = build.scale(build.add(Link(register, "log")), multiply=interval)
    step = build.scale(register, multiply=2.0 * interval)
    for number in range(1, estimator.sample_steps):
        height = build.scale(step, divide=np.cosh(np.pi * number * interval))
        height = build.add(Link(height, "sqrt"))
        angles = build.scale(logs, multiply=float(number))
        for wave in ("cos", "sin"):
            part = _of(build, "multiply", height, build.add(Link(angles, wave)))
            # The logarithm of zero has no cosine.
            parts.append(_of(build, "where", register, part, constant=0.0))
    return build.features(build.add(Join(tuple(parts))))


def polynomial_count_sketch(estimator: Any, build: Builder, x: Features) -> Features:
    """The convolution of some sketches of the columns: a product of their Fourier transforms."""
    width = int(estimator.n_components)
    if width > SKETCH_MAX:
        raise NotCompiled(f"it has {width} components; up to {SKETCH_MAX} are known")
    register = build.add(Finite(build.matrix(x)))
    half = width // 2 + 1  # the other half is its mirror image
    waves = 2.0 * np.pi * np.outer(np.arange(width), np.arange(half)) / width
    transforms = [_sketch(estimator, waves, degree) for degree in range(int(estimator.degree))]
    parts = [
        tuple(build.add(Matmul(register, *one)) for one in transform) for transform in transforms
    ]
    real, imaginary = parts[0]
    for other_real, other_imaginary in parts[1:]:
        real, imaginary = _complex_product(build, (real, imaginary), (other_real, other_imaginary))
    mirrored = np.full(half, 2.0)
    mirrored[0] = 1.0
    if width % 2 == 0:
        mirrored[-1] = 1.0
    back = waves.T
    weights = np.concatenate([np.cos(back), -np.sin(back)]) * np.tile(mirrored, 2)[:, None] / width
    joined = build.add(Join((real, imaginary)))
    return build.features(build.add(Matmul(joined, np.ascontiguousarray(weights))))


def _sketch(estimator: Any, waves: Array, degree: int) -> Sequence[tuple[Array, Array]]:
    """The real and the imaginary part of a sketch's transform: weights and biases."""
    places, signs = estimator.indexHash_[degree], estimator.bitHash_[degree]
    sketch = np.zeros((len(places), len(waves)))
    sketch[np.arange(len(places)), places] = signs
    n_columns = int(estimator.n_features_in_)
    sketch[:n_columns] *= np.sqrt(estimator.gamma)
    sketch[n_columns:] *= np.sqrt(estimator.coef0)  # a column of ones, if there is a constant
    parts = sketch @ np.cos(waves), -(sketch @ np.sin(waves))
    return [
        (np.ascontiguousarray(part[:n_columns]), part[n_columns:].sum(axis=0)) for part in parts
    ]


def _complex_product(
    build: Builder, one: tuple[int, int], other: tuple[int, int]
) -> tuple[int, int]:
    """The real and the imaginary part."""
    products = [_of(build, "multiply", a, b) for a in one for b in other]
    return (
        _of(build, "subtract", products[0], products[3]),
        _of(build, "add", products[1], products[2]),
    )


def _of(build: Builder, function: ElementwiseName, *xs: int, constant: float | None = None) -> int:
    """A function of some registers, and of a constant after them."""
    constants = np.zeros((1, 1)) if constant is None else np.array([[constant]])
    arguments = tuple(range(len(xs))) + (() if constant is None else (-1,))
    return build.add(Elementwise(xs, function, arguments, constants))


TRANSFORMERS: Mapping[str, Callable[[Any, Builder, Features], Features]] = {
    "sklearn.AdditiveChi2Sampler": additive_chi2_sampler,
    "sklearn.Nystroem": nystroem,
    "sklearn.PolynomialCountSketch": polynomial_count_sketch,
    "sklearn.RBFSampler": rbf_sampler,
    "sklearn.SkewedChi2Sampler": skewed_chi2_sampler,
}
