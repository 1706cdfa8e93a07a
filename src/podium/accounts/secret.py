"""Secret keys: stored in a file that only the owner can read, and never printed."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import msgspec

from podium.errors import SetupError

FILE = "secrets.json"
# Django's own alphabet and more than its length: 86 characters, 512 bits.
KEY_BYTES = 64
# Sessions end after two weeks: nothing still in use was signed with an older key.
KEPT_MAX = 3


class Secret(str):
    """A text that isn't shown by `podium manage diffsettings` and tracebacks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'********'" if self else "''"


class _SecretFile(msgspec.Struct, forbid_unknown_fields=True):
    keys: list[str]


_SECRET_FILE = msgspec.json.Decoder(_SecretFile)


def keys_in(folder: Path) -> list[Secret]:
    """The keys that sign cookies and links, the newest first; created if there are none.

    Raises:
        SetupError: they can't be read or written.
    """
    path = folder / FILE
    try:
        if not path.exists():
            _write(path, [secrets.token_urlsafe(KEY_BYTES)], is_new=True)
        kept = _SECRET_FILE.decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError) as error:
        raise _unusable(path, error) from error
    if not kept.keys or not all(len(key) >= KEY_BYTES for key in kept.keys):
        raise _unusable(path, "a key is missing or too short")
    return [Secret(key) for key in kept.keys]


def rotate(folder: Path, *, forget: bool = False) -> None:
    """Create a new key. Signatures of older ones stay valid, unless they are to be forgotten.

    Raises:
        SetupError: it can't be written.
    """
    older = [] if forget else [str(key) for key in keys_in(folder)]
    path = folder / FILE
    try:
        _write(path, [secrets.token_urlsafe(KEY_BYTES), *older][:KEPT_MAX], is_new=False)
    except OSError as error:
        raise _unusable(path, error) from error


def _write(path: Path, keys: list[str], *, is_new: bool) -> None:
    """Write the whole file at once, so that no reader and no crash sees half of it."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(_SecretFile(keys)))
        file.flush()
        os.fsync(file.fileno())
    try:
        if is_new:
            os.link(draft, path)  # if two servers start together, one creates it
        else:
            draft.replace(path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)


def _unusable(path: Path, why: object) -> SetupError:
    return SetupError(
        f"the secrets in {path} can't be used: {why}",
        hint="make the file readable for this user; or remove it, then everybody has to log in again",
    )
