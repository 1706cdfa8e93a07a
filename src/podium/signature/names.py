"""Matches the names of columns with fields."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import replace

from podium.table import Table

# The names that pandas and Arrow give to an unnamed index that becomes a column.
INDEXES = frozenset({"", "Unnamed: 0", "__index_level_0__"})


def renamed(candidates: Iterable[str], fields: Collection[str]) -> dict[str, str]:
    """Fields by names that match them in another Unicode form, or with surrounding spaces.

    A name that matches several fields, or a field that is present already, is left out.
    """
    names = list(candidates)
    others = [name for name in names if name not in fields]
    if not others:
        return {}
    present = set(names)
    field_by_form = _by_form(field for field in fields if field not in present)
    name_by_form = _by_form(others)
    return {
        name: field_by_form[form]
        for form, name in name_by_form.items()
        if name and field_by_form.get(form)
    }


def named(table: Table, fields: Collection[str]) -> Table:
    """The table with columns renamed to the matching fields, without an unnamed index."""
    if all(name in fields for name in table.names):
        return table
    new = {name: name for name in table.names if name in fields or name not in INDEXES}
    new |= renamed(table.names, fields)
    return replace(
        table,
        columns={new[name]: column for name, column in table.columns.items() if name in new},
        dtypes={new[name]: dtype for name, dtype in table.dtypes.items() if name in new},
        levels={new[name]: levels for name, levels in table.levels.items() if name in new},
    )


def _by_form(names: Iterable[str]) -> dict[str, str]:
    """Names by their normal form, "" if several share it."""
    by_form: dict[str, str] = {}
    for name in names:
        form = unicodedata.normalize("NFC", name.strip())
        by_form[form] = "" if form in by_form else name
    return by_form
