"""What an encoder makes of the cells of each column, found by transforming every known one once."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from podium.compile.builder import FOREIGN, Builder
from podium.compile.features import Column, Computed, Features, Input, NotCompiled
from podium.compile.registers import Codes
from podium.program.arrays import Floats
from podium.program.operations import Lookup
from podium.signature import Label

# Numbers that a column's cells may become, all together: 128 MiB.
TABLE_MAX = 1 << 24
# Numbers that are transformed together.
PART = 1 << 22
# With fewer columns, each is tried by itself.
FEW = 16


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A column to try, and its cells.

    Attributes:
        name: in the encoder's frame.
        labels: that the encoder or the signature know.
        missing: a missing cell, as the original sees it.
        unknown: a cell that is none of the labels.
    """

    name: Any
    labels: tuple[Label, ...]
    missing: Any
    unknown: Label


class Encoded(NamedTuple):
    """The numbers that one column's cells become.

    Attributes:
        places: of these numbers among all columns of the encoder's result.
        labels: the cells.
        table: their numbers, shape (n_labels, n_places).
        missing: the numbers of a missing cell; None if it is refused.
        unknown: the same for one that is none of the labels.
    """

    places: list[int]
    labels: tuple[Label, ...]
    table: Floats
    missing: Floats | None
    unknown: Floats | None

    @property
    def rows(self) -> Floats:
        """All numbers: of the labels, then of a missing and of an unknown cell where accepted."""
        others = [row for row in (self.missing, self.unknown) if row is not None]
        return np.vstack([self.table, *others]) if others else self.table


# Transforms rows, given as the cells of each probed column; returns shape (n_rows, n_places).
Transform = Callable[[Mapping[Any, Sequence[Any]]], Floats]


def probed(transform: Transform, probes: Sequence[Probe], places: Sequence[int]) -> list[Encoded]:
    """What each column's cells become, for an encoder that looks at each column by itself.

    Args:
        places: where the columns that `transform` returns are in the encoder's whole result.

    Raises:
        NotCompiled: a column of the result depends on several columns.
    """
    usual = {p.name: p.labels[0] if p.labels else p.missing for p in probes}
    rows = _Rows(transform, usual, len(places))
    labels, missing, unknown = _tried(rows, probes)
    parts: list[list[_Change]] = []
    for probe, *others in zip(probes, missing, unknown, strict=True):
        own_labels = [labels.pop(0) for _ in probe.labels]
        parts.append([*own_labels, *(c for c in others if c is not None)])
    owned = _owned(parts, len(places))
    found = []
    for number, (probe, changes, *others) in enumerate(
        zip(probes, parts, missing, unknown, strict=True)
    ):
        own = np.flatnonzero(owned == number)
        table = rows.table(changes[: len(probe.labels)], own)
        besides = [None if c is None else rows.table([c], own)[0] for c in others]
        found.append(Encoded([places[i] for i in own.tolist()], probe.labels, table, *besides))
    return found


def _tried(
    rows: _Rows, probes: Sequence[Probe]
) -> tuple[list[_Change], Sequence[_Change | None], Sequence[_Change | None]]:
    """What each label, each missing and each unknown cell changes; None where it is refused."""
    of_labels = [(p.name, label) for p in probes for label in p.labels]
    of_missing = [(p.name, p.missing) for p in probes]
    of_unknown = [(p.name, p.unknown) for p in probes]
    # Texts stay texts beside a missing cell, but whole numbers become floats.
    are_texts = all(isinstance(label, str) for _, label in of_labels)
    found = rows.changes([*of_labels, *of_missing, *of_unknown]) if are_texts else None
    if found is not None:
        n_labels, n = len(of_labels), len(probes)
        return found[:n_labels], found[n_labels : n_labels + n], found[n_labels + n :]
    labels = rows.changes(of_labels)
    if labels is None:
        raise NotCompiled("it refuses categories that it was fitted on")
    return labels, rows.accepted(of_missing), rows.accepted(of_unknown)


def _owned(parts: Sequence[Sequence[_Change]], width: int) -> Any:
    """Which part changes each column; the first one owns what none does."""
    owned = np.full(width, -1)
    for number, changes in enumerate(parts):
        for change in changes:
            before = owned[change.columns]
            if ((before >= 0) & (before != number)).any():
                raise NotCompiled("a column of its result depends on several columns")
            owned[change.columns] = number
    owned[owned < 0] = 0
    return owned


class _Change(NamedTuple):
    """Which numbers of the usual row change, if a cell does."""

    columns: Any
    values: Floats


