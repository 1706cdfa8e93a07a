"""The kernel of Shapley values: as brute force says, and nothing makes it crash."""

from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podium.program.kernel import LEAF, MISSING_LEFT, SET, Trees, adder

kernel = pytest.importorskip("podium.program._shapley")

N_FEATURES = 6
PLAYERS = np.array([0, 1, 1, 2, 3, -1], np.int32)


def random_trees(random: Any, n_trees: int = 4, most_nodes: int = 60) -> Trees:
    """Trees of random shape, with sets and gaps; the last feature is constant."""
    feature: list[int] = []
    threshold: list[float] = []
    left: list[int] = []
    kind: list[int] = []
    roots = []
    n_leaves = 0
    for _ in range(n_trees):
        begin, n_open, n_nodes = len(feature), 1, 1
        roots.append(begin)
        n_inner = int(random.integers(0, most_nodes // 2))
        while n_open:
            n_open -= 1
            n_inner -= 1
            feature.append(int(random.integers(N_FEATURES)))
            threshold.append(round(float(random.normal()), 1))
            if n_inner < 0:
                kind.append(LEAF)
                left.append(n_leaves)
                n_leaves += 1
                continue
            flags = MISSING_LEFT * int(random.random() < 0.4)
            if random.random() < 0.3:
                flags |= SET
                threshold[-1] = float(random.integers(4))
            kind.append(flags)
            left.append(begin + n_nodes)
            n_nodes += 2
            n_open += 2
    # No two nodes share a set.
    sets = [at for at, flags in enumerate(kind) if flags & SET]
    for number, at in enumerate(sets):
        threshold[at] = float(number)
    return Trees(
        np.array(feature, np.int32),
        np.array(threshold),
        np.array(left, np.int32),
        np.array(kind, np.uint8),
        np.array(roots, np.int32),
        np.zeros(n_trees, np.int32),
        random.normal(size=n_leaves),
        np.arange(len(sets) + 1, dtype=np.int32),
        random.integers(0, 2**32, len(sets), dtype=np.uint64).astype(np.uint32),
    )


def random_rows(random: Any, n_rows: int) -> Any:
    rows = random.normal(size=(n_rows, N_FEATURES)).round(1)
    rows[:, 1:3] = random.integers(-2, 40, (n_rows, 2))
    rows[random.random(rows.shape) < 0.2] = np.nan
    rows[:, 5] = 0.5
    return rows


def build(trees: Trees, background: Any, players: Any = PLAYERS, n_players: int = 4) -> Any:
    nodes = (trees.feature, trees.threshold, trees.left, trees.kind, trees.roots)
    sets = (trees.starts, trees.words)
    return kernel.build(*nodes, *sets, players, background, len(background), n_players)


def node_values(trees: Trees) -> Any:
    is_leaf = (trees.kind & LEAF) > 0
    return np.where(is_leaf, trees.values[np.where(is_leaf, trees.left, 0)], 0.0)


def contributions(trees: Trees, background: Any, rows: Any) -> Any:
    out = np.zeros((len(rows), 4))
    kernel.add(build(trees, background), rows, node_values(trees), out)
    return out / len(background)


def brute_force(trees: Trees, background: Any, row: Any) -> Any:
    """Over all coalitions of the players, with the kernel that predicts."""
    add = adder(trees, N_FEATURES, 1, is_single_input=False, is_single_sum=False)

    def worth(coalition: tuple[int, ...]) -> float:
        mixed = np.where(np.isin(PLAYERS, coalition)[None], row, background)
        sums = np.zeros((len(mixed), 1))
        add(mixed, sums)
        return float(sums.mean())

    found = np.zeros(4)
    for player in range(4):
        others = [other for other in range(4) if other != player]
        for size in range(4):
            weight = factorial(size) * factorial(3 - size) / factorial(4)
            for some in combinations(others, size):
                found[player] += weight * (worth((*some, player)) - worth(some))
    return found


@pytest.mark.slow
@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), n_background=st.sampled_from([1, 2, 63, 64, 65, 127, 128]))
def test_contributions_are_those_of_brute_force(seed: int, n_background: int) -> None:
    random = np.random.default_rng(seed)
    trees, background = random_trees(random), random_rows(random, n_background)
    rows = random_rows(random, 2)

    found = contributions(trees, background, rows)

    for at, row in enumerate(rows):
        assert found[at] == pytest.approx(brute_force(trees, background, row), abs=1e-12)


