"""What executes a model, whatever it is made of."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from podium.program import RuntimeFeatures
from podium.signature import Signature
from podium.table import Outputs, Table

__all__ = ["AsyncRuntime", "Runtime", "RuntimeFeatures"]


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
