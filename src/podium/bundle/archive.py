"""The container of a `NAME.podium` file: written as a whole, verified before it is parsed."""

from __future__ import annotations

import io
import os
import secrets
import shlex
import shutil
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from podium.bundle.manifest import (
    FORMAT,
    MANIFEST_MAX_BYTES,
    Manifest,
    Part,
    decode_manifest,
    encode_manifest,
)
from podium.bundle.members import (
    MEMBERS_MAX,
    NAME,
    Member,
    read_directory,
    read_member,
    write_members,
)
from podium.bundle.seal import MANIFEST, Sealed, seal, verify
from podium.bundle.trust import Kind, bytes_digest, sniff
from podium.errors import BundleError, ForeignFile, OversizedBundle, SetupError, TamperedBundle

_T = TypeVar("_T")
MAX_BYTES = 2 << 30
# Sizes and offsets in the zip have 32 bits.
_FORMAT_MAX_BYTES = (1 << 32) - 1
# For headers, directory, manifest and the growth of incompressible parts when deflated.
_OVERHEAD_BYTES = 2 << 20
_FOREIGN_HINT = "it wasn't made by Podium: don't use it"


@dataclass(frozen=True)
class Archive:
    """An opened bundle: a value, unaffected by later changes of the file.

    Attributes:
        digest: the seal's, in hex.
    """

    manifest: Manifest
    digest: str
    _contents: Mapping[str, bytes] = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parts, in the order of the file."""
        return tuple(self._contents)

    def without(self, folder: str) -> Archive:
        """The same archive without the parts of a folder, to free their memory."""
        remaining = {
            n: content for n, content in self._contents.items() if not n.startswith(folder)
        }
        return Archive(self.manifest, self.digest, remaining)

    def part(self, name: str) -> bytes:
        """The content of one part.

        Raises:
            BundleError: there is none with this name.
        """
        try:
            return self._contents[name]
        except KeyError:
            raise BundleError(
                f"the bundle of {self.manifest.name} has no part {name}",
                hint=f"it has: {', '.join(self.names) or 'none'}; pack the model again",
            ) from None


def write_archive(
    path: str | Path,
    *,
    name: str,
    version: str,
    runtime: str,
    podium: str,
    created: str,
    parts: Mapping[str, bytes],
    requires: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    check: Callable[[Path], None] | None = None,
) -> str:
    """Write a bundle, and return the digest of its seal in hex.

    The file appears under its name when it is complete and on disk; a failed write changes nothing.
    The same arguments give the same bytes, with the same version of zlib.

    Args:
        check: receives the whole file before it gets its name; an exception prevents that.

    Raises:
        SetupError: the file can't be written, or couldn't be read again.
    """
    path = Path(path)
    _check_parts(parts)
    ordered = {part: parts[part] for part in sorted(parts)}
    manifest = Manifest(
        format=FORMAT,
        name=name,
        version=version,
        runtime=runtime,
        podium=podium,
        created=created,
        requires=tuple(requires),
        parts={n: Part(sha256=bytes_digest(c), size=len(c)) for n, c in ordered.items()},
        options=dict(options or {}),
    )
    contents = {MANIFEST: encode_manifest(manifest), **ordered}

    def write(file: BinaryIO) -> str:
        write_members(file, contents)
        return seal(file)

    try:
        # A link is followed; realpath() never fails, not even for one that leads to itself.
        return _write_whole(Path(os.path.realpath(path)), write, check)
    except OSError as error:
        raise SetupError(
            f"{path} can't be written: {error.strerror or error}",
            hint="check that the folder exists, has space left, and that you may write to it",
        ) from error


def copy_archive(source: Path, target: Path, digest: str) -> None:
    """Copy a bundle; the copy appears under its name when it is complete, on disk and verified.

    Args:
        digest: of its seal.

    Raises:
        BundleError: the source isn't the bundle that has this digest.
        SetupError: it can't be read.
        OSError: the copy can't be written.
    """

    def check(part: Path) -> None:
        if read_archive(part).digest != digest:
            raise BundleError(f"{source} was replaced since it was opened", hint="open it again")

    with source.open("rb") as file:
        _write_whole(target, partial(shutil.copyfileobj, file), check)


def digest_of(path: Path) -> str:
    """The digest of a bundle whose seal is whole; it isn't unpacked.

    Raises:
        BundleError: it isn't.
        OSError: it can't be read.
    """
    with path.open("rb") as file:
        return verify(file, path, os.fstat(file.fileno()).st_size).digest


def move_archive(source: Path, target: Path, digest: str) -> None:
    """Give a bundle its name, once it is on disk and its seal is whole; it isn't unpacked.

    Args:
        digest: of its seal.

    Raises:
        BundleError: the source isn't the bundle that has this digest.
        OSError: it can't be moved.
    """
    if digest_of(source) != digest:
        raise BundleError(f"{source} was replaced since it was opened", hint="send it again")
    with source.open("rb") as file:
        os.fsync(file.fileno())
    source.replace(target)
    _sync_folder(target.parent)


def read_archive(path: str | Path, *, max_bytes: int = MAX_BYTES) -> Archive:
    """A bundle, every byte of which is verified before anything is parsed.

    Args:
        max_bytes: its largest unpacked size, 4 GiB at most.

    Raises:
        SetupError: there is no such file, or it can't be read.
        BundleError: it is invalid; the subclass says in which way.
    """
    path = Path(path)
    try:
        size = _size_of(path)
        with path.open("rb") as file:
            return _read(file, path, size, min(max_bytes, _FORMAT_MAX_BYTES))
    except OSError as error:
        raise SetupError(
            f"{path} can't be read: {error.strerror or error}",
            hint="give a .podium file that you may read",
        ) from error


def _check_parts(parts: Mapping[str, bytes]) -> None:
    """Refuse what `read_archive` would refuse.

    Raises:
        SetupError: a part would be refused.
    """
    for name in parts:
        if not NAME.fullmatch(name) or name.lower() == MANIFEST:
            raise SetupError(
                f"{name[:80]!r} can't be the name of a part",
                hint="use up to four levels of letters, digits, dots, dashes and underscores",
            )
    if len({name.lower() for name in parts}) < len(parts):
        raise SetupError("two parts differ by upper and lower case only")
    if len(parts) >= MEMBERS_MAX:
        raise SetupError(f"a bundle of {len(parts)} parts; {MEMBERS_MAX - 1} are allowed")
    n_bytes = sum(len(content) for content in parts.values())
    if n_bytes > MAX_BYTES - _OVERHEAD_BYTES:
        raise SetupError(
            f"the model has {n_bytes:,} bytes; a bundle holds {MAX_BYTES - _OVERHEAD_BYTES:,}",
            hint="pack a smaller model, with fewer or shallower trees",
        )


def _write_whole(
    path: Path, write: Callable[[BinaryIO], _T], check: Callable[[Path], None] | None
) -> _T:
    """Write beside the target, flush it to disk, then rename it over the target."""
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb+") as file:
            written = write(file)
            file.flush()
            os.fsync(file.fileno())
        if check is not None:
            check(temporary)
        temporary.replace(path)
    except BaseException:  # also on Ctrl-C; an incomplete file must not remain
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    return written


def _sync_folder(folder: Path) -> None:
    """Flush the new name to disk, too; Windows can't, and doesn't need to."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _size_of(path: Path) -> int:
    """The file's size; a folder, a pipe or a device isn't even opened."""
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise SetupError(f"{path} is a folder", hint=f"give a file in it: {path}/NAME.podium")
    if not stat.S_ISREG(status.st_mode):
        raise SetupError(f"{path} isn't a regular file", hint="copy the bundle into a regular file")
    return status.st_size


