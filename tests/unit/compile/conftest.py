"""Fitted models with their originals, for tests that spoil their programs."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from podium.compile import Compiled, compile_model
from podium.program import Plan, Program
from podium.runtimes.frames import frame_for
from podium.runtimes.sklearn import SklearnRuntime, outputs_of
from podium.signature import Signature
from podium.signature.correct import corrected
from podium.signature.infer import infer_fields
from podium.table import Table


class Case(NamedTuple):
    """A fitted estimator, its training rows, and its original behind a signature."""

    estimator: Any
    signature: Signature
    sample: Table
    original: SklearnRuntime

    def compile(self) -> Compiled:
        return compile_model(
            self.estimator, self.signature, self.sample, original=self.original.predict
        )

    def program(self, plan: Plan) -> Program:
        return Program.load(Program(plan, self.signature).parts(), self.signature)


def case_of(estimator: Any, X: Any, said: dict[str, Any] | None = None) -> Case:
    """The case of a fitted estimator."""
    table = Table.of(X)
    fields = infer_fields(table)
    signature = Signature(fields=fields, frame=table.frame)
    outputs = outputs_of(estimator, frame_for(signature, table.take(slice(0, 5))), [], None)
    signature = Signature(fields=fields, outputs=outputs, frame=table.frame)
    signature = corrected(signature, said or {})
    return Case(estimator, signature, table, SklearnRuntime(estimator, signature))


@pytest.fixture
def make_case() -> Any:
    """`case_of`."""
    return case_of