class _Rows:
    """Rows that differ from a usual one in one cell each.

    All columns' cells are transformed together: one at a time, 400 columns would take minutes.
    """

    def __init__(self, transform: Transform, usual: Mapping[Any, Any], width: int) -> None:
        self._transform, self._usual = transform, usual
        self._width = width
        self._base: Floats | None = None

    def _numbers(self, cells: Sequence[tuple[Any, Any]]) -> Floats:
        """The numbers of the usual row, then with each of these cells, by column, in its place."""
        columns = {name: [cell] * (1 + len(cells)) for name, cell in self._usual.items()}
        for row, (name, cell) in enumerate(cells, 1):
            columns[name][row] = cell
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self._transform(columns)

    def changes(self, cells: Sequence[tuple[Any, Any]]) -> list[_Change] | None:
        """What each cell changes; None if one of them is refused."""
        changes = []
        n_rows = max(1, PART // max(1, self._width))
        for begin in range(0, len(cells), n_rows):
            try:
                numbers = self._numbers(cells[begin : begin + n_rows])
            except FOREIGN:
                return None
            base = self._base = numbers[0] if self._base is None else self._base
            numbers = numbers[1:]
            same = (numbers == base) | (np.isnan(numbers) & np.isnan(base))
            columns = [np.flatnonzero(~one) for one in same]
            changes += [_Change(at, row[at]) for at, row in zip(columns, numbers, strict=True)]
        return changes

    def accepted(self, cells: Sequence[tuple[Any, Any]]) -> list[_Change | None]:
        """The same, with None for a cell that is refused."""
        together = self.changes(cells)
        if together is not None:
            return [*together]
        # What is refused in the first and in the last column is refused in all; or so it seems:
        # the verification tries each.
        some = [self.changes([cell]) for cell in (cells[0], cells[-1])]
        if some == [None, None] and len(cells) > FEW:
            return [None] * len(cells)
        alone = [self.changes([cell]) for cell in cells]
        return [None if one is None else one[0] for one in alone]

    def table(self, changes: Sequence[_Change], own: Any) -> Floats:
        """The numbers of some columns, one row for each change."""
        if self._base is None:
            raise NotCompiled("it refuses every cell that was tried")
        if len(changes) * len(own) > TABLE_MAX:
            raise NotCompiled(f"{len(changes)} categories become {len(own)} columns")
        table = np.tile(self._base[own], (len(changes), 1))
        for row, change in zip(table, changes, strict=True):
            row[np.searchsorted(own, change.columns)] = change.values
        return table


def encode(build: Builder, x: Features, found: Sequence[Encoded]) -> dict[int, Computed]:
    """The columns that cells become, by their places in the whole result.

    Args:
        x: the column of each of `found`.
    """
    single, several = [], []
    made: dict[int, Computed] = {}
    for column, one in zip(x, found, strict=True):
        column = _as_single(build, column)
        if len(one.places) == 1:
            single.append((column, one))
        elif _is_one_hot(one):
            several.append((column, one))
        elif one.places:
            made |= zip(one.places, _looked_up(build, column, one), strict=True)
    if single:
        codes = [_codes(one, lambda row: float(row[0])) for _, one in single]
        register = build.codes(tuple(column for column, _ in single), codes)
        made |= _placed(register, single)
    if several:
        codes = [_codes(one, _position) for _, one in several]
        widths = [len(one.places) for _, one in several]
        register = build.one_hot(tuple(column for column, _ in several), codes, widths)
        made |= _placed(register, several)
    return made


def _placed(register: int, parts: Sequence[tuple[Any, Encoded]]) -> Iterator[tuple[int, Computed]]:
    places = [place for _, one in parts for place in one.places]
    for column, place in enumerate(places):
        yield place, Computed(register, column)


def _as_single(build: Builder, column: Column) -> Column:
    """A column of single precision as its numbers: a cell such as 0.1 is rounded first."""
    if isinstance(column, Input) and build.field(column).dtype in ("float32", "Float32"):
        return Computed(build.matrix((column,)), 0)
    return column


def _codes(one: Encoded, code: Callable[[Floats], float]) -> Codes:
    return Codes(
        {label: code(row) for label, row in zip(one.labels, one.table, strict=True)},
        None if one.missing is None else code(one.missing),
        None if one.unknown is None else code(one.unknown),
    )


def _is_one_hot(one: Encoded) -> bool:
    rows = one.rows
    return bool(((rows == 0) | (rows == 1)).all() and (rows.sum(axis=1) <= 1).all())


def _position(row: Floats) -> float:
    """Where the one is; -1 where there is none."""
    return float(row.argmax()) if row.any() else -1.0


def _looked_up(build: Builder, column: Column, one: Encoded) -> Iterator[Computed]:
    """A code for each row of the table, which is then looked up."""
    n_labels = len(one.labels)
    missing = None if one.missing is None else float(n_labels)
    unknown = None if one.unknown is None else float(len(one.rows) - 1)
    codes = Codes({label: float(i) for i, label in enumerate(one.labels)}, missing, unknown)
    register = build.codes((column,), [codes])
    looked_up = build.add(Lookup(register, one.rows))
    return (Computed(looked_up, place) for place in range(len(one.places)))
