"""Dask: a DataFrame with the predictions of a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podium.bundle import Bundle
from podium.engines.batch_scorer import ERRORS, BatchScorer
from podium.errors import SetupError
from podium.plugins import needs

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from dask.dataframe import DataFrame


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
