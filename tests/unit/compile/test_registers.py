"""Labels that a step makes from other values are coded by these values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from podium.compile import compile_model, registry
from podium.compile.builder import Builder
from podium.compile.features import Input, NotCompiled, Relabelled
from podium.compile.registers import Codes
from podium.errors import ModelError
from podium.runtimes.signatures import signature_of
from podium.runtimes.sklearn import SklearnRuntime
from podium.signature import Category, Field, Output, Signature
from podium.table import Table

CITY = Field(name="city", type="category", categories=(Category("Oslo"), Category("Rome")))
SIGNATURE = Signature(fields=(CITY,), outputs=(Output(name="y", task="regression"),))
CELLS = ["Oslo", "Rome", "Mars", None]


def coded(column, codes):
    """The codes of the cells, each by itself; a refused one is an error's name."""
    build = Builder(SIGNATURE, registry)
    register = build.codes((column,), [codes])
    step = build.operations[register].prepare(build._shapes)
    found = []
    for cell in CELLS:
        try:
            found.append(float(step([[cell]], [])[0, 0]))
        except ModelError as error:
            found.append(type(error).__name__)
    return found


def test_a_rare_label_stands_for_all_that_are_unknown():
    rare = Relabelled(base=Input(0), labels=(("Oslo", "Oslo"),), unknown="Rare")

    found = coded(rare, Codes({"Oslo": 1.0, "Rare": 2.0}, missing=-1.0, unknown=-2.0))

    assert found == [1.0, 2.0, 2.0, -1.0]


def test_a_label_may_become_missing_and_is_filled_later():
    build = Builder(SIGNATURE, registry)
    known = Relabelled(base=Input(0), labels=(("Oslo", "Oslo"), ("Rome", None)))

    found = coded(build.filled(known, "none"), Codes({"Oslo": 1.0, "none": 5.0}))

    assert found == [1.0, 5.0, 5.0, 5.0]


def test_a_column_made_twice_keeps_what_neither_changed():
    once = Relabelled(base=Input(0), keeps_unknown=True, refuses_missing=True)
    twice = Relabelled(base=once, labels=(("Rome", "Roma"),), keeps_unknown=True)

    found = coded(twice, Codes({"Roma": 3.0, "Oslo": 1.0}, missing=0.0, unknown=np.inf))

    assert found == [1.0, 3.0, np.inf, "ModelError"]


def test_labels_that_are_refused_one_by_one_have_no_program():
    known = Relabelled(base=Input(0), labels=(("Rome", "Roma"),), unknown="Oslo")

    with pytest.raises(NotCompiled, match="but not all"):
        coded(known, Codes({"Oslo": 1.0}))


def test_labels_are_no_numbers():
    known = Relabelled(base=Input(0), labels=(("Oslo", "1"),))

    with pytest.raises(NotCompiled, match="encode them"):
        Builder(SIGNATURE, registry).matrix((known,))


@pytest.mark.parametrize("order", [["a", "b", "c"], ["a", "c", "b"], ["b", "a", "c"]])
def test_single_precision_beside_double_is_rounded_as_a_frame_rounds_it(order):
    rows = pd.DataFrame({"a": np.arange(40.0), "b": np.arange(40.0) / 7, "c": np.arange(40.0) ** 2})
    rows = rows.astype({"b": "float32"})[order]
    model = LinearRegression().fit(rows, np.arange(40.0) ** 0.5)
    table = Table.of(rows)
    signature = signature_of(model, table)
    original = SklearnRuntime(model, signature)

    found = compile_model(model, signature, table, original=original.predict)

    assert found.why == ""
    assert found.program is not None
    row = Table.of({name: np.array([0.1]) for name in order})
    expected, predicted = original.predict(row), found.program.predict(row)
    assert predicted.predictions == pytest.approx(expected.predictions, rel=1e-12)
