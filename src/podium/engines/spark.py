"""Spark: a DataFrame with the predictions of a bundle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from podium.bundle import Bundle
from podium.engines.batch_scorer import ERRORS, BatchScorer
from podium.plugins import needs

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

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
