"""DuckDB: the predictions of a bundle as a function of SQL."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from podium.bundle import Bundle
from podium.engines.batch_scorer import ERRORS, BatchScorer
from podium.errors import SetupError
from podium.plugins import needs

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

_TYPES = {"double": "DOUBLE", "int64": "BIGINT", "bool": "BOOLEAN", "string": "VARCHAR"}


def register(
    connection: DuckDBPyConnection, bundle: Bundle, *, name: str = "", errors: str | None = ERRORS
) -> str:
    """Create a function that takes a row, and returns a struct of its predictions.

    `select t.*, unnest(predict_churn(t)) from t` adds their columns to those of a table.

    Args:
        name: of the function; `predict_` and the model's name by default.
        errors: the name of the field that says why a row was refused; None for no such field.

    Returns:
        The name.

    Raises:
        UntrustedModel: the model is a pickle that isn't trusted.
    """
    with needs("duckdb"):
        import duckdb
    name = name or re.sub(r"\W", "_", f"predict_{bundle.name}")
    scorer = BatchScorer(bundle, bundle.signature.names, "the row", errors=errors)
    returned = duckdb.struct_type({one.name: _type(one.type) for one in scorer.schema})

    # DuckDB evaluates annotations, and whatever a row is made of is one argument. The enumeration
    # that its stubs want instead of "arrow" has moved.
    connection.create_function(  # type: ignore[call-overload]
        name, lambda *given: _predicted(scorer, name, given), None, returned, type="arrow"
    )
    return name


def _predicted(scorer: BatchScorer, name: str, given: Sequence[pa.ChunkedArray]) -> pa.StructArray:
    import pyarrow as pa

    if len(given) != 1 or not pa.types.is_struct(given[0].type):
        raise SetupError(
            f"{name} takes one row",
            hint=f"{name}(t) for a table t, or {name}({{field: value, ...}})",
        )
    rows = pa.Table.from_batches([pa.RecordBatch.from_struct_array(one) for one in given[0].chunks])
    return scorer.predict(rows.select(scorer.read(rows.column_names))).to_struct_array()


def _type(arrow: pa.DataType) -> str:
    """DuckDB's name of a type."""
    import pyarrow as pa

    if pa.types.is_list(arrow):
        return f"{_type(arrow.value_type)}[]"
    if pa.types.is_struct(arrow):
        fields = [f'"{one.name}" {_type(one.type)}' for one in arrow]
        return f"STRUCT({', '.join(fields)})"
    return _TYPES[str(arrow)]
