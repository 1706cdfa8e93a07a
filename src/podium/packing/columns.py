"""Which columns of the data a model takes, in which order, and which of them it uses."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from podium.errors import SetupError
from podium.program import Program
from podium.runtimes.formulas import variables_of
from podium.runtimes.protocol import Runtime
from podium.runtimes.steps import steps_of
from podium.runtimes.together import Together
from podium.runtimes.uses import dropped_by
from podium.signature import Signature
from podium.signature.names import INDEXES, named
from podium.table import Table

NAMED_MAX = 10
# The names that boosters give to the columns of an array: LightGBM, CatBoost, XGBoost.
_NUMBERED = re.compile(r"(Column_|f)?\d+")


def fitted_columns(model: Any) -> tuple[str, ...]:
    """The names of the columns that a model was fitted on, in its order; none if they had none."""
    library = type(model).__module__.partition(".")[0]
    steps = steps_of(model)
    if isinstance(model, Together):
        return _columns_of_each(model)
    try:
        if library == "lightgbm" and type(model).__name__ == "Booster":
            names = model.feature_name()
        elif library == "xgboost" and type(model).__name__ == "Booster":
            names = model.feature_names
        elif library == "catboost":
            names = model.feature_names_
        elif formula := variables_of(model):
            names = formula
        elif steps and not isinstance(steps[0][1], str):
            return fitted_columns(steps[0][1])
        else:
            names = getattr(model, "feature_names_in_", None)
    except Exception:  # noqa: BLE001 - a property of an unfitted model may raise anything
        return ()
    column_names = () if names is None else tuple(str(name) for name in names)
    return () if _are_numbered(column_names) else column_names


def _columns_of_each(together: Together) -> tuple[str, ...]:
    """The columns of models that were packed together, which take the same ones."""
    known = {name: fitted_columns(model) for name, model in together.models.items()}
    named = {name: columns for name, columns in known.items() if columns}
    for name, columns in named.items():
        first = next(iter(named))
        if columns != named[first]:
            raise SetupError(
                f"{first} and {name} were fitted on different columns, or in another order: "
                f"{', '.join(named[first][:NAMED_MAX])} and {', '.join(columns[:NAMED_MAX])}",
                hint="fit both on the same rows, and choose columns within each, in a pipeline",
            )
    return next(iter(named.values()), ())


def _are_numbered(names: Sequence[str]) -> bool:
    """Whether the names are just numbered positions."""
    return all(
        _NUMBERED.fullmatch(name) and int(re.sub(r"\D", "", name)) in (place, place + 1)
        for place, name in enumerate(names)
    )


def selected(names: Sequence[str], table: Table, n_columns: int | None = None) -> Table:
    """The columns with these names, in this order; those of an array are selected by index.

    Args:
        n_columns: how many the model takes, used if it knows no names.

    Raises:
        SetupError: some are missing.
    """
    if not names:
        others = [name for name in table.names if name not in INDEXES]
        return table.select(others) if len(others) == n_columns else table
    table = named(table, names)
    column_names = _names_in(names, table)
    if column_names is not None:
        return table.select(column_names)
    if has_places_only(table) and len(names) == len(table.names):
        columns = dict(zip(names, table.columns.values(), strict=True))
        dtypes = dict(zip(names, table.dtypes.values(), strict=False))
        return Table(columns, table.n_rows, dtypes, "pandas")
    lacking = next(name for name in names if name not in table.columns)
    if has_places_only(table):
        raise SetupError(
            f"the model was fitted on {len(names)} columns, the data has {len(table.names)}",
            hint=f"it expects: {', '.join(names[:20])}",
        )
    raise SetupError(
        f"the model was fitted on a column {lacking!r} that the data doesn't have",
        hint=f"it expects: {', '.join(names[:20])}",
    )


def unused_by(model: Any, runtime: Runtime, names: Sequence[str]) -> frozenset[str]:
    """The columns whose values change no prediction, as far as a model's program or parts show."""
    if isinstance(runtime, Program):
        from podium.compile.unread import unread  # a server never needs it

        return frozenset(names[place] for place in unread(runtime.plan))
    return frozenset(dropped_by(model, names)) if model is not None else frozenset()


def not_using(signature: Signature, unused: Collection[str], *, are_free: bool) -> Signature:
    """The signature with unused fields marked; they may be missing without a warning.

    Args:
        are_free: whether any value is accepted there; otherwise those that were accepted when
            tried.
    """
    fields = [
        msgspec.structs.replace(
            one,
            is_used=False,
            missing="accept" if are_free or one.missing == "warn" else one.missing,
        )
        if one.name in unused
        else one
        for one in signature.fields
    ]
    return msgspec.structs.replace(signature, fields=tuple(fields))


def unused_note(signature: Signature) -> tuple[str, ...]:
    """A sentence on the columns that the model doesn't use; none if it uses all."""
    names = [one.name for one in signature.fields if not one.is_used]
    if not names:
        return ()
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    columns = "the column" if len(names) == 1 else f"{len(names)} of its columns:"
    return (f"The model doesn't use {columns} {', '.join(names[:NAMED_MAX])}{more}.",)


def has_places_only(table: Table) -> bool:
    """Whether the columns have no names: they came as an array or as lists."""
    return table.frame not in ("pandas", "polars") and table.names == tuple(
        f"x{place}" for place in range(len(table.names))
    )


def _names_in(names: Sequence[str], table: Table) -> list[str] | None:
    """The data's names of these columns; None if one is missing."""
    if all(name in table.columns for name in names):
        return list(names)
    # LightGBM replaces every blank by an underscore.
    written: dict[str, list[str]] = {}
    for name in table.names:
        written.setdefault(re.sub(r"\s", "_", name), []).append(name)
    meant = [written.get(re.sub(r"\s", "_", name), []) for name in names]
    return [one[0] for one in meant] if all(len(one) == 1 for one in meant) else None
