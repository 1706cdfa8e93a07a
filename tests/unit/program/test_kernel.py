"""The forest kernels: in C and in numpy they answer the same bits, and nothing makes them crash."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.errors import BundleError
from podium.program import kernel
from podium.program.kernel import LEAF, MISSING_LEFT, SAW_INFINITE, SAW_NAN, SET, Trees, adder

HAS_C = kernel.kernel_name() == "c"
needs_c = pytest.mark.skipif(not HAS_C, reason="the extension isn't built here")


def random_trees(random, n_trees=13, n_features=5, n_outputs=3, *, sets=True, scalar=True):
    """Trees of random shape; children always follow their parents."""
    feature, threshold, left, kind, roots = [], [], [], [], []
    n_leaves = 0
    for _ in range(n_trees):
        begin = len(feature)
        roots.append(begin)
        n_open = n_nodes = 1
        depth_left = int(random.integers(0, 40))
        while n_open:
            n_open -= 1
            is_leaf = depth_left <= 0
            depth_left -= 1
            feature.append(int(random.integers(n_features)))
            threshold.append(float(random.normal()))
            if is_leaf:
                kind.append(LEAF)
                left.append(n_leaves)
                n_leaves += 1
                continue
            flags = MISSING_LEFT * int(random.random() < 0.3)
            if sets and random.random() < 0.3:
                flags |= SET
                threshold[-1] = float(random.integers(4))
            kind.append(flags)
            left.append(begin + n_nodes)
            n_nodes += 2
            n_open += 2
    starts = np.array([0, 1, 3, 3, 4], np.int32)
    values = random.normal(size=n_leaves if scalar else n_leaves * n_outputs)
    return Trees(
        np.array(feature, np.int32),
        np.array(threshold),
        np.array(left, np.int32),
        np.array(kind, np.uint8),
        np.array(roots, np.int32),
        random.integers(0, n_outputs, n_trees if scalar else 0).astype(np.int32),
        values,
        starts,
        random.integers(0, 2**32, 4, dtype=np.uint64).astype(np.uint32),
    )


def random_rows(random, n_rows, n_features=5):
    rows = random.normal(size=(n_rows, n_features)) * random.choice([1, 30, 1e3])
    odd = np.array([np.nan, np.inf, -np.inf, -1.0, 0.0, -0.5, 31, 32, 63, 64, 1e300])
    return np.where(random.random(rows.shape) < 0.2, random.choice(odd, rows.shape), rows)


def both(monkeypatch, trees, rows, n_outputs=3, **how):
    """The sums, and what was seen, of both kernels."""
    options = {"is_single_input": False, "is_single_sum": False} | how
    answers = []
    for forest in (kernel._forest, None):
        monkeypatch.setattr(kernel, "_forest", forest)
        add = adder(trees, rows.shape[1], n_outputs, **options)
        sums = np.full((len(rows), n_outputs), 0.1)
        answers.append((sums, add(rows, sums)))
        monkeypatch.undo()
    return answers


@pytest.mark.slow
@needs_c
@pytest.mark.parametrize("scalar", [True, False], ids=["one value", "several values"])
@pytest.mark.parametrize("n_rows", [0, 1, 3, 8, 9, 64, 700])
@given(seed=st.integers(0, 10**6), single=st.booleans(), sets=st.booleans())
def test_both_kernels_answer_the_same_bits(n_rows, scalar, seed, single, sets):
    random = np.random.default_rng(seed)
    trees = random_trees(random, scalar=scalar, sets=sets)
    rows = random_rows(random, n_rows)

    with pytest.MonkeyPatch.context() as patch:
        (c, seen_c), (plain, seen_plain) = both(
            patch, trees, rows, is_single_input=single, is_single_sum=single
        )

    assert c.tobytes() == plain.tobytes()
    assert seen_c == seen_plain


@needs_c
def test_a_row_alone_gets_what_it_gets_in_a_batch():
    random = np.random.default_rng(1)
    rows = random_rows(random, 300)
    add = adder(random_trees(random), 5, 3, is_single_input=True, is_single_sum=False)
    together, alone = np.zeros((300, 3)), np.zeros((300, 3))

    add(rows, together)
    for i in range(300):
        add(rows[i : i + 1], alone[i : i + 1])

    assert together.tobytes() == alone.tobytes()


def test_rows_may_lie_in_memory_in_any_order():
    random = np.random.default_rng(2)
    rows = random_rows(random, 50)
    add = adder(random_trees(random), 5, 3, is_single_input=False, is_single_sum=False)
    sums = []

    for same in (rows, np.asfortranarray(rows), np.repeat(rows, 2, axis=0)[::2], rows[::-1]):
        sums.append(np.zeros((50, 3)))
        add(same, sums[-1])

    assert sums[0].tobytes() == sums[1].tobytes() == sums[2].tobytes() == sums[3][::-1].tobytes()


@pytest.mark.parametrize("forest", [pytest.param(kernel._forest, marks=needs_c, id="c"), None])
def test_a_row_goes_left_where_it_is_less_or_equal(forest, monkeypatch):
    monkeypatch.setattr(kernel, "_forest", forest)
    add = adder(stump(0.1), 1, 1, is_single_input=False, is_single_sum=False)
    rows = np.array([[0.1], [np.nextafter(0.1, 1)], [np.nextafter(0.1, 0)], [np.nan], [np.inf]])
    sums = np.zeros((5, 1))

    seen = add(rows, sums)

    assert sums.ravel().tolist() == [1.0, 2.0, 1.0, 2.0, 2.0]
    assert seen == SAW_NAN | SAW_INFINITE


@pytest.mark.parametrize("forest", [pytest.param(kernel._forest, marks=needs_c, id="c"), None])
def test_a_missing_value_goes_where_the_node_says(forest, monkeypatch):
    monkeypatch.setattr(kernel, "_forest", forest)
    add = adder(stump(0.1, kind=MISSING_LEFT), 1, 1, is_single_input=False, is_single_sum=False)
    sums = np.zeros((3, 1))

    add(np.array([[np.nan], [0.2], [0.0]]), sums)

    assert sums.ravel().tolist() == [1.0, 2.0, 1.0]


@pytest.mark.parametrize("forest", [pytest.param(kernel._forest, marks=needs_c, id="c"), None])
def test_a_category_goes_left_where_it_is_in_the_set(forest, monkeypatch):
    monkeypatch.setattr(kernel, "_forest", forest)
    words = np.array([0b101, 1 << 31], np.uint32)  # 0, 2 and 63
    trees = stump(0.0, kind=SET)._replace(starts=np.array([0, 2], np.int32), words=words)
    add = adder(trees, 1, 1, is_single_input=False, is_single_sum=False)
    rows = np.array([[0.0], [1.0], [2.9], [63.0], [64.0], [-1.0], [-0.5], [np.nan], [1e300]])
    sums = np.zeros((len(rows), 1))

    add(rows, sums)

    assert sums.ravel().tolist() == [1, 2, 1, 1, 2, 2, 1, 2, 2]


def stump(threshold, kind=0):
    """One split: 1 to the left, 2 to the right."""
    return Trees(
        np.array([0, 0, 0], np.int32),
        np.array([threshold, 0, 0]),
        np.array([1, 0, 1], np.int32),
        np.array([kind, LEAF, LEAF], np.uint8),
        np.array([0], np.int32),
        np.array([0], np.int32),
        np.array([1.0, 2.0]),
        np.array([0], np.int32),
        np.array([], np.uint32),
    )


HOSTILE = {
    "a child that is its parent": {"left": [0, 0, 1]},
    "a child before its parent": {"left": [-1, 0, 1]},
    "a child beyond the end": {"left": [2, 0, 1]},
    "a child far beyond": {"left": [2**31 - 1, 0, 1]},
    "a feature that isn't there": {"feature": [1, 0, 0]},
    "a feature before the first": {"feature": [-1, 0, 0]},
    "a leaf that isn't there": {"left": [1, 2, 0]},
    "a leaf before the first": {"left": [1, -1, 0]},
    "a root that isn't there": {"roots": [3]},
    "a root before the first": {"roots": [-1]},
    "an output that isn't there": {"targets": [1]},
    "an output before the first": {"targets": [-1]},
    "too few thresholds": {"threshold": [0.0]},
    "too few kinds": {"kind": [0]},
    "no starts of sets": {"starts": []},
    "a set that isn't there": {"kind": [SET, LEAF, LEAF]},
    "a set that is no number": {"kind": [SET, LEAF, LEAF], "threshold": [np.nan, 0, 0]},
    "a set before the first": {"kind": [SET, LEAF, LEAF], "threshold": [-1, 0, 0]},
    "a set beyond its array": {"starts": [0, 9]},
    "a set that ends before it begins": {"starts": [0, 1, 0], "words": [1]},
    "a set that begins before the first": {"starts": [-1, 0], "words": [1]},
    "values that no leaf can share": {"targets": [], "values": []},
}


@pytest.mark.parametrize("forest", [pytest.param(kernel._forest, marks=needs_c, id="c"), None])
@pytest.mark.parametrize("how", HOSTILE)
def test_a_hostile_forest_is_refused(how, forest, monkeypatch):
    monkeypatch.setattr(kernel, "_forest", forest)
    trees = stump(0.1)
    changes = {n: np.array(v, getattr(trees, n).dtype) for n, v in HOSTILE[how].items()}

    with pytest.raises(BundleError, match="the forest isn't valid"):
        adder(trees._replace(**changes), 1, 1, is_single_input=False, is_single_sum=False)


@given(seed=st.integers(0, 10**6))
def test_no_damage_to_a_forest_makes_a_kernel_crash(seed):
    random = np.random.default_rng(seed)
    trees = random_trees(random, n_trees=3)
    name = str(random.choice(Trees._fields))
    array = getattr(trees, name).copy()
    noise = np.frombuffer(random.bytes(max(1, array.nbytes)), array.dtype, min(1, len(array)))
    array[random.integers(0, max(1, len(array)), len(noise))] = noise
    if random.random() < 0.3:
        array = array[: int(random.integers(len(array) + 1))]

    try:
        add = adder(
            trees._replace(**{name: array}), 5, 3, is_single_input=False, is_single_sum=False
        )
    except BundleError:
        return
    sums = np.zeros((20, 3))

    assert add(random_rows(random, 20), sums) >= 0


@needs_c
@pytest.mark.parametrize(
    ("rows", "sums"),
    [
        (np.zeros((2, 2)), np.zeros((2, 1))),
        (np.zeros((2, 1)), np.zeros((1, 1))),
        (np.zeros((2, 1)), np.zeros((2, 2))),
        (np.zeros((2, 1), np.float32), np.zeros((2, 1))),
        (np.zeros((2, 1), np.int64), np.zeros((2, 1))),
        (np.zeros((2, 1)), np.zeros((2, 1), np.float32)),
        (np.zeros(2), np.zeros((2, 1))),
        (np.zeros((2, 1)), np.zeros(2)),
    ],
)
def test_rows_and_sums_that_do_not_fit_are_refused(rows, sums):
    add = adder(stump(0.1), 1, 1, is_single_input=False, is_single_sum=False)

    with pytest.raises(ValueError, match="must be doubles"):
        add(rows, sums)


@needs_c
def test_what_is_no_forest_is_refused():
    with pytest.raises(ValueError, match="PyCapsule"):
        kernel._forest.add(object(), np.zeros((1, 1)), np.zeros((1, 1)))
    with pytest.raises(TypeError):
        kernel._forest.add(object())


@needs_c
def test_sums_that_may_not_be_written_are_refused():
    sums = np.zeros((1, 1))
    sums.flags.writeable = False

    with pytest.raises((ValueError, BufferError)):
        adder(stump(0.1), 1, 1, is_single_input=False, is_single_sum=False)(np.zeros((1, 1)), sums)


@needs_c
def test_finite_numbers_are_distinguished_from_others():
    assert kernel._forest.finite(np.zeros((3, 2)))
    assert kernel._forest.finite(np.full((3, 2), 1e308).T)
    assert not kernel._forest.finite(np.array([[0.0, np.nan]]))
    assert not kernel._forest.finite(np.array([[-np.inf]]))
    assert kernel._forest.finite(np.zeros((0, 2)))


def test_columns_that_are_part_of_a_wider_matrix_are_finite_too():
    wide = np.zeros((3, 5))
    wide[:, 4] = np.nan

    assert kernel.all_finite(wide[:, 1:3])
    assert not kernel.all_finite(wide[:, 3:5])


def test_a_forest_without_features_predicts_its_constant():
    trees = Trees(
        *(np.zeros(1, t) for t in (np.int32, np.float64, np.int32)),
        np.array([LEAF], np.uint8),
        np.zeros(1, np.int32),
        np.zeros(1, np.int32),
        np.array([7.0]),
        np.zeros(1, np.int32),
        np.zeros(0, np.uint32),
    )
    sums = np.zeros((3, 1))

    adder(trees, 0, 1, is_single_input=False, is_single_sum=False)(np.zeros((3, 0)), sums)

    assert sums.ravel().tolist() == [7.0, 7.0, 7.0]


def level_trees(random, n_trees=9, n_features=5, n_outputs=3, *, scalar=True, spoil=False):
    """Trees whose nodes of one level ask the same, but for one that is spoilt."""
    parts = {name: [] for name in ("feature", "threshold", "left", "kind", "roots")}
    n_leaves = 0
    for _ in range(n_trees):
        begin, depth = len(parts["feature"]), int(random.integers(0, 5))
        parts["roots"].append(begin)
        for level in range(depth):
            first = begin + 2**level - 1
            asks = (int(random.integers(n_features)), float(random.normal()))
            for i in range(2**level):
                parts["feature"].append(asks[0])
                parts["threshold"].append(asks[1])
                parts["left"].append(begin + 2 ** (level + 1) - 1 + 2 * i)
                parts["kind"].append(MISSING_LEFT * (asks[0] % 2))
            assert len(parts["feature"]) == first + 2**level
        for _ in range(2**depth):
            parts["feature"].append(0)
            parts["threshold"].append(0.0)
            parts["left"].append(n_leaves)
            parts["kind"].append(LEAF)
            n_leaves += 1
    if spoil:
        forks = [i for i, kind in enumerate(parts["kind"]) if kind != LEAF]
        parts["threshold"][forks[-1]] += 0.25
    return Trees(
        np.array(parts["feature"], np.int32),
        np.array(parts["threshold"]),
        np.array(parts["left"], np.int32),
        np.array(parts["kind"], np.uint8),
        np.array(parts["roots"], np.int32),
        random.integers(0, n_outputs, n_trees if scalar else 0).astype(np.int32),
        random.normal(size=n_leaves if scalar else n_leaves * n_outputs),
        np.zeros(1, np.int32),
        np.zeros(0, np.uint32),
    )


@needs_c
@pytest.mark.parametrize("n_rows", [1, 7, 8, 700, 1_500])
@pytest.mark.parametrize("scalar", [True, False])
@pytest.mark.parametrize("spoil", [False, True])
def test_trees_of_levels_answer_the_same_bits(monkeypatch, n_rows, scalar, spoil):
    random = np.random.default_rng(n_rows)
    trees = level_trees(random, scalar=scalar, spoil=spoil)
    rows = random_rows(random, n_rows)
    # On, just beside and between the thresholds.
    on = random.random(rows.shape) < 0.3
    rows = np.where(on, random.choice(trees.threshold, rows.shape).astype(np.float32), rows)

    (in_c, saw_c), (in_numpy, saw_numpy) = both(monkeypatch, trees, rows, is_single_input=True)

    assert in_c.tobytes() == in_numpy.tobytes()
    assert saw_c == saw_numpy
