"""The contract of exporters, as tests to inherit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from podium.compile import Compiled, compile_model
from podium.program import Program
from podium.runtimes.signatures import signature_of
from podium.runtimes.sklearn import SklearnRuntime
from podium.table import Table


class ExporterContract(ABC):
    """Inherit in a test class, and override `fitted`.

    The exporter must be registered: see "Write an exporter" in the documentation.
    """

    @abstractmethod
    def fitted(self) -> tuple[Any, Any]:
        """A fitted estimator, and rows of its training data."""

    def compiled(self) -> tuple[Compiled, SklearnRuntime, Table]:
        """The result of compiling it, the estimator as a runtime, and the rows as a table."""
        estimator, rows = self.fitted()
        table = Table.of(rows)
        signature = signature_of(estimator, table)
        original = SklearnRuntime(estimator, signature)
        return (
            compile_model(estimator, signature, table, original=original.predict),
            original,
            table,
        )

    def test_it_compiles_and_is_verified(self) -> None:
        """Labels are equal, and numbers as close as double or single precision allows."""
        compiled, _, _ = self.compiled()

        assert compiled.program is not None, compiled.why
        assert compiled.verification is not None
        assert compiled.verification.is_equal
        assert compiled.verification.n_labels == 0

    def test_the_program_survives_being_written(self) -> None:
        """A program that was written and read again returns exactly the same."""
        compiled, original, table = self.compiled()
        assert compiled.program is not None, compiled.why

        again = Program.load(compiled.program.parts(), original.signature)

        ours, theirs = again.predict(table), compiled.program.predict(table)
        assert ours.predictions.tolist() == theirs.predictions.tolist()

    def test_a_row_alone_gets_the_same_prediction_as_in_a_batch(self) -> None:
        """One row, a batch, and rows of plain cells."""
        compiled, _, table = self.compiled()
        assert compiled.program is not None, compiled.why
        some = table.take(slice(0, 10))

        together = compiled.program.predict(some).predictions
        alone = [
            compiled.program.predict(some.take(slice(row, row + 1))).predictions[0]
            for row in range(some.n_rows)
        ]
        plain = compiled.program.predict_rows([tuple(row.values()) for row in some.rows()])

        if together.dtype.kind == "f":
            np.testing.assert_allclose(alone, together, rtol=1e-12)
            np.testing.assert_allclose(plain.predictions, together, rtol=1e-12)
        else:
            assert list(alone) == together.tolist() == plain.predictions.tolist()
