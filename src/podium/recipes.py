"""The table `[retrain.MODEL]`: how and when a model is retrained by the server."""

from __future__ import annotations

from typing import Annotated

import msgspec


class Retraining(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What retrains a model, and when: after some time, or with some new truths, whichever is first.

    Attributes:
        recipe: `file.py:function` or `module:function`.
        every: the time from one retraining to the next, such as `1d`.
        truths: how many truths must have arrived since the last one.
        data: a CSV or Parquet file with the training data that the model had.
        holdout: the share of the truths, the newest ones, that the new version is measured on.
        since: only records from then on, such as `90d`.
        timeout_s: how long the recipe may run.
        memory_mb: how much memory it may allocate; three quarters of the machine's when 0.

    Raises:
        ValueError: neither a time nor a number of truths is given.
    """

    recipe: str
    every: Annotated[str, msgspec.Meta(pattern="^([1-9][0-9]{0,8}[smhdw])?$")] = ""
    truths: Annotated[int, msgspec.Meta(ge=0)] = 0
    data: str = ""
    holdout: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.2
    since: str = ""
    timeout_s: Annotated[float, msgspec.Meta(ge=1)] = 3_600.0
    memory_mb: Annotated[int, msgspec.Meta(ge=0)] = 0

    def __post_init__(self) -> None:
        if not self.every and not self.truths:
            raise ValueError('say when: every = "1d", or truths = 500')
