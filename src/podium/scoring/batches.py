"""Record batches of Arrow, predicted: the core under every engine of many machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from podium.errors import BadCell, SetupError
from podium.plugins import needs
from podium.scoring.arrow import array_of
from podium.scoring.columns import check_columns
from podium.scoring.rows import Chunk, chunk_rows, named_once
from podium.scoring.scorer import Scored, Scorer

if TYPE_CHECKING:
    import pyarrow as pa

    from podium.bundle import Bundle

# What is told of an invalid cell, as in the report beside a scored file.
REPORTED = ("field", "value", "problem", "accepted")


def score_batch(
    bundle: Bundle, batch: pa.RecordBatch, *, prefix: str = "", errors: str | None = None
) -> pa.RecordBatch:
    """The columns of a batch and the predictions: see `Bundle.score_arrow`."""
    with needs("arrow"):
        import pyarrow as pa
    if not isinstance(batch, pa.RecordBatch):
        raise SetupError(
            f"a {type(batch).__name__} isn't a record batch",
            hint="a pyarrow.Table has to_batches(); each of them can be scored by itself",
        )
    scorer, names = Scorer(bundle, prefix), tuple(batch.schema.names)
    check_columns(bundle.signature, names, "the batch")
    scorer.check_names(names)
    added = [*scorer.names, *([] if errors is None else [errors])]
    named_once((*names, *added), "a batch")
    step = chunk_rows(len(names))
    parts = [
        _scored(scorer, batch.slice(at, step), errors)
        for at in range(0, max(batch.num_rows, 1), step)
    ]
    fields = [*batch.schema, *(parts[0].schema.field(name) for name in added)]
    arrays = [pa.concat_arrays([part.column(name) for part in parts]) for name in added]
    schema = pa.schema(fields, metadata=batch.schema.metadata)
    return pa.record_batch([*batch.columns, *arrays], schema=schema)


def _scored(scorer: Scorer, batch: pa.RecordBatch, errors: str | None) -> pa.RecordBatch:
    """The added columns alone."""
    import pyarrow as pa

    places = range(1, batch.num_rows + 1)
    scored = scorer.score(Chunk(tuple(batch.schema.names), batch.columns, places, "values"))
    arrays = [array_of(one) for one in scored.predicted]
    names = [one.name for one in scored.predicted]
    if errors is not None:
        names.append(errors)
        arrays.append(_errors(scored, batch.num_rows))
    return pa.record_batch(arrays, names=names)


def _errors(scored: Scored, n_rows: int) -> Any:
    """Why rows were refused: a list of cells for each of them, null for the others."""
    import pyarrow as pa

    by_row: list[list[dict[str, str | None]] | None] = [None] * n_rows
    for row, cells in _by_row(scored.bad).items():
        by_row[row] = [{name: getattr(cell, name) for name in REPORTED} for cell in cells]
    cell = pa.struct([(name, pa.string()) for name in REPORTED])
    return pa.array(by_row, pa.list_(cell))


def _by_row(bad: Sequence[BadCell]) -> dict[int, list[BadCell]]:
    rows: dict[int, list[BadCell]] = {}
    for cell in bad:
        rows.setdefault(cell.row or 0, []).append(cell)
    return rows
