"""The members of a bundle's zip: written in exactly one way, and read only if written in that way.

The standard library's zipfile accepts whatever it can make sense of, from the file itself, and
ignores fields, gaps and trailing bytes. Here the directory is read from verified bytes, encoded
again, and must be identical: nothing can hide in it. Any tool that unpacks zips can read these
files.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

from podium.bundle.seal import MANIFEST, SEAL_LENGTH, Sealed, blank_seal
from podium.errors import OversizedBundle, TamperedBundle

MEMBERS_MAX = 100
# Up to four levels of plain names: nothing absolute, hidden, or with a dot-dot between slashes.
_SEGMENT = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,49}"
NAME = re.compile(rf"(?:{_SEGMENT}/){{0,3}}{_SEGMENT}")

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_STORED, _DEFLATED = 0, 8
_ZIP_VERSION = 20
_UNIX = 3 << 8
_MODE = 0o100644 << 16
# 1980-01-01 00:00, the zip's earliest: the same content gives the same bytes at any time.
_TIME, _DATE = 0, 1 << 5 | 1
# A part is deflated if a sample of it shrinks below this: forests do, to a fifth; random doubles
# don't, and would take three times as long to open for nothing.
_WORTHWHILE = 0.9
_SAMPLE_BYTES = 1 << 16
_HINT = "it wasn't made by Podium: don't use it"


class Member(NamedTuple):
    """One file inside the zip.

    Attributes:
        offset: of its header.
        n_packed: its size in the file, after the header.
        n_bytes: its unpacked size.
    """

    name: str
    method: int
    crc: int
    n_packed: int
    n_bytes: int
    offset: int

    @property
    def header(self) -> bytes:
        """The local header, before the content."""
        name = self.name.encode()
        return _LOCAL.pack(b"PK\x03\x04", *self._facts(), len(name), 0) + name

    @property
    def entry(self) -> bytes:
        """The entry in the central directory."""
        name = self.name.encode()
        facts = (_UNIX | _ZIP_VERSION, *self._facts(), len(name), 0, 0, 0, 0, _MODE, self.offset)
        return _CENTRAL.pack(b"PK\x01\x02", *facts) + name

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.offset + len(self.header) + self.n_packed

    def _facts(self) -> tuple[int, ...]:
        return (
            *(_ZIP_VERSION, 0, self.method, _TIME, _DATE),
            *(self.crc, self.n_packed, self.n_bytes),
        )


def write_members(file: BinaryIO, contents: Mapping[str, bytes]) -> None:
    """Write a whole zip that ends with a blank seal.

    Args:
        contents: in the order in which they are written; 2 GiB in all at most.
    """
    members: list[Member] = []
    for name, content in contents.items():
        method, packed = _packed(name, content)
        offset = members[-1].end if members else 0
        member = Member(name, method, zlib.crc32(content), len(packed), len(content), offset)
        file.write(member.header)
        file.write(packed)
        members.append(member)
    file.write(_directory(members))


def read_directory(sealed: Sealed, path: Path, max_bytes: int) -> tuple[Member, ...]:
    """The members, the manifest first.

    Args:
        path: for errors.
        max_bytes: the largest unpacked size of all members together.

    Raises:
        OversizedBundle: there are too many, or they are too large.
        TamperedBundle: Podium doesn't write such zips.
    """
    at = len(sealed.tail) - SEAL_LENGTH - _END.size
    if at < 0 or sealed.tail[at : at + 4] != b"PK\x05\x06":
        raise TamperedBundle(f"{path} has no zip directory before its seal", hint=_HINT)
    _, _, _, _, n_members, n_directory, _, _ = _END.unpack_from(sealed.tail, at)
    if n_members > MEMBERS_MAX:
        raise OversizedBundle(
            f"{path} has {n_members:,} members; {MEMBERS_MAX} are allowed", hint=_HINT
        )
    if n_directory > at:
        raise OversizedBundle(
            f"{path} has a directory of {n_directory:,} bytes for {n_members} members", hint=_HINT
        )
    raw = sealed.tail[at - n_directory :]
    members = _parsed(raw[:n_directory], path)
    _check_names([member.name for member in members], path)
    total = sum(member.n_bytes for member in members)
    if total > max_bytes:
        raise OversizedBundle(
            f"{path} would unpack to {total:,} bytes; {max_bytes:,} are allowed",
            hint="pack a smaller model, with fewer or shallower trees",
        )
    # Everything that isn't one of the members, to the last byte, would show here. The size comes
    # first: offsets beyond the end of the file may not fit into a directory.
    blank = raw[:-SEAL_LENGTH] + blank_seal()
    if members[-1].end + len(raw) != sealed.size or _directory(members) != blank:
        raise TamperedBundle(f"{path} isn't laid out as Podium writes bundles", hint=_HINT)
    return members


def read_member(file: BinaryIO, member: Member, path: Path) -> bytes:
    """The content of one member, never more than its stated size.

    Raises:
        OversizedBundle: it is larger than the directory says.
        TamperedBundle: it is smaller, or can't be unpacked.
    """
    file.seek(member.offset)
    header = file.read(len(member.header))
    packed = file.read(member.n_packed)
    if header != member.header or len(packed) != member.n_packed:
        raise TamperedBundle(
            f"{path}: the header of {member.name} contradicts the directory", hint=_HINT
        )
    content, is_whole = (packed, True) if member.method == _STORED else _inflated(packed, member)
    if len(content) > member.n_bytes:
        raise OversizedBundle(
            f"{path}: {member.name} says that it has {member.n_bytes:,} bytes, and has more",
            hint=_HINT,
        )
    if len(content) < member.n_bytes or not is_whole:
        raise TamperedBundle(
            f"{path}: {member.name} can't be unpacked to the {member.n_bytes:,} bytes that it says",
            hint=_HINT,
        )
    return content


def _inflated(packed: bytes, member: Member) -> tuple[bytes, bool]:
    """At most one byte more than stated, and whether the stream ended where the member does."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = inflater.decompress(packed, member.n_bytes + 1)
    except zlib.error:
        return b"", False
    return content, inflater.eof and not inflater.unused_data


