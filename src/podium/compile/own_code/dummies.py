"""What `pd.get_dummies` returns for recorded columns: one column for each value in the batch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple, NoReturn

from podium.compile.builder import Builder
from podium.compile.features import Input, NotCompiled
from podium.compile.own_code.expressions import expression_of, matching
from podium.compile.own_code.frames import Frame
from podium.compile.own_code.labels import Labels
from podium.compile.own_code.recorded import Recorded, Untraceable
from podium.compile.own_code.series import Series
from podium.compile.own_code.values import Numbers, computed
from podium.compile.own_code.watch import line_now

_DEPENDS = (
    "pd.get_dummies makes a column of each value in a batch, so that its columns depend on the other "
    "rows; add .reindex(columns=[...], fill_value=0) to it, with the columns that training had, or "
    "use OneHotEncoder"
)


class Coded(NamedTuple):
    """A column that becomes one column for each of its values.

    Attributes:
        begin: of the names of the new columns, before the value.
    """

    begin: str
    series: Series | Tags


class Tags(NamedTuple):
    """Texts that are split at a separator, each part being a value of its own.

    Attributes:
        texts: the column.
        separator: between the parts.
    """

    texts: Labels
    separator: str

    def isna(self) -> Numbers:
        """Whether each is missing."""
        return self.texts.isna()

    def contain(self, part: str) -> Numbers:
        """Whether each has a part."""
        end = re.escape(self.separator)
        pattern = rf"(?:^|{end}){re.escape(part)}(?:{end}|\Z)"
        found = matching(self.texts, "search", expression_of(pattern), 0.0)
        build = self.texts.build
        return Numbers(build, build.add(found), "integer", is_pandas=True)


class Dummies(Recorded):
    """A frame of which only some columns are known: it can be reindexed, or put beside another.

    Attributes:
        fixed: the columns that are there in each batch.
        coded: those of which columns are made.
    """

    noun = "frame of dummies"
    ndim = 2

    def __init__(self, build: Builder, fixed: Mapping[str, Series], coded: Sequence[Coded]) -> None:
        self.build, self.fixed, self.coded = build, dict(fixed), tuple(coded)
        self.line = line_now()

    def refuse(self) -> NoReturn:
        """Say why code can't return it.

        Raises:
            NotCompiled: always.
        """
        number, text = self.line
        raise NotCompiled(f"line {number}, `{text}`: {_DEPENDS}")

    def __getattr__(self, name: str) -> NoReturn:
        raise Untraceable(_DEPENDS)

    def __getitem__(self, _: Any) -> NoReturn:
        raise Untraceable(_DEPENDS)

    __setitem__ = __len__ = __iter__ = __getitem__  # type: ignore[assignment]

    def copy(self, *_: Any, **__: Any) -> Dummies:
        """The same."""
        return Dummies(self.build, self.fixed, self.coded)

    def drop(self, labels: Any = None, axis: Any = 0, *, columns: Any = None) -> Dummies:
        """Without some of the columns that are always there."""
        gone = columns if columns is not None else labels if axis in (1, "columns") else None
        gone = [gone] if isinstance(gone, str) else gone
        if gone is None or not set(gone) <= self.fixed.keys():
            raise Untraceable(_DEPENDS)
        rest = {name: one for name, one in self.fixed.items() if name not in set(gone)}
        return Dummies(self.build, rest, self.coded)

    def join(self, other: Any) -> Dummies:
        """The columns of both."""
        return beside([self, other])

    def reindex(
        self, labels: Any = None, *, columns: Any = None, axis: Any = 0, fill_value: Any = None
    ) -> Frame:
        """These columns; one that a batch lacks is 0 in it."""
        wanted = columns if columns is not None else labels if axis in (1, "columns") else None
        if wanted is None or isinstance(wanted, Recorded):
            raise Untraceable(_DEPENDS)
        if fill_value is None or fill_value != 0:
            raise Untraceable(
                "columns that a batch lacks become missing ones; reindex with fill_value=0"
            )
        return Frame({name: self._column(name) for name in map(str, wanted)}, build=self.build)

    def _column(self, name: str) -> Series:
        if name in self.fixed:
            return self.fixed[name]
        found = [is_value(one, name) for one in self.coded if name.startswith(one.begin)]
        known = [one for one in found if one is not None]
        if len(known) > 1:
            raise Untraceable(f"{name!r} may be made of several columns; give them other prefixes")
        if known:
            return known[0]
        some = self.coded[0].series
        return computed("multiply", some.isna(), 0)


def is_value(coded: Coded, name: str) -> Numbers | None:
    """Whether each value is the one in the name of a column; None if there can't be such a value."""
    text, series = name[len(coded.begin) :], coded.series
    if isinstance(series, Tags):
        return series.contain(text)
    if isinstance(series, Labels):
        column = series.column
        field = series.build.field(column) if isinstance(column, Input) else None
        of = {one: 1.0 for one in (field.labels if field else ()) if f"{one}" == text}
        if field is None or field.label_types <= {str}:
            of[text] = 1.0
        found = series.coded(of, 0.0, 0.0)
        return found.like(found.register, "boolean")
    if not isinstance(series, Numbers):
        raise Untraceable(f"pd.get_dummies of a {series.noun} can't be recorded")
    if series.build.is_single(series.register):
        raise Untraceable("pd.get_dummies of numbers in single precision can't be recorded")
    if series.kind == "boolean":
        truth = {"True": 1, "False": 0}.get(text)
        return None if truth is None else computed("equal", series, truth)
    try:
        number = float(text) if series.kind == "float" else int(text)
    except ValueError:
        return None
    return computed("equal", series, number) if f"{number}" == text else None


