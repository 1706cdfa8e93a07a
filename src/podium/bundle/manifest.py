"""The manifest of a bundle: its metadata, and the digest of every part."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from podium.distribution import update_hint
from podium.errors import NewerBundle, SetupError, TamperedBundle

FORMAT = 1
MANIFEST_MAX_BYTES = 1 << 19

_Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
# It becomes a part of URLs and file names.
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ModelName = Annotated[str, Meta(pattern=rf"^{MODEL_NAME.pattern}\Z")]
_Line = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{1,100}\Z")]
_FormatNumber = Annotated[int, Meta(ge=1)]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The manifest's entry for one part."""

    sha256: _Digest
    size: Annotated[int, Meta(ge=0)]


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The manifest of a bundle.

    Attributes:
        format: of the bundle; the content of newer ones is unknown here.
        runtime: of the model: skops, pickle, onnx, python.
        podium: the version that packed it.
        created: when, in ISO 8601, UTC.
        requires: the extras that serving needs.
        parts: every other member of the zip, by name.
        options: small values for the runtime.
    """

    format: _FormatNumber
    name: _ModelName
    version: _Line
    runtime: _Line
    podium: _Line
    created: _Line
    requires: tuple[_Line, ...]
    parts: dict[str, Part]
    options: dict[str, Any]


class _Newest(msgspec.Struct):
    """The only part of a manifest that is read before its format is known to be supported."""

    format: _FormatNumber


_MANIFEST = msgspec.json.Decoder(Manifest)
_NEWEST = msgspec.json.Decoder(_Newest)


def encode_manifest(manifest: Manifest) -> bytes:
    """The manifest as JSON, the same bytes for the same content.

    Raises:
        SetupError: it couldn't be read again.
    """
    try:
        encoded = msgspec.json.encode(manifest, order="deterministic")
        _MANIFEST.decode(encoded)
    except (msgspec.MsgspecError, RecursionError, TypeError, ValueError) as error:
        raise SetupError(f"the manifest can't be written: {error}") from error
    if len(encoded) > MANIFEST_MAX_BYTES:
        raise SetupError(
            f"the manifest would have {len(encoded):,} bytes; {MANIFEST_MAX_BYTES:,} are allowed",
            hint="options must be small",
        )
    return encoded


def decode_manifest(encoded: bytes, path: Path) -> Manifest:
    """The manifest in verified bytes.

    Args:
        path: of the bundle, for errors.

    Raises:
        NewerBundle: its format is newer.
        TamperedBundle: Podium doesn't write such manifests.
    """
    try:
        format_number = _NEWEST.decode(encoded).format
        if format_number > FORMAT:
            raise NewerBundle(
                f"{path} has format {format_number}; this Podium reads format {FORMAT}",
                hint=update_hint(),
            )
        return _MANIFEST.decode(encoded)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise TamperedBundle(
            f"{path} has a manifest that Podium never wrote: {error}",
            hint="it wasn't made by Podium: don't use it",
        ) from error
