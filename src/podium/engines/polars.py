"""Polars: a frame with the predictions of a bundle, also lazily."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from podium.bundle import Bundle
from podium.engines.batch_scorer import ERRORS, BatchScorer
from podium.plugins import needs

if TYPE_CHECKING:
    from polars import DataFrame, LazyFrame

    Frame = TypeVar("Frame", DataFrame, LazyFrame)


def score(frame: Frame, bundle: Bundle, *, prefix: str = "", errors: str | None = ERRORS) -> Frame:
    """The frame with its predictions; a lazy one when it is collected.

    Args:
        prefix: precedes the names of the predicted columns.
        errors: the name of the column that says why rows were refused; None for no such column.

    Raises:
        InputError: columns that the model needs are missing.
        SetupError: columns are ambiguous, or exist already.
        UntrustedModel: the model is a pickle that isn't trusted.
    """
    with needs("polars"):
        import polars as pl
    schema = frame.collect_schema()
    scorer = BatchScorer(bundle, schema.names(), "the frame", prefix=prefix, errors=errors)

    def scored(rows: DataFrame) -> DataFrame:
        table = rows.select(scorer.read(rows.columns)).to_arrow()
        return rows.hstack(pl.DataFrame(scorer.predict(table)))

    if isinstance(frame, pl.DataFrame):
        return scored(frame)
    added = pl.DataFrame(scorer.schema.empty_table()).schema
    # A filter after it may need the predictions; the streaming engine passes its rows in parts.
    return frame.map_batches(
        scored,
        schema={**schema, **added},
        predicate_pushdown=False,
        projection_pushdown=False,
        streamable=True,
    )