def get_dummies(
    data: Any,
    prefix: Any = None,
    prefix_sep: Any = "_",
    dummy_na: bool = False,
    columns: Any = None,
    sparse: bool = False,
    drop_first: bool = False,
    dtype: Any = None,
) -> Dummies | Frame:
    """In place of pandas' function.

    Raises:
        Untraceable: its options depend on the rows of a batch.
    """
    if dummy_na or sparse:
        raise Untraceable(
            "pd.get_dummies of missing values, or to a sparse frame, can't be recorded"
        )
    if isinstance(data, Frame):
        names = (
            _encoded(data)
            if columns is None
            else [columns]
            if isinstance(columns, str)
            else columns
        )
        names = list(names)
    else:
        data, names = Frame({data.name: data}, build=data.build), [data.name]
        prefix = [""] if prefix is None else [f"{prefix}{prefix_sep}"]
        prefix_sep = ""
    begins = [
        f"{one}{sep}"
        for one, sep in zip(_each(prefix, names, names), _each(prefix_sep, names, ()), strict=False)
    ]
    coded = [Coded(begin, data[name]) for begin, name in zip(begins, names, strict=True)]
    fixed = {name: one for name, one in data.series.items() if name not in names}
    if all(isinstance(one.series, Labels) and one.series.categories for one in coded):
        return _of_categories(data.build, fixed, coded, drop_first, dtype)
    if drop_first:
        raise Untraceable(
            "drop_first drops the first value of each batch; use OneHotEncoder(drop='first')"
        )
    return Dummies(data.build, fixed, coded)


def tags(texts: Labels, separator: str) -> Dummies:
    """In place of `.str.get_dummies`.

    Raises:
        Untraceable: it splits at nothing.
    """
    if not separator:
        raise Untraceable("it splits texts at nothing")
    return Dummies(texts.build, {}, [Coded("", Tags(texts, separator))])


def _each(one: Any, names: Sequence[str], default: Any) -> Any:
    """An option for each column: it may be one for all, or by the column's name."""
    if one is None:
        return default
    if isinstance(one, Mapping):
        return [one[name] for name in names]
    return repeat(one, len(names)) if isinstance(one, str) else list(one)


def _encoded(frame: Frame) -> list[str]:
    """The columns that are encoded by default: those of texts and categories."""
    for one in frame.series.values():
        if not isinstance(one, (Labels, Numbers)):
            raise Untraceable("name the columns of pd.get_dummies; one of the others isn't numbers")
    return [name for name, one in frame.series.items() if isinstance(one, Labels)]


def _of_categories(
    build: Builder,
    fixed: Mapping[str, Series],
    coded: Sequence[Coded],
    drop_first: bool,
    dtype: Any,
) -> Frame:
    """The dummies of columns whose categories are declared: the same in each batch."""
    made = dict(fixed)
    for begin, series in coded:
        categories = series.categories if isinstance(series, Labels) else ()
        for label in categories[drop_first:]:
            name = f"{begin}{label}"
            found = is_value(Coded(begin, series), name)
            if found is None or name in made:
                raise Untraceable(f"pd.get_dummies makes two columns named {name!r}")
            made[name] = found if dtype is None else found.astype(dtype)
    return Frame(made, build=build)


def beside(parts: Sequence[Any]) -> Dummies:
    """The columns of frames, of which some are dummies."""
    fixed: dict[str, Series] = {}
    coded: list[Coded] = []
    for one in parts:
        if isinstance(one, Dummies):
            coded += one.coded
        more = (
            one.fixed
            if isinstance(one, Dummies)
            else one.series
            if isinstance(one, Frame)
            else None
        )
        more = {one.name: one} if more is None else more
        if not fixed.keys().isdisjoint(more):
            raise Untraceable("two of its columns have the same name")
        fixed |= more
    build = next(one.build for one in parts if isinstance(one, Dummies))
    return Dummies(build, fixed, coded)
