"""Texts and categories that stand in for a column, and record what is asked of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Features, Input, NotCompiled
from podium.compile.labels import label_of
from podium.compile.own_code.operators import Operators
from podium.compile.own_code.recorded import Recorded, Untraceable
from podium.compile.own_code.values import Numbers
from podium.compile.registers import Codes
from podium.program.operations.elementwise import ElementwiseName
from podium.signature import Label


class Labels(Operators):
    """A column of texts or categories, as it came, or with its missing values filled in."""

    noun = "column of texts"
    ndim = 1

    def __init__(self, build: Builder, column: Input) -> None:
        self.build, self.column = build, column
        self.name = build.field(column).name

    @property
    def columns_of_plan(self) -> Features:
        """As the exporters pass them on."""
        return (self.column,)

    def coded(self, of: Mapping[Label, float], missing: float, unknown: float) -> Numbers:
        """A number for each label."""
        register = self.build.codes((self.column,), [Codes(of, missing, unknown)])
        return Numbers(self.build, register, "float", is_pandas=True)

    def _whether(self, of: Mapping[Label, float], missing: float, unknown: float) -> Numbers:
        found = self.coded(of, missing, unknown)
        return found.like(found.register, "boolean")

    def copy(self, *_: Any, **__: Any) -> Labels:
        """The same."""
        return Labels(self.build, self.column)

    def astype(self, to: Any, **_: Any) -> Labels:
        """Categories and objects are the same labels."""
        if str(to) not in ("category", "object", "<class 'object'>"):
            raise Untraceable(f"it converts texts to {to}")
        return self.copy()

    def isna(self) -> Numbers:
        """Whether each is missing."""
        return self._whether({}, 1.0, 0.0)

    def notna(self) -> Numbers:
        """Whether each is there."""
        return self._whether({}, 0.0, 1.0)

    isnull, notnull = isna, notna

    def fillna(self, value: Any) -> Labels:
        """Missing labels replaced by one."""
        if self.column.fill is not None:
            return self.copy()
        return Labels(self.build, Input(self.column.column, _label(value)))

    def isin(self, values: Any) -> Numbers:
        """Whether each is one of these."""
        labels = [label_of(value) for value in values]
        of = {label: 1.0 for label in labels if label is not None}
        return self._whether(of, 1.0 if None in labels else 0.0, 0.0)

    def operated(self, name: ElementwiseName, one: Any, other: Any) -> Numbers:
        """Whether each is this label, or isn't."""
        if name not in ("equal", "not_equal"):
            raise Untraceable(f"it computes with texts: {name.replace('_', ' ')}")
        label = _label(other if one is self else one)
        is_equal = 1.0 if name == "equal" else 0.0
        return self._whether({label: is_equal}, 1.0 - is_equal, 1.0 - is_equal)

    def map(self, how: Any, *_: Any, **__: Any) -> Numbers:
        """A number for each label, from a dictionary or a series."""
        how = how.to_dict() if hasattr(how, "to_dict") else how
        if not isinstance(how, Mapping):
            raise Untraceable("it calls a function for each text; a dictionary can be recorded")
        if not all(isinstance(value, (bool, int, float, np.number)) for value in how.values()):
            raise Untraceable("it maps texts to texts")
        missing, of = np.nan, {}
        for key, value in how.items():
            label = label_of(key)
            if label is None:
                missing = float(value)
            else:
                of[label] = float(value)
        if hasattr(type(how), "__missing__"):
            raise Untraceable("its dictionary makes up values")
        return self.coded(of, missing, np.nan)


def _label(value: Any) -> Label:
    if isinstance(value, Recorded):
        raise Untraceable("it compares texts of two columns")
    try:
        label = label_of(value)
    except NotCompiled as error:
        raise Untraceable(error.why) from error
    if label is None:
        raise Untraceable("it compares texts with a missing value")
    return label
