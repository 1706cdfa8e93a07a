"""A plan is data from anywhere: it is refused by our errors, and a small one takes little memory."""

from __future__ import annotations

import copy
import json
import os
import random
import resource
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from category_encoders import BinaryEncoder
from sklearn.base import BaseEstimator
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.impute import KNNImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    OneHotEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    SplineTransformer,
)
from sklearn.svm import SVC

import podium
from podium.bundle.archive import read_archive
from podium.errors import BundleError, PodiumError
from podium.program import Program, kernel_name
from podium.program.kernel import LEAF
from podium.program.operations import Couple, Forest, Numbers, OneHot, Scale, TermSum, coding_of
from podium.program.operations.texts.analysis import Analysis
from podium.program.plan import ARRAYS, PLAN, Plan, PlanOutput, parts_of
from podium.signature import Field, Output, Signature
from podium.table import Table

N_PLANS = 150 * int(os.environ.get("PODIUM_SOAK", "1"))
MEMORY_MAX = 400 << 20
CHANCE = np.random.default_rng(0)
X = pd.DataFrame(CHANCE.normal(size=(80, 3)).round(), columns=["u", "v", "w"])
CLASSES = np.array(["a", "b", "c"])[CHANCE.integers(0, 3, 80)]
NUMBERS = pd.Series(CHANCE.normal(size=80), name="y")
EVIL: list[Any] = [-1, 0, 1, 2, 3, 64, 1000, 65_536, 3_999_999, 2**31, 2**63 - 1, 2**64, 10**30]
EVIL += [0.5, -1e308, "", "x", None, True, [], [0], [[0]], {}]
MODELS: dict[str, tuple[BaseEstimator, Any]] = {
    "forest": (RandomForestClassifier(n_estimators=3, max_depth=3), CLASSES),
    "boosting": (
        make_pipeline(
            KBinsDiscretizer(3, strategy="uniform"), GradientBoostingRegressor(n_estimators=3)
        ),
        NUMBERS,
    ),
    "splines": (
        make_pipeline(QuantileTransformer(n_quantiles=9), SplineTransformer(), Ridge()),
        NUMBERS,
    ),
    "products": (make_pipeline(PolynomialFeatures(3), LogisticRegression()), CLASSES),
    "neighbours": (make_pipeline(KNNImputer(), KNeighborsClassifier()), CLASSES),
    "kernels": (SVC(random_state=0), CLASSES),
    "columns": (
        make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()),
        CLASSES,
    ),
    "codes": (make_pipeline(BinaryEncoder(cols=["u", "v"]), LogisticRegression()), CLASSES),
}


def program_of(name: str, folder: Path) -> tuple[dict[str, bytes], Signature]:
    """A real program as files, and its signature."""
    model, truth = MODELS[name]
    bundle = podium.pack(model.fit(X, truth), X, truth, name=name, path=folder)
    assert bundle.is_compiled
    archive = read_archive(folder / f"{name}.podium")
    names = {file: f"model/{file}" for file in (PLAN, ARRAYS)}
    return {file: archive.part(part) for file, part in names.items()}, bundle.signature


def places(tree: Any) -> list[tuple[Any, Any]]:
    """Every place in a document: an object and its key, a list and an index."""
    items = list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree))
    inner = [one for _, value in items if isinstance(value, (dict, list)) for one in places(value)]
    return [(tree, key) for key, _ in items] + inner


