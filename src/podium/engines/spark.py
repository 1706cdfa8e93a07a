"""Spark: a DataFrame with the predictions of a bundle."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TypeVar

from podium.bundle import Bundle
from podium.engines.batch_scorer import ERRORS, BatchScorer
from podium.engines.failing import failing
from podium.plugins import needs

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

Item = TypeVar("Item")
Result = TypeVar("Result")

_HINT = (
    "it needs Java 17 or newer here (Debian: sudo apt install default-jre-headless), and its Python, "
    "which PYSPARK_PYTHON names, this Podium with the same extras, and the files at the same paths"
)
_TYPES = {"double": "double", "int64": "bigint", "bool": "boolean", "string": "string"}


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
    with needs("spark"):
        from pyspark.sql.types import StructType
    scorer = BatchScorer(bundle, frame.columns, "the frame", prefix=prefix, errors=errors)
    added = StructType.fromDDL(_columns(scorer.schema))

    def scored(batches: Iterator[Any]) -> Iterator[Any]:
        return map(scorer.add_to, batches)

    return frame.mapInArrow(scored, StructType([*frame.schema.fields, *added.fields]))


def distribute(
    function: Callable[[Item], Result], items: Sequence[Item]
) -> Generator[Result, None, None]:
    """Results of a function for each item, as soon as they are there, in any order.

    They come from the Spark that its configuration names, else from one on this machine with a
    process for each core.
    """
    with needs("spark"):
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    with ExitStack() as stack:
        stack.enter_context(failing("Spark", PySparkException, Py4JError, hint=_HINT))
        is_ours = SparkSession.getActiveSession() is None
        builder = SparkSession.builder.appName("podium score")
        session = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
        if is_ours:
            stack.callback(session.stop)
        context = session.sparkContext
        context.setLogLevel("ERROR")
        if context.master.startswith("local") and "PYSPARK_PYTHON" not in os.environ:
            context.pythonExec = sys.executable

        def result_of(item: Item) -> Result:
            result: Result = context.parallelize([item], 1).map(function).collect()[0]
            return result

        # A job for each item: one job for all of them would return nothing before its end.
        pool = stack.enter_context(ThreadPoolExecutor(max(context.defaultParallelism, 1)))
        stack.callback(context.cancelAllJobs)
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        for done in as_completed([pool.submit(result_of, one) for one in items]):
            yield done.result()


def _columns(fields: Iterable[pa.Field]) -> str:
    """Fields in Spark's notation."""
    named = [(one.name.replace("`", "``"), _type(one.type)) for one in fields]
    return ", ".join(f"`{name}`: {type_}" for name, type_ in named)


def _type(arrow: pa.DataType) -> str:
    import pyarrow as pa

    if pa.types.is_list(arrow):
        return f"array<{_type(arrow.value_type)}>"
    if pa.types.is_struct(arrow):
        return f"struct<{_columns(arrow)}>"
    return _TYPES[str(arrow)]
