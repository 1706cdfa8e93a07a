"""Text vectorizers: counts of terms, and tf-idf."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace

from podium.compile.builder import Builder
from podium.compile.features import Computed, Features, Input, NotCompiled
from podium.compile.own_code.exporter import run_recorded
from podium.compile.own_code.labels import Labels
from podium.compile.own_code.recorded import Untraceable
from podium.compile.own_code.single_texts import of_each_text, parts_of_each_text
from podium.program.operations import Analysis, ChangeText, Terms
from podium.program.operations.operation import WIDTH_MAX
from podium.program.operations.texts.analysis import GRAM_MAX, is_safe


def count_vectorizer(estimator: Any, build: Builder, x: Features) -> Features:
    """One column for each known term: how often it occurs."""
    column, register, analysis = _read(estimator, build, x)
    terms = Terms(
        column,
        analysis,
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
    column, register, analysis = _read(estimator, build, x)
    terms = Terms(
        column,
        analysis,
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


def _read(estimator: Any, build: Builder, x: Features) -> tuple[int, int | None, Analysis]:
    """The column of the texts, or their register, and how they are split into terms."""
    column, register = _texts(build, x)
    if callable(estimator.strip_accents):
        raise NotCompiled("its strip_accents is code; pass it as `preprocessor`")
    names = ("preprocessor", "tokenizer", "analyzer")
    code = {name: getattr(estimator, name) for name in names if callable(getattr(estimator, name))}
    if not code:
        return column, register, _analysis(estimator)
    try:
        labels, analysis = run_recorded(lambda: _recorded(estimator, code, Labels(build, x[0])))
    except NotCompiled as error:
        raise NotCompiled(f"its {' and '.join(code)}: {error.why}") from error
    return 0, labels.texts, analysis


def _recorded(estimator: Any, code: Mapping[str, Any], labels: Labels) -> tuple[Labels, Analysis]:
    """The texts and their analysis after code of one's own, which is run once."""
    if "analyzer" in code:
        parts = parts_of_each_text(code["analyzer"], labels)
        return parts.labels, Analysis(is_lowered=False, separator=parts.how[0] or "")
    is_lowered, accents = bool(estimator.lowercase), estimator.strip_accents
    if "preprocessor" in code:
        labels, is_lowered, accents = of_each_text(code["preprocessor"], labels), False, None
        if not isinstance(labels, Labels):
            raise Untraceable("it doesn't return a text")
    analysis = _analysis(estimator, is_lowered=is_lowered, strip_accents=accents or "")
    if "tokenizer" not in code or estimator.analyzer != "word":
        return labels, analysis
    if accents:
        raise Untraceable("strip_accents before code can't be recorded")
    if is_lowered:
        labels = labels.changed(ChangeText(labels.texts, "lower"))
    parts = parts_of_each_text(code["tokenizer"], labels)
    separator = parts.how[0] or ""
    return parts.labels, replace(analysis, is_lowered=False, separator=separator)


def _analysis(estimator: Any, **cleaning: Any) -> Analysis:
    """How terms are found, except for code.

    Args:
        cleaning: in place of what the estimator says.
    """
    is_words = estimator.analyzer == "word"
    has_pattern = is_words and not callable(estimator.tokenizer)
    if has_pattern and not is_safe(estimator.token_pattern):
        raise NotCompiled(f"its token pattern may match no text: {estimator.token_pattern!r}")
    shortest, longest = estimator.ngram_range
    if not 1 <= shortest <= longest <= GRAM_MAX:
        raise NotCompiled(
            f"its terms have {shortest} to {longest} parts; up to {GRAM_MAX} are known"
        )
    stop_words = estimator.get_stop_words() if is_words else None
    return Analysis(
        of=estimator.analyzer,
        pattern=estimator.token_pattern if has_pattern else Analysis().pattern,
        is_lowered=bool(cleaning.get("is_lowered", estimator.lowercase)),
        strip_accents=cleaning.get("strip_accents", estimator.strip_accents) or "",
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
