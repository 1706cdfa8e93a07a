"""Every error that Podium raises on purpose.

    PodiumError
    ├── SetupError              a setting, a name or a file that the operator gave
    │   ├── MissingExtra        an optional library isn't installed
    │   ├── PortInUse           another program listens at this port
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
    │   ├── InvalidRows         invalid cells: `.cells` lists every one
    │   │   └── NoPrediction    rows for which the model has no finite prediction
    │   ├── TooLarge            more bytes or rows than allowed
    │   ├── UnsupportedMedia    a content type that isn't supported
    │   ├── Quarantined         rows that ended the server's process twice
    │   └── BadCursor           an invalid cursor in a list of records
    ├── NotAuthenticated        authentication is required, and is missing or invalid
    ├── NotAllowed              the actor lacks the permission
    ├── RateLimited             the caller has sent too many requests
    ├── NotFound                no such model, record or page
    ├── ModelNotLoaded          a model can't be loaded
    ├── ModelError              the user's model raised, or its output has the wrong shape
    ├── Overloaded              more requests wait than can be processed in time
    ├── TimedOut                the model didn't finish before the deadline
    ├── Unreachable             a client gets no answer from a server, or not one of Podium's
    ├── UnusableVersion         a version can't be loaded, or can't predict its examples
    ├── IncompatibleVersion     a version refuses what the champion accepts
    ├── FixedVersions           aliases that are set in the server's settings
    ├── PromotionRefused        promotion gates refuse a version
    ├── VersionChanged          the current version isn't the one that the caller expects
    └── StoreError              the store of records failed
        ├── RegistryError       the registry of versions can't be read or written
        │   └── NoSpace         a bundle or a file doesn't fit on the disk
        ├── JobsError           the jobs that score files can't be read or written
        └── AccountsError       the accounts can't be read, so nobody can be authenticated

`code` is stable and meant for programs; the text may change. Errors know no HTTP:
`podium.web.problems` maps them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec


class PodiumError(Exception):
    """The message, and in `hint` what to do about it."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # Pickled with its attributes, and without another call of its constructor, as exceptions
        # are: constructors of subclasses require more than the message.
        return Exception.__new__, (type(self), *self.args), vars(self)


class SetupError(PodiumError):
    """A setting, a name or a file that the operator gave can't be used."""

    code = "setup"


class MissingExtra(SetupError):
    """An optional library isn't installed; the hint names the extra that brings it."""

    code = "missing_extra"


class PortInUse(SetupError):
    """Another program listens at this port.

    Args:
        free: a port that nobody listens at; 0 if none was found.
    """

    code = "port_in_use"

    def __init__(self, message: str, *, free: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.free = free


class UntrustedModel(SetupError):
    """Loading this file would run the code inside it, and nobody allowed that.

    Args:
        digest: SHA-256 of what would be loaded, in hex: passing it allows it.
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
    """A request can't be processed."""

    code = "input"


class MalformedBody(InputError):
    """The body doesn't match its content type."""

    code = "malformed_body"


class BadCell(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One invalid value: its position, what is wrong, and what would be accepted.

    `row` counts from 0; it is None if the request is one object or isn't about a row. `value` is
    the value as it was sent, shortened to 80 characters.
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
    """The signature refuses some cells; `cells` lists them.

    Args:
        cells: limited to the requested number.
        n_cells: the total number.
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


class NoPrediction(InvalidRows):
    """The signature accepts these rows, but the model's prediction for some isn't finite."""

    code = "unanswerable"

    def __init__(self, cells: Sequence[BadCell], *, n_cells: int | None = None) -> None:
        super().__init__(cells, n_cells=n_cells)
        self.message = f"the model can't predict this. {self.cells[0]}"

    def moved(self, n_rows: int) -> NoPrediction:
        """The same error with row numbers increased by this many preceding rows."""
        cells = [msgspec.structs.replace(c, row=n_rows + (c.row or 0)) for c in self.cells]
        return NoPrediction(cells, n_cells=self.n_cells)


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
    """Authentication is required, and is missing or invalid."""

    code = "not_authenticated"


class NotAllowed(PodiumError):
    """The user or token lacks the permission."""

    code = "not_allowed"


class RateLimited(PodiumError):
    """The caller has sent too many requests.

    Args:
        limit: requests a minute.
        retry_after_s: when it may be sent again.
    """

    code = "rate_limited"

    def __init__(self, message: str, *, limit: int, retry_after_s: float, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.limit = limit
        self.retry_after_s = retry_after_s


class NotFound(PodiumError):
    """There is no such model, record or page."""

    code = "not_found"


class ModelNotLoaded(PodiumError):
    """A model can't be loaded; others can be used."""

    code = "model_not_loaded"


class ModelError(PodiumError):
    """The user's model raised an exception, or its output has the wrong shape.

    Attributes:
        digest: of the version's bundle, where it is known which of several failed.
    """

    code = "model"
    digest = ""


class Overloaded(PodiumError):
    """More requests wait already than can be processed in time."""

    code = "overloaded"


class TimedOut(PodiumError):
    """The model didn't finish before the deadline."""

    code = "timed_out"


class Unreachable(PodiumError):
    """A client gets no answer from a server, or one that isn't Podium's."""

    code = "unreachable"


class UnusableVersion(PodiumError):
    """A version can't be loaded, or doesn't answer its examples: a process that tried it says so."""

    code = "unusable_version"


class IncompatibleVersion(PodiumError):
    """A version refuses inputs that the one accepts whose place it would take."""

    code = "incompatible_version"


class FixedVersions(PodiumError):
    """The aliases of a model are set in the server's settings, and can't be changed elsewhere."""

    code = "fixed_versions"


class VersionChanged(PodiumError):
    """The current version of a model isn't the one that the caller expects."""

    code = "version_changed"


class PromotionRefused(PodiumError):
    """Promotion gates refuse a version; it may be forced, with a note."""

    code = "promotion_refused"


class StoreError(PodiumError):
    """The store of records failed.

    Attributes:
        reason: for everybody, at `/readyz`: it contains no path and no address. Empty if a record
            may be to blame, and not the store.
    """

    code = "store"
    reason = ""

    def __init__(self, message: str, *, hint: str = "", reason: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class RegistryError(StoreError):
    """The registry of versions can't be read or written."""

    code = "registry"


class NoSpace(RegistryError):
    """A bundle or a file doesn't fit on the disk of the home folder."""

    code = "no_space"


class JobsError(StoreError):
    """The jobs that score files can't be read or written."""

    code = "jobs"


class AccountsError(StoreError):
    """The accounts can't be read, so nobody can be authenticated."""

    code = "accounts"
