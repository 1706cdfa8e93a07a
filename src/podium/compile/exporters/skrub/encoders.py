"""skrub's encoders of texts and times."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.clocks import Clocks
from podium.compile.exporters.skrub.columns import single
from podium.compile.features import Computed, Features, NotCompiled
from podium.program.operations import Elementwise, FillText, Impute, Link, MinHash, Missing
from podium.program.operations.reading.times import SECOND, CalendarPart
from podium.table import Array


def string_encoder(estimator: Any, build: Builder, x: Features) -> Features:
    """Weighed terms of the texts, turned into a few components of single precision."""
    (column,) = x
    texts = build.add(FillText(build.texts(column), ""))
    terms = build.transform(estimator.vectorizer_, (Computed(texts, 0),), "terms")
    if hasattr(estimator, "tsvd_"):
        terms = build.transform(estimator.tsvd_, terms, "components")
    else:
        terms = terms[: int(estimator.n_components_)]
    register = build.matrix(single(build, terms))
    return build.features(build.scale(register, divide=float(estimator.scaling_factor_)))


def min_hash_encoder(estimator: Any, build: Builder, x: Features) -> Features:
    """The smallest hashes of the parts of the texts."""
    if estimator.hashing != "fast":
        raise NotCompiled("it hashes each part anew for each column; hashing='fast' compiles")
    (column,) = x
    shortest, longest = (int(size) for size in estimator.ngram_range)
    has_both = bool(estimator.minmax_hash)
    seeds = range(int(estimator.n_components) // (1 + has_both))
    weights = np.stack([hash_weights(seed, shortest, longest) for seed in seeds], axis=1)
    operation = MinHash(build.texts(column), weights, shortest, with_largest=has_both)
    return build.features(build.add(operation))


def hash_weights(seed: int, shortest: int, longest: int) -> Array:
    """The numbers by which it multiplies the bytes of a part, of the longest one.

    Raises:
        NotCompiled: shorter parts have others.
    """
    gen_atom = import_module("skrub._fast_hash").gen_atom
    weights = np.asarray(gen_atom(longest, seed=seed), np.int32)
    if any((gen_atom(n, seed=seed) != weights[:n]).any() for n in range(shortest, longest)):
        raise NotCompiled("it hashes parts of each length in another way")
    return weights


_PARTS: dict[str, tuple[CalendarPart, float]] = {
    "year": ("year", 0.0),
    "month": ("month", 0.0),
    "day": ("day", 0.0),
    "hour": ("hour", 0.0),
    "minute": ("minute", 0.0),
    "second": ("second", 0.0),
    "microsecond": ("microsecond", 0.0),
    "weekday": ("dayofweek", 1.0),
    "day_of_year": ("dayofyear", 0.0),
}


def datetime_encoder(estimator: Any, build: Builder, x: Features) -> Features:
    """Parts of the times, then those that are encoded as places in a cycle."""
    (column,) = x
    clocks = Clocks(build, column)
    encoders = estimator._periodic_encoders  # noqa: SLF001 - as in its transform
    plain: list[Features] = []
    encoded: list[Features] = []
    for feature in estimator.extracted_features_:
        register = _extracted(build, clocks, feature)
        if feature in encoders:
            encoded.append(_encoded(encoders[feature], build, register))
        else:
            plain.append(single(build, build.features(register)))
    return tuple(column for one in (*plain, *encoded) for column in one)


def _extracted(build: Builder, clocks: Clocks, feature: str) -> int:
    """A part of the times, as a number."""
    if feature == "total_seconds":
        return build.scale(clocks.moments, divide=float(SECOND))
    if feature not in _PARTS:
        raise NotCompiled(
            f"it extracts {feature}s, which no field holds; take a coarser resolution"
        )
    part, ahead = _PARTS[feature]
    return build.scale(clocks.part(part), add=ahead) if ahead else clocks.part(part)


def _encoded(encoder: Any, build: Builder, x: int) -> Features:
    """The place in a cycle as two numbers, or as splines; missing where the time is."""
    if not hasattr(encoder, "transformer_"):
        angle = build.scale(build.scale(x, divide=float(encoder.period)), multiply=2 * np.pi)
        sides = [build.add(Link(angle, side)) for side in ("sin", "cos")]
        return tuple(column for side in sides for column in build.features(side))
    full = build.features(build.add(Impute(x, np.zeros(1))))
    splines = build.matrix(build.transform(encoder.transformer_, full, "splines"))
    missing, nothing = build.add(Missing(x)), np.array([[np.nan]])
    return build.features(build.add(Elementwise((missing, splines), "where", (0, -1, 1), nothing)))


TRANSFORMERS = {
    "skrub.DatetimeEncoder": datetime_encoder,
    "skrub.MinHashEncoder": min_hash_encoder,
    "skrub.StringEncoder": string_encoder,
}
