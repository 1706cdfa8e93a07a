"""Rows as the frames that a recipe is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from podium.errors import SetupError
from podium.packing.data import read_data
from podium.packing.recast import read_again
from podium.plugins import needs
from podium.retraining.labeled import LabeledRows
from podium.runtimes.frames import frame_for
from podium.signature import Output, Signature
from podium.table import column_of, plain_values

Library = Literal["pandas", "polars"]
TRUTH = "truth"


def library_of(signature: Signature) -> Library:
    """The library whose frames a recipe is given: that of the model, or else pandas."""
    return "polars" if signature.frame == "polars" else "pandas"


def target_names(signature: Signature) -> dict[str, str]:
    """How the columns of the true values are called, by output.

    As the output, unless nobody named it, or a field has that name.

    Raises:
        SetupError: a field has the other name, too.
    """
    names = {}
    for output in signature.outputs:
        is_free = output.name not in signature.names and output.name != Output().name
        names[output.name] = output.name if is_free else TRUTH
        if names[output.name] in signature.names:
            raise SetupError(
                f"{signature.output.name} and {TRUTH} are fields of this model, so that no name is left for "
                "the column of the true values",
                hint="name the target when you pack the model: target=...",
            )
    return names


def frame_of(signature: Signature, labeled: LabeledRows) -> Any:
    """The fields as the model was trained on them, and the true values as the last columns."""
    library = library_of(signature)
    frame = frame_for(_framed(signature, library), labeled.table)
    targets = {name: labeled.truths[output] for output, name in target_names(signature).items()}
    return with_columns(frame, targets, library)


def records_of(signature: Signature, labeled: LabeledRows) -> Any:
    """Id, time (UTC), version and prediction of each row, as a frame of its own."""
    return _frame(labeled.records, library_of(signature))


def data_frame(signature: Signature, path: Path) -> tuple[Any, int]:
    """The training data of a file, its fields as the model was trained on them; and how many rows.

    Raises:
        SetupError: it can't be read, or lacks a field or a target.
    """
    table = read_data(path)
    targets = list(target_names(signature).values())
    lacking = [name for name in (*signature.names, *targets) if name not in table.columns]
    if lacking:
        raise SetupError(
            f"{path} has no column {lacking[0]!r}",
            hint=f"it needs the fields and the target of the model: "
            f"{', '.join([*signature.names, *targets][:30])}",
        )
    library = library_of(signature)
    fields = read_again(table.select(signature.names), signature.fields)
    frame = frame_for(_framed(signature, library), fields)
    rest = [name for name in table.names if name not in signature.names and name not in targets]
    columns = {name: plain_values(table.columns[name]) for name in (*rest, *targets)}
    return with_columns(frame, columns, library), table.n_rows


def with_columns(frame: Any, columns: Mapping[str, Sequence[Any]], library: Library) -> Any:
    """A frame with more columns at its end."""
    others = _frame(columns, library)
    if library == "polars":
        return frame.hstack(others)
    import pandas as pd

    return pd.concat([frame, others], axis=1)


def joined(frames: Sequence[Any], library: Library) -> Any:
    """Frames below each other."""
    if len(frames) == 1:
        return frames[0]
    if library == "polars":
        import polars as pl

        return pl.concat(frames, how="vertical_relaxed")
    import pandas as pd

    return pd.concat(frames, ignore_index=True)


def _frame(columns: Mapping[str, Sequence[Any]], library: Library) -> Any:
    arrays = {name: column_of(values) for name, values in columns.items()}
    if library == "polars":
        with needs("polars"):
            import polars as pl
        return pl.DataFrame({name: plain_values(array) for name, array in arrays.items()})
    with needs("pandas"):
        import pandas as pd
    return pd.DataFrame(arrays)


def _framed(signature: Signature, library: Library) -> Signature:
    return msgspec.structs.replace(signature, frame=library, is_series=False)
