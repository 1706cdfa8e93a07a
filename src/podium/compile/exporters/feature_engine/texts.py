"""feature_engine's numbers of texts: how many words, digits and capitals they have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.feature_engine.columns import named, present, remaining_columns
from podium.compile.features import Features, Relabelled
from podium.program.operations import ChangeText, Elementwise, FillText, Impute, MeasureText
from podium.program.operations.rows.elementwise import ElementwiseName
from podium.program.operations.texts.spelling import ChangeName
from podium.program.operations.texts.texts import MeasureName

_NONE, _ZERO, _ONE = np.empty((0, 1)), np.array([[0.0]]), np.array([[1.0]])


class _Text:
    """A column of texts, and what is measured of it, each once.

    As pandas does it, Python searches for patterns, while Arrow changes the case of texts.
    """

    def __init__(self, build: Builder, texts: int) -> None:
        self.build, self.texts = build, texts

    def changed(self, name: ChangeName, *arguments: str | int | None) -> _Text:
        """The texts, changed."""
        texts = self.build.add(ChangeText(self.texts, name, arguments))
        return _Text(self.build, texts)

    def measured(self, name: MeasureName, of: str = "") -> int:
        """A number of each text."""
        return self.build.add(MeasureText(self.texts, name, of))

    def n_of(self, pattern: str) -> int:
        """How often a pattern matches."""
        return self.measured("matches", pattern)

    @cached_property
    def length(self) -> int:
        """In characters."""
        return self.measured("len")

    @cached_property
    def spaces(self) -> int:
        """How much of it is white space."""
        return self.n_of(r"[\s]")

    @cached_property
    def characters(self) -> int:
        """Its length without white space."""
        return self.pair("subtract", self.length, self.spaces)

    @cached_property
    def words(self) -> int:
        """How many words it has."""
        return self.measured("words")

    @cached_property
    def different_words(self) -> int:
        """How many different words it has, in lower case."""
        return self.changed("lower_simple").measured("different_words")

    def pair(self, name: ElementwiseName, one: int, other: int) -> int:
        """A function of two numbers."""
        return self.build.add(Elementwise((one, other), name, (0, 1), _NONE))

    def share(self, part: int, whole: int) -> int:
        """A ratio; of nothing, 0."""
        ratio = self.pair("divide", part, whole)
        return self.build.add(Impute(ratio, np.zeros(1)))

    def part(self, part: int, whole: int) -> int:
        """A ratio to a number that is at least 1."""
        least = self.build.add(Elementwise((whole,), "maximum", (0, -1), _ONE))
        return self.pair("divide", part, least)

    def compared(self, name: ElementwiseName, one: int) -> int:
        """Compared with 0."""
        return self.build.add(Elementwise((one,), name, (0, -1), _ZERO))

    def ends_with_punctuation(self) -> int:
        """Of a single line, whose end is found before a last line feed, too."""
        text = self.changed("removesuffix", "\n")
        is_line = text.compared("equal", text.measured("count", "\n"))
        last = text.changed("slice", -1, None, None)
        return self.pair("multiply", is_line, last.n_of("[.!?]"))


_FEATURES: Mapping[str, Callable[[_Text], int]] = {
    "char_count": lambda t: t.characters,
    "word_count": lambda t: t.words,
    "sentence_count": lambda t: t.n_of("[.!?]+"),
    "avg_word_length": lambda t: t.share(t.changed("strip", None).length, t.words),
    "digit_count": lambda t: t.n_of(r"[\d]"),
    "letter_count": lambda t: t.n_of("[a-zA-Z]"),
    "uppercase_count": lambda t: t.n_of("[A-Z]"),
    "lowercase_count": lambda t: t.n_of("[a-z]"),
    "special_char_count": lambda t: t.n_of(r"[^a-zA-Z0-9\s]"),
    "whitespace_count": lambda t: t.spaces,
    "whitespace_ratio": lambda t: t.part(t.spaces, t.length),
    "digit_ratio": lambda t: t.part(t.n_of(r"[\d]"), t.characters),
    "uppercase_ratio": lambda t: t.part(t.n_of("[A-Z]"), t.characters),
    "has_digits": lambda t: t.compared("greater", t.n_of(r"[\d]")),
    "has_uppercase": lambda t: t.compared("greater", t.n_of("[A-Z]")),
    "is_empty": lambda t: t.compared("equal", t.length),
    "starts_with_uppercase": lambda t: t.changed("slice", 0, 1, None).n_of("[A-Z]"),
    "ends_with_punctuation": _Text.ends_with_punctuation,
    "unique_word_count": lambda t: t.different_words,
    "lexical_diversity": lambda t: t.share(t.words, t.different_words),
}


def text_features(estimator: Any, build: Builder, x: Features) -> Features:
    """The columns, followed by the numbers of the texts; a missing text is an empty one."""
    columns, variables = named(estimator, x), list(estimator.variables_)
    if estimator.missing_values == "raise":
        columns = present(build, columns, variables)
    made: list[Features] = []
    for name in variables:
        texts = build.add(FillText(build.texts(columns[name]), ""))
        text = _Text(build, texts)
        made += [build.features(_FEATURES[one](text)) for one in estimator.features_]
        if estimator.missing_values != "raise":
            columns[name] = Relabelled(base=columns[name], missing="", keeps_unknown=True)
    dropped = variables if estimator.drop_original else ()
    return (*remaining_columns(columns, dropped), *(column for one in made for column in one))


TRANSFORMERS = {"feature_engine.TextFeatures": text_features}
