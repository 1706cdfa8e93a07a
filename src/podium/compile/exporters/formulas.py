"""The design matrix of a formula: each of its factors is recorded, then coded and multiplied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial, reduce
from typing import Any, NamedTuple

import numpy as np

from podium.compile.builder import Builder
from podium.compile.exporters.smooth import products, stand_in
from podium.compile.features import Column, Features, NotCompiled
from podium.compile.labels import label_of
from podium.compile.own_code.exporter import run_recorded
from podium.compile.own_code.labels import Labels
from podium.compile.own_code.series import series_of
from podium.compile.own_code.values import Numbers, joined
from podium.compile.registers import Codes
from podium.program.operations import Elementwise, Matmul
from podium.signature import Label
from podium.table import Array


class Part(NamedTuple):
    """Some columns of a design matrix, side by side.

    Attributes:
        register: that holds them; None for a column of ones.
        width: the number of columns.
    """

    register: int | None
    width: int


def design_matrix(design: Any, build: Builder, x: Features) -> tuple[Part, ...]:
    """The columns of a design matrix of patsy, in their order.

    Raises:
        NotCompiled: a factor can't be recorded.
    """
    names = build.signature.names
    series = {name: series_of(build, column) for name, column in zip(names, x, strict=True)}
    factors = {factor: _evaluated(kind, series) for factor, kind in design.factor_infos.items()}
    subterms = [subterm for some in design.term_codings.values() for subterm in some]
    return tuple(_subterm(subterm, design, factors, build) for subterm in subterms)


def _evaluated(kind: Any, series: Mapping[str, Any]) -> Any:
    """What a factor's expression gives for recorded columns.

    Raises:
        NotCompiled: it can't be recorded; with the expression.
    """
    state = dict(kind.state)
    transforms = state.get("transforms", {})
    state["transforms"] = {name: stand_in(one) for name, one in transforms.items()}
    try:
        return run_recorded(lambda: kind.factor.eval(state, series))
    except NotCompiled as error:
        raise NotCompiled(f"`{kind.factor.name()}` in its formula: {error.why}") from error


def numbers_of_factor(name: str, found: Any) -> int:
    """The register of a factor of numbers.

    Raises:
        NotCompiled: it has others.
    """
    if isinstance(found, (list, tuple)) and all(isinstance(one, Numbers) for one in found):
        found = joined(found)
    if not isinstance(found, Numbers):
        raise NotCompiled(f"`{name}` in its formula can't be recorded as numbers")
    return found.register


def categories_of_factor(
    name: str, found: Any, levels: Sequence[Any]
) -> tuple[Features, list[Label]]:
    """The column of a factor of categories, and their labels.

    Raises:
        NotCompiled: it has others.
    """
    while not isinstance(found, (Labels, Numbers)) and hasattr(found, "levels"):  # what C() marks
        found = found.data
    if not isinstance(found, (Labels, Numbers)) or len(found.columns_of_plan) != 1:
        raise NotCompiled(f"`{name}` in its formula can't be recorded as categories")
    if isinstance(found, Labels) and getattr(found.column, "fill", None) is not None:
        raise NotCompiled(f"`{name}` in its formula fills in categories")
    return found.columns_of_plan, _labels(levels)


def _labels(levels: Sequence[Any]) -> list[Label]:
    labels = [label for level in levels if (label := label_of(level)) is not None]
    if len(labels) < len(levels):
        raise NotCompiled("its formula has a category for missing values")
    return labels


def _subterm(subterm: Any, design: Any, factors: Mapping[Any, Any], build: Builder) -> Part:
    """The products of the columns of its factors; those of the first one alternate fastest."""
    if not subterm.factors:
        return Part(None, 1)
    registers = []
    for factor in subterm.factors:
        kind, name = design.factor_infos[factor], factor.name()
        if factor in subterm.contrast_matrices:
            x, labels = categories_of_factor(name, factors[factor], kind.categories)
            matrix = np.asarray(subterm.contrast_matrices[factor].matrix, np.float64)
            registers.append(coded(x, labels, matrix, build))
        else:
            registers.append(numbers_of_factor(name, factors[factor]))
    register = reduce(partial(products, build), registers)
    if build.width(register) != subterm.num_columns:
        raise NotCompiled(f"its formula has {subterm.num_columns} columns where others were found")
    return Part(register, build.width(register))


def coded(
    x: Features,
    labels: Sequence[Label],
    matrix: Array,
    build: Builder,
    *,
    unknown: float | None = None,
) -> int:
    """The row of a contrast matrix for each category; missing ones are refused.

    Args:
        unknown: -1 gives zeros for another category; None refuses it.
    """
    is_dummy = np.isin(matrix, (0.0, 1.0)).all() and (matrix.sum(axis=1) <= 1).all()
    if is_dummy:
        places = np.where(matrix.any(axis=1), matrix.argmax(axis=1), -1).tolist()
    else:
        places = list(range(len(labels)))
    codes = Codes(dict(zip(labels, map(float, places), strict=True)), None, unknown)
    width = matrix.shape[1] if is_dummy else len(labels)
    if not width:
        raise NotCompiled("a category of its formula has one level only")
    ones = build.one_hot(x, [codes], [width])
    return ones if is_dummy else build.add(Matmul(ones, np.ascontiguousarray(matrix)))


def predictor(parts: Sequence[Part], weights: Array, build: Builder) -> int:
    """The design matrix times weights of shape (n_columns, n_outputs).

    Raises:
        NotCompiled: it has no columns but ones.
    """
    bias = np.zeros(weights.shape[1])
    registers, rows = [], []
    for part, some in _weighted(parts, weights):
        if part.register is None:
            bias += some[0]
        else:
            registers.append(part.register)
            rows.append(some)
    if not registers:
        raise NotCompiled("its formula reads no column")
    matrix = build.matrix(tuple(column for one in registers for column in build.features(one)))
    return build.add(Matmul(matrix, np.concatenate(rows), bias))


def whole_matrix(parts: Sequence[Part], build: Builder) -> int:
    """All columns of a design matrix side by side, those of ones too.

    Raises:
        NotCompiled: it has no columns but ones.
    """
    some = next((part.register for part in parts if part.register is not None), None)
    if some is None:
        raise NotCompiled("its formula reads no column")
    first = build.matrix(build.features(some)[:1])
    ones: int | None = None
    columns: list[Column] = []
    for part in parts:
        register = part.register
        if register is None:
            ones = (
                build.add(Elementwise((first,), "power", (0, -1), np.zeros((1, 1))))
                if ones is None
                else ones
            )
            register = ones
        columns.extend(build.features(register))
    return build.matrix(tuple(columns))


def _weighted(parts: Sequence[Part], weights: Array) -> Iterator[tuple[Part, Array]]:
    begin = 0
    for part in parts:
        yield part, weights[begin : begin + part.width]
        begin += part.width
    if begin != len(weights):
        raise NotCompiled(f"its formula has {begin} columns, it has {len(weights)} weights")
