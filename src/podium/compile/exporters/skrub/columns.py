"""skrub's transformers of a single column: cleaned, converted, encoded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from podium.compile.builder import Builder
from podium.compile.exporters.clocks import read_times
from podium.compile.exporters.refused import refused
from podium.compile.features import Column, Features, Input, NotCompiled, Relabelled
from podium.program.operations import Single
from podium.signature import TIMES

# Besides the texts that stand for nothing, those of white space alone do.
BLANKS = (*(" " * n for n in range(1, 9)), "\t", "\n", "\r\n", "\u00a0")


def single(build: Builder, columns: Sequence[Column]) -> Features:
    """Numbers in single precision.

    Raises:
        NotCompiled: a column holds texts, which it would read as numbers.
    """
    if not columns:
        return ()
    if not all(build.is_number(column) for column in columns):
        raise NotCompiled("it reads numbers from texts; convert the column before fitting")
    register = build.matrix(tuple(columns))
    if not build.is_single(register):
        register = build.add(Single(register))
    return build.features(register)


def to_float(_estimator: Any, build: Builder, x: Features) -> Features:
    """A number of single precision."""
    return single(build, x)


def unchanged(_estimator: Any, _build: Builder, x: Features) -> Features:
    """The column as it is."""
    return x


def dropped(_estimator: Any, _build: Builder, _x: Features) -> Features:
    """No column."""
    return ()


def drop_uninformative(estimator: Any, _build: Builder, x: Features) -> Features:
    """The column, unless it said nothing in training."""
    return () if estimator.drop_ else x


def null_strings(estimator: Any, build: Builder, x: Features) -> Features:
    """Texts that stand for nothing become missing."""
    (column,) = x
    if build.is_number(column):  # a column of objects that are numbers, or truths
        return x
    texts = dict.fromkeys((*estimator.null_strings_, *BLANKS))
    return (Relabelled(base=column, labels=tuple(texts.items()), keeps_unknown=True),)


def to_text(_estimator: Any, build: Builder, x: Features) -> Features:
    """Texts; other values would be written as texts."""
    for column in x:
        base = column
        while isinstance(base, Relabelled):
            base = base.base
        field = build.field(base) if isinstance(base, Input) else None
        if field is None or not (field.type == "text" or field.label_types <= {str}):
            raise NotCompiled("it writes numbers as texts; convert the column before fitting")
    return x


def to_datetime(estimator: Any, build: Builder, x: Features) -> Features:
    """Times: the column holds them already, or they are read from its texts."""
    (column,) = x
    if estimator.format_ is not None:
        return (read_times(build, column, estimator.format_, is_strict=False),)
    if not isinstance(column, Input) or build.field(column).type not in TIMES:
        raise NotCompiled("it takes a column that holds no times; convert it before fitting")
    return x


def cat_encoder(estimator: Any, build: Builder, x: Features) -> Features:
    """One-hot, and beside it the mean of the target."""
    first = build.transform(estimator.one_hot_encoder_, x, "one_hot")
    return first + build.transform(estimator.target_encoder_, x, "target")


def _refused(why: str) -> Callable[[Any, Builder, Features], Features]:
    """The exporter of an encoder that has no program."""
    return refused(f"{why}; encode the column with StringEncoder")


TRANSFORMERS: Mapping[str, Callable[[Any, Builder, Features], Features]] = {
    "skrub.CatEncoder": cat_encoder,
    "skrub.CleanCategories": to_text,
    "skrub.CleanNullStrings": null_strings,
    "skrub.Drop": dropped,
    "skrub.DropUninformative": drop_uninformative,
    "skrub.DurationToFloat": refused(
        "it takes durations, which no field holds; make seconds of them before fitting"
    ),
    "skrub.GapEncoder": _refused("it finds the topics of each text by iterations"),
    "skrub.LLMEncoder": _refused("it asks a language model"),
    "skrub.PassThrough": unchanged,
    "skrub.SimilarityEncoder": _refused("it compares each text with the known ones"),
    "skrub.TextEncoder": _refused("it takes a language model"),
    "skrub.ToCategorical": unchanged,
    "skrub.ToDatetime": to_datetime,
    "skrub.ToFloat": to_float,
    "skrub.ToStr": to_text,
}
