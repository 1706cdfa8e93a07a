"""The contract of runtimes, as tests that their authors run."""

from __future__ import annotations

import asyncio
import copy
import threading
import warnings
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from podium.errors import ModelError, NoPrediction
from podium.flow.run import checked, run
from podium.outputs import Outputs
from podium.runtimes.protocol import Runtime
from podium.signature.cells import check_table
from podium.table import Array, Table, plain_values

N_THREADS = 4
N_CALLS = 8
# Numbers that models fail on: extreme ones, near the limits of double precision, and missing.
EXTREMES = (1e300, -1e300, 1e15, 5e-324, np.nan)


class RuntimeContract(ABC):
    """The contract of a runtime. Inherit it, and provide an open runtime as the fixture `runtime`:

    ```python
    class TestMyRuntime(RuntimeContract):
        @pytest.fixture
        def runtime(self) -> Runtime:
            return MyRuntime(...)

        def rows(self) -> list[dict[str, object]]:
            return [{"age": 30.0}, {"age": 70.0}]
    ```

    Attributes:
        relative: how far the prediction for a row may differ between batches, where numbers are
            added in another order.
        fails: rows that the model can't predict, if there are any.
    """

    relative: float = 1e-9
    fails: Sequence[Mapping[str, object]] = ()

    @abstractmethod
    def rows(self) -> Sequence[Mapping[str, object]]:
        """A few rows with different predictions, as a caller passes them."""

    def table(self, runtime: Runtime, rows: Sequence[Mapping[str, object]] | None = None) -> Table:
        """Rows as a runtime receives them."""
        return check_table(runtime.signature, Table.of(list(rows or self.rows())))[0]

    def test_its_signature_and_features_never_change(self, runtime: Runtime) -> None:
        """Its signature and its features are the same before and after a call."""
        before = (runtime.signature, runtime.features)
        runtime.predict(self.table(runtime))

        assert (runtime.signature, runtime.features) == before

    def test_each_prediction_matches_the_signature(self, runtime: Runtime) -> None:
        """Shapes, classes, probabilities that add up to one, scores and distances if there are any."""
        table, signature = self.table(runtime), runtime.signature

        outputs = checked(runtime.predict(table), signature, table.n_rows)

        assert len({repr(one) for one in plain_values(_column(outputs.predictions))}) > 1, "rows()"
        wide = (table.n_rows, len(signature.outputs))
        assert outputs.predictions.shape == (wide if len(signature.outputs) > 1 else wide[:1])
        columns = outputs.predictions.reshape(wide).T
        for output, column in zip(signature.outputs, columns, strict=True):
            if output.classes:
                assert set(column.tolist()) <= set(output.classes), output.name
        assert (outputs.probabilities is not None) == signature.has_probabilities
        if outputs.probabilities is not None:
            for place in range(len(signature.outputs)):
                shares = outputs.probabilities[:, signature.probabilities_of(place) or slice(0)]
                assert not shares.size or np.allclose(shares.sum(axis=1), 1.0, rtol=1e-4)
        assert (outputs.scores is not None) == bool(signature.output.score)
        if outputs.scores is not None:
            assert outputs.scores.shape == (table.n_rows,)
        assert (outputs.distances is not None) == signature.output.has_distances
        if outputs.distances is not None:
            assert outputs.distances.shape == (table.n_rows, len(signature.output.classes))
            assert (outputs.distances >= 0).all()

    def test_a_row_alone_gets_the_same_prediction_as_in_a_batch(self, runtime: Runtime) -> None:
        """At every position of a batch, and in batches of any size."""
        table = self.table(runtime)
        together = runtime.predict(table)
        places = np.tile(np.arange(table.n_rows)[::-1], 3)

        self.assert_same(runtime.predict(table.take(places)), together.rows(places))
        for row in range(table.n_rows):
            only = slice(row, row + 1)
            self.assert_same(runtime.predict(table.take(only)), together.rows(only))

    def test_a_result_is_not_changed_by_later_calls(self, runtime: Runtime) -> None:
        """No array of a result is overwritten by a later call, and nothing is learned from one."""
        table = self.table(runtime)
        first = runtime.predict(table)
        copied = copy.deepcopy(first)

        runtime.predict(table.take(np.arange(table.n_rows)[::-1]))

        self.assert_same(first, copied)
        self.assert_same(runtime.predict(table), copied)

    def test_the_table_is_left_as_it_was(self, runtime: Runtime) -> None:
        """Others read it, too: what is recorded must be what was sent."""
        table = self.table(runtime)
        before = copy.deepcopy(dict(table.columns))

        runtime.predict(table)

        assert list(table.columns) == list(before)
        for name, column in table.columns.items():
            assert column.dtype == before[name].dtype
            np.testing.assert_array_equal(column, before[name])

    def test_it_issues_no_warnings(self, runtime: Runtime) -> None:
        """A library's warnings concern training or data frames: callers can't act on them."""
        with warnings.catch_warnings():
            warnings.simplefilter("error")

            runtime.predict(self.table(runtime))

    def test_calls_of_several_threads_do_not_mix(self, runtime: Runtime) -> None:
        """Flask and Django call it from as many threads as they have."""
        table = self.table(runtime)
        expected = runtime.predict(table)
        parts = [np.roll(np.arange(table.n_rows), n) for n in range(N_THREADS)]
        together = threading.Barrier(N_THREADS)

        def call(rows: Array) -> list[Outputs]:
            some = table.take(rows)
            together.wait(30)
            return [runtime.predict(some) for _ in range(N_CALLS)]

        with ThreadPoolExecutor(N_THREADS) as threads:
            for rows, answers in zip(parts, threads.map(call, parts), strict=True):
                for outputs in answers:
                    self.assert_same(outputs, expected.rows(rows))

    def test_what_it_cannot_predict_is_a_model_error(self, runtime: Runtime) -> None:
        """Extreme and missing numbers are predicted or refused; later calls aren't affected."""
        table = self.table(runtime)
        expected = runtime.predict(table)

        for extreme in EXTREMES:
            some = _with(table, extreme)
            _predict_or_refuse(runtime, some)
        for row in self.fails:
            assert _refuses(runtime, self.table(runtime, [row])), row

        self.assert_same(runtime.predict(table), expected)

    def test_rows_of_cells_get_the_same(self, runtime: Runtime) -> None:
        """If it takes rows of cells."""
        table = self.table(runtime)
        if runtime.features.takes_rows:
            predict: Callable[..., Outputs] = runtime.predict_rows  # type: ignore[attr-defined]
            for some in (table, table.take(slice(0, 1))):
                self.assert_same(predict(_cells(some)), runtime.predict(some))

    def test_awaited_predictions_are_the_same(self, runtime: Runtime) -> None:
        """If it is awaited, also when many calls overlap."""
        table = self.table(runtime)
        if runtime.features.is_async:
            of_tables: Callable[..., Any] = runtime.predict_async  # type: ignore[attr-defined]
            calls: list[Callable[[], Awaitable[Outputs]]] = [lambda: of_tables(table)] * N_CALLS
            if runtime.features.takes_rows:
                of_rows: Callable[..., Any] = runtime.predict_rows_async  # type: ignore[attr-defined]
                calls += [lambda: of_rows(_cells(table))] * N_CALLS

            async def together() -> list[Outputs]:
                return await asyncio.gather(*(call() for call in calls))

            for outputs in asyncio.run(together()):
                self.assert_same(outputs, runtime.predict(table))

    def test_more_rows_than_it_accepts_at_once_are_predicted_too(self, runtime: Runtime) -> None:
        """`features.max_batch_rows` is a number of rows that it accepts."""
        table = self.table(runtime)
        most = runtime.features.max_batch_rows or 64
        places = np.resize(np.arange(table.n_rows), most + 1)

        assert len(runtime.predict(table.take(places[:most]))) == most
        self.assert_same(run(runtime, table.take(places)), runtime.predict(table).rows(places))

    def assert_same(self, ours: Outputs, expected: Outputs) -> None:
        """Fail unless the outputs are equal, up to rounding."""
        assert len(ours) == len(expected)
        for name in ("predictions", "probabilities", "scores", "distances"):
            one, other = getattr(ours, name), getattr(expected, name)
            assert (one is None) == (other is None), name
            if one is None or other is None:
                continue
            if other.dtype.kind == "f":
                np.testing.assert_allclose(one, other, rtol=self.relative, err_msg=name)
            else:
                assert one.tolist() == other.tolist(), name


def _column(predictions: Array) -> Array:
    return predictions if predictions.ndim == 1 else predictions[:, 0]


def _with(table: Table, number: float) -> Table:
    """The table with this number in all numeric cells."""
    columns = {
        name: np.full_like(column, number) if column.dtype.kind == "f" else column
        for name, column in table.columns.items()
    }
    return Table(columns, table.n_rows, table.dtypes, table.frame, table.levels)


def _refuses(runtime: Runtime, table: Table) -> bool:
    try:
        run(runtime, table)
    except (ModelError, NoPrediction):
        return True
    return False


def _predict_or_refuse(runtime: Runtime, table: Table) -> None:
    try:
        outputs = runtime.predict(table)
    except ModelError:
        return
    assert len(outputs) == table.n_rows


def _cells(table: Table) -> list[tuple[Any, ...]]:
    """Rows of plain cells; None is missing."""
    return [tuple(row.values()) for row in table.rows()]
