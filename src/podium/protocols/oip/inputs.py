"""From input tensors to columns of cells, which the signature then validates."""

from __future__ import annotations

from collections.abc import Sequence

from podium.errors import BadCell, InvalidRows, MalformedBody
from podium.flow.format import Decoded, DecodeLimits
from podium.protocols.oip.tensors import Tensor
from podium.signature import Signature
from podium.signature.cells import printable

LAYOUT = "tensors"


def decoded(signature: Signature, tensors: Sequence[Tensor], *, rows_max: int) -> Decoded:
    """The columns in the tensors of a request.

    There is one for each field, named like it, of shape [n] or [n, 1]; or a single one for all fields,
    with any name and the shape [n, k], whose columns are the fields in their order.

    Raises:
        MalformedBody: the tensors don't have such shapes, or names repeat.
        InvalidRows: there are no rows.
        TooLarge: there are more than `rows_max`.
    """
    names = signature.names
    limits = DecodeLimits(frozenset(names), rows_max)
    limits.check_names(len(tensors))
    if not tensors:
        raise MalformedBody("the request has no inputs", hint=f"send {', '.join(names[:20])}")
    n_rows = tensors[0].n_rows
    limits.check_rows(n_rows)
    if not n_rows:
        raise InvalidRows([BadCell(problem="there are no rows", accepted="at least one row")])
    if _is_whole(tensors, names):
        (whole,) = tensors
        columns = {name: whole.column(place) for place, name in enumerate(names)}
        return Decoded(columns, (), n_rows, LAYOUT, "values")
    cells = {}
    is_flat_row = _is_flat_row(tensors, names)
    for one in tensors:
        if one.width != 1 or is_flat_row:
            raise MalformedBody(
                f"input '{printable(one.name)}' has the shape {list(one.shape)}",
                hint="send [n] or [n, 1] for each field, with its name, or a single input of the "
                f"shape [n, {len(names)}] for all of them",
            )
        _check_rows(one, tensors[0])
        if one.name in cells:
            raise MalformedBody(f"input '{printable(one.name)}' was sent twice")
        cells[one.name] = one.cells
    known = {name: column for name, column in cells.items() if name in limits.fields}
    return Decoded(known, limits.others(cells), n_rows, LAYOUT, "values")


def _is_whole(tensors: Sequence[Tensor], names: Sequence[str]) -> bool:
    """Whether there is one tensor for all fields."""
    if len(tensors) != 1 or tensors[0].width != len(names):
        return False
    return len(names) > 1 or tensors[0].name not in names


def _is_flat_row(tensors: Sequence[Tensor], names: Sequence[str]) -> bool:
    """Whether one tensor has a cell for each field, and no field has its name."""
    (first, *others) = tensors
    return not others and first.n_rows == len(names) > 1 and first.name not in names


def _check_rows(one: Tensor, first: Tensor) -> None:
    if one.n_rows != first.n_rows:
        raise MalformedBody(
            f"input '{printable(one.name)}' has {one.n_rows} rows, while "
            f"'{printable(first.name)}' has {first.n_rows}"
        )
