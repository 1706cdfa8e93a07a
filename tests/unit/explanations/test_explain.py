"""Explanations of any model: every coalition of few fields, random orders of many."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import podium
from podium.errors import ModelError, SetupError
from podium.explanations.explain import Explainer
from podium.explanations.explanation import Explanation
from podium.explanations.number import class_place
from podium.outputs import Outputs
from podium.program import RuntimeFeatures
from podium.signature import Category, Field, Output, Signature
from podium.table import Table

Formula = Callable[[NDArray[np.float64]], Any]


class Formulas:
    """A runtime of a formula over a matrix of numbers; it counts its rows."""

    features: ClassVar[RuntimeFeatures] = RuntimeFeatures()

    def __init__(self, n_fields: int, formula: Formula, **output: Any) -> None:
        fields = tuple(Field(name=f"x{at}", missing="accept") for at in range(n_fields))
        self.signature = Signature(fields=fields, outputs=(Output(**output),))
        self.formula = formula
        self.most_rows, self.n_rows = 0, 0

    def predict(self, table: Table) -> Outputs:
        self.most_rows = max(self.most_rows, table.n_rows)
        self.n_rows += table.n_rows
        numbers = np.column_stack(list(table.columns.values()))
        returned = self.formula(numbers)
        return returned if isinstance(returned, Outputs) else Outputs(returned)


def rows(n_rows: int, n_fields: int, seed: int = 0) -> Table:
    numbers = np.random.default_rng(seed).normal(size=(n_rows, n_fields)).round(2)
    return Table.of(numbers)


def explain(runtime: Any, background: Table, rows: Table, **asked: Any) -> list[Explanation]:
    return Explainer(runtime, background).explain(rows, **asked)


def total(explained: Any) -> float:
    return float(explained.base + sum(explained.contributions.values()))


def test_few_fields_are_explained_exactly(brute_force: Any) -> None:
    def formula(x: NDArray[np.float64]) -> NDArray[np.float64]:
        y = np.where(np.isnan(x), -1.0, x)
        return np.asarray(y[:, 0] * y[:, 1] + np.maximum(y[:, 2], y[:, 3]) * y[:, 4] - y[:, 5] ** 3)

    runtime, background = Formulas(6, formula), rows(20, 6)
    background.columns["x1"][::4] = np.nan

    (explained,) = explain(runtime, background, rows(1, 6, seed=1))

    truth = brute_force(lambda t: runtime.predict(t).predictions, background, rows(1, 6, seed=1))
    assert explained.method == "enumeration"
    assert explained.contributions == pytest.approx(truth, abs=1e-12)
    assert total(explained) == pytest.approx(explained.value, abs=1e-12)
    assert explained.link == "identity"
    assert explained.n_background == 20
    assert explained.standard_errors is None


def test_a_field_without_a_difference_or_an_effect_contributes_nothing() -> None:
    runtime, background, one = Formulas(4, lambda x: x[:, 0] * x[:, 1]), rows(9, 4), rows(1, 4)
    background.columns["x1"][:] = one.columns["x1"][:] = np.nan
    runtime.formula = lambda x: x[:, 0] * 2

    (explained,) = explain(runtime, background, one)

    assert explained.contributions["x1"] == 0
    assert explained.contributions["x2"] == pytest.approx(0, abs=1e-15)
    assert explained.contributions["x0"] == pytest.approx(explained.value - explained.base)


def test_many_fields_are_sampled_and_still_add_up() -> None:
    runtime, background = Formulas(40, lambda x: x.sum(axis=1) + x[:, 0] * x[:, 1]), rows(30, 40)

    (explained,) = explain(runtime, background, rows(1, 40, seed=3))

    assert explained.method == "sampling"
    assert explained.standard_errors is not None
    assert total(explained) == pytest.approx(explained.value, abs=1e-12)
    assert explained.standard_errors["x0"] < 0.1 * abs(explained.contributions["x0"])
    assert explained.standard_errors["x5"] == pytest.approx(0, abs=1e-9)


def test_the_same_row_gets_the_same_estimates() -> None:
    runtime, background = Formulas(14, lambda x: np.prod(x, axis=1)), rows(10, 14)

    one, other = (explain(runtime, background, rows(1, 14, seed=5)) for _ in range(2))

    assert one == other


@pytest.mark.slow
def test_an_interval_covers_the_exact_contribution_as_often_as_it_says() -> None:
    """Products of three fields: the exact values are those of each product alone."""
    groups = [(0, 1, 2), (3, 4, 5), (6, 7, 8), (9, 10, 11)]

    def formula(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(sum(x[:, list(group)].prod(axis=1) for group in groups))

    background, hits = rows(25, 12), []
    for seed in range(60):
        row = rows(1, 12, seed=100 + seed)
        (explained,) = explain(Formulas(12, formula), background, row)
        assert explained.standard_errors is not None
        for group in groups:
            names = [f"x{at}" for at in group]
            part = Formulas(3, lambda x: x.prod(axis=1))
            few = Table({f"x{i}": background.columns[n] for i, n in enumerate(names)}, 25)
            one = Table({f"x{i}": row.columns[n] for i, n in enumerate(names)}, 1)
            (exact,) = explain(part, few, one)
            for at, name in enumerate(names):
                error = abs(explained.contributions[name] - exact.contributions[f"x{at}"])
                hits.append(error <= 1.96 * explained.standard_errors[name])

    assert np.mean(hits) >= 0.93
    assert np.mean(hits) < 0.999, "the intervals are too wide"


@pytest.mark.slow
def test_four_hundred_columns_take_bounded_memory() -> None:
    runtime, background = Formulas(400, lambda x: x.max(axis=1)), rows(100, 400)

    (explained,) = explain(runtime, background, rows(1, 400, seed=1))

    assert total(explained) == pytest.approx(explained.value, abs=1e-11)
    assert runtime.most_rows * 400 <= 1 << 20


def test_one_background_row_is_enough() -> None:
    runtime = Formulas(12, lambda x: x[:, 0] * x[:, 1] * x[:, 2] + x.sum(axis=1))

    (explained,) = explain(runtime, rows(1, 12), rows(1, 12, seed=1))

    assert total(explained) == pytest.approx(explained.value, abs=1e-12)
    assert explained.standard_errors is not None
    assert max(explained.standard_errors.values()) < 0.2


def test_a_background_row_that_is_explained_itself_has_nothing_to_say() -> None:
    runtime, one = Formulas(12, lambda x: x.sum(axis=1)), rows(1, 12)

    (explained,) = explain(runtime, one, one)

    assert set(explained.contributions.values()) == {0.0}


def test_a_runtime_is_not_called_with_more_rows_than_it_takes() -> None:
    class Small(Formulas):
        features = RuntimeFeatures(max_batch_rows=16)

    runtime = Small(12, lambda x: x.prod(axis=1))

    explain(runtime, rows(20, 12), rows(2, 12, seed=1))

    assert runtime.most_rows == 16


def probabilities(x: NDArray[np.float64]) -> Outputs:
    share = 1 / (1 + np.exp(-x[:, 0] * x[:, 1]))
    labels = np.where(share > 0.5, "yes", "no").astype(object)
    return Outputs(labels, np.column_stack([1 - share, share]))


def test_the_predicted_class_is_explained_unless_another_is_named() -> None:
    output = {"task": "classification", "classes": ("no", "yes"), "has_probabilities": True}
    explainer = Explainer(Formulas(2, probabilities, **output), rows(10, 2))
    one = Table.of(np.array([[3.0, 2.0], [-3.0, 2.0]]))

    yes, no = explainer.explain(one)
    (other,) = explainer.explain(one.take(slice(0, 1)), label=0)

    assert (yes.label, no.label, other.label) == (1, 0, 0)
    assert yes.link == "probability"
    assert yes.value == pytest.approx(1 - other.value)
    assert yes.contributions["x0"] == pytest.approx(-other.contributions["x0"])


def test_a_label_without_a_probability_is_explained_by_where_it_is_predicted() -> None:
    def formula(x: NDArray[np.float64]) -> Outputs:
        return Outputs(np.where(x[:, 0] > 0, "up", "down").astype(object))

    runtime = Formulas(2, formula, task="classification", classes=("down", "up"))

    (explained,) = explain(runtime, Table.of(np.array([[-1.0, 0], [1, 0]])), rows(1, 2))

    assert explained.value == 1
    assert explained.base == 0.5
    assert explained.contributions == {"x0": 0.5, "x1": 0}


def test_one_of_several_outputs_is_explained() -> None:
    runtime = Formulas(2, lambda x: np.column_stack([x[:, 0], x[:, 1] * 2]))
    outputs = (Output(name="a"), Output(name="b"))
    runtime.signature = Signature(fields=runtime.signature.fields, outputs=outputs)

    (explained,) = explain(runtime, rows(5, 2), rows(1, 2, seed=1), output=1)

    assert explained.output == 1
    assert explained.contributions["x0"] == pytest.approx(0, abs=1e-15)
    assert explained.contributions["x1"] != 0


def test_the_score_is_explained_where_there_is_one() -> None:
    def formula(x: NDArray[np.float64]) -> Outputs:
        return Outputs(np.where(x[:, 0] > 0, 1, -1), scores=x.sum(axis=1))

    runtime = Formulas(2, formula, task="anomaly", classes=(-1, 1), score="decision_function")

    (explained,) = explain(runtime, rows(5, 2), rows(1, 2, seed=1))

    assert explained.link == "identity"
    assert explained.label is None


@pytest.mark.parametrize(
    ("output", "asked", "says"),
    [
        ({}, {"output": 1}, "no output 1"),
        ({}, {"output": -1}, "no output -1"),
        ({}, {"label": 0}, "has no classes"),
        ({"task": "value"}, {}, "neither a number nor one of some classes"),
        ({"task": "classification", "classes": (0, 1)}, {"label": 2}, "no class 2"),
        ({"task": "classification", "classes": (0, 1)}, {"label": -1}, "no class -1"),
    ],
)
def test_what_cannot_be_explained_is_refused(output: Any, asked: Any, says: str) -> None:
    runtime = Formulas(2, lambda x: (x[:, 0] > 0).astype(int), **output)

    with pytest.raises(SetupError, match=says):
        explain(runtime, rows(5, 2), rows(1, 2), **asked)


def test_without_background_rows_an_error_says_where_they_come_from() -> None:
    with pytest.raises(SetupError, match="there are none") as raised:
        explain(Formulas(2, lambda x: x[:, 0]), rows(0, 2), rows(1, 2))

    assert "--background 0" in raised.value.hint


def test_a_number_that_is_not_finite_is_the_models_error() -> None:
    with np.errstate(all="ignore"), pytest.raises(ModelError, match="isn't finite"):
        explain(Formulas(2, lambda x: x[:, 0] / 0), rows(5, 2), rows(1, 2))


def test_a_field_that_the_model_does_not_use_costs_nothing() -> None:
    runtime = Formulas(11, lambda x: x.sum(axis=1) - x[:, 10])
    unused = Field(name="x10", missing="accept", is_used=False)
    fields = (*runtime.signature.fields[:10], unused)
    runtime.signature = Signature(fields=fields, outputs=runtime.signature.outputs)

    (explained,) = explain(runtime, rows(5, 11), rows(1, 11, seed=1))

    assert explained.method == "enumeration"
    assert explained.contributions["x10"] == 0


def test_texts_dates_and_gaps_are_mixed_as_they_are(brute_force: Any) -> None:
    class Words:
        features = RuntimeFeatures()
        signature = Signature(
            fields=(
                Field(name="text", type="text", missing="accept"),
                Field(name="kind", type="category", categories=(Category("a"), Category("b"))),
                Field(name="day", type="date", missing="accept"),
                Field(name="is_new", type="boolean", missing="accept"),
            ),
            outputs=(Output(),),
        )

        def predict(self, table: Table) -> Outputs:
            text, kind, day, is_new = table.columns.values()
            length = np.array([0 if t is None else len(t) for t in text], float)
            month = np.where(np.isnat(day), 0, day.astype("datetime64[M]").astype(int) % 12)
            return Outputs(length * month + (kind == "a") * np.array([v is True for v in is_new]))

    def table(*cells: Any) -> Table:
        text, kind, day, is_new = (np.array(c, object) for c in zip(*cells, strict=True))
        columns = {"text": text, "kind": kind, "day": day.astype("datetime64[D]")}
        return Table(columns | {"is_new": is_new}, len(text))

    background = table(("one", "a", "2024-05-01", True), (None, "b", None, None))
    row = table(("three", "b", "2024-09-01", False))

    (explained,) = explain(Words(), background, row)

    truth = brute_force(lambda t: Words().predict(t).predictions, background, row)
    assert explained.contributions == pytest.approx(truth, abs=1e-12)


@pytest.fixture(scope="module")
def penguins(tmp_path_factory: pytest.TempPathFactory) -> podium.Bundle:
    random = np.random.default_rng(0)
    rows = pd.DataFrame(random.normal(size=(200, 3)), columns=["length", "depth", "mass"])
    species = np.where(
        rows["length"] > 0.4, "Gentoo", np.where(rows["depth"] > 0, "Adelie", "Chin")
    )
    model = DecisionTreeClassifier(max_depth=4).fit(rows, species)
    return podium.pack(model, rows, species, name="p", path=tmp_path_factory.mktemp("p"))


def test_rows_are_explained_in_a_line_of_python(penguins: podium.Bundle) -> None:
    row = {"length": 1.5, "depth": 0.1, "mass": 0.0}

    (gentoo,) = podium.explain(penguins, row)
    (adelie,) = podium.explain(penguins, row, label="Adelie", output="prediction")

    assert penguins.signature.output.classes[gentoo.label or 0] == "Gentoo"
    assert gentoo.contributions["length"] > 0.4
    assert penguins.signature.output.classes[adelie.label or 0] == "Adelie"
    assert adelie.contributions["length"] < 0
    assert gentoo.n_background == 100


def test_rows_of_ones_own_are_compared_with(penguins: podium.Bundle) -> None:
    row = {"length": 1.5, "depth": 0.1, "mass": 0.0}

    (explained,) = podium.explain(penguins, row, background=[row, {**row, "length": -1.0}])

    assert explained.n_background == 2
    assert explained.base == 0.5
    assert explained.contributions == pytest.approx({"length": 0.5, "depth": 0, "mass": 0})


@pytest.mark.parametrize(
    ("asked", "says"),
    [({"label": "Emperor"}, "no class 'Emperor'"), ({"output": "weight"}, "no output 'weight'")],
)
def test_a_class_or_output_that_is_not_there_is_named(
    penguins: podium.Bundle, asked: Any, says: str
) -> None:
    with pytest.raises(SetupError, match=says):
        podium.explain(penguins, {"length": 1.5, "depth": 0.1, "mass": 0.0}, **asked)


def test_a_bundle_without_training_rows_needs_some(tmp_path: Path) -> None:
    rows, target = pd.DataFrame({"x": [1.0, 2.0, 3.0]}), [1.0, 2.0, 3.0]
    model = DecisionTreeRegressor().fit(rows, target)
    bundle = podium.pack(model, rows, target, name="none", path=tmp_path, background=0)

    with pytest.raises(SetupError, match="there are none"):
        podium.explain(bundle, {"x": 1.0})
    (explained,) = podium.explain(bundle, {"x": 1.0}, background=rows)

    assert explained.contributions["x"] == pytest.approx(-1)


def test_a_class_is_found_by_its_type_too() -> None:
    output = Output(name="y", task="classification", classes=(True, 1, "1"))

    assert [class_place(output, label) for label in (True, 1, "1")] == [0, 1, 2]
