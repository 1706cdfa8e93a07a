"""The kind of a file, by its content, and who may load it if loading runs code."""

from __future__ import annotations

import bz2
import hashlib
import io
import lzma
import pickletools
import re
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any, BinaryIO, Literal

from podium.bundle.seal import TAIL_BYTES, is_like_bundle
from podium.errors import SetupError, UntrustedModel

Kind = Literal[
    "bundle", "joblib", "keras", "onnx", "pickle", "skops", "torch", "zip", "empty", "unknown"
]

# Bzip2 outputs nothing before the end of its first block, of up to 900 KB.
_HEAD_BYTES = 1 << 20
# XZ allocates what the header requests; its highest preset needs 65 MiB.
_UNPACKER_MAX_BYTES = 128 << 20
_DIGEST = re.compile(r"[0-9a-f]{64}")

# torch.save before 1.6: a pickle whose first object is this number.
_OLD_TORCH = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19"
# joblib writes this before every array.
_JOBLIB_CLASSES = (b"joblib.numpy_pickle", b"joblib.numpy_pickle_compat")
# A text of letters and digits can look like a few operations, but hardly like this many.
_ENOUGH_OPERATIONS = 16
# The fields of an ONNX ModelProto, and whether each is a number (0) or has a length (2).
# https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
_ONNX_FIELDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
_ONNX_GRAPH = 7


def sniff(file: str | Path | bytes) -> Kind:
    """The kind of a file, by its content; its name doesn't matter.

    Args:
        file: a path, or the whole content.

    Raises:
        SetupError: it can't be read.
    """
    if isinstance(file, bytes):
        return _sniffed(io.BytesIO(file))
    try:
        with Path(file).open("rb") as opened:
            return _sniffed(opened)
    except OSError as error:
        raise SetupError(f"{file} can't be read: {error.strerror}") from error


def bytes_digest(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file in hex, as `sha256sum` prints it.

    Raises:
        SetupError: it can't be read.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SetupError(f"{path} can't be read: {error.strerror}") from error


def parse_trust(text: str) -> str:
    """The digest, in hex, in `sha256:...`.

    Raises:
        SetupError: it contains none.
    """
    method, colon, digest = text.strip().lower().partition(":")
    if colon and method == "sha256" and _DIGEST.fullmatch(digest):
        return digest
    if _DIGEST.fullmatch(method) and not colon:
        raise SetupError(f"trust {text!r} has no hash method", hint=f"write sha256:{method}")
    if method == "sha256":
        why = f"{len(digest)} characters" if _is_hex(digest) else "something else"
        problem = f"a SHA-256 has 64 hex digits, and this is {why}"
    else:
        problem = "it isn't a SHA-256"
    raise SetupError(
        f"trust {text[:100]!r} can't be used: {problem}",
        hint="a file is trusted by its digest, sha256: and 64 hex digits; "
        "sha256sum FILE prints it, and so does the error that asks for it",
    )


def require_trust(
    digest: str, description: str, trust: Collection[str], command_hint: str = ""
) -> None:
    """Check that this digest is trusted.

    Args:
        digest: SHA-256, in hex, of the bytes that would be unpickled.
        description: names them in the error: a file or a model.
        trust: the allowed digests, in hex.
        command_hint: the command that takes the flag, `podium serve churn.podium`.

    Raises:
        UntrustedModel: it isn't; the error explains, and names the flag that allows it.
    """
    if digest in trust:
        return
    if trust:
        allowed = ", ".join(f"sha256:{one}" for one in sorted(trust)[:3])
        more = f" and {len(trust) - 3} more" if len(trust) > 3 else ""
        message = (
            f"{description} isn't the file that was trusted: allowed is {allowed}{more}, "
            f"and found was sha256:{digest}. Loading it would run the code inside it"
        )
    else:
        message = (
            f"{description} is a pickle: loading it runs the code inside it, which may do anything that "
            f"you may do. Its digest is sha256:{digest}"
        )
    flag = f"{command_hint} --trust sha256:{digest}".strip()
    raise UntrustedModel(
        message,
        digest=digest,
        hint=f"if you made it, or trust its author, allow exactly these bytes: {flag} "
        f'(in Python: trust="sha256:{digest}")',
    )


def _is_hex(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]*", text) is not None


def _sniffed(file: BinaryIO) -> Kind:
    head = file.read(_HEAD_BYTES)
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - TAIL_BYTES))
    if not size:
        return "empty"
    if is_like_bundle(head, file.read()):
        return "bundle"
    if head.startswith(b"PK"):
        return _zip_kind(file)
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "keras"
    if head.startswith(_OLD_TORCH):
        return "torch"
    if _is_pickle(head, is_whole=size == len(head)):
        return "joblib" if any(name in head for name in _JOBLIB_CLASSES) else "pickle"
    if _is_compressed_pickle(head):
        return "joblib"
    return "onnx" if _is_onnx(head, size) else "unknown"


