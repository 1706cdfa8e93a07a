"""An image as an archive: the layout of the Open Container Initiative, in one tar."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from podium.image.layer import Blob

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
REF_NAME = "org.opencontainers.image.ref.name"


def write_archive(
    target: Path,
    *,
    layers: Sequence[Blob],
    config: Mapping[str, Any],
    annotations: Mapping[str, str],
    tag: str,
) -> str:
    """Write the archive and return the digest of the image's manifest.

    Args:
        config: the image's configuration, without what is known from its layers.
        annotations: of the manifest.
    """
    rootfs = {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]}
    config_bytes = _json({**config, "rootfs": rootfs})
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor(CONFIG, config_bytes),
            "layers": [layer.descriptor for layer in layers],
            "annotations": dict(annotations),
        }
    )
    first = _descriptor(MANIFEST, manifest)
    index = _json({"schemaVersion": 2, "manifests": [{**first, "annotations": {REF_NAME: tag}}]})
    partial = target.with_name(f"{target.name}.part")
    try:
        with tarfile.open(partial, "w", format=tarfile.PAX_FORMAT) as tar:
            _add(tar, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
            _add(tar, "index.json", index)
            for content in (config_bytes, manifest):
                _add(tar, f"blobs/sha256/{_hex(content)}", content)
            for layer in {layer.digest: layer for layer in layers}.values():
                entry = tarfile.TarInfo(f"blobs/{layer.digest.replace(':', '/')}")
                entry.size = layer.n_bytes
                with layer.path.open("rb") as opened:
                    tar.addfile(entry, opened)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return str(first["digest"])


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, BytesIO(content))


def _descriptor(kind: str, content: bytes) -> dict[str, str | int]:
    return {"mediaType": kind, "digest": f"sha256:{_hex(content)}", "size": len(content)}


def _hex(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
