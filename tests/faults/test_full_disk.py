"""A disk that is really full: nothing is acknowledged that isn't kept, and it goes on afterwards."""

from __future__ import annotations

import asyncio
import csv
import io
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeRegressor

import podium
from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from asking import SCALE, Asker, request_of

# Each record that is asked for alone takes some 10 KB until its segment is deleted.
SIZE = f"{6 * SCALE}m"
# The home folder is a small file system that only the server and its children see.
WRAPPER = f"""#!/bin/sh
exec unshare --map-root-user --mount sh -c \
'mount -t tmpfs -o size={SIZE} none "$HOME_FOLDER" && exec "$0" "$@"' {sys.executable} "$@"
"""


def can_mount() -> bool:
    """Whether this system lets a user have file systems of their own."""
    if shutil.which("unshare") is None:
        return False
    command = ["unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(command, capture_output=True).returncode == 0


def fill(folder: Path) -> Path:
    """A file that takes all the space that is left."""
    filler = folder / "filler"
    piece = b"x" * 4_096
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(piece)
        except OSError:
            return filler


async def statuses_until(
    asker: Asker, first: int, until: set[int], within_s: float
) -> list[tuple[int, str]]:
    """Statuses and ids of requests in a row, up to the first of these statuses."""
    replies: list[tuple[int, str]] = []
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        reply = await asker.ask(request_of(float(first + len(replies)), "x" * 200))
        replies.append((reply.status, reply.json().get("id", "") if reply.status == 200 else ""))
        if reply.status in until:
            return replies
    raise AssertionError(f"none of {until} in {within_s} s, but {replies[-1:]}")


def is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=60) as response:
            return bool(response.status == 200)
    except urllib.error.HTTPError:
        return False


def recorded(address: str) -> list[str]:
    with urllib.request.urlopen(f"{address}/models/fragile/records.csv", timeout=30) as response:
        return [
            line["id"] for line in csv.DictReader(io.StringIO(response.read().decode("utf-8-sig")))
        ]


@pytest.mark.skipif(not can_mount(), reason="no file system of one's own can be mounted here")
def test_a_full_disk_refuses_and_recovers(
    bundles: list[str], search: dict[str, str], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    wrapper = tmp_path / "python"
    wrapper.write_text(WRAPPER)
    wrapper.chmod(0o755)
    environment = {**search, "HOME_FOLDER": str(home)}
    acknowledged: list[str] = []
    n_refused = 0

    with ServerProcess(
        bundles[0], home=home, environment=environment, python=str(wrapper)
    ) as server:
        inside = Path("/proc", str(server.pid), "root", *home.parts[1:])

        async def play() -> int:
            asker = Asker(server.address)
            try:
                return await rounds(asker)
            finally:
                await asker.close()

        async def rounds(asker: Asker) -> int:
            n_refused = 0
            for _ in range(3 * SCALE):
                good = [await asker.ask(request_of(float(n), "")) for n in range(50)]
                assert {reply.status for reply in good} == {200}
                acknowledged.extend(reply.json()["id"] for reply in good)
                filler = await asyncio.to_thread(fill, inside)
                replies = await statuses_until(asker, 0, {503}, 60)
                acknowledged.extend(id_ for status, id_ in replies if status == 200)
                n_refused += 1
                assert not await asyncio.to_thread(is_ready, server.address)
                filler.unlink()
                replies = await statuses_until(asker, 0, {200}, 60)
                n_refused += len(replies) - 1
                acknowledged.append(replies[-1][1])
                until_s = time.monotonic() + 60
                while not await asyncio.to_thread(is_ready, server.address):
                    assert time.monotonic() < until_s
            return n_refused

        n_refused = asyncio.run(play())
        kept = recorded(server.address)

    n_lost = len(set(acknowledged) - set(kept))
    n_twice = len(kept) - len(set(kept))
    print(
        f"\nfull disk, {3 * SCALE} times: {len(acknowledged)} acknowledged, {n_refused} refused, "
        f"{n_lost} lost, {n_twice} twice"
    )
    assert (n_lost, n_twice) == (0, 0)
    assert len(set(acknowledged)) == len(acknowledged)


# Registers a version while nothing is left on the disk of the home folder, and again once there is.
REGISTERING = """
import sys
from pathlib import Path
import podium
from podium.deployments.registry import Registry
from podium.errors import PodiumError

home, first, second, filler = map(Path, sys.argv[1:])
registry = Registry(home)
registry.register(podium.load(first))
registry.promote("sums", "1")
piece = b"x" * 4_096
with filler.open("wb", buffering=0) as file:
    try:
        while True:
            file.write(piece)
    except OSError:
        pass
try:
    registry.register(podium.load(second))
except PodiumError as error:
    print("refused:", type(error).__name__, error.message)
names = [one.name for one in registry.versions("sums")]
left = sorted(path.suffix for path in (home / "versions").iterdir())
print("while full:", names, registry.find("sums", "champion").name, left)
filler.unlink()
registry.register(podium.load(second))
registry.promote("sums", "2")
print("afterwards:", registry.find("sums", "champion").name)
"""


@pytest.mark.slow
@pytest.mark.skipif(not can_mount(), reason="no file system of one's own can be mounted here")
def test_a_version_is_registered_whole_or_not_at_all_on_a_full_disk(tmp_path: Path) -> None:
    rows = pd.DataFrame({"x": np.arange(2_000.0)})
    files = []
    for version, depth in (("1", 3), ("2", None)):
        model = DecisionTreeRegressor(max_depth=depth).fit(rows, np.sin(rows["x"]))
        files.append(tmp_path / f"{version}.podium")
        podium.pack(model, rows, name="sums", version=version, path=files[-1])
    (home := tmp_path / "home").mkdir()
    script = 'mount -t tmpfs -o size=2m none "$1" && shift && exec "$@"'
    inside = ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "-", str(home)]
    arguments = [str(one) for one in (home, *files, home / "filler")]

    done = subprocess.run(
        [*inside, sys.executable, "-c", REGISTERING, *arguments], capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    refused, full, afterwards = done.stdout.splitlines()
    assert refused.startswith("refused: RegistryError")
    assert refused.endswith("No space left on device")
    assert full == "while full: ['1'] 1 ['.checked', '.podium']"
    assert afterwards == "afterwards: 2"
