"""What executes a model, whatever it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from podium.program import RuntimeFeatures
from podium.signature import Signature
from podium.table import Outputs, Table

__all__ = ["AsyncRowsRuntime", "AsyncRuntime", "RowsRuntime", "Runtime", "RuntimeFeatures"]


class Runtime(Protocol):
    """A model that answers tables with outputs.

    Tables hold the signature's fields, in order, already validated; `predict` answers one
    row for each of theirs, in their order.
    """

    @property
    def signature(self) -> Signature:
        """What it takes and gives."""
        ...

    @property
    def features(self) -> RuntimeFeatures:
        """What it can do, for whoever schedules its calls."""
        ...

    def predict(self, table: Table) -> Outputs:
        """The answers for these rows, without warnings.

        Raises:
            ModelError: the model raised, or answered something of the wrong shape.
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

        Numbers, truth values and texts as JSON has them, of their fields' types: of no other type
        is a cell in these rows.
        """
        ...


class AsyncRowsRuntime(Protocol):
    """A runtime with `features.takes_rows` and `features.is_async`."""

    async def predict_rows_async(self, rows: Sequence[Sequence[Any]]) -> Outputs:
        """The same as `predict_rows`, awaited on the caller's event loop."""
        ...
