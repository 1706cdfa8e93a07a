"""Parts of an image: which files, in which layers, under which digests."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.bundle import Bundle, load
from podium.errors import SetupError
from podium.image import Recipe, write_image
from podium.image.archive import write_archive
from podium.image.contents import COMMAND, HOME, OWNERS, copy_models
from podium.image.distributions import check_extras, files_of, is_needed, needed_distributions
from podium.image.foundation import base_of_path
from podium.image.interpreter import USER_ID, VERSION
from podium.image.layer import write_layer
from podium.image.libraries import is_elf, needed_libraries
from podium.packing.pack import pack

PYTHON = f"usr/bin/python{VERSION}"


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    rows = np.arange(24.0).reshape(12, 2)
    model = LinearRegression().fit(rows, rows[:, 0])
    pack(model, rows, rows[:, 0], name="line", path=tmp_path / "line.podium")
    return load(tmp_path / "line.podium")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A base with a Python in it, or what passes for one."""
    folder = tmp_path / "root"
    (folder / "usr/bin").mkdir(parents=True)
    (folder / PYTHON).write_bytes(b"an interpreter")
    (folder / PYTHON).chmod(0o755)
    (folder / "bin").symlink_to("usr/bin")
    return folder


def manifest_of(archive: Path) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """The manifest and the configuration of an archive, and its names; digests are checked."""
    with tarfile.open(archive) as tar:
        contents = {one.name: tar.extractfile(one).read() for one in tar.getmembers()}  # type: ignore[union-attr]
    for name, content in contents.items():
        if name.startswith("blobs/"):
            assert name == f"blobs/sha256/{hashlib.sha256(content).hexdigest()}"
    index = json.loads(contents["index.json"])
    digest = index["manifests"][0]["digest"].replace(":", "/")
    manifest = json.loads(contents[f"blobs/{digest}"])
    digest = manifest["config"]["digest"].replace(":", "/")
    return manifest, json.loads(contents[f"blobs/{digest}"]), list(contents)


def archive_of(root: Path, target: Path) -> str:
    layer = write_layer(root, target.with_suffix(".gz"))
    config = {"architecture": "amd64", "config": {"Env": ["PATH=/usr/bin", "KEPT=yes"]}}
    return write_archive(target, layers=[layer], config=config, annotations={}, tag="base:1")


def test_the_same_files_give_the_same_layer_whenever_and_wherever(tmp_path, root) -> None:
    first = write_layer(root, tmp_path / "first.tar.gz")
    os.utime(root / PYTHON, (1, 1))
    second = write_layer(root, tmp_path / "second.tar.gz")

    assert (first.digest, first.diff_id) == (second.digest, second.diff_id)


def test_another_byte_gives_another_layer(tmp_path, root) -> None:
    first = write_layer(root, tmp_path / "first.tar.gz")
    (root / PYTHON).write_bytes(b"another interpreter")
    second = write_layer(root, tmp_path / "second.tar.gz")

    assert first.digest != second.digest
    assert first.diff_id != second.diff_id


def test_everything_in_a_layer_is_roots_but_for_what_the_server_writes(tmp_path, bundle) -> None:
    root = tmp_path / "models"
    copy_models(root, [bundle], None, "/usr/bin/python3")

    layer = write_layer(root, tmp_path / "models.tar.gz", owners=OWNERS)

    with tarfile.open(layer.path) as tar:
        entries = {one.name: one for one in tar.getmembers()}
    assert {name for name, one in entries.items() if one.uid} == {HOME}
    assert entries[HOME].uid == USER_ID
    assert entries[COMMAND].mode == 0o755
    assert entries["app/models/line.podium"].mode == 0o644
    assert list(entries) == sorted(entries)


def test_a_base_keeps_its_rights_and_leaves_its_sockets_behind(tmp_path, root) -> None:
    (root / PYTHON).chmod(0o4755)
    (root / "etc").mkdir(mode=0o700)
    os.mkfifo(root / "etc/pipe")

    layer = write_layer(root, tmp_path / "base.tar.gz", preserves_rights=True)

    with tarfile.open(layer.path) as tar:
        entries = {one.name: one for one in tar.getmembers()}
    assert "etc/pipe" not in entries
    assert entries[PYTHON].mode == 0o4755
    assert entries["etc"].mode == 0o700
    assert entries[PYTHON].uid == os.getuid()


def test_a_layer_knows_what_is_compressed_in_it(tmp_path, root) -> None:
    layer = write_layer(root, tmp_path / "one.tar.gz")

    import gzip

    unpacked = gzip.decompress(layer.path.read_bytes())
    assert layer.diff_id == f"sha256:{hashlib.sha256(unpacked).hexdigest()}"
    assert layer.n_unpacked_bytes == len(unpacked)
    assert layer.n_bytes == layer.path.stat().st_size


@pytest.mark.parametrize(
    ("file", "needed"),
    [
        ("numpy/__init__.py", True),
        ("numpy/_core/_multiarray_umath.so", True),
        ("numpy/_core/tests/test_array.py", False),
        ("numpy/_core/include/numpy/arrayobject.h", False),
        ("numpy/__init__.pyi", False),
        ("numpy/__pycache__/__init__.cpython-311.pyc", False),
        ("uvloop/loop.c", False),
        ("numpy-2.0.dist-info/METADATA", True),
        ("numpy-2.0.dist-info/entry_points.txt", True),
        ("numpy-2.0.dist-info/licenses/LICENSE.txt", True),
        ("numpy-2.0.dist-info/RECORD", False),
        ("__editable__.podium-0.1.0.pth", False),
    ],
)
def test_only_files_that_running_needs_are_taken(file: str, needed: bool) -> None:
    assert is_needed(file) == needed


