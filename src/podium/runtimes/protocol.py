"""What executes a model, whatever it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from podium.signature import Signature
from podium.table import Outputs, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeFeatures:
    """What a runtime can do, for whoever schedules its calls.

    Attributes:
        releases_gil: calls in threads overlap.
        is_async: `predict_async` exists and is to be awaited on the event loop.
        max_batch_rows: more rows than this must be cut into several calls; None is no limit.
        is_thread_safe: two calls may run at the same time.
    """

    releases_gil: bool = False
    is_async: bool = False
    max_batch_rows: int | None = None
    is_thread_safe: bool = True


class Runtime(Protocol):
    """A model that answers tables with outputs.

    Tables hold the signature's fields, in order, already validated; `predict` answers one
    row for each of theirs, in their order.
    """

    signature: Signature
    features: RuntimeFeatures

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
