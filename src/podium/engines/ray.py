"""Ray Data: a dataset with the predictions of a bundle."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, TypeVar

from podium.bundle import Bundle
from podium.engines.batch_scorer import ERRORS, BatchScorer
from podium.engines.failing import failing
from podium.errors import SetupError
from podium.plugins import needs

if TYPE_CHECKING:
    import pyarrow as pa
    from ray.data import Dataset

Item = TypeVar("Item")
Result = TypeVar("Result")

# Some megabytes, and enough rows that what a batch costs beside its rows doesn't matter.
BATCH_ROWS = 65_536


def score(
    dataset: Dataset, bundle: Bundle, *, prefix: str = "", errors: str | None = ERRORS
) -> Dataset:
    """The dataset with its predictions, computed when it is consumed.

    Args:
        prefix: precedes the names of the predicted columns.
        errors: the name of the column that says why rows were refused; None for no such column.

    Raises:
        InputError: columns that the model needs are missing.
        SetupError: columns are ambiguous, or exist already.
        UntrustedModel: the model is a pickle that isn't trusted.
    """
    with needs("ray"):
        import ray.data  # noqa: F401  # tells early which extra is missing
    schema = dataset.schema()
    if schema is None:
        raise SetupError(
            "the columns of the dataset aren't known: it has no rows",
            hint="read it from files that name their columns, such as Parquet",
        )
    scorer = BatchScorer(bundle, schema.names, "the dataset", prefix=prefix, errors=errors)

    def scored(table: pa.Table) -> pa.Table:
        # A block without rows may come without columns, too.
        return scorer.add_to_table(table) if table.num_columns else table

    return dataset.map_batches(
        scored, batch_format="pyarrow", batch_size=BATCH_ROWS, zero_copy_batch=True
    )


def distribute(
    function: Callable[[Item], Result], items: Sequence[Item]
) -> Generator[Result, None, None]:
    """Results of a function for each item, as soon as they are there, in any order.

    They come from the Ray that runs on this machine or that `RAY_ADDRESS` names, else from a new
    one with a process for each core.
    """
    with needs("ray"):
        import ray
    is_ours, waiting = not ray.is_initialized(), []
    try:
        with failing("Ray", ray.exceptions.RayError, ConnectionError):
            if is_ours:
                ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR")
            waiting = [ray.remote(function).remote(one) for one in items]
            while waiting:
                (done,), waiting = ray.wait(waiting)
                yield ray.get(done)
    finally:
        for one in waiting:
            ray.cancel(one, force=True)
        if is_ours:
            ray.shutdown()
