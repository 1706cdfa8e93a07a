"""Dask: a DataFrame with the predictions of a bundle."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeVar

from podium.bundle import Bundle
from podium.engines.batch_scorer import ERRORS, BatchScorer
from podium.engines.failing import failing
from podium.errors import SetupError
from podium.plugins import needs

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from dask.dataframe import DataFrame

# Without pages; what else Dask serves over HTTP is for this machine, at any free port.
_HERE = "127.0.0.1:0"
PLACES = {
    "dashboard_address": None,
    "worker_dashboard_address": _HERE,
    "scheduler_kwargs": {"dashboard": False, "dashboard_address": _HERE},
}

Item = TypeVar("Item")
Result = TypeVar("Result")


def score(
    frame: DataFrame, bundle: Bundle, *, prefix: str = "", errors: str | None = ERRORS
) -> DataFrame:
    """The frame with its predictions, computed when it is consumed.

    Args:
        prefix: precedes the names of the predicted columns.
        errors: the name of the column that says why rows were refused; None for no such column.

    Raises:
        InputError: columns that the model needs are missing.
        SetupError: columns are ambiguous, or exist already.
        UntrustedModel: the model is a pickle that isn't trusted.
    """
    with needs("dask"):
        from dask.dataframe.dispatch import make_meta
    scorer = BatchScorer(bundle, list(frame.columns), "the frame", prefix=prefix, errors=errors)
    meta = _added(make_meta(frame), scorer.schema.empty_table())
    return frame.map_partitions(_scored, scorer, meta=meta)


def distribute(
    function: Callable[[Item], Result], items: Sequence[Item]
) -> Generator[Result, None, None]:
    """Results of a function for each item, as soon as they are there, in any order.

    They come from the scheduler that `DASK_SCHEDULER_ADDRESS` names, else from a new one with a
    process for each core.
    """
    with needs("dask"):
        import dask
        from dask.distributed import Client, KilledWorker, LocalCluster, as_completed
    with ExitStack() as stack:
        stack.enter_context(failing("Dask", OSError, ImportError, KilledWorker))
        place = dask.config.get("scheduler-address", None)
        if place is None:
            cluster = LocalCluster(threads_per_worker=1, **PLACES)
            place = stack.enter_context(cluster)
        client = stack.enter_context(Client(place))
        futures = client.map(function, items, pure=False)
        for done in as_completed(futures):
            yield done.result()


def _scored(rows: pd.DataFrame, scorer: BatchScorer) -> pd.DataFrame:
    import pyarrow as pa

    names = scorer.read(list(rows.columns))
    try:
        table = pa.Table.from_pandas(rows[names], preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise SetupError(
            f"a column has values of several types: {error}",
            hint="give it one: frame.astype({'column': 'str'})",
        ) from error
    return _added(rows, scorer.predict(table))


def _added(rows: pd.DataFrame, predicted: pa.Table) -> pd.DataFrame:
    """The rows with predictions in types that have a missing value."""
    import pandas as pd
    import pyarrow as pa

    types = {
        pa.int64(): pd.Int64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
        pa.string(): pd.StringDtype(),
    }
    nested = {one.type: pd.ArrowDtype(one.type) for one in predicted.schema if one.type.num_fields}
    columns = predicted.to_pandas(types_mapper={**types, **nested}.get)
    columns.index = rows.index
    return pd.concat([rows, columns], axis=1)
