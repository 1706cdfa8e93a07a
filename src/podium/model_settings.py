"""Tables of `podium.toml` that are about one model: `[batch.MODEL]`, `[feedback.MODEL]`, `[versions.MODEL]`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Literal

import msgspec

from podium.errors import SetupError


class Batch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table `[batch.MODEL]`: replaces parts of the batch policy of a model's runtime.

    Attributes:
        rows_max: requests are combined into one call up to this many rows.
        wait_s: how long a request waits for others.
        workers: how many calls run at the same time.
    """

    rows_max: Annotated[int, msgspec.Meta(ge=1)] | None = None
    wait_s: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    workers: Annotated[int, msgspec.Meta(ge=1, le=256)] | None = None


class Feedback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table `[feedback.MODEL]`: how true outcomes find the records of a model.

    Attributes:
        key: the field whose value is the business key of a row.
    """

    key: str = ""


class FixedAliases(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table `[versions.MODEL]`: which versions answer, so that nobody can change it elsewhere.

    Attributes:
        champion: a registered version by its name or digest; the present one when empty.
        challenger: the same of the version to try; none when empty.
        share: of the requests that it gets; it gets none as long as this is left out.
        mode: whether it answers them (`canary`) or shadows them.
        key: the field whose value decides which version answers.
    """

    champion: str = ""
    challenger: str = ""
    share: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    mode: Literal["canary", "shadow"] = "canary"
    key: str = ""


def key_field(tables: Mapping[str, Feedback], model: str, fields: Collection[str]) -> str:
    """The field that has the business keys of a model's rows; "" for none.

    Raises:
        SetupError: the model has no such field.
    """
    table = tables.get(model)
    if table is None or not table.key or table.key in fields:
        return "" if table is None else table.key
    raise SetupError(
        f"[feedback.{model}] names the key {table.key!r}, which isn't a field of the model",
        hint=f"fields: {', '.join(fields)}",
    )
