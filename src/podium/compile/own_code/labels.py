"""Texts and categories that stand in for a column, and record what is asked of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NoReturn

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Column, Computed, Features, Input, NotCompiled
from podium.compile.labels import label_of
from podium.compile.own_code.arithmetic import Kind
from podium.compile.own_code.operators import Operators
from podium.compile.own_code.recorded import Recorded, Untraceable
from podium.compile.own_code.values import Numbers, computed
from podium.compile.registers import Codes, is_closed
from podium.program.operations import (
    AnyOperation,
    ChangeText,
    ChooseText,
    FillText,
    JoinTexts,
    Named,
    ReadNumbers,
    Retext,
)
from podium.program.operations.rows.elementwise import ElementwiseName
from podium.program.operations.texts.numerals import NumeralName
from podium.program.operations.texts.spelling import ChangeName
from podium.signature import Label

_NUMBERS: Mapping[str, NumeralName] = {
    **dict.fromkeys(("float", "float64"), "float"),
    **dict.fromkeys(("int", "int64"), "int"),
}
_UNDECLARED = (
    "the codes of categories depend on the other rows; declare the categories, with "
    "pd.Categorical(x, categories=[...]) or astype(pd.CategoricalDtype([...]))"
)


@cache
def _keeps_missing() -> bool:
    """Whether a missing object stays missing as a text, as since pandas 3, or becomes a word."""
    import pandas as pd

    return bool(pd.Series([None], dtype=object).astype(str).isna().all())


class Labels(Operators):
    """A column of texts or categories: as it came, with its missing values filled in, or computed.

    Attributes:
        dtype_name: of the column of texts: `str`, `object` or another of pandas'.
        is_filled: whether no value can be missing.
        categories: if they are declared, so that any other value is missing.
    """

    noun = "column of texts"
    ndim = 1
    categories: tuple[Label, ...] = ()

    def __init__(
        self, build: Builder, column: Column, dtype_name: str = "", is_filled: bool = False
    ) -> None:
        self.build, self.column = build, column
        self.dtype_name, self.is_filled, self.name = dtype_name, is_filled, ""
        if isinstance(column, Input):
            field = build.field(column)
            self.dtype_name, self.name = dtype_name or field.dtype, field.name
            is_full = field.missing == "refuse" and not is_closed(field)
            self.is_filled = is_filled or is_full or column.fill is not None
            if field.dtype == "category" and column.fill is None:
                self.categories = field.labels

    @property
    def columns_of_plan(self) -> Features:
        """As the exporters pass them on."""
        return (self.column,)

    def coded(self, of: Mapping[Label, float], missing: float, unknown: float) -> Numbers:
        """A number for each label."""
        field = self.build.field(self.column) if isinstance(self.column, Input) else None
        if field is not None and is_closed(field):  # to it, labels without a code would be missing
            of = dict.fromkeys(field.labels, unknown) | dict(of)
        register = self.build.codes((self.column,), [Codes(of, missing, unknown)])
        return Numbers(self.build, register, "float", is_pandas=True)

    def changed(self, operation: AnyOperation, *, is_filled: bool | None = None) -> Labels:
        """The texts that an operation makes of these.

        Args:
            is_filled: whether none is missing; by default if none was before, and none can be lost.
        """
        if is_filled is None:
            loses = isinstance(operation, Retext) and not operation.keeps_others
            if isinstance(operation, ChangeText):
                loses = operation.function in ("get", "part")
            is_filled = self.is_filled and not loses
        column = Computed(self.build.add(operation), 0)
        return Labels(self.build, column, self.dtype_name, is_filled)

    @property
    def texts(self) -> int:
        """The register that holds them as texts.

        Raises:
            Untraceable: they aren't all texts.
        """
        try:
            return self.build.texts(self.column)
        except NotCompiled as error:
            raise Untraceable(error.why) from error

    @property
    def str(self) -> Any:
        """The methods of texts."""
        return Recorded.text_methods_of(self)

    def _whether(self, of: Mapping[Label, float], missing: float, unknown: float) -> Numbers:
        found = self.coded(of, missing, unknown)
        return found.like(found.register, "boolean")

    def copy(self, *_: Any, **__: Any) -> Labels:
        """The same."""
        found = Labels(self.build, self.column, self.dtype_name, self.is_filled)
        found.categories = self.categories
        return found

    @property
    def cat(self) -> Labels:
        """The methods of categories."""
        return self

    @property
    def codes(self) -> Numbers:
        """The places of the categories, from 0; -1 is a missing one."""
        if not self.categories:
            raise Untraceable(_UNDECLARED)
        found = self.coded({one: float(n) for n, one in enumerate(self.categories)}, -1.0, -1.0)
        return found.like(found.register, "integer")

    def __getattr__(self, name: Any) -> NoReturn:
        if name == "codes":  # a property that raises an AttributeError ends up here
            raise Untraceable(_UNDECLARED)
        super().__getattr__(name)

    def set_categories(self, categories: Any) -> Labels:
        """Other values become missing."""
        texts = tuple(_text(_label(one)) for one in categories)
        found = self.changed(Retext(self.texts, texts, texts))
        found.categories = texts
        return found

    def numbers(self, how: NumeralName) -> Numbers:
        """The numbers that are written as texts."""
        register = self.build.add(ReadNumbers(self.texts, how))
        kind: Kind = "integer" if how == "int" else "float"
        return Numbers(self.build, register, kind, is_pandas=True)

    def astype(self, to: Any, **_: Any) -> Any:
        """Categories and objects are the same labels; texts may be numbers."""
        if getattr(to, "categories", None) is not None:
            return self.set_categories(to.categories)
        name = to if isinstance(to, str) else getattr(to, "__name__", str(to))
        if name in _NUMBERS:
            return self.numbers(_NUMBERS[name])
        if name == "str" and (self.is_filled or self.dtype_name == "str"):
            return self.copy()
        if name == "str" and _keeps_missing() and self.texts is not None:
            return Labels(self.build, self.column, "str")
        if name.startswith("datetime64"):
            raise Untraceable("it converts texts to times; pd.to_datetime can be recorded")
        if name not in ("category", "object"):
            raise Untraceable(f"it converts texts to {name}")
        return self.copy()

    def to_frame(self, name: Any = None) -> Any:
        """The texts as the only column of a frame."""
        name = self.name if name is None else name
        return Recorded.frame_of({name: self.copy()}, build=self.build)

    def isna(self) -> Numbers:
        """Whether each is missing."""
        return self._whether({}, 1.0, 0.0)

    def notna(self) -> Numbers:
        """Whether each is there."""
        return self._whether({}, 0.0, 1.0)

    isnull, notnull = isna, notna

    def fillna(self, value: Any) -> Labels:
        """Missing labels replaced by one."""
        if isinstance(value, Labels):
            is_missing = self.isna()
            return choose(is_missing, value, self)
        label = _label(value)
        if not isinstance(self.column, Input):
            return self.changed(FillText(self.texts, _text(label)), is_filled=True)
        if self.column.fill is not None:
            return self.copy()
        return Labels(self.build, Input(self.column.column, label), self.dtype_name)

    def isin(self, values: Any) -> Numbers:
        """Whether each is one of these."""
        labels = [label_of(value) for value in values]
        of = {label: 1.0 for label in labels if label is not None}
        return self._whether(of, 1.0 if None in labels else 0.0, 0.0)

    def operated(self, name: ElementwiseName, one: Any, other: Any) -> Any:
        """Whether each is this label, or isn't; or texts one after the other."""
        if name == "add":
            return self._joined(one, other)
        if name not in ("equal", "not_equal"):
            raise Untraceable(f"it computes with texts: {name.replace('_', ' ')}")
        label = _label(other if one is self else one)
        is_equal = 1.0 if name == "equal" else 0.0
        return self._whether({label: is_equal}, 1.0 - is_equal, 1.0 - is_equal)

    def _joined(self, one: Any, other: Any) -> Labels:
        if isinstance(one, Labels) and isinstance(other, Labels):
            is_filled = one.is_filled and other.is_filled
            return self.changed(JoinTexts((one.texts, other.texts)), is_filled=is_filled)
        text = _text(_label(other if one is self else one))
        function: ChangeName = "append" if one is self else "prepend"
        return self.changed(ChangeText(self.texts, function, (text,)))

    def map(self, how: Any, *_: Any, **__: Any) -> Any:
        """A number or a text for each label, from a dictionary or a series."""
        how = how.to_dict() if hasattr(how, "to_dict") else how
        if not isinstance(how, Mapping):
            return self._called(how)
        if hasattr(type(how), "__missing__"):
            raise Untraceable("its dictionary makes up values")
        if any(isinstance(value, str) for value in how.values()):
            return self._replaced(how, keeps_others=False)
        if not all(isinstance(value, (bool, int, float, np.number)) for value in how.values()):
            raise Untraceable("it maps texts to texts and numbers")
        missing, of = np.nan, {}
        for key, value in how.items():
            label = label_of(key)
            if label is None:
                missing = float(value)
            else:
                of[label] = float(value)
        return self.coded(of, missing, np.nan)

    def _called(self, function: Any) -> Any:
        """What a function of one text makes of all of them."""
        return Recorded.of_each_text(function, self)

    def apply(self, how: Any, **_: Any) -> Any:
        """What a function of one text makes of each."""
        return self.map(how)

    def replace(self, to: Any, value: Any = None, **options: Any) -> Any:
        """Some texts replaced by others."""
        if options.get("regex"):
            return self._replaced_matches(to, value, options["regex"])
        if isinstance(to, Mapping):
            pairs = dict(to)
        else:
            old = [to] if isinstance(to, str) else list(to)
            is_one = isinstance(value, (str, float))
            new = [value] * len(old) if is_one else list(value)
            pairs = dict(zip(old, new, strict=True))
        if not all(isinstance(one, str) or one != one for one in (*pairs, *pairs.values())):
            raise Untraceable("it replaces texts by something else; `map` makes numbers of them")
        return self._replaced(pairs, keeps_others=True)

    def _replaced_matches(self, to: Any, value: Any, regex: Any) -> Labels:
        """What matches a regular expression, replaced as Python does it."""
        to = regex if to is None else to
        pairs = to if isinstance(to, Mapping) else {to: value} if isinstance(to, str) else {}
        if len(pairs) != 1:
            raise Untraceable(
                "it replaces what matches several regular expressions; call `.str.replace(..., "
                "regex=True)` for each of them"
            )
        ((pattern, by),) = pairs.items()
        return self.changed(Recorded.replacing(self, pattern, by))

    def _replaced(self, pairs: Mapping[Any, Any], *, keeps_others: bool) -> Labels:
        labels = [_text(_label(key)) for key in pairs]
        texts = [None if label_of(new) is None else _text(_label(new)) for new in pairs.values()]
        table = Retext(self.texts, tuple(labels), tuple(texts), keeps_others)
        return self.changed(table, is_filled=False if None in texts else None)

    def where(self, condition: Any, other: Any) -> Labels:
        """The texts where it is true, else others."""
        return choose(condition, self, other)

    def mask(self, condition: Any, other: Any) -> Labels:
        """The texts where it is false, else others."""
        return choose(condition, other, self)

    @property
    def values(self) -> Labels:
        """The same texts."""
        return self.copy()