def test_many_fields_may_decide_on_one_path() -> None:
    """A chain of ANDs: each of the fields has the same share."""
    n = 100
    feature = np.repeat(np.arange(n), 2)[: 2 * n]
    feature = np.append(feature, 0).astype(np.int32)
    kind = np.array([0] + [LEAF, 0] * n, np.uint8)
    kind[-1] = LEAF
    left = np.where(kind == LEAF, 0, np.arange(2 * n + 1) + 1).astype(np.int32)
    feature = np.where(kind == LEAF, 0, (np.arange(2 * n + 1) + 1) // 2).astype(np.int32)
    threshold = np.full(2 * n + 1, 0.5)
    values = np.zeros(2 * n + 1)
    values[-1] = 1.0
    nodes = (feature, threshold, left, kind, np.zeros(1, np.int32))
    sets = (np.zeros(1, np.int32), np.zeros(0, np.uint32))
    forest = kernel.build(*nodes, *sets, np.arange(n, dtype=np.int32), np.zeros((3, n)), 3, n)
    out = np.zeros((1, n))

    kernel.add(forest, np.ones((1, n)), values, out)

    assert out[0] == pytest.approx(np.full(n, 3 / n), abs=1e-12)


CHAIN = Trees(
    np.zeros(5, np.int32),
    np.zeros(5),
    np.array([1, 0, 3, 0, 0], np.int32),
    np.array([0, LEAF, 0, LEAF, LEAF], np.uint8),
    np.zeros(1, np.int32),
    np.zeros(1, np.int32),
    np.ones(1),
    np.zeros(1, np.int32),
    np.zeros(0, np.uint32),
)
HOSTILE: dict[str, dict[str, Any]] = {
    "a child before its parent": {"left": [1, 0, 1, 0, 0]},
    "a node with two parents": {"left": [1, 0, 1, 0, 0], "kind": [0, 0, 0, LEAF, LEAF]},
    "a child beyond the end": {"left": [1, 0, 4, 0, 0]},
    "a child at no place": {"left": [-1, 0, 3, 0, 0]},
    "a feature that isn't there": {"feature": [6, 0, 0, 0, 0]},
    "a feature before the first": {"feature": [-1, 0, 0, 0, 0]},
    "a root that isn't there": {"roots": [5]},
    "a root before the first": {"roots": [-1]},
    "a root inside a tree": {"roots": [0, 2]},
    "a root of two trees": {"roots": [0, 0]},
    "a set that isn't there": {"kind": [SET, LEAF, 0, LEAF, LEAF]},
    "a set that is no number": {"kind": [SET, 1, 0, 1, 1], "threshold": [np.nan, 0, 0, 0, 0]},
    "a set beyond its array": {"kind": [SET, 1, 0, 1, 1], "starts": [0, 9]},
    "a set that begins before the first": {
        "kind": [SET, 1, 0, 1, 1], "starts": [-1, 0], "words": [1],
    },
    "a set that is used twice": {"kind": [SET, 1, SET, 1, 1], "starts": [0, 1], "words": [1]},
    "no starts of sets": {"starts": []},
    "nodes without a kind": {"kind": [0]},
}  # fmt: skip


@pytest.mark.parametrize("how", HOSTILE)
def test_a_hostile_forest_is_refused(how: str) -> None:
    changes = {n: np.array(v, getattr(CHAIN, n).dtype) for n, v in HOSTILE[how].items()}

    with pytest.raises(ValueError, match="at "):
        build(CHAIN._replace(**changes), np.zeros((2, N_FEATURES)))


@pytest.mark.parametrize(
    ("background", "players", "n_players"),
    [
        (np.zeros((0, N_FEATURES)), PLAYERS, 4),
        (np.zeros((129, N_FEATURES)), PLAYERS, 4),
        (np.zeros((2, N_FEATURES - 1)), PLAYERS, 4),
        (np.zeros((2, N_FEATURES), np.float32), PLAYERS, 4),
        (np.zeros((2, N_FEATURES)), np.full(N_FEATURES, 4, np.int32), 4),
        (np.zeros((2, N_FEATURES)), np.full(N_FEATURES, -2, np.int32), 4),
        (np.zeros((2, N_FEATURES)), PLAYERS, -1),
    ],
)
def test_background_rows_and_fields_that_do_not_fit_are_refused(
    background: Any, players: Any, n_players: int
) -> None:
    with pytest.raises(ValueError, match="at "):
        build(CHAIN, background, players, n_players)


@pytest.mark.parametrize("depth", [1_000, 1_100])
def test_trees_too_deep_to_be_walked_are_refused(depth: int) -> None:
    kind = np.array([0] + [LEAF, 0] * depth, np.uint8)
    kind[-1] = LEAF
    left = np.where(kind == LEAF, 0, np.arange(2 * depth + 1) + 1).astype(np.int32)
    n_nodes = len(kind)
    trees = CHAIN._replace(
        feature=np.zeros(n_nodes, np.int32),
        threshold=-np.arange(n_nodes, dtype=float),
        left=left,
        kind=kind,
    )
    background = np.full((2, N_FEATURES), -1e9)
    if depth > 1_024:
        with pytest.raises(ValueError, match="too deep"):
            build(trees, background)
        return
    out = np.zeros((1, 4))

    kernel.add(build(trees, background), np.full((1, N_FEATURES), 1.0), np.ones(n_nodes), out)

    assert not out.any()


@pytest.mark.parametrize(
    ("rows", "values", "out"),
    [
        (np.zeros((2, 5)), np.zeros(5), np.zeros((2, 4))),
        (np.zeros(6), np.zeros(5), np.zeros((1, 4))),
        (np.zeros((2, 6), np.float32), np.zeros(5), np.zeros((2, 4))),
        (np.zeros((2, 6)), np.zeros(4), np.zeros((2, 4))),
        (np.zeros((2, 6)), np.zeros(5), np.zeros((1, 4))),
        (np.zeros((2, 6)), np.zeros(5), np.zeros((2, 4), np.float32)),
    ],
)
def test_rows_and_sums_that_do_not_fit_are_refused(rows: Any, values: Any, out: Any) -> None:
    forest = build(CHAIN, np.zeros((2, N_FEATURES)))

    with pytest.raises(ValueError, match="wrong"):
        kernel.add(forest, rows, values, out)


def test_what_is_no_forest_is_refused() -> None:
    with pytest.raises(ValueError, match="PyCapsule"):
        kernel.add(object(), np.zeros((1, 6)), np.zeros(5), np.zeros((1, 4)))
    with pytest.raises(TypeError):
        kernel.add(object())


@given(seed=st.integers(0, 10**6))
def test_no_damage_to_a_forest_makes_the_kernel_crash(seed: int) -> None:
    random = np.random.default_rng(seed)
    trees = random_trees(random, n_trees=3)
    name = str(random.choice([name for name in Trees._fields if name not in ("targets", "values")]))
    array = getattr(trees, name).copy()
    noise = np.frombuffer(random.bytes(max(1, array.nbytes)), array.dtype, min(1, len(array)))
    array[random.integers(0, max(1, len(array)), len(noise))] = noise
    if random.random() < 0.3:
        array = array[: int(random.integers(len(array) + 1))]
    damaged = trees._replace(**{name: array})

    try:
        forest = build(damaged, random_rows(random, 20))
    except ValueError:
        return
    out = np.zeros((3, 4))
    kernel.add(forest, random_rows(random, 3), np.zeros(len(damaged.kind)), out)

    assert not out.any()