def _packed(name: str, content: bytes) -> tuple[int, bytes]:
    """The bytes of a member. The manifest isn't compressed: the file is recognized by it."""
    sample = content[len(content) // 2 :][:_SAMPLE_BYTES]
    if name == MANIFEST or len(zlib.compress(sample, 1)) > _WORTHWHILE * len(sample):
        return _STORED, content
    deflater = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return _DEFLATED, deflater.compress(content) + deflater.flush()


def _directory(members: Iterable[Member]) -> bytes:
    """The end of the zip: the directory, the end record and a blank seal."""
    members = tuple(members)
    entries = b"".join(member.entry for member in members)
    count, starts_at = len(members), members[-1].end
    end = _END.pack(
        *(b"PK\x05\x06", 0, 0, count, count, len(entries), starts_at, len(blank_seal()))
    )
    return entries + end + blank_seal()


def _parsed(raw: bytes, path: Path) -> tuple[Member, ...]:
    """The members in the directory, one after another."""
    members: list[Member] = []
    at = 0
    while at < len(raw):
        if len(raw) - at < _CENTRAL.size:
            raise TamperedBundle(f"{path} has a zip directory that ends too early", hint=_HINT)
        fields = _CENTRAL.unpack_from(raw, at)
        method, crc, n_packed, n_bytes, n_name = fields[4], *fields[7:11]
        at += _CENTRAL.size + n_name
        name = raw[at - n_name : at].decode("ascii", "backslashreplace")
        if method not in (_STORED, _DEFLATED):
            raise TamperedBundle(
                f"{path}: {name[:80]!r} is packed by method {method}, which Podium never uses",
                hint=_HINT,
            )
        offset = members[-1].end if members else 0
        members.append(Member(name, method, crc, n_packed, n_bytes, offset))
    return tuple(members)


def _check_names(names: list[str], path: Path) -> None:
    if not names or names[0] != MANIFEST:
        raise TamperedBundle(f"{path} doesn't begin with {MANIFEST}", hint=_HINT)
    folded: set[str] = set()
    for name in names:
        if not NAME.fullmatch(name):
            raise TamperedBundle(
                f"{path} has a member called {name[:80]!r}, a name that Podium never writes",
                hint=_HINT,
            )
        if name.lower() in folded:
            raise TamperedBundle(f"{path} has two members called {name!r}", hint=_HINT)
        folded.add(name.lower())
