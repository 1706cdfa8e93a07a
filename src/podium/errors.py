"""Every error that Podium raises on purpose.

    PodiumError
    ├── SetupError              a setting, a name or a file that the operator gave
    │   ├── MissingExtra        an optional library isn't installed
    │   ├── UntrustedModel      loading would run code, and nobody allowed it
    │   └── SignatureError      a signature that can't be read, inferred or applied
    ├── BundleError             a .podium file that can't be used
    │   ├── ForeignFile         it is something else
    │   ├── TruncatedBundle     its end is missing
    │   ├── TamperedBundle      its bytes aren't those that were sealed
    │   ├── OversizedBundle     it would unpack to more than is allowed
    │   ├── NewerBundle         a newer Podium wrote it
    │   └── UnreviewedType      its model names a type that wasn't reviewed
    ├── InputError              what a caller sent
    │   ├── MalformedBody       not JSON, CSV, ... at all
    │   ├── InvalidRows         cells that the signature refuses: `.cells` lists every one
    │   │   └── Unanswerable    rows to which the model has no finite answer
    │   ├── TooLarge            more bytes or rows than allowed
    │   ├── UnsupportedMedia    a content type that isn't read here
    │   ├── Quarantined         rows that ended the server's process twice
    │   └── BadCursor           a place in a list of records that no page gave
    ├── NotAuthenticated        nobody knows who asks, and it isn't for everybody
    ├── NotAllowed              who asks may not do it
    ├── RateLimited             who asks has asked too often
    ├── NotFound                no such model, record or page
    ├── ModelNotLoaded          a model is there by its name, and can't be loaded
    ├── ModelError              the user's model raised, or answered the wrong shape
    ├── Overloaded              more waits already than can be answered in time
    ├── TimedOut                the model didn't answer before the deadline
    ├── UnusableVersion         a version can't be loaded, or doesn't answer its examples
    ├── IncompatibleVersion     a version refuses what the champion accepts
    ├── VersionChanged          another version answers than the caller believes
    └── StoreError              the store of records failed
        ├── RegistryError       the registry of versions can't be read or written
        └── AccountsError       the accounts can't be read, so nobody can be authenticated

`code` is stable and meant for programs; the text may change. Errors know no HTTP:
`podium.web.problems` maps them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec


class PodiumError(Exception):
    """What happened, and in `hint` what to do about it."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class SetupError(PodiumError):
    """A setting, a name or a file that the operator gave can't be used."""

    code = "setup"


class MissingExtra(SetupError):
    """An optional library isn't installed; the hint names the extra that brings it."""

    code = "missing_extra"


