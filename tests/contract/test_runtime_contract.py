"""The contract of runtimes itself: one that breaks a promise fails the test of that promise."""

from __future__ import annotations

import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from podium.errors import ModelError
from podium.outputs import Outputs
from podium.runtimes import RuntimeFeatures
from podium.signature import Field, Output, Signature
from podium.table import Table
from podium.testing import RuntimeContract

SIGNATURE = Signature(
    fields=(Field(name="x", type="float"), Field(name="note", type="text", missing="allow")),
    outputs=(
        Output(
            name="size", task="classification", classes=("small", "large"), has_probabilities=True
        ),
    ),
)


class Sizes:
    """A runtime that keeps every promise, taking rows and awaited ones too."""

    features = RuntimeFeatures(is_async=True, takes_rows=True, max_batch_rows=5)
    signature = SIGNATURE

    def predict(self, table: Table) -> Outputs:
        return self.answer(table.columns["x"])

    async def predict_async(self, table: Table) -> Outputs:
        return self.predict(table)

    def predict_rows(self, rows: Sequence[Sequence[Any]]) -> Outputs:
        return self.answer(np.array([row[0] for row in rows], np.float64))

    async def predict_rows_async(self, rows: Sequence[Sequence[Any]]) -> Outputs:
        return self.predict_rows(rows)

    def answer(self, x: Any) -> Outputs:
        if (x < 0).any():
            raise ModelError("nothing is smaller than nothing")
        large = np.where(np.isnan(x), 0.5, x / (x + 1.0)).clip(0.0, 1.0)
        labels = np.where(large > 0.5, "large", "small").astype(object)
        return Outputs(labels, np.column_stack([1.0 - large, large]))


class Contract(RuntimeContract):
    fails = ({"x": -1.0},)

    def rows(self) -> list[dict[str, object]]:
        return [{"x": 0.25}, {"x": 3.0, "note": "wide"}, {"x": 8.0}]


class AnswersAnotherClass(Sizes):
    def answer(self, x: Any) -> Outputs:
        outputs = super().answer(x)
        return replace(outputs, predictions=np.char.upper(outputs.predictions.astype(str)))


class LeavesItsSharesOut(Sizes):
    def answer(self, x: Any) -> Outputs:
        return replace(super().answer(x), probabilities=None)


class DoesNotNormaliseShares(Sizes):
    def answer(self, x: Any) -> Outputs:
        outputs = super().answer(x)
        return replace(outputs, probabilities=outputs.probabilities * 0.9)


class ScoresWithoutSayingSo(Sizes):
    def answer(self, x: Any) -> Outputs:
        return replace(super().answer(x), scores=np.zeros(len(x)))


class SortsItsRows(Sizes):
    def predict(self, table: Table) -> Outputs:
        return self.answer(np.sort(table.columns["x"]))


class ScalesByTheBatch(Sizes):
    def predict(self, table: Table) -> Outputs:
        x = table.columns["x"]
        return self.answer(x / np.abs(x).max())


class FillsTheSameArray(Sizes):
    def __init__(self) -> None:
        self.array = np.zeros((64, 2))

    def answer(self, x: Any) -> Outputs:
        outputs = super().answer(x)
        self.array[: len(x)] = outputs.probabilities
        return replace(outputs, probabilities=self.array[: len(x)])


class LearnsFromWhatItSees(Sizes):
    def __init__(self) -> None:
        self.n_calls = 0

    def answer(self, x: Any) -> Outputs:
        self.n_calls += 1
        return super().answer(x + self.n_calls / 100)


class ChangesItsTable(Sizes):
    def predict(self, table: Table) -> Outputs:
        outputs = super().predict(table)
        table.columns["x"][:] = 0.0
        return outputs


class Warns(Sizes):
    def predict(self, table: Table) -> Outputs:
        warnings.warn("X does not have valid feature names", UserWarning, stacklevel=2)
        return super().predict(table)


class MixesThreads(Sizes):
    def predict(self, table: Table) -> Outputs:
        self.x = table.columns["x"]
        time.sleep(0.001)  # others come between
        return self.answer(self.x)