def _zip_kind(file: BinaryIO) -> Kind:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        return "zip"
    if "schema.json" in names:
        return "skops"
    if any(name.endswith("/data.pkl") or name == "data.pkl" for name in names):
        return "torch"
    if {"config.json", "model.weights.h5"} <= set(names):
        return "keras"
    return "zip"


def _is_pickle(head: bytes, *, is_whole: bool) -> bool:
    """Whether these are operations of a pickle; nothing is run to find out."""
    if head[:1] == b"\x80":
        return len(head) > 1 and 2 <= head[1] <= 5
    # Protocols 0 and 1 have no signature: check whether it parses as one.
    n_operations, has_memo = 0, False
    stream = io.BytesIO(head)
    try:
        for operation, _, _ in pickletools.genops(stream):
            n_operations += 1
            has_memo = has_memo or operation.name in ("PUT", "BINPUT", "LONG_BINPUT")
            if has_memo and n_operations >= _ENOUGH_OPERATIONS:
                return True
    except (ValueError, UnicodeError, OverflowError, DeprecationWarning):
        return False  # a warning about an escape is raised where warnings are errors
    return is_whole and stream.tell() == len(head)


def _is_compressed_pickle(head: bytes) -> bool:
    """Whether joblib wrote this with `compress=`; LZ4 isn't verified."""
    if head.startswith((b"\x04\x22\x4d\x18", b"ZF0x")):
        return True
    unpacked = _unpacked(head)
    return bool(unpacked) and _is_pickle(unpacked, is_whole=False)


def _unpacked(head: bytes) -> bytes:
    """The first bytes of compressed data; nothing if it isn't compressed."""
    unpacker: Any
    if head.startswith((b"\x1f\x8b", b"\x78")):
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib, by its header
    elif head.startswith(b"BZh"):
        unpacker = bz2.BZ2Decompressor()
    elif head.startswith((b"\xfd7zXZ\x00", b"\x5d\x00\x00")):
        unpacker = lzma.LZMADecompressor(memlimit=_UNPACKER_MAX_BYTES)
    else:
        return b""
    try:
        unpacked: bytes = unpacker.decompress(head, _HEAD_BYTES)
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        return b""
    return unpacked


def _is_onnx(head: bytes, size: int) -> bool:
    """Whether this is a ModelProto with a graph, judged by its first fields."""
    at, fields = 0, set()
    while at < len(head):
        tag, at = _varint(head, at)
        field, wire = tag >> 3, tag & 7
        if _ONNX_FIELDS.get(field) != wire:
            return False
        value, at = _varint(head, at)
        fields.add(field)
        at += value if wire == 2 else 0
        if at > size:
            return False
    return _ONNX_GRAPH in fields and len(fields) > 1


def _varint(head: bytes, at: int) -> tuple[int, int]:
    """A protobuf integer, and the position after it; a truncated one ends at the end."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(head):
            break
        byte, at = head[at], at + 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
    return value, at