def _read(file: BinaryIO, path: Path, size: int, max_bytes: int) -> Archive:
    if size > max_bytes:
        raise OversizedBundle(
            f"{path} has {size:,} bytes; {max_bytes:,} are allowed",
            hint="pack a smaller model, with fewer or shallower trees",
        )
    try:
        sealed = verify(file, path, size)
    except ForeignFile as error:
        raise _explained(error, path) from None
    members = read_directory(sealed, path, max_bytes)
    manifest = _manifest(sealed, members[0], path)
    _check_same_parts(manifest, members[1:], path)
    contents = {}
    for member in members[1:]:
        content = read_member(file, member, path)
        if bytes_digest(content) != manifest.parts[member.name].sha256:
            raise TamperedBundle(
                f"{path}: the manifest has another digest for {member.name}",
                hint="it changed while it was read, or wasn't made by Podium: use another copy",
            )
        contents[member.name] = content
    return Archive(manifest, sealed.digest, contents)


def _manifest(sealed: Sealed, member: Member, path: Path) -> Manifest:
    """The manifest, from the bytes that were verified, not from the file again."""
    if member.n_bytes > MANIFEST_MAX_BYTES:
        raise OversizedBundle(
            f"{path} has a manifest of {member.n_bytes:,} bytes; {MANIFEST_MAX_BYTES:,} are "
            "allowed",
            hint=_FOREIGN_HINT,
        )
    return decode_manifest(read_member(io.BytesIO(sealed.head), member, path), path)


def _check_same_parts(manifest: Manifest, members: Sequence[Member], path: Path) -> None:
    stated = {name: part.size for name, part in manifest.parts.items()}
    sizes = {member.name: member.n_bytes for member in members}
    if stated != sizes:
        names = sorted({name for name, _ in stated.items() ^ sizes.items()})
        raise TamperedBundle(
            f"{path}: its manifest and its members disagree about {', '.join(names)[:200]}",
            hint=_FOREIGN_HINT,
        )


_LOOKS: dict[Kind, str] = {
    "joblib": "a model saved by joblib",
    "keras": "a Keras or HDF5 file",
    "onnx": "an ONNX graph",
    "pickle": "a pickle",
    "skops": "a model saved by skops",
    "torch": "a PyTorch file",
    "zip": "a zip of another kind",
    "empty": "an empty file",
}


def _explained(error: ForeignFile, path: Path) -> ForeignFile:
    """The same error, with the kind of file it looks like and what to do with it."""
    kind = sniff(path)
    looks = f": it looks like {_LOOKS[kind]}" if kind in _LOOKS else ""
    if kind in ("joblib", "onnx", "pickle", "skops"):
        hint = f"pack it first, with its training rows: podium pack {shlex.quote(str(path))} "
        hint += "--data train.csv"
    elif kind in ("torch", "keras"):
        hint = "export it to ONNX, then: podium pack model.onnx --data train.csv"
    else:
        hint = "give a file that podium pack wrote, or pack a model: podium pack MODEL --data ROWS"
    return ForeignFile(error.message + looks, hint=hint)
