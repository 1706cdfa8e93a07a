"""Text vectorizers: counts of terms, and tf-idf."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Computed, Features, Input, NotCompiled
from podium.program.operations import Analysis, Terms
from podium.program.operations.analysis import GRAM_MAX, is_safe
from podium.program.operations.operation import WIDTH_MAX


def count_vectorizer(estimator: Any, build: Builder, x: Features) -> Features:
    """One column for each known term: how often it occurs."""
    column, register = _texts(build, x)
    terms = Terms(
        column,
        _analysis(estimator),
        _vocabulary(estimator),
        is_binary=bool(estimator.binary),
        x=register,
    )
    return build.features(build.add(terms))


def tfidf_vectorizer(estimator: Any, build: Builder, x: Features) -> Features:
    """The counts, weighted."""
    return tfidf_transformer(estimator, build, count_vectorizer(estimator, build, x))


def tfidf_transformer(estimator: Any, build: Builder, x: Features) -> Features:
    """Counts times weights, and rows divided by their norm, within the counting operation."""
    inner = getattr(estimator, "_tfidf", estimator)  # a vectorizer holds one
    weights = np.asarray(inner.idf_, np.float64) if inner.use_idf else None
    terms = _counted(build, x, inner)
    if terms is None:
        if inner.sublinear_tf or inner.norm is not None:
            raise NotCompiled("its inputs aren't counts of terms")
        return build.features(build.scale(build.matrix(x), multiply=weights))
    if terms.n_hashed and inner.sublinear_tf:
        raise NotCompiled("it takes logarithms of possibly negative numbers (sublinear_tf)")
    weighed = msgspec.structs.replace(
        terms, is_sublinear=bool(inner.sublinear_tf), weights=weights, norm=inner.norm or ""
    )
    return build.features(build.add(weighed))


def hashing_vectorizer(estimator: Any, build: Builder, x: Features) -> Features:
    """Terms assigned to columns by their hash."""
    if estimator.n_features > WIDTH_MAX:
        raise NotCompiled(f"it has {estimator.n_features} columns; up to {WIDTH_MAX} are known")
    _require_double(estimator)
    column, register = _texts(build, x)
    terms = Terms(
        column,
        _analysis(estimator),
        n_hashed=int(estimator.n_features),
        is_signed=bool(estimator.alternate_sign),
        is_binary=bool(estimator.binary),
        norm=estimator.norm or "",
        x=register,
    )
    return build.features(build.add(terms))


def _texts(build: Builder, x: Features) -> tuple[int, int | None]:
    """The column of the table that holds the texts, or the register."""
    if len(x) != 1:
        raise NotCompiled("it doesn't take one column")
    if not isinstance(x[0], Input) or x[0].fill is not None:
        return 0, build.texts(x[0])
    field = build.field(x[0])
    if field.type not in ("text", "category"):
        raise NotCompiled(f"it takes {field.name!r} as texts, but that is {field.type}")
    return x[0].column, None


def _vocabulary(estimator: Any) -> tuple[str, ...]:
    _require_double(estimator)
    terms = sorted(estimator.vocabulary_, key=estimator.vocabulary_.get)
    try:
        "".join(terms).encode()
    except (TypeError, UnicodeEncodeError):
        raise NotCompiled("a term of its vocabulary isn't a text") from None
    return tuple(map(str, terms))


def _require_double(estimator: Any) -> None:
    dtype = np.dtype(estimator.dtype)
    if dtype not in (np.int64, np.float64):
        raise NotCompiled(f"its numbers are of type {dtype}")


def _analysis(estimator: Any) -> Analysis:
    for name in ("preprocessor", "tokenizer", "analyzer", "strip_accents"):
        if callable(getattr(estimator, name)):
            raise NotCompiled(f"its {name} is code, not data")
    is_words = estimator.analyzer == "word"
    if is_words and not is_safe(estimator.token_pattern):
        raise NotCompiled(f"its token pattern may match no text: {estimator.token_pattern!r}")
    shortest, longest = estimator.ngram_range
    if not 1 <= shortest <= longest <= GRAM_MAX:
        raise NotCompiled(
            f"its terms have {shortest} to {longest} parts; up to {GRAM_MAX} are known"
        )
    stop_words = estimator.get_stop_words() if is_words else None
    return Analysis(
        of=estimator.analyzer,
        pattern=estimator.token_pattern if is_words else Analysis().pattern,
        is_lowered=bool(estimator.lowercase),
        strip_accents=estimator.strip_accents or "",
        stop_words=tuple(sorted(stop_words or ())),
        shortest=int(shortest),
        longest=int(longest),
    )


def _counted(build: Builder, x: Features, weigher: Any) -> Terms | None:
    """The operation that counted these columns, if they are all of its columns and nothing else.

    Rows that were divided by a norm and will be again are divided only once.
    """
    first = x[0] if x else None
    if not isinstance(first, Computed) or x != build.features(first.register):
        return None
    terms = build.terms_of(first)
    if terms is None or terms.weights is not None or terms.is_sublinear:
        return None
    if terms.norm and (weigher.norm is None or weigher.sublinear_tf):
        return None
    return terms


TRANSFORMERS = {
    "sklearn.CountVectorizer": count_vectorizer,
    "sklearn.HashingVectorizer": hashing_vectorizer,
    "sklearn.TfidfTransformer": tfidf_transformer,
    "sklearn.TfidfVectorizer": tfidf_vectorizer,
}
