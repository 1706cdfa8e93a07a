"""Decision trees of every library, as one operation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar, Literal

import numpy as np

from podium.errors import ModelError
from podium.program.arrays import Bytes, Floats, Indices, Words
from podium.program.grids import ROWS_MIN, grid_of
from podium.program.kernel import SAW_INFINITE, SAW_NAN, Trees, adder
from podium.program.operations.operation import Operation, Register, Shape, Shapes, Step, require


class Forest(Operation, frozen=True, tag="forest"):
    """The leaves that each row reaches in some trees, added to a base in the order of the trees.

    Nodes are as in `kernel.Trees`.

    Attributes:
        base: the initial sums, one number for each output.
        is_single_input: whether the trainer compared in single precision.
        is_single_sum: whether it added in single precision, too.
        refuses: values that are refused.
    """

    may_warn: ClassVar[bool] = False

    x: Register
    feature: Indices
    threshold: Floats
    left: Indices
    kind: Bytes
    roots: Indices
    targets: Indices
    values: Floats
    base: Floats
    starts: Indices
    words: Words
    is_single_input: bool = False
    is_single_sum: bool = False
    refuses: Literal["", "infinite", "missing or infinite"] = ""

    @property
    def trees(self) -> Trees:
        """The trees for the kernel."""
        return Trees(
            self.feature,
            self.threshold,
            self.left,
            self.kind,
            self.roots,
            self.targets,
            self.values,
            self.starts,
            self.words,
        )

    def check(self, shapes: Shapes) -> Shape:
        """As wide as the base. The nodes are checked by the kernel."""
        shapes.matrix(self.x)
        for array in (*self.trees, self.base):
            require(array.ndim == 1, "a forest has an array that isn't flat")
        for array in (self.threshold, self.values, self.base):
            require(array.dtype == np.float64, "a forest's numbers are of double precision")
        require(len(self.base) > 0, "a forest has no output")
        return Shape(len(self.base))

    def prepare(self, shapes: Shapes) -> Step:
        """The kernel, its arrays checked and copied."""
        x, base, n_outputs = self.x, self.base, len(self.base)
        shape = shapes.matrix(x)
        trees = self.trees
        add = adder(
            trees,
            shape.width,
            n_outputs,
            is_single_input=self.is_single_input,
            is_single_sum=self.is_single_sum,
        )
        refused = {"": 0, "infinite": SAW_INFINITE}.get(self.refuses, SAW_NAN | SAW_INFINITE)
        starts_at_zero = not base.any()
        is_double = not self.is_single_input and not self.is_single_sum
        add_many = cache(lambda: grid_of(trees, shape.width, n_outputs) or add)

        def run(_: Sequence[Any], values: Sequence[Any]) -> Floats:
            rows = values[x]
            if shape.is_single:
                rows = rows.astype(np.float64)
            if starts_at_zero:
                sums = np.zeros((len(rows), n_outputs))
            else:
                sums = np.empty((len(rows), n_outputs))
                sums[:] = base
            is_many = is_double and len(rows) >= ROWS_MIN
            if (add_many() if is_many else add)(rows, sums) & refused:
                raise ModelError("the model accepts no missing or infinite values here")
            return sums

        return run
