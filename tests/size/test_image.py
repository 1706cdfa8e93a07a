"""A whole image without a daemon: small, the same twice, and a server of it answers."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from podium.image import Image, Recipe, write_image
from podium.image.contents import HOME
from podium.image.interpreter import USER_ID
from podium.packing.pack import pack

UNPACKED_MAX_MB = 190
PACKED_MAX_MB = 70
READY_MAX_S = 120.0


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    folder = tmp_path_factory.mktemp("image")
    rows = np.arange(24.0).reshape(12, 2)
    model = LinearRegression().fit(rows, rows[:, 0])
    bundle = pack(model, rows, rows[:, 0], name="line", path=folder / "line.podium", version="1")
    assert bundle.path is not None
    return write_image([bundle.path], folder / "line.oci.tar", Recipe(open=True))


@pytest.fixture(scope="module")
def root(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a container of the image sees as `/`."""
    folder = tmp_path_factory.mktemp("root")
    folder.chmod(0o755)
    with tarfile.open(image.path) as archive:
        for layer in image.layers:
            blob = archive.extractfile(f"blobs/{layer.digest.replace(':', '/')}")
            assert blob is not None
            with gzip.open(blob) as unpacked, tarfile.open(fileobj=unpacked, mode="r|") as tar:
                tar.extractall(folder, numeric_owner=True, filter="fully_trusted")
    return folder


def config_of(image: Image) -> dict[str, Any]:
    """How the image says that it is run."""
    digest = image.digest
    with tarfile.open(image.path) as archive:
        for _ in range(2):  # the manifest, then what it names as its configuration
            opened = archive.extractfile(f"blobs/{digest.replace(':', '/')}")
            assert opened is not None
            read = json.loads(opened.read())
            digest = read.get("config", {}).get("digest", "")
    return dict(read["config"])


@pytest.fixture
def server(root: Path, image: Image, free_port: int) -> Iterator[str]:
    """The address of the image's own command, with nothing of this system but its kernel."""
    config = config_of(image)
    variables = dict(line.split("=", 1) for line in config["Env"])
    variables |= {"PODIUM_PORT": str(free_port), "PODIUM_HOST": "127.0.0.1"}
    # Root drops to the image's user; others get a root of their own, where the system lets them.
    chroot = shutil.which("chroot", path=f"{os.defpath}:/usr/sbin:/sbin")
    into = [str(chroot), f"--userspec={config['User']}", str(root)]
    if os.geteuid() != 0:
        into = [str(shutil.which("unshare")), "--map-root-user", str(chroot), str(root)]
    log = root.parent / "line.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*into, *config["Entrypoint"]], env=variables, stdout=output, stderr=output
        )
    address = f"http://127.0.0.1:{free_port}"
    try:
        until = time.monotonic() + READY_MAX_S
        while not is_ready(address):
            assert process.poll() is None, log.read_text("utf-8")
            assert time.monotonic() < until, log.read_text("utf-8")
            time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=60)


def is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_an_image_is_small(image: Image, capsys: pytest.CaptureFixture[str]) -> None:
    unpacked, packed = image.n_unpacked_bytes / 1e6, image.n_bytes / 1e6

    with capsys.disabled():
        print(f"\n  image: {unpacked:.0f} MB, {packed:.0f} MB compressed", end="")

    assert unpacked < UNPACKED_MAX_MB
    assert packed < PACKED_MAX_MB


def test_the_same_bundle_gives_the_same_image(image: Image, tmp_path: Path) -> None:
    bundle = image.path.with_name("line.podium")

    again = write_image([bundle], tmp_path / "again.oci.tar", Recipe(open=True))

    assert again.digest == image.digest
    assert again.path.read_bytes() == image.path.read_bytes()


def test_a_container_has_a_server_and_no_shell(root: Path) -> None:
    programs = {path.name for path in (root / "usr").glob("**/bin/*")}

    assert {name for name in programs if not name.startswith("python")} == set()
    assert "podium:x:10001" in (root / "etc/passwd").read_text("utf-8")


def test_its_server_answers_as_a_user_who_can_write_nothing_else(server: str, root: Path) -> None:
    before = {path for path in root.rglob("*") if HOME not in path.as_posix()}

    row = httpx.get(f"{server}/api/models/line").json()["examples"][0]

    page = httpx.get(f"{server}/models/line")
    answer = httpx.post(f"{server}/api/models/line/predict", json=row)

    assert page.status_code == 200
    assert answer.json()["prediction"] == pytest.approx(next(iter(row.values())))
    after = {path for path in root.rglob("*") if HOME not in path.as_posix()}
    assert {p for p in after - before if not p.is_relative_to(root / "tmp")} == set()
    if os.geteuid() == 0:
        assert {path.stat().st_uid for path in (root / HOME).iterdir()} == {USER_ID}
