"""The seal at the very end of a bundle: a digest of every byte before it.

It is the zip's comment, `podium-bundle 1 sha256:` and 64 hex digits. The digest covers the whole
file except those digits, so `head -c -64 churn.podium | sha256sum` prints it. It detects damage and
careless edits; it isn't a signature: whoever can write a file can seal it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

from podium.distribution import update_hint
from podium.errors import ForeignFile, NewerBundle, TamperedBundle, TruncatedBundle

SEAL_VERSION = 1
PREFIX = b"podium-bundle %d sha256:" % SEAL_VERSION
HEX_LENGTH = 64
SEAL_LENGTH = len(PREFIX) + HEX_LENGTH

# The beginning of a bundle: a zip member, stored uncompressed, that holds the manifest.
MANIFEST = "manifest.json"
_BEGINS_AT = 30
_BEGINS = MANIFEST.encode() + b'{"format":'
_ZIP_MEMBER, _ZIP_END, _ZIP_END_LENGTH = b"PK\x03\x04", b"PK\x05\x06", 22
# A zip's comment is at most 64 KiB, so its end record is always within this.
TAIL_BYTES = (1 << 16) + _ZIP_END_LENGTH
HEAD_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 20
# Large enough for what later versions may write.
_ANY_SEAL = re.compile(rb"podium-bundle (\d{1,6}) [a-z0-9-]{1,20}:[0-9a-f]{32,256}\Z")


@dataclass(frozen=True)
class Sealed:
    """Excerpts of a file whose seal is valid.

    Both ends are copies of the bytes that went into the digest: what is parsed is what was
    verified, even if the file changes meanwhile.

    Attributes:
        digest: the seal's, in hex.
        size: of the file, in bytes.
        head: its first bytes, `HEAD_BYTES` of them at most.
        tail: its last ones, `TAIL_BYTES` at most.
    """

    digest: str
    size: int
    head: bytes
    tail: bytes


def blank_seal() -> bytes:
    """A seal whose digest is filled in later by `seal()`."""
    return PREFIX + b"0" * HEX_LENGTH


def seal(file: BinaryIO) -> str:
    """Fill in the digest of a file that ends with a blank seal, and return it in hex."""
    size = file.seek(0, 2)
    digest, _, _ = _scan(file, size - HEX_LENGTH)
    file.seek(size - HEX_LENGTH)
    file.write(digest.encode())
    return digest


def is_like_bundle(head: bytes, tail: bytes) -> bool:
    """Whether a file begins or ends like a bundle; it may still be damaged."""
    return head.startswith(_BEGINS, _BEGINS_AT) or _ANY_SEAL.search(tail) is not None


def verify(file: BinaryIO, path: Path, size: int) -> Sealed:
    """Both ends of a file in which every byte is as it was sealed.

    Args:
        path: for errors.
        size: of the file, in bytes.

    Raises:
        ForeignFile: it neither begins nor ends like a bundle.
        TruncatedBundle: it begins like one, but its end is missing.
        NewerBundle: its seal has a newer format.
        TamperedBundle: bytes were changed or appended.
    """
    _check_ends(file, path, size)
    digest, head, tail = _scan(file, size - HEX_LENGTH)
    written = file.read(HEX_LENGTH)
    if written != digest.encode():
        raise TamperedBundle(
            f"{path} was changed after packing: its bytes have the digest {digest[:16]}..., and its "
            f"seal says {written[:16].decode('ascii', 'replace')}...",
            hint="use another copy, or pack the model again; don't trust this one",
        )
    return Sealed(digest=digest, size=size, head=head, tail=(tail + written)[-TAIL_BYTES:])


def _check_ends(file: BinaryIO, path: Path, size: int) -> None:
    """A quick check, so that a large file of another kind is refused without reading it all."""
    file.seek(0)
    head = file.read(_BEGINS_AT + len(_BEGINS))
    file.seek(max(0, size - TAIL_BYTES))
    tail = file.read(TAIL_BYTES)
    match = _ANY_SEAL.search(tail)
    if match is not None and int(match[1]) > SEAL_VERSION:
        raise NewerBundle(
            f"{path} has a seal of version {int(match[1])}; this Podium reads version "
            f"{SEAL_VERSION}",
            hint=update_hint(),
        )
    if match is None or not tail[-SEAL_LENGTH:].startswith(PREFIX):
        _refuse_unsealed(head, tail, path, size)


def _refuse_unsealed(head: bytes, tail: bytes, path: Path, size: int) -> NoReturn:
    """Explain what happened to a file without a seal at its end."""
    is_cut_short = head.startswith(_ZIP_MEMBER) and size < _BEGINS_AT + len(_BEGINS)
    if not is_cut_short and not head.startswith(_BEGINS, _BEGINS_AT):
        raise ForeignFile(f"{path} isn't a bundle")
    at = tail.rfind(_ZIP_END)
    after = len(tail) - at - _ZIP_END_LENGTH
    if at < 0 or after < 0:
        raise TruncatedBundle(
            f"{path} begins like a bundle, but there is no seal at its end: after {size:,} bytes "
            "something is missing, or something else was appended",
            hint="copy or download it again, and compare its size with the original's",
        )
    stated = int.from_bytes(tail[at + _ZIP_END_LENGTH - 2 : at + _ZIP_END_LENGTH], "little")
    if after < stated:
        raise TruncatedBundle(
            f"{path} ends within its seal: {after} of its {stated} bytes are there",
            hint="copy or download it again, and compare its size with the original's",
        )
    if after > stated:
        raise TamperedBundle(
            f"{path} goes on for {after - stated:,} bytes after its end: they were appended",
            hint="use another copy, or pack the model again",
        )
    raise TamperedBundle(
        f"{path} begins like a bundle, but its end carries no seal that can be read",
        hint="a bundle can't be edited or zipped again: pack the model again",
    )


def _scan(file: BinaryIO, length: int) -> tuple[str, bytes, bytes]:
    """The digest of the first `length` bytes, and their beginning and end.

    Afterwards the file is positioned behind them.
    """
    file.seek(0)
    sha256 = hashlib.sha256()
    head = before = chunk = b""
    left = length
    while left:
        before, chunk = chunk, file.read(min(_CHUNK_BYTES, left))
        if not chunk:
            break
        sha256.update(chunk)
        head = head or chunk[:HEAD_BYTES]
        left -= len(chunk)
    return sha256.hexdigest(), head, (before + chunk)[-TAIL_BYTES:]