class UntrustedModel(SetupError):
    """Loading this file would run the code inside it, and nobody allowed that.

    Args:
        digest: SHA-256 of what would be loaded, in hex: naming it is what allows it.
    """

    code = "untrusted_model"

    def __init__(self, message: str, *, digest: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.digest = digest


class SignatureError(SetupError):
    """A signature that can't be read, inferred or applied."""

    code = "signature"


class BundleError(PodiumError):
    """A .podium file that can't be used."""

    code = "bundle"


class ForeignFile(BundleError):
    """The file isn't a bundle at all."""

    code = "foreign_file"


class TruncatedBundle(BundleError):
    """The end of the bundle is missing."""

    code = "truncated_bundle"


class TamperedBundle(BundleError):
    """The bytes of the bundle aren't those that were sealed when it was packed."""

    code = "tampered_bundle"


class OversizedBundle(BundleError):
    """The bundle would unpack to more than is allowed."""

    code = "oversized_bundle"


class NewerBundle(BundleError):
    """A newer Podium wrote this bundle."""

    code = "newer_bundle"


class UnreviewedType(BundleError):
    """The model names a type that isn't among those that were reviewed."""

    code = "unreviewed_type"


class InputError(PodiumError):
    """What a caller sent can't be answered."""

    code = "input"


class MalformedBody(InputError):
    """The body isn't what its content type says."""

    code = "malformed_body"


class BadCell(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One refused value: where it stood, what is wrong, what would be accepted.

    `row` counts from 0; it is None where the request is one object or isn't about a row.
    `value` is the value as it came, shortened to 80 characters.
    """

    problem: str
    accepted: str = ""
    row: int | None = None
    field: str | None = None
    value: str | None = None
    code: str = "invalid"

    def __str__(self) -> str:
        at = [] if self.row is None else [f"row {self.row}"]
        at += [] if self.field is None else [self.field]
        text = f"{', '.join(at)}: {self.problem}" if at else self.problem
        return f"{text} (accepted: {self.accepted})" if self.accepted else text


class InvalidRows(InputError):
    """Some cells are refused by the signature; `cells` lists them.

    Args:
        cells: at most as many as the caller asked to keep.
        n_cells: how many are bad in all.
    """

    code = "invalid_rows"

    def __init__(self, cells: Sequence[BadCell], *, n_cells: int | None = None) -> None:
        self.cells = tuple(cells)
        self.n_cells = len(self.cells) if n_cells is None else n_cells
        noun = "value is" if self.n_cells == 1 else "values are"
        super().__init__(
            f"{self.n_cells} {noun} not accepted. {self.cells[0]}"
            if self.cells
            else "the rows are not accepted"
        )


class Unanswerable(InvalidRows):
    """The signature accepts these rows, but the model's answer to some of them isn't a number."""

    code = "unanswerable"

    def __init__(self, cells: Sequence[BadCell], *, n_cells: int | None = None) -> None:
        super().__init__(cells, n_cells=n_cells)
        self.message = f"the model can't predict this. {self.cells[0]}"

    def moved(self, n_rows: int) -> Unanswerable:
        """The same about rows that so many others stand before."""
        cells = [msgspec.structs.replace(c, row=n_rows + (c.row or 0)) for c in self.cells]
        return Unanswerable(cells, n_cells=self.n_cells)


class TooLarge(InputError):
    """More bytes or rows than allowed."""

    code = "too_large"


class UnsupportedMedia(InputError):
    """A content type that isn't read here."""

    code = "unsupported_media"


class Quarantined(InputError):
    """These rows ended the server's process twice; they aren't tried again."""

    code = "quarantined"


class NotAuthenticated(PodiumError):
    """Nobody knows who asks, and it isn't for everybody."""

    code = "not_authenticated"


class NotAllowed(PodiumError):
    """The user or token lacks the permission."""

    code = "not_allowed"


class RateLimited(PodiumError):
    """Who asks has asked too often.

    Args:
        limit: requests a minute.
        retry_after_s: when it may be tried again.
    """

    code = "rate_limited"

    def __init__(self, message: str, *, limit: int, retry_after_s: float, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.limit = limit
        self.retry_after_s = retry_after_s


class NotFound(PodiumError):
    """No such model, record or page."""

    code = "not_found"


class ModelNotLoaded(PodiumError):
    """A model that is there by its name can't be loaded; others answer."""

    code = "model_not_loaded"


class ModelError(PodiumError):
    """The user's model raised, or answered something of the wrong shape."""

    code = "model"


class Overloaded(PodiumError):
    """More waits already than can be answered in time."""

    code = "overloaded"


class TimedOut(PodiumError):
    """The model didn't answer before the deadline."""

    code = "timed_out"


class UnusableVersion(PodiumError):
    """A version can't be loaded, or doesn't answer its examples: a process that tried it says so."""

    code = "unusable_version"


class IncompatibleVersion(PodiumError):
    """A version refuses what the one accepts whose place it would take."""

    code = "incompatible_version"


class VersionChanged(PodiumError):
    """Another version of a model answers than whoever changes it believes."""

    code = "version_changed"


class StoreError(PodiumError):
    """The store of records failed.

    Attributes:
        reason: what everybody may hear of it, at `/readyz`: it holds no path and no address. Empty
            where a record may be to blame, and not the store.
    """

    code = "store"
    reason = ""

    def __init__(self, message: str, *, hint: str = "", reason: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class RegistryError(StoreError):
    """The registry of versions can't be read or written."""

    code = "registry"


class AccountsError(StoreError):
    """The accounts can't be read, so that nobody knows who asks."""

    code = "accounts"