def test_the_core_brings_what_it_needs_and_nothing_of_the_trainer() -> None:
    names = {one.metadata["Name"].lower() for one in needed_distributions(())}

    assert {"podium", "numpy", "uvicorn", "h11", "markupsafe"} <= names
    assert not {"scikit-learn", "pandas", "pytest", "pip"} & names


def test_an_extra_brings_its_own_and_what_those_need() -> None:
    names = {one.metadata["Name"].lower() for one in needed_distributions(["sklearn"])}

    assert {"scikit-learn", "scipy", "skops"} <= names


def test_podiums_own_templates_are_taken_from_a_checkout_too() -> None:
    ours = next(one for one in needed_distributions(()) if one.metadata["Name"] == "podium")

    names = {name for _, name in files_of(ours)}

    assert {"podium/cli/serve.py", "podium/web/templates/base.html"} <= names


def test_an_extra_that_there_is_not_is_refused_with_those_there_are() -> None:
    with pytest.raises(SetupError, match="sklern") as caught:
        check_extras(["sklern"])

    assert "sklearn" in caught.value.hint


def test_libraries_of_the_interpreter_are_found_and_those_of_packages_left_out() -> None:
    import numpy._core._multiarray_umath as extension

    file = Path(extension.__file__)
    site = file.parents[2]

    found = needed_libraries([Path(sys.executable).resolve(), file], outside=[site])

    assert any(name.startswith("libc.") for name in found)
    assert any(name.startswith("ld-") for name in found)
    assert not any("openblas" in name for name in found)
    assert all(is_elf(path) for path in found.values())


def test_a_base_without_this_python_is_refused(tmp_path) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(SetupError, match=f"has no Python {VERSION}"):
        base_of_path(tmp_path / "empty", tmp_path)


def test_a_base_that_is_no_image_is_refused(tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("no image")

    with pytest.raises(SetupError, match="can't be read as an image"):
        base_of_path(tmp_path / "notes.txt", tmp_path)


def test_the_layers_of_another_image_are_kept_as_they_are(tmp_path, root) -> None:
    archive_of(root, tmp_path / "base.oci.tar")
    (tmp_path / "scratch").mkdir()

    base = base_of_path(tmp_path / "base.oci.tar", tmp_path / "scratch")

    manifest, config, _ = manifest_of(tmp_path / "base.oci.tar")
    assert [layer.descriptor for layer in base.layers] == manifest["layers"]
    assert [layer.diff_id for layer in base.layers] == config["rootfs"]["diff_ids"]
    assert base.python == f"/{PYTHON}"


def test_a_base_whose_layer_was_changed_is_refused(tmp_path, root) -> None:
    archive_of(root, tmp_path / "base.oci.tar")
    manifest, _, names = manifest_of(tmp_path / "base.oci.tar")
    blob = f"blobs/{manifest['layers'][0]['digest'].replace(':', '/')}"
    with tarfile.open(tmp_path / "base.oci.tar") as tar:
        offset = tar.getmember(blob).offset_data + 9  # the flag of the compressor's system
    content = bytearray((tmp_path / "base.oci.tar").read_bytes())
    content[offset] ^= 1
    (tmp_path / "base.oci.tar").write_bytes(content)
    assert blob in names

    with pytest.raises(SetupError, match="doesn't match its digest"):
        base_of_path(tmp_path / "base.oci.tar", tmp_path)


def test_two_bundles_of_one_name_are_refused(tmp_path, bundle) -> None:
    with pytest.raises(SetupError, match="two bundles are called line"):
        copy_models(tmp_path / "models", [bundle, bundle], None, "/usr/bin/python3")


def test_a_setting_that_there_is_not_is_found_before_anything_is_written(tmp_path, bundle) -> None:
    (tmp_path / "podium.toml").write_text("prot = 9000\n")
    target = tmp_path / "line.oci.tar"

    with pytest.raises(SetupError, match="prot"):
        write_image([bundle.path], target, Recipe(config=tmp_path / "podium.toml"))

    assert not target.exists()


@pytest.mark.slow
def test_an_image_on_another_one_says_how_it_is_run(tmp_path, root, bundle) -> None:
    archive_of(root, tmp_path / "base.oci.tar")
    recipe = Recipe(base=str(tmp_path / "base.oci.tar"), tag="line:1")

    image = write_image([bundle.path], tmp_path / "line.oci.tar", recipe)

    manifest, config, names = manifest_of(image.path)
    assert {"oci-layout", "index.json"} <= set(names)
    assert len(manifest["layers"]) == len(config["rootfs"]["diff_ids"]) == 3
    told = config["config"]
    assert told["Entrypoint"] == ["podium", "serve"]
    assert told["User"] == f"{USER_ID}:{USER_ID}"
    assert told["ExposedPorts"] == {"8000/tcp": {}}
    assert told["Healthcheck"]["Test"][:2] == ["CMD", f"/{PYTHON}"]
    assert {"KEPT=yes", "PATH=/app/bin:/usr/bin", "PODIUM_HOST=0.0.0.0"} <= set(told["Env"])
    assert not any(line.startswith(("PODIUM_OPEN", "PODIUM_ACCOUNTS")) for line in told["Env"])
    assert manifest["annotations"]["podium.bundles"] == f"line@sha256:{bundle.digest}"
    assert f"podium {podium.__version__}" in image.packages
