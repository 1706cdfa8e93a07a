"""Tables of large trees give the bits of the trees."""

from __future__ import annotations

import numpy as np
import pytest

from podium.compile.nodes import Tree, forest_of
from podium.program.grids import ROWS_MIN, grid_of
from podium.program.kernel import MISSING_LEFT, adder
from podium.program.operations import Shape, Shapes

WIDTH = 4
EDGES = [np.sort(np.random.default_rng(number).normal(size=60)) for number in range(WIDTH)]


def tree(columns, n_nodes, random, n_outputs, target=0):
    """A tree that grows at random places, with thresholds of these columns."""
    left, right, feature, threshold, missing = [-1], [-1], [0], [0.0], [0]
    leaves = [0]
    while len(left) + 2 <= n_nodes:
        at = leaves.pop(int(random.integers(len(leaves))))
        feature[at] = int(random.choice(columns))
        threshold[at] = float(random.choice(EDGES[feature[at]]))
        missing[at] = int(random.integers(2))
        left[at], right[at] = len(left), len(left) + 1
        leaves += [left[at], right[at]]
        for side in (left, right):
            side += [-1, -1]
        feature += [0, 0]
        threshold += [0.0, 0.0]
        missing += [0, 0]
    values = random.normal(size=(len(left), n_outputs))
    values[random.random(len(left)) < 0.1] = -0.0
    return Tree(
        *map(np.array, (left, right, feature, threshold)), values, np.array(missing), target=target
    )


def forest(
    n_outputs=1,
    *,
    columns=((0,), (1,), (0, 1), (2, 3), (1, 0), (3, 2), ()),
    n_nodes=2_101,
    targets=None,
):
    random = np.random.default_rng(7)
    trees = [
        tree(
            some,
            n_nodes if some else 1,
            random,
            n_outputs,
            0 if targets is None else targets[place],
        )
        for place, some in enumerate(columns)
    ]
    return forest_of(0, trees, np.full(n_outputs if targets is None else 2, 0.3))


def rows(n_rows, with_gaps):
    random = np.random.default_rng(1)
    cells = random.normal(size=(n_rows, WIDTH))
    edges = np.stack([random.choice(some, n_rows) for some in EDGES], axis=1)
    cells = np.where(random.random(cells.shape) < 0.3, edges, cells)
    cells[0], cells[1] = np.inf, -np.inf
    return np.where(random.random(cells.shape) < 0.1, np.nan, cells) if with_gaps else cells


@pytest.mark.parametrize("with_gaps", [False, True])
@pytest.mark.parametrize(
    ("n_outputs", "targets"), [(1, None), (3, None), (1, [0, 1, 1, 0, 1, 1, 0])]
)
def test_a_grid_adds_the_numbers_of_its_trees_in_their_order(n_outputs, targets, with_gaps):
    one = forest(n_outputs, targets=targets)
    x, n_sums = rows(700, with_gaps), len(one.base)
    grid = grid_of(one.trees, WIDTH, n_sums)
    walked, looked_up = np.full((700, n_sums), -0.0), np.full((700, n_sums), -0.0)
    walk = adder(one.trees, WIDTH, n_sums, is_single_input=False, is_single_sum=False)

    assert grid is not None
    assert grid(x, looked_up) == walk(x, walked)
    assert looked_up.tobytes() == walked.tobytes()


def test_the_sign_of_nothing_is_that_of_the_trees():
    trees = forest().trees
    nothing = trees._replace(values=np.full(len(trees.values), -0.0))
    grid, sums = grid_of(nothing, WIDTH, 1), np.full((600, 1), -0.0)

    grid(rows(600, with_gaps=False), sums)

    assert np.signbit(sums).all()


def test_a_batch_of_any_size_has_the_same_bits():
    one, x = forest(), rows(ROWS_MIN + 50, with_gaps=True)
    shapes = Shapes(WIDTH)
    shapes.add(Shape(WIDTH))
    step = one.prepare(shapes)

    whole = step((), [x])

    halves = [step((), [x[: ROWS_MIN // 2]]), step((), [x[ROWS_MIN // 2 :]])]
    assert whole.tobytes() == np.concatenate(halves).tobytes()


def test_other_trees_are_walked():
    good = forest().trees
    fit = {"width": WIDTH, "n_outputs": 1}
    nan = good.threshold.copy()
    nan[0] = np.nan

    assert grid_of(forest(n_nodes=301).trees, **fit) is None  # small
    assert grid_of(forest(columns=[(0, 1, 2, 3)] * 6).trees, **fit) is None  # of many columns
    assert grid_of(forest(columns=[(0, 1, 2)] * 6).trees, **fit) is None  # of too many cells
    assert grid_of(good._replace(threshold=nan), **fit) is None
    assert grid_of(good._replace(roots=good.roots[::-1].copy()), **fit) is None
    assert grid_of(good._replace(roots=good.roots[1:], targets=good.targets[1:]), **fit) is not None
    assert grid_of(good._replace(kind=good.kind | 4 * (good.kind == MISSING_LEFT)), **fit) is None
