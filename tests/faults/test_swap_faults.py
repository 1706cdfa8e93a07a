"""Swaps that are killed, registries that are gone or locked, and disks that are full meanwhile."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.deployments.registry import Registry
from podium.errors import RegistryError
from podium.testing import Client, ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from asking import SCALE

pytestmark = pytest.mark.slow
MODEL = "/api/models/sums"
# A process that uploads and promotes a version, and is killed right before or after one step of it.
SWAP = """
import os, signal, sys
from pathlib import Path
import podium
from podium.deployments import registry, rows, trial, upload, version_files, versions
from podium.deployments.deployment import Deployment
from podium.flow.version import LoadedVersion

first, second, home, owner, name, when = sys.argv[1:]
owner = {
    "LoadedVersion": LoadedVersion,
    "Deployment": Deployment,
    "VersionFiles": version_files.VersionFiles,
    "rows": rows,
    "trial": trial,
    "Registry": registry.Registry,
}[owner]
app = podium.App(first, home=home)
app.start()
real = getattr(owner, name)

def killed(*arguments, **options):
    if when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    real(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(owner, name, killed)
content = Path(second).read_bytes()
with app.site.uploads.begun(len(content)) as one:
    one.write(content)
    upload.accept(app.versions.registry, one, "sums", actor="ada", note="")
app.versions.promote("sums", "2")
print("never")
"""
STEPS = [
    ("trial", "_end", "before"),  # the process of the trial is there
    ("VersionFiles", "take", "before"),
    ("VersionFiles", "take", "after"),
    ("rows", "register", "after"),
    ("Registry", "take", "after"),
    ("LoadedVersion", "load", "after"),
    ("rows", "set_champion", "after"),
    ("Registry", "promote", "after"),
    ("Deployment", "publish", "before"),
    ("Deployment", "publish", "after"),
]


class Bundles(NamedTuple):
    first: str
    second: str
    third: str


@pytest.fixture(scope="module")
def sums(tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    folder = tmp_path_factory.mktemp("sums")
    frame = pd.DataFrame({"x": np.arange(20.0)})
    paths = []
    for factor in (1, 2, 3):
        model = LinearRegression().fit(frame, factor * frame["x"])
        path = folder / f"{factor}.podium"
        podium.pack(model, frame, name="sums", version=str(factor), path=path)
        paths.append(str(path))
    return Bundles(*paths)


def answer(client: Client) -> str:
    """The version that answers, and its prediction is its own."""
    value = client.post(f"{MODEL}/predict", {"x": 3}).json()
    assert round(value["prediction"]) == 3 * int(value["version"])
    return str(value["version"])


def check_registry(home: Path) -> None:
    """What it says is whole: its file, its aliases, their bundles, and its log."""
    registry = Registry(home)
    with apsw.Connection(str(home / "registry.db")) as connection:
        assert connection.pragma("integrity_check") == "ok"
    versions = {one.digest: one for one in registry.versions("sums")}
    for digest in registry.aliases("sums").values():
        assert registry.bundle(versions[digest]).digest == digest
    changes = [one for one in registry.events("sums") if one.action in ("promoted", "deployed")]
    assert changes[0].after == registry.aliases("sums")["champion"]
    for one in versions.values():
        registry.bundle(one)


@pytest.mark.parametrize("step", STEPS if SCALE > 1 else STEPS[2:8], ids="-".join)
def test_a_kill_at_each_step_of_a_swap_leaves_one_of_the_two(sums, tmp_path, step):
    home = tmp_path / "home"
    command = [sys.executable, "-c", SWAP, sums.first, sums.second, str(home), *step]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == -signal.SIGKILL, done.stderr

    check_registry(home)
    app = podium.App(sums.first, home=str(home), is_local=True)
    client = Client(app)
    served = answer(client)
    content = Path(sums.second).read_bytes()
    again = client.post(f"{MODEL}/versions", body=content, content_type="application/octet-stream")
    app.versions.promote("sums", "2")
    later = answer(client)
    app.close()

    is_committed = step[1] == "publish" or step == ("Registry", "promote", "after")
    assert served == ("2" if is_committed else "1")
    assert again.status in (200, 201)
    assert later == "2"
    check_registry(home)


@pytest.fixture(scope="module")
def server(sums: Bundles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("home")
    environment = {"PODIUM_WORKERS": "2"}
    with ServerProcess(sums.first, home=home, environment=environment) as process:
        registry = Registry(home)
        for path in sums[1:]:
            registry.register(podium.load(path))
        yield Served(process, home)


class Served(NamedTuple):
    process: ServerProcess
    home: Path

    def send(self, method: str, path: str, value: object = None) -> tuple[int, Any]:
        body = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(self.process.address + path, body, method=method)
        request.add_header("content-type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def answers(self) -> set[str]:
        replies = [self.send("POST", f"{MODEL}/predict", {"x": 3}) for _ in range(8)]
        assert {status for status, _ in replies} == {200}
        return {value["version"] for _, value in replies}

    def settled(self) -> set[str]:
        """The one version that all workers answer with, for a second on end.

        Each worker sees a change by itself within a tenth of a second, and eight requests may all
        have reached the same worker.
        """
        assert within(lambda: len(self._answers_of_a_second()) == 1)
        return self.answers()

    def _answers_of_a_second(self) -> set[str]:
        until_s, seen = time.monotonic() + 1, self.answers()
        while len(seen) == 1 and time.monotonic() < until_s:
            seen |= self.answers()
        return seen


def within(is_so: Callable[[], bool]) -> bool:
    until_s = time.monotonic() + 60
    while not is_so():
        if time.monotonic() > until_s:
            return False
    return True


def test_of_two_who_promote_at_once_over_http_one_is_told(server):
    for _ in range(3 * SCALE):
        _, state = server.send("GET", f"{MODEL}/versions")
        champion = next(one for one in state["versions"] if "champion" in one["aliases"])
        others = [one["version"] for one in state["versions"] if one is not champion]
        barrier, replies = threading.Barrier(2), []

        def promote(name: str, expect: str = champion["digest"]) -> None:
            barrier.wait()  # noqa: B023 - it is joined below
            value = {"version": name, "expect": expect}
            replies.append(server.send("PUT", f"{MODEL}/aliases/champion", value))  # noqa: B023

        threads = [threading.Thread(target=promote, args=(name,)) for name in others]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(status for status, _ in replies) == [200, 409]
        (won,) = (value for status, value in replies if status == 200)
        (told,) = (value for status, value in replies if status == 409)
        winner = next(one["version"] for one in won["versions"] if "champion" in one["aliases"])
        assert winner in others
        assert told["code"] == "version_changed"
        assert within(lambda w=winner: server.answers() == {w})
        assert server.settled() == {winner}


def probed(server: Served, n_times: int = 12) -> list[dict[str, Any]]:
    """What the workers tell whoever watches them: they answer with 200 all the time."""
    replies = [server.send("GET", "/readyz") for _ in range(n_times)]
    assert {status for status, _ in replies} == {200}
    return [value for _, value in replies]


@contextmanager
def gone(file: Path) -> Iterator[None]:
    aside = file.with_suffix(".aside")
    file.rename(aside)
    try:
        yield
    finally:
        aside.rename(file)


@contextmanager
def damaged(file: Path) -> Iterator[None]:
    content = file.read_bytes()
    file.write_bytes(b"no database" * 500)
    try:
        yield
    finally:
        file.write_bytes(content)


@pytest.mark.parametrize("fault", [gone, damaged])
def test_predictions_go_on_while_the_registry_is_down_and_everybody_is_told(server, fault):
    before = server.settled()
    with fault(server.home / "registry.db"):
        assert within(lambda: all(one.get("versions") == "failing" for one in probed(server)))
        (ready,) = probed(server, 1)
        assert server.answers() == before
        changed, _ = server.send("PUT", f"{MODEL}/aliases/champion", {"version": "2"})
    assert within(lambda: not any("versions" in one for one in probed(server)))
    back, _ = server.send("GET", f"{MODEL}/versions")

    assert ready["status"] == "degraded"
    assert "registry of versions" in ready["reason"]
    assert changed in (404, 503)
    assert back == 200
    assert server.answers() == before


def test_predictions_go_on_while_another_program_locks_the_registry(server):
    before = server.settled()
    connection = apsw.Connection(str(server.home / "registry.db"))
    connection.execute("BEGIN EXCLUSIVE")
    began_s = time.monotonic()
    replies: list[tuple[int, Any]] = []

    def roll_back() -> None:
        replies.append(server.send("POST", f"{MODEL}/rollback", {}))

    waiting = threading.Thread(target=roll_back)
    waiting.start()
    n_answered = 0
    while waiting.is_alive():  # it waits for some seconds, and nobody else does
        assert server.answers() == before
        n_answered += 8
    waited_s = time.monotonic() - began_s
    connection.execute("ROLLBACK")
    connection.close()

    ((status, problem),) = replies
    assert (status, problem["code"]) == (503, "registry")
    assert n_answered > waited_s
    assert server.send("GET", f"{MODEL}/versions")[0] == 200


@contextmanager
def files_up_to(n_bytes: int) -> Iterator[None]:
    """As on a disk that is full: no file may grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("room", ["for nothing", "for the bundle alone"])
def test_a_disk_that_is_full_while_registering_leaves_nothing_and_is_told(sums, tmp_path, room):
    home = tmp_path / "home"
    app = podium.App(sums.first, home=str(home), is_local=True)
    client = Client(app)
    folder = home / "versions"
    before = sorted(path.name for path in folder.iterdir())
    n_bytes = Path(sums.second).stat().st_size
    assert n_bytes < (home / "registry.db").stat().st_size  # so that its pages lie beyond

    with files_up_to(n_bytes // 2 if room == "for nothing" else n_bytes + 100):
        with pytest.raises(RegistryError):
            app.versions.registry.register(podium.load(sums.second))
        reply = client.post(
            f"{MODEL}/versions",
            body=Path(sums.second).read_bytes(),
            content_type="application/octet-stream",
        )
    after = sorted(path.name for path in folder.iterdir())
    names = [one.name for one in app.versions.registry.versions("sums")]
    served = answer(client)
    again = app.versions.registry.register(podium.load(sums.second))
    app.close()

    assert (reply.status, reply.json()["code"]) in ((507, "no_space"), (503, "registry"))
    assert after == before
    assert names == ["1"]
    assert served == "1"
    assert again.name == "2"
    check_registry(home)
