"""The path of least angle regression, walked to its end as scikit-learn does."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from podium.table import Array

# Correlations closer than this count as equal, and angles are rounded.
_NEAR = float(np.finfo(np.float32).eps)
_TINY = float(np.finfo(np.float32).tiny)
_DECIMALS = np.finfo(np.float64).precision
# An atom that adds less than this to the others is left out.
_NEW = 1e-7


class _State:
    """Where on the path a row is.

    Attributes:
        active: the atoms with weights, in the order in which they came.
        others: the others, in the order in which they are compared.
        left: their products with what is left of the row.
        signs: of the active ones.
    """

    def __init__(self, products: Array) -> None:
        self.active: list[int] = []
        self.signs: list[float] = []
        self.others = list(range(len(products)))
        self.left = products.copy()


class LeastAnglePath(NamedTuple):
    """Weights of atoms whose products with what is left of a row fall together.

    Attributes:
        gram: products of atoms.
        n_most: steps.
        n_numbers: in a row: products are divided by it.
        least: the product at which the path ends.
        is_lasso: whether an atom whose weight changes its sign is left out.
        is_positive: whether weights below zero aren't allowed.
    """

    gram: Array
    n_most: int
    n_numbers: int
    least: float
    is_lasso: bool
    is_positive: bool

    def end(self, products: Array) -> Array:
        """The weights at the end of the path, for a row with these products."""
        state, weights, before = _State(products), np.zeros(len(products)), np.zeros(len(products))
        height = last = 0.0
        step, crossed = 0, False
        while True:
            best, size, sign = self._best(state)
            height, last = size / self.n_numbers, height
            if height <= self.least + _NEAR:
                if abs(height - self.least) > _NEAR and step > 0:
                    share = (last - self.least) / (last - height)
                    weights = before + share * (weights - before)
                return weights
            if step >= self.n_most or not state.others:
                return weights
            if not crossed and not self._enter(state, best, sign):
                height = last  # the atom depends on others, and was left out
                continue
            if self.is_lasso and step > 0 and last < height:
                return weights
            reach, direction, falls, at = self._step(state, weights, size)
            crossed = bool(len(at))
            step += 1
            before, weights = weights, np.zeros(len(weights))
            weights[state.active] = before[state.active] + reach * direction
            state.left -= reach * falls
            if crossed and self.is_lasso:
                self._leave(state, products, weights, int(at[0]))

    def _best(self, state: _State) -> tuple[int, float, float]:
        """The place of the largest product among the others, its size and sign."""
        if not len(state.left):
            return 0, 0.0, 1.0
        best = int((state.left if self.is_positive else np.abs(state.left)).argmax())
        product = float(state.left[best])
        if self.is_positive:
            return best, product, 1.0
        return best, abs(product), float(np.sign(product))

    def _enter(self, state: _State, best: int, sign: float) -> bool:
        """Make an atom active, unless it depends on those that are."""
        atom = state.others[best]
        new = float(self.gram[atom, atom])
        if state.active:
            shared = self.gram[state.active, atom]
            system = self.gram[np.ix_(state.active, state.active)]
            new -= float(shared.dot(np.linalg.solve(system, shared)))
        if np.sqrt(abs(new)) < _NEW:
            state.left[best] = 0.0
            return False
        state.others[0], state.others[best] = state.others[best], state.others[0]
        state.left[0], state.left[best] = state.left[best], state.left[0]
        state.active.append(state.others.pop(0))
        state.signs.append(sign)
        state.left = state.left[1:]
        return True

    def _step(
        self, state: _State, weights: Array, size: float
    ) -> tuple[float, Array, Array, Array]:
        """How far to go, in which direction, how the products of others fall, and whose weight
        changes its sign before."""
        system, signs = self.gram[np.ix_(state.active, state.active)], np.array(state.signs)
        direction = np.linalg.solve(system, signs)
        scale = 1.0 / np.sqrt(np.sum(direction * signs))
        direction = direction * scale
        falls = np.around(self.gram[np.ix_(state.others, state.active)].dot(direction), _DECIMALS)
        reach = min(_least((size - state.left) / (scale - falls + _TINY)), size / scale)
        if not self.is_positive:
            reach = min(reach, _least((size + state.left) / (scale + falls + _TINY)))
        zeros = -weights[state.active] / (direction + _TINY)
        first = _least(zeros)
        if first >= reach:
            return reach, direction, falls, np.empty(0, np.intp)
        at = np.flatnonzero(zeros == first)
        for place in at:
            state.signs[place] = -state.signs[place]
        return first if self.is_lasso else reach, direction, falls, at

    def _leave(self, state: _State, products: Array, weights: Array, place: int) -> None:
        """Leave out the atom whose weight changes its sign."""
        atom = state.active.pop(place)
        state.signs.pop(place)
        state.others.insert(0, atom)
        left = products[atom] - self.gram[atom].dot(weights)
        state.left = np.concatenate([[left], state.left])


def _least(numbers: Array) -> float:
    """The least of the positive numbers; the largest number if there are none."""
    positive = numbers[numbers > 0]
    return float(positive.min()) if len(positive) else float(np.finfo(np.float64).max)
