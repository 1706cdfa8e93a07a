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

# Numbers that a column's cells may become, all together: 64 MiB.
TABLE_MAX = 1 << 23


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A column to try, and its cells.

    Attributes:
        name: in the encoder's frame.
        labels: that the encoder or the signature know.
        missing: a missing cell, as the original sees it.
        unknown: a cell that is none of the labels; None if there can be no such.
    """

    name: Any
    labels: tuple[Label, ...]
    missing: Any
    unknown: Label | None


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
    owned = np.zeros(len(places), bool)
    found = []
    for number, probe in enumerate(probes):
        if len(probe.labels) * len(places) > TABLE_MAX:
            raise NotCompiled(f"{len(probe.labels)} categories become {len(places)} columns")
        base, table = _table(transform, usual, probe)
        missing = _one(transform, usual, probe.name, probe.missing)
        unknown = None
        if probe.unknown is not None:
            unknown = _one(transform, usual, probe.name, probe.unknown)
        one = Encoded([], probe.labels, table, missing, unknown)
        own = ~_same(one.rows, base).all(axis=0)
        if (own & owned).any():
            raise NotCompiled("a column of its result depends on several columns")
        owned |= own
        found.append((one, own))
        if number == 0:
            first = own
    first |= ~owned  # what never changes may belong to any column
    return [_narrowed(one, np.flatnonzero(own), places) for one, own in found]


def _table(transform: Transform, usual: Mapping[Any, Any], probe: Probe) -> tuple[Floats, Floats]:
    """The numbers of the usual row, and those of each label in its place."""
    cells = [usual[probe.name], *probe.labels]
    rows = {name: [cell] * len(cells) for name, cell in usual.items()} | {probe.name: cells}
    try:
        numbers = _quietly(transform, rows)
    except FOREIGN as error:
        raise NotCompiled(f"it refuses the categories of {probe.name!r}: {error}") from error
    return numbers[0], numbers[1:]


def _one(transform: Transform, usual: Mapping[Any, Any], name: Any, cell: Any) -> Floats | None:
    """The numbers of one cell; None if it is refused."""
    rows = {other: [value, value] for other, value in usual.items()}
    rows[name] = [usual[name], cell]
    try:
        found: Floats = _quietly(transform, rows)[1]
    except FOREIGN:
        return None
    return found


def _quietly(transform: Transform, rows: Mapping[Any, Sequence[Any]]) -> Floats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return transform(rows)


def _same(numbers: Floats, others: Floats) -> Any:
    return (numbers == others) | (np.isnan(numbers) & np.isnan(others))


def _narrowed(one: Encoded, own: Any, places: Sequence[int]) -> Encoded:
    return Encoded(
        [places[i] for i in own],
        one.labels,
        one.table[:, own],
        None if one.missing is None else one.missing[own],
        None if one.unknown is None else one.unknown[own],
    )


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
