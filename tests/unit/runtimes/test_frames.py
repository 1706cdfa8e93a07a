"""The frames that estimators get are those that they were trained on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from podium.runtimes.frames import frame_for
from podium.signature import Signature
from podium.signature.infer import infer_fields
from podium.table import Table

WHOLE = pd.DataFrame({"a": [1.5, np.nan, -0.0], "b": [2.0, 3.0, 1e30], "c": [0.1, 0.2, np.nan]})


@pytest.mark.parametrize(
    "frame",
    [
        WHOLE,
        WHOLE.astype({"b": "float32"}),
        WHOLE.assign(b=[1, 2, 3]),
        WHOLE.assign(b=["x", "y", None]),
        WHOLE.assign(b=[True, False, True]),
        WHOLE.assign(b=pd.Series(["x", "y", None], dtype=object)),
        WHOLE.assign(b=pd.Series(["x", "y", np.nan], dtype=object)),
    ],
    ids=lambda frame: str(frame.dtypes["b"]),
)
@pytest.mark.parametrize("rows", [slice(0, 3), slice(1, 2), slice(0, 0)])
def test_a_frame_has_the_values_names_and_types_of_training(frame, rows):
    table = Table.of(frame)
    signature = Signature(fields=infer_fields(table), frame=table.frame)

    made = frame_for(signature, table.take(rows))

    expected = frame.iloc[rows].reset_index(drop=True)
    pd.testing.assert_frame_equal(made, expected)
