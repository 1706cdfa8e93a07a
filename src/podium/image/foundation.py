"""The base of an image: the running Python alone, a folder, or another image's archive."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from podium.errors import SetupError
from podium.image.interpreter import PYTHON, VERSION, copy_interpreter
from podium.image.layer import Blob, write_layer

# Where a base's own Python may be; ours is in the first.
_PYTHONS = (PYTHON, f"usr/bin/python{VERSION}")
_JSON_MAX_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Base:
    """The lower layers of an image.

    Attributes:
        python: the interpreter in them, as an absolute path.
        config: the configuration of the image that they come from.
    """

    layers: tuple[Blob, ...]
    python: str
    config: dict[str, Any] = field(default_factory=dict)


def base_of_interpreter(scratch: Path, linked: Iterable[Path], outside: Iterable[Path]) -> Base:
    """The running Python and nothing else, as one layer.

    Args:
        scratch: an empty folder for temporary files.
        linked: extension modules whose libraries must be included, too.
        outside: folders that are copied separately, with their libraries.

    Raises:
        SetupError: this system's Python can't be copied.
    """
    root = scratch / "root"
    root.mkdir()
    copy_interpreter(root, linked, outside=outside)
    return Base((write_layer(root, scratch / "root.tar.gz"),), f"/{PYTHON}")


def base_of_path(path: Path, scratch: Path) -> Base:
    """A base given by a user: a folder that is a root, or an image's archive.

    Raises:
        SetupError: it is neither, or has no Python of this version.
    """
    if path.is_dir():
        names = {name for name in _PYTHONS if (path / name).exists()}
        python = _python_among(names, path)
        return Base((write_layer(path, scratch / "base.tar.gz", preserves_rights=True),), python)
    try:
        with tarfile.open(path) as archive:
            return _base_of_archive(archive, path, scratch)
    except (OSError, tarfile.TarError, KeyError, TypeError, ValueError) as error:
        raise SetupError(
            f"{path} can't be read as an image: {error}",
            hint="--base takes a folder, or an archive as `podman save --format oci-archive` writes",
        ) from error


def _base_of_archive(archive: tarfile.TarFile, path: Path, scratch: Path) -> Base:
    manifest = _json(archive, "index.json")
    while "layers" not in manifest:  # an index leads to a manifest, or to an index of platforms
        manifest = _json(archive, _name(manifest["manifests"][0]["digest"]))
    config = _json(archive, _name(manifest["config"]["digest"]))
    layers, names = [], set[str]()
    for one, diff_id in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True):
        blob = scratch / one["digest"].replace(":", "-")
        digest = hashlib.sha256()
        with blob.open("wb") as target:
            for part in _parts(archive, _name(one["digest"])):
                target.write(part)
                digest.update(part)
        if one["digest"] != f"sha256:{digest.hexdigest()}":
            raise ValueError(f"the layer {one['digest']} doesn't match its digest")
        n_unpacked, python = _look_into(blob)
        names |= python
        kind = one["mediaType"]
        layers.append(Blob(blob, one["digest"], one["size"], kind, diff_id, n_unpacked))
    return Base(tuple(layers), _python_among(names, path), config)


def _look_into(layer: Path) -> tuple[int, set[str]]:
    """The uncompressed size of a layer, and the path of a Python in it."""
    with tarfile.open(layer, "r:*") as tar:
        entries = tar.getmembers()
        paths = {entry.name.removeprefix("./") for entry in entries}
        return tar.offset, paths & set(_PYTHONS)


def _python_among(names: set[str], path: Path) -> str:
    for name in _PYTHONS:
        if name in names:
            return f"/{name}"
    raise SetupError(
        f"{path} has no Python {VERSION}",
        hint=f"the packages of this environment need one; leave out --base to include this Python {VERSION}",
    )


def _name(digest: str) -> str:
    kind, _, value = digest.partition(":")
    return f"blobs/{kind}/{value}"


def _parts(archive: tarfile.TarFile, name: str) -> Iterable[bytes]:
    opened = archive.extractfile(name)
    if opened is None:
        raise ValueError(f"{name} is no file")
    while part := opened.read(2**20):
        yield part


def _json(archive: tarfile.TarFile, name: str) -> dict[str, Any]:
    if archive.getmember(name).size > _JSON_MAX_BYTES:
        raise ValueError(f"{name} is too long")
    decoded = json.loads(b"".join(_parts(archive, name)))
    if not isinstance(decoded, dict):
        raise TypeError(f"{name} is no object")
    return decoded