def named(numbers: Numbers, texts: Sequence[str], *, is_filled: bool = False) -> Labels:
    """Texts by their numbers, counted from 0; others are missing."""
    build = numbers.build
    column = Computed(build.add(Named(numbers.register, tuple(texts))), 0)
    return Labels(build, column, "str", is_filled)


def choose(condition: Any, one: Any, other: Any) -> Labels:
    """Texts where a condition is true, and others where it isn't; each may be a constant."""
    if not isinstance(condition, Numbers) or condition.width != 1:
        raise Untraceable("it chooses texts by something else than a condition")
    build = condition.build
    constants = [_text(_label(part)) for part in (other, one) if not isinstance(part, Recorded)]
    if len(constants) == 2:
        return named(computed("not_equal", condition, 0), constants, is_filled=True)
    parts = []
    for part in (one, other):
        if isinstance(part, Labels):
            parts.append(part.texts)
            continue
        if isinstance(part, Recorded):
            raise Untraceable("it chooses between texts and numbers")
        always = computed("where", condition, 0, 0)
        parts.append(build.add(Named(always.register, (_text(_label(part)),))))
    register = build.add(ChooseText((condition.register, parts[0], parts[1])))
    is_filled = all(part.is_filled for part in (one, other) if isinstance(part, Labels))
    return Labels(build, Computed(register, 0), "str", is_filled)


def _text(label: Label) -> str:
    if not isinstance(label, str):
        raise Untraceable(f"it puts a {type(label).__name__} among texts")
    return label


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
