"""Step 4: the model is called, and its answer checked before anyone sees it."""

from __future__ import annotations

import numpy as np

from podium.errors import ModelError
from podium.runtimes.protocol import AsyncRuntime, Runtime
from podium.signature import Signature
from podium.table import Outputs, Table, are_finite


def run(runtime: Runtime, table: Table) -> Outputs:
    """The model's answers for a table, in as many calls as it needs.

    Raises:
        ModelError: the model raised, or answered the wrong number of rows or no finite number.
    """
    most = runtime.features.max_batch_rows
    if most is None or table.n_rows <= most:
        return checked(runtime.predict(table), runtime.signature, table.n_rows)
    parts = [table.take(slice(at, at + most)) for at in range(0, table.n_rows, most)]
    return joined([run(runtime, part) for part in parts])


async def run_async(runtime: AsyncRuntime, signature: Signature, table: Table) -> Outputs:
    """The same for a model that is awaited."""
    return checked(await runtime.predict_async(table), signature, table.n_rows)


def checked(outputs: Outputs, signature: Signature, n_rows: int) -> Outputs:
    """The outputs, if they are what the signature promises.

    Raises:
        ModelError: they aren't.
    """
    if len(outputs.predictions) != n_rows:
        raise ModelError(f"the model answered {len(outputs.predictions)} rows for {n_rows}")
    if outputs.predictions.dtype.kind == "f" and not are_finite(outputs.predictions):
        raise ModelError("the model answered NaN or an infinite number")
    probabilities = outputs.probabilities
    if probabilities is None:
        return outputs
    if probabilities.shape != (n_rows, len(signature.output.classes)):
        raise ModelError(f"the model answered probabilities of shape {probabilities.shape}")
    if not are_finite(probabilities):
        raise ModelError("the model answered probabilities that aren't finite")
    return outputs


def joined(parts: list[Outputs]) -> Outputs:
    """Outputs one below the other."""
    predictions = np.concatenate([part.predictions for part in parts])
    rows = [part.probabilities for part in parts if part.probabilities is not None]
    return Outputs(predictions, np.concatenate(rows) if rows else None)
