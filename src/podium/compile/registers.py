"""The registers of a plan under construction, and the usual operations that fill them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, NamedTuple, TypeGuard

import numpy as np

from podium.compile.features import (
    Column,
    Computed,
    Features,
    Input,
    NotCompiled,
    Relabelled,
)
from podium.program.operations import (
    AnyOperation,
    Coding,
    Encode,
    FillText,
    Impute,
    Indicate,
    Join,
    Match,
    Numbers,
    OneHot,
    Recode,
    Retext,
    Scale,
    Select,
    Shapes,
    Terms,
    Texts,
    Times,
    coding_of,
)
from podium.program.operations.texts.terms import HASHED_MAX
from podium.signature import TIMES, Field, Label, Signature


class Codes(NamedTuple):
    """The codes of the values of one column.

    Attributes:
        of: the codes of known values.
        missing: of a missing one; None refuses it.
        unknown: of any other; None refuses it.
    """

    of: Mapping[Label, float]
    missing: float | None = None
    unknown: float | None = None


class Registers:
    """The operations so far, and methods that add the usual ones.

    Attributes:
        signature: of the whole model.
    """

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self._operations: list[AnyOperation] = []
        self._shapes = Shapes(len(signature.fields))
        self._matrices: dict[Features, int] = {}
        self._features: dict[int, Features] = {}

    def add(self, operation: AnyOperation) -> int:
        """Add an operation; returns the register that it fills.

        Raises:
            BundleError: it doesn't match its input.
        """
        self._shapes.add(operation.check(self._shapes))
        self._operations.append(operation)
        return len(self._operations) - 1

    @property
    def operations(self) -> tuple[AnyOperation, ...]:
        """All of them, used or not."""
        return tuple(self._operations)

    def width(self, register: int) -> int:
        """The number of columns of a matrix, or of classes of an index."""
        return self._shapes.any(register).width

    def is_single(self, register: int) -> bool:
        """Whether a matrix holds numbers of single precision."""
        return self._shapes.matrix(register).is_single

    def features(self, register: int) -> Features:
        """All columns of a matrix."""
        if register not in self._features:  # there may be a million of them
            columns = range(self.width(register))
            self._features[register] = tuple(Computed(register, column) for column in columns)
        return self._features[register]

    def inputs(self) -> Features:
        """The columns of the table."""
        return tuple(Input(column) for column in range(len(self.signature.fields)))

    def field(self, column: Input) -> Field:
        """The field of an input in the signature."""
        return self.signature.fields[column.column]

    def is_text(self, column: Column) -> TypeGuard[Computed]:
        """Whether the column holds texts that were computed."""
        return isinstance(column, Computed) and self._shapes.any(column.register).is_text

    def is_number(self, column: Column) -> bool:
        """Whether the column holds numbers or booleans, rather than labels, texts or times."""
        if isinstance(column, Computed):
            return not self.is_text(column)
        if isinstance(column, Relabelled):
            return False
        field = self.field(column)
        if field.type == "category":  # numbers declared as labels, unless unknown ones become NaN
            numbers = all(isinstance(label, (int, float)) for label in field.labels)
            return numbers and not is_closed(field) and not isinstance(column.fill, str)
        return field.type in ("float", "integer", "boolean")

    def matrix(self, x: Features) -> int:
        """The register that holds these columns side by side, as numbers.

        Raises:
            NotCompiled: one of them isn't numeric.
        """
        if x not in self._matrices:
            parts = [self._part(tuple(run)) for _, run in groupby(x, self._source)]
            if not parts:
                raise NotCompiled("it has no columns")
            self._matrices[x] = parts[0] if len(parts) == 1 else self.add(Join(tuple(parts)))
        return self._matrices[x]

    def _source(self, column: Column) -> int:
        """The register that holds a column; below 0 the table, whose numbers may be single ones."""
        if isinstance(column, Computed):
            return column.register
        return -2 if isinstance(column, Input) and self._is_single_input(column) else -1

    def _is_single_input(self, column: Input) -> bool:
        return self.field(column).dtype in ("float32", "Float32")

    def _part(self, x: Features) -> int:
        """Columns from the same source."""
        if isinstance(x[0], Computed):
            register = x[0].register
            if self.is_text(x[0]):
                raise NotCompiled("it takes texts as numbers; encode them first")
            if self.terms_of(x[0]) is not None and self.width(register) > HASHED_MAX:
                raise NotCompiled(
                    f"it takes {self.width(register)} columns of terms, not only their sums; "
                    f"up to {HASHED_MAX} are known"
                )
            columns = [c.column for c in x if isinstance(c, Computed)]
            if columns == list(range(self.width(register))):
                return register
            return self.add(Select(register, np.array(columns, np.int32)))
        if any(isinstance(c, Relabelled) for c in x):
            raise NotCompiled("it takes labels that an earlier step made as numbers; encode them")
        inputs = [c for c in x if isinstance(c, Input)]
        for column in inputs:
            if not self.is_number(column):
                field = self.field(column)
                raise NotCompiled(f"it takes {field.name!r} as a number, but that is {field.type}")
        places = tuple(c.column for c in inputs)
        numbers = self.add(Numbers(places, self._is_single_input(inputs[0])))
        fill = np.array([np.nan if c.fill is None else float(c.fill) for c in inputs])
        return numbers if np.isnan(fill).all() else self.add(Impute(numbers, fill))

    def filled(self, column: Column, fill: Label) -> Column:
        """The column with missing cells replaced.

        Raises:
            NotCompiled: it holds numbers, and a text replaces them.
        """
        if isinstance(column, Input):
            return column if column.fill is not None else Input(column.column, fill)
        if isinstance(column, Relabelled):
            labels = tuple((v, fill if label is None else label) for v, label in column.labels)
            missing = fill if column.missing is None else column.missing
            unknown = fill if column.unknown is None else column.unknown
            return replace(column, labels=labels, missing=missing, unknown=unknown)
        if self.is_text(column) and isinstance(fill, str):
            return Computed(self.add(FillText(column.register, fill)), 0)
        if isinstance(fill, str):
            raise NotCompiled("it fills a column of numbers with a text; fill it with a number")
        register = self.matrix((column,))
        return Computed(self.add(Impute(register, np.array([float(fill)]))), 0)

    def scale(self, x: int, **constants: Any) -> int:
        """Add a `Scale`; its constants may be anything that numpy can turn into vectors, or None."""
        width = self.width(x)
        present = {
            name: np.broadcast_to(np.asarray(value, np.float64), (width,))
            for name, value in constants.items()
            if value is not None
        }
        return self.add(Scale(x, **present)) if present else x

    def terms_of(self, column: Column) -> Terms | None:
        """The operation that counts a term in this column; None if it has other content."""
        if not isinstance(column, Computed):
            return None
        operation = self._operations[column.register]
        return operation if type(operation) is Terms else None

    def codes(self, x: Features, codes: Sequence[Codes]) -> int:
        """A matrix of the codes of these columns' values.

        Raises:
            NotCompiled: values can't be distinguished as the original does.
        """
        x, codes = _bases(x, codes)
        parts = [self._codes(run) for run in self._runs(x, codes)]
        return parts[0] if len(parts) == 1 else self.add(Join(tuple(parts)))

    def _codes(self, run: Sequence[tuple[Column, Codes]]) -> int:
        """The codes of columns of one kind."""
        first, codes = run[0]
        if self.is_text(first):
            return self._recode(first, codes)
        if isinstance(first, Computed):
            return self._match(tuple(column for column, _ in run), [c for _, c in run])
        return self.add(Encode(tuple(self._coding(column, c) for column, c in run)))

    def one_hot(self, x: Features, codes: Sequence[Codes], widths: Sequence[int]) -> int:
        """A matrix with a one at each value's code, counted from the column's first position.

        Args:
            widths: how many columns each column becomes. A negative code sets no one.
        """
        starts = np.concatenate([[0], np.cumsum(widths)]).astype(np.int32)
        width = int(starts[-1])
        x, codes = _bases(x, codes)
        if all(isinstance(column, Input) for column in x):
            codings = tuple(
                self._coding(column, c, int(start))
                for column, c, start in zip(x, codes, starts, strict=False)
            )
            return self.add(OneHot(codings, width))
        return self.add(Indicate(self.codes(x, codes), starts[:-1], width))

    def _runs(
        self, x: Features, codes: Sequence[Codes]
    ) -> Iterator[tuple[tuple[Column, Codes], ...]]:
        """Consecutive columns of one kind; each column of computed texts by itself."""
        kinds = [
            place if self.is_text(one) else -1 - isinstance(one, Computed)
            for place, one in enumerate(x)
        ]
        for _, run in groupby(zip(kinds, x, codes, strict=True), lambda one: one[0]):
            yield tuple((column, code) for _, column, code in run)

    def _coding(self, column: Column, codes: Codes, start: int = 0) -> Coding:
        if not isinstance(column, Input):
            raise TypeError(column)
        missing, unknown = codes.missing, codes.unknown
        if column.fill is not None:
            missing = codes.of.get(column.fill, unknown)
        if is_closed(self.field(column)):
            unknown = missing
        begin = {label: code + start if code >= 0 else code for label, code in codes.of.items()}
        missing = missing + start if missing is not None and missing >= 0 else missing
        unknown = unknown + start if unknown is not None and unknown >= 0 else unknown
        return coding_of(column.column, begin, missing=missing, unknown=unknown)

    def _recode(self, x: Computed, codes: Codes) -> int:
        texts = {label: code for label, code in codes.of.items() if isinstance(label, str)}
        others = [np.nan if c is None else c for c in (codes.missing, codes.unknown)]
        return self.add(
            Recode(
                x.register,
                tuple(texts),
                np.array([*texts.values(), *others], np.float64),
                refuses_missing=codes.missing is None,
                refuses_unknown=codes.unknown is None,
            )
        )

    def texts(self, column: Column) -> int:
        """The register that holds a column of texts.

        Raises:
            NotCompiled: it holds something else.
        """
        if self.is_text(column):
            return column.register
        if isinstance(column, Relabelled):
            return self._relabelled_texts(column)
        if not isinstance(column, Input):
            raise NotCompiled("it takes numbers as texts")
        field = self.field(column)
        kinds = field.label_types if field.type == "category" else {str}
        if field.type not in ("category", "text") or not kinds <= {str}:
            raise NotCompiled(f"it takes {field.name!r} as texts, but that is {field.type}")
        register = self.add(Texts(column.column, field.labels if is_closed(field) else ()))
        if column.fill is None:
            return register
        return self.add(FillText(register, str(column.fill)))

    def _relabelled_texts(self, column: Relabelled) -> int:
        rest = (column.missing, column.unknown)
        values = [one for pair in column.labels for one in (*pair, *rest) if one is not None]
        if column.refuses_missing or column.refuses_unknown:
            raise NotCompiled("it takes the texts of a column in which some values are refused")
        if column.unknown is not None or not all(isinstance(one, str) for one in values):
            raise NotCompiled("it takes labels that an earlier step made as texts")
        known = tuple(str(value) for value, _ in column.labels)
        new = tuple(None if label is None else str(label) for _, label in column.labels)
        register = self.texts(column.base)
        if column.missing is not None:
            register = self.add(FillText(register, str(column.missing)))
        return self.add(Retext(register, known, new, keeps_others=column.keeps_unknown))

    def times(self, column: Column) -> int:
        """The register that holds a column of dates or times in microseconds since 1970.

        They are in UTC where the field has a zone: `Clock` turns them into local times.

        Raises:
            NotCompiled: it holds something else.
        """
        if not isinstance(column, Input) or self.field(column).type not in TIMES:
            raise NotCompiled("it takes as a time what isn't a column of times")
        return self.add(Times((column.column,)))

    def _match(self, x: Features, codes: Sequence[Codes]) -> int:
        keys: list[float] = []
        starts, values, others = [0], [], []
        for one in codes:
            if any(isinstance(label, str) for label in one.of):
                raise NotCompiled("it looks for texts among numbers")
            for key, code in sorted((float(label), code) for label, code in one.of.items()):
                keys.append(key)
                values.append(code)
            starts.append(len(keys))
            others += [np.nan if c is None else c for c in (one.missing, one.unknown)]
        refuses = [(one.missing is None) + 2 * (one.unknown is None) for one in codes]
        return self.add(
            Match(
                self.matrix(x),
                np.array(keys, np.float64),
                np.array(starts, np.int32),
                np.array(values + others, np.float64),
                np.array(refuses, np.uint8),
            )
        )


def is_closed(field: Field) -> bool:
    """Whether the original's frame can't hold a label that is unknown in training."""
    return field.type == "category" and field.dtype.lower().startswith(("category", "enum"))


def _bases(x: Features, codes: Sequence[Codes]) -> tuple[Features, Sequence[Codes]]:
    """The columns that labels are made from, and the codes of their own values."""
    pairs = [_base(column, one) for column, one in zip(x, codes, strict=True)]
    return tuple(column for column, _ in pairs), [one for _, one in pairs]


def _base(column: Column, codes: Codes) -> tuple[Column, Codes]:
    if isinstance(column, Relabelled):
        return _base(column.base, _codes_before(column, codes))
    return column, codes


def _codes_before(column: Relabelled, codes: Codes) -> Codes:
    """The codes of a column's values, from those of the labels that replace them."""

    def code(label: Label | None) -> float | None:
        return codes.missing if label is None else codes.of.get(label, codes.unknown)

    found = {value: code(label) for value, label in column.labels}
    unknown = code(column.unknown)
    if column.keeps_unknown:
        found = {**codes.of, **found}
        unknown = codes.unknown
    unknown = None if column.refuses_unknown else unknown
    missing = None if column.refuses_missing else code(column.missing)
    of = {value: one for value, one in found.items() if one is not None}
    if len(of) < len(found) and unknown is not None:
        raise NotCompiled("it refuses some of the labels that an earlier step made, but not all")
    return Codes(of, missing, unknown)
