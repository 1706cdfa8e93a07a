"""A server's problems as the errors that Podium raises elsewhere, too."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from podium import errors
from podium.errors import BadCell, InvalidRows, NoPrediction, PodiumError, RateLimited, Unreachable


class _Problem(msgspec.Struct, frozen=True):
    detail: str = ""
    code: str = ""
    hint: str = ""
    cells: tuple[BadCell, ...] = ()
    n_cells: int = 0
    instance: str = ""


_PROBLEM = msgspec.json.Decoder(_Problem)


def failure_of(status: int, body: bytes, retry_after_s: float = 0.0) -> PodiumError:
    """The error in a response: of the class that the same problem has in Podium itself.

    Args:
        status: 300 or above.
        retry_after_s: what the header Retry-After says.
    """
    try:
        problem = _PROBLEM.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        problem = _Problem()
    if not problem.code:  # a proxy's, or another program's
        return Unreachable(
            f"the server answered with status {status}, and not as Podium does",
            hint="look at the address, and at the proxies before the server",
        )
    kinds = {kind.code: kind for kind in _kinds(PodiumError)}
    kind = kinds.get(problem.code, PodiumError)
    detail = problem.detail + (f" (id {problem.instance})" if problem.instance else "")
    if issubclass(kind, InvalidRows):
        invalid = (NoPrediction if kind is NoPrediction else InvalidRows)(
            problem.cells or (BadCell(problem=detail),), n_cells=problem.n_cells or None
        )
        invalid.hint = problem.hint
        return invalid
    if kind is RateLimited:
        return RateLimited(detail, limit=0, retry_after_s=retry_after_s, hint=problem.hint)
    if kind.__init__ is not PodiumError.__init__:  # it has more arguments
        kind = PodiumError
    error = kind(detail, hint=problem.hint)
    error.args = (detail,)
    return error


def moved(error: InvalidRows, n_rows: int) -> InvalidRows:
    """The same error with row numbers increased by this many preceding rows."""
    cells = [
        cell if cell.row is None else msgspec.structs.replace(cell, row=cell.row + n_rows)
        for cell in error.cells
    ]
    found = type(error)(cells, n_cells=error.n_cells)
    found.hint = error.hint
    return found


def _kinds(kind: type[PodiumError]) -> Iterator[type[PodiumError]]:
    """The classes of the tree in `errors.py`; those of other rooms may not be loaded here."""
    if kind.__module__ == errors.__name__:
        yield kind
        for one in kind.__subclasses__():
            yield from _kinds(one)
