"""A bundle that scores the rows of an engine, in whatever process they are."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from podium.bundle import Bundle
from podium.plugins import needs
from podium.scoring.columns import check_columns
from podium.signature.cells import printable
from podium.signature.names import renamed

if TYPE_CHECKING:
    import pyarrow as pa

ERRORS = "errors"


class BatchScorer:
    """Predicts batches of Arrow. It is pickled as the path and the digest of its bundle.

    Whatever needs no row is checked at once, before a job begins.

    Args:
        names: of the columns that the rows have.
        rows: what they are called in errors.
        prefix: precedes the names of the predicted columns.
        errors: the name of the column that says why rows were refused; None for no such column.

    Attributes:
        schema: the columns that are added.

    Raises:
        InputError: columns that the model needs are missing.
        SetupError: columns are ambiguous or exist already, or the bundle is in no file.
        UntrustedModel: the model is a pickle that isn't trusted.
    """

    def __init__(
        self,
        bundle: Bundle,
        names: Sequence[str],
        rows: str,
        *,
        prefix: str = "",
        errors: str | None = ERRORS,
    ) -> None:
        with needs("arrow"):
            import pyarrow as pa
        bundle.check_trust()
        for name in check_columns(bundle.signature, names, rows):
            warnings.warn(
                f"{rows} has no column {printable(name)!r}: every row is scored without it",
                stacklevel=3,
            )
        self._sent = pickle.dumps(bundle)
        self._bundle = bundle
        self._options: dict[str, Any] = {"prefix": prefix, "errors": errors}
        self._fields = bundle.signature.names
        nothing = pa.record_batch([pa.nulls(0)] * len(names), names=list(names))
        self.schema: pa.Schema = pa.schema(list(self.add_to(nothing).schema)[len(names) :])

    def add_to(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The columns of a batch, and those of its predictions.

        Raises:
            BundleError: another bundle is there by now.
            ModelError: the model fails on every row.
            MissingExtra: a library that the model needs isn't installed in this process.
        """
        return self._bundle.score_arrow(batch, **self._options)

    def add_to_table(self, table: pa.Table) -> pa.Table:
        """The same for a table."""
        import pyarrow as pa

        batches = table.to_batches() or [pa.RecordBatch.from_pylist([], table.schema)]
        return pa.Table.from_batches([self.add_to(one) for one in batches])

    def read(self, names: Sequence[str]) -> list[str]:
        """Those of the columns that the model reads."""
        meant = renamed(names, self._fields)
        return [name for name in names if name in self._fields or name in meant]

    def predict(self, table: pa.Table) -> pa.Table:
        """The columns of the predictions alone."""
        return self.add_to_table(table).select(self.schema.names)

    @cached_property
    def _bundle(self) -> Bundle:
        # Not when this arrives in a process, but with its first rows: engines hide what fails before.
        return opened(self._sent)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_bundle"}


@lru_cache(maxsize=8)
def opened(sent: bytes) -> Bundle:
    """A pickled bundle from another process: loaded once, however many tasks come with it."""
    bundle: Bundle = pickle.loads(sent)  # noqa: S301  # from the engine's own driver
    return bundle