def mutated(parts: dict[str, bytes], chance: random.Random) -> dict[str, bytes]:
    """The program with some numbers, fields, operations or arrays exchanged."""
    tree, arrays = copy.deepcopy(json.loads(parts[PLAN])), bytearray(parts[ARRAYS])
    for _ in range(chance.randrange(1, 4)):
        holder, key = chance.choice(places(tree))
        other, place = chance.choice(places(tree))
        turn = chance.randrange(6)
        if turn < 3:
            holder[key] = chance.choice(EVIL)
        elif turn == 3:
            holder[key] = copy.deepcopy(other[place])
        elif turn == 4 and isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        elif arrays:
            at = 8 * chance.randrange(len(arrays) // 8)
            number = np.array(chance.choice([np.nan, np.inf, -1e300, 2**31, -5]), "<f8")
            arrays[at : at + 8] = number.tobytes()
    return {PLAN: json.dumps(tree).encode(), ARRAYS: bytes(arrays)}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of numbers that no model has
@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")  # of category_encoders
@pytest.mark.parametrize("name", MODELS)
def test_mutated_plans_are_refused_or_run_in_little_memory(name: str, tmp_path: Path) -> None:
    parts, signature = program_of(name, tmp_path)
    chance = random.Random(name)
    table = Table({column: X[column].to_numpy() for column in X}, len(X))
    rows = X.to_numpy().tolist()
    tracemalloc.start()
    try:
        for _ in range(N_PLANS):
            try:
                program = Program.load(mutated(parts, chance), signature)
                program.predict(table)
                program.predict_rows(rows)
            except PodiumError:
                continue
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < MEMORY_MAX


SIGNATURE = Signature(fields=(Field(name="u"),), outputs=(Output(name="y"),))
LETTER = coding_of(0, {}, missing=0, unknown=0)


def plan(*operations: Any, answer: int | None = None) -> Plan:
    """A plan of these operations that answers the last of them."""
    register = len(operations) - 1 if answer is None else answer
    return Plan(("u",), operations, (PlanOutput(register),))


TOO_MUCH = {
    "many wide rows": plan(*[OneHot((LETTER,), 3_999_999) for _ in range(20)]),
    "all pairs of a thousand classes": plan(OneHot((LETTER,), 499_500), *[Couple(0, 1_000)] * 100),
    "columns that terms are spread over": Plan(
        ("u",),
        tuple(
            TermSum(0, Analysis(), n_hashed=3_999_999, sums=np.ones((1, 1)), places=zero)
            for zero in np.zeros((50, 1), np.int32)
        ),
        (PlanOutput(49),),
    ),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_a_row_takes_is_counted_before_it_is_allocated(name: str) -> None:
    parts = parts_of(TOO_MUCH[name])

    with pytest.raises(BundleError, match="a row takes"):
        Program.load(parts, SIGNATURE)


def test_wide_rows_are_run_a_few_at_a_time() -> None:
    program = Program.load(parts_of(plan(OneHot((LETTER,), 3_000_000))), SIGNATURE)
    n_rows = 300
    tracemalloc.start()

    by_column = program.predict(Table({"u": np.zeros(n_rows)}, n_rows))
    by_row = program.predict_rows([[0.0]] * n_rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert len(by_column.predictions) == len(by_row.predictions) == n_rows
    assert peak < MEMORY_MAX


def test_arrays_are_neither_shared_nor_in_each_other() -> None:
    tree = json.loads(parts_of(scaled := plan(Numbers((0,)), *scales()))[PLAN])
    arrays = parts_of(scaled)[ARRAYS]
    shared, inside = copy.deepcopy(tree), copy.deepcopy(tree)
    shared["plan"]["operations"][2]["add"] = 0
    inside["arrays"] = [one | {"shape": [8], "at": 0} for one in inside["arrays"] * 2]
    empty = copy.deepcopy(tree)
    empty["arrays"][0]["shape"] = [10**15, 0]

    for one, why in ((shared, "twice"), (inside, "overlap"), (empty, "empty rows")):
        with pytest.raises(BundleError, match=why):
            Program.load({PLAN: json.dumps(one).encode(), ARRAYS: arrays}, SIGNATURE)


def scales() -> list[Any]:
    """Two operations with a constant each."""
    return [Scale(0, add=np.array([1.0])), Scale(1, add=np.array([2.0]))]


@pytest.mark.skipif(kernel_name() == "numpy", reason="levels are the C kernel's")
def test_trees_that_share_a_leaf_are_not_copied_leaf_by_leaf() -> None:
    depth, n_outputs = 10, 100_000
    n_inner = (1 << depth) - 1
    feature = np.zeros(n_inner + (1 << depth), np.int32)
    kind = np.where(np.arange(len(feature)) < n_inner, 0, LEAF).astype(np.uint8)
    left = np.zeros(len(feature), np.int32)
    left[:n_inner] = 2 * np.arange(n_inner) + 1
    forest = Forest(
        0,
        feature=feature,
        threshold=np.zeros(len(feature)),
        left=left,
        kind=kind,
        roots=np.zeros(1, np.int32),
        targets=np.zeros(0, np.int32),
        values=np.ones(n_outputs),
        base=np.zeros(n_outputs),
        starts=np.zeros(1, np.int32),
        words=np.zeros(0, np.uint32),
        is_single_input=True,
    )
    parts = parts_of(plan(Numbers((0,)), forest))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    answer = Program.load(parts, SIGNATURE).predict_rows([[1.0]]).predictions

    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert answer.tolist() == [1.0]
    assert grown < 200_000  # KB; a copy a leaf would take 800,000