class RaisesWhatItLikes(Sizes):
    def answer(self, x: Any) -> Outputs:
        if (x > 1e200).any():
            raise OverflowError(x)
        return super().answer(x)


class AnswersWhatItCannot(Sizes):
    def answer(self, x: Any) -> Outputs:
        return super().answer(np.abs(x))


class DropsRowsThatItCannotAnswer(Sizes):
    def predict(self, table: Table) -> Outputs:
        x = table.columns["x"]
        return self.answer(x[np.isfinite(x) & (x >= 0)])


class BreaksForGood(Sizes):
    is_broken = False

    def answer(self, x: Any) -> Outputs:
        self.is_broken |= bool((x < 0).any())
        if self.is_broken:
            raise ModelError("the session is closed")
        return super().answer(x)


class ReadsCellsOtherwise(Sizes):
    def predict_rows(self, rows: Sequence[Sequence[Any]]) -> Outputs:
        return self.answer(np.array([row[0] + 1 for row in rows], np.float64))


class MixesAwaitedCalls(Sizes):
    async def predict_async(self, table: Table) -> Outputs:
        return replace(self.predict(table), predictions=np.array(["small"] * len(table), object))


class TakesFewerThanItSays(Sizes):
    def answer(self, x: Any) -> Outputs:
        return super().answer(x[:4])


class ChangesItsSignature(Sizes):
    signature = SIGNATURE

    def predict(self, table: Table) -> Outputs:
        self.signature = Signature(fields=SIGNATURE.fields)
        return super().predict(table)


BROKEN = [
    ("its_signature_and_features_never_change", ChangesItsSignature),
    ("each_prediction_matches_the_signature", AnswersAnotherClass),
    ("each_prediction_matches_the_signature", LeavesItsSharesOut),
    ("each_prediction_matches_the_signature", DoesNotNormaliseShares),
    ("each_prediction_matches_the_signature", ScoresWithoutSayingSo),
    ("a_row_alone_gets_the_same_prediction_as_in_a_batch", SortsItsRows),
    ("a_row_alone_gets_the_same_prediction_as_in_a_batch", ScalesByTheBatch),
    ("a_result_is_not_changed_by_later_calls", FillsTheSameArray),
    ("a_result_is_not_changed_by_later_calls", LearnsFromWhatItSees),
    ("the_table_is_left_as_it_was", ChangesItsTable),
    ("it_issues_no_warnings", Warns),
    ("calls_of_several_threads_do_not_mix", MixesThreads),
    ("what_it_cannot_predict_is_a_model_error", RaisesWhatItLikes),
    ("what_it_cannot_predict_is_a_model_error", AnswersWhatItCannot),
    ("what_it_cannot_predict_is_a_model_error", DropsRowsThatItCannotAnswer),
    ("what_it_cannot_predict_is_a_model_error", BreaksForGood),
    ("rows_of_cells_get_the_same", ReadsCellsOtherwise),
    ("awaited_predictions_are_the_same", MixesAwaitedCalls),
    ("more_rows_than_it_accepts_at_once_are_predicted_too", TakesFewerThanItSays),
]


class TestSizes(Contract):
    @pytest.fixture
    def runtime(self) -> Sizes:
        return Sizes()


@pytest.mark.parametrize(("promise", "broken"), BROKEN)
def test_a_runtime_that_breaks_a_promise_is_found_out(promise: str, broken: type[Sizes]) -> None:
    test = getattr(Contract(), f"test_{promise}")

    with pytest.raises((AssertionError, UserWarning, OverflowError, ModelError)):
        test(broken())


def test_the_contracts_can_be_imported_where_pytest_is_not_installed() -> None:
    code = "import sys; sys.modules['pytest'] = None; import podium.testing"

    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_promise_is_broken_by_some_runtime() -> None:
    promises = {name.removeprefix("test_") for name in vars(RuntimeContract) if "test_" in name}

    assert promises == {promise for promise, _ in BROKEN}
