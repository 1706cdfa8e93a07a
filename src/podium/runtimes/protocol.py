"""The protocols of runtimes, which execute models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from podium.outputs import Outputs
from podium.program import BatchPolicy, RuntimeFeatures
from podium.signature import Signature
from podium.table import Table

__all__ = [
    "AsyncRowsRuntime",
    "AsyncRuntime",
    "BatchPolicy",
    "RowsRuntime",
    "Runtime",
    "RuntimeFeatures",
]


class Runtime(Protocol):
    """Executes a model: takes tables and returns outputs.

    Tables contain the signature's fields, in order, already validated; `predict` returns one
    row for each of theirs, in their order.
    """

    @property
    def signature(self) -> Signature:
        """Its inputs and outputs."""
        ...

    @property
    def features(self) -> RuntimeFeatures:
        """What it supports, for the scheduler of its calls."""
        ...

    def predict(self, table: Table) -> Outputs:
        """The outputs for these rows, without warnings.

        Raises:
            ModelError: the model raised, or returned something of the wrong shape.
        """
        ...


@runtime_checkable
class AsyncRuntime(Protocol):
    """A runtime with `features.is_async`."""

    async def predict_async(self, table: Table) -> Outputs:
        """The same as `predict`, awaited on the caller's event loop."""
        ...


class RowsRuntime(Protocol):
    """A runtime with `features.takes_rows`."""

    def predict_rows(self, rows: Sequence[Sequence[Any]]) -> Outputs:
        """The same as `predict`, for rows of cells in the order of the fields; None is missing.

        Numbers, booleans and strings as in JSON, of their fields' types: these rows have no other
        types.
        """
        ...


class AsyncRowsRuntime(Protocol):
    """A runtime with `features.takes_rows` and `features.is_async`."""

    async def predict_rows_async(self, rows: Sequence[Sequence[Any]]) -> Outputs:
        """The same as `predict_rows`, awaited on the caller's event loop."""
        ...
