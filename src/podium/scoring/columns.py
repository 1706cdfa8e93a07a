"""Which columns of a file are the fields of a model, and which names may be meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from podium.errors import InputError, SetupError
from podium.signature import Signature
from podium.signature.cells import printable
from podium.signature.names import renamed

LISTED_MAX = 20
_SUGGESTED_MAX, _LIKE = 10, 0.7


def check_columns(signature: Signature, names: Sequence[str], file: str) -> list[str]:
    """Compare a file's columns with the fields of a model.

    Args:
        file: its name, for errors.

    Returns:
        The fields that the model uses, and that the file lacks: every row is scored without them.

    Raises:
        InputError: columns that the model needs are missing.
        SetupError: columns are ambiguous.
    """
    lacking = lacking_fields(signature, names)
    # A missing cell is one thing; a whole missing column that never had gaps is another.
    needed = [one.name for one in signature.fields if one.name in lacking and one.is_required]
    if needed:
        columns = "a column" if len(needed) == 1 else f"{len(needed)} columns"
        near = [
            f"{printable(name)!r} to {field!r}"
            for field, name in suggestions(needed, names).items()
        ]
        raise InputError(
            f"{file} lacks {columns} that the model needs: {listed(needed)}",
            hint=f"do these columns need renaming?  {', '.join(near[:_SUGGESTED_MAX])}"
            if near
            else f"it has: {listed(names)}",
        )
    for name in signature.names:
        if names.count(name) > 1:
            raise SetupError(
                f"{file} has two columns called {printable(name)!r}", hint="rename one of them"
            )
    return [one.name for one in signature.fields if one.name in lacking and one.is_used]


def lacking_fields(signature: Signature, names: Sequence[str]) -> list[str]:
    """The fields that no column has the name of."""
    meant = renamed(names, signature.names).values()
    return [one for one in signature.names if one not in names and one not in meant]


def suggestions(fields: Iterable[str], names: Sequence[str]) -> dict[str, str]:
    """The column that each of these fields may be, by similar names; each is suggested once."""
    folded = {name.strip().casefold(): name for name in reversed(names)}
    found: dict[str, str] = {}
    for field in fields:
        free = [one for one, name in folded.items() if name not in found.values()]
        near = difflib.get_close_matches(field.strip().casefold(), free, n=1, cutoff=_LIKE)
        if near:
            found[field] = folded[near[0]]
    return found


def listed(names: Sequence[str]) -> str:
    """The first of some names, for an error."""
    more = f" and {len(names) - LISTED_MAX} more" if len(names) > LISTED_MAX else ""
    return ", ".join(map(printable, names[:LISTED_MAX])) + more
