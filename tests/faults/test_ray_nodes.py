"""Nodes of a Ray cluster that are killed and join: the fleet's servers on three nodes of this machine.

The long form (PODIUM_SOAK) kills five nodes, servers and the keeper, and lets a server hang.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
import podium.ray
from podium.errors import UnusableVersion
from podium.ray.keeper import keeper_name
from podium.ray.state import NAMESPACE
from podium.records.open import open_store

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="servers end with their actors on Linux"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

IS_LONG = "PODIUM_SOAK" in os.environ
Ids: TypeAlias = dict[str, list[str]]  # of records, by the address of their server
STORE = 80_000_000  # bytes, nearly the least that Ray accepts


def packed(folder: Path, factor: int, column: str = "x") -> str:
    frame = pd.DataFrame({column: np.arange(20.0)})
    model = LinearRegression().fit(frame, factor * frame[column])
    path = folder / f"sums-{factor}-{column}.podium"
    podium.pack(model, frame, name="sums", version=str(factor), path=path)
    return str(path)


def free_ports(n_ports: int) -> int:
    """The first of so many ports in a row at which nobody listens."""
    for first in range(21_000, 30_000, 10):
        try:
            for port in range(first, first + n_ports):
                with socket.socket() as one:
                    one.bind(("", port))
        except OSError:
            continue
        return first
    raise AssertionError("no port is free")


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    import ray
    from ray.cluster_utils import Cluster

    health = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500}
    head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": STORE}
    cluster = Cluster(
        initialize_head=True,
        head_node_args=head | {"_system_config": health | {"health_check_failure_threshold": 3}},
    )
    for _ in range(2):
        cluster.add_node(num_cpus=1, object_store_memory=STORE, wait=False)
    cluster.wait_for_nodes()
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def predict(address: str) -> dict[str, Any]:
    request = urllib.request.Request(f"{address}/api/models/sums/predict", b'{"x": 3}')
    request.add_header("content-type", "application/json")
    with urllib.request.urlopen(request, timeout=60) as response:
        found: dict[str, Any] = json.load(response)
        return found


class Load:
    """Requests to some servers, in a thread for each, until it is stopped."""

    def __init__(self, addresses: list[str]) -> None:
        self.ids: dict[str, list[str]] = {one: [] for one in addresses}
        self.failures: dict[str, list[str]] = {one: [] for one in addresses}
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=[one]) for one in addresses]
        for one in self._threads:
            one.start()

    def _run(self, address: str) -> None:
        while not self._stop.wait(0.03):
            try:
                self.ids[address].append(predict(address)["id"])
            except (OSError, HTTPException) as error:
                self.failures[address].append(repr(error))

    def stop(self) -> None:
        self._stop.set()
        for one in self._threads:
            one.join()


def processes(pid: int) -> list[int]:
    """A process and those that it started."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        started = path.read_text().split()
    except OSError:
        return []
    return [pid, *(one for child in started for one in processes(int(child)))]


def signal_all(pid: int, sent: signal.Signals) -> None:
    for one in processes(pid):
        with suppress(ProcessLookupError):
            os.kill(one, sent)


def waiting_until(condition: Callable[[], bool]) -> float:
    """The seconds until it holds; an error after more than a minute."""
    began_s = time.monotonic()
    while not condition():
        assert time.monotonic() < began_s + 90
        time.sleep(0.1)
    return time.monotonic() - began_s


def are_ready(fleet: podium.ray.Fleet, n_servers: int = 3) -> bool:
    return [one.status for one in fleet.servers()] == ["ready"] * n_servers


def versions(fleet: podium.ray.Fleet) -> list[str]:
    return [predict(one.address)["version"] for one in fleet.servers()]


def missing(home: Path, address: str, ids: list[str]) -> list[str]:
    """Those of the records that a server confirmed which its home doesn't have."""
    store = open_store(home / f"sums-{address.rpartition(':')[2]}" / "podium.db")
    try:
        return [one for one in ids if store.get(one) is None]
    finally:
        store.close()


def change_versions(fleet: podium.ray.Fleet, home: Path, folder: Path) -> None:
    """Version 2 is served after two attempts that no server follows in the end."""
    first, second, third = (one.address for one in fleet.servers())
    two = packed(folder, 2)

    with pytest.raises(UnusableVersion, match="requires the field") as refused:
        fleet.promote(packed(folder, 3, "y"))
    assert refused.value.hint == "the fleet keeps the version before"

    # What the last server can't write, as on a disk that is full.
    versions_of_last = home / f"sums-{third.rpartition(':')[2]}" / "versions"
    blocked = versions_of_last / f"{podium.load(two).digest}.fetched"
    blocked.mkdir()
    with pytest.raises(UnusableVersion, match="can't be used: Is a directory") as failed:
        fleet.promote(two)
    assert failed.value.message.startswith(f"{third} can't serve sums 2: ")
    assert failed.value.hint == f"the fleet keeps the version before. {first}, {second} went back"
    assert versions(fleet) == ["1"] * 3

    blocked.rmdir()
    assert list(fleet.promote(two)) == [first, second, third]
    assert versions(fleet) == ["2"] * 3


def lose_a_node(nodes: Any, fleet: podium.ray.Fleet) -> tuple[float, Ids]:
    """A node dies under load, and one joins; how long a server was missing, and what was confirmed."""
    before = fleet.servers()
    head = nodes.head_node.node_id
    killed = next(one for one in nodes.worker_nodes if one.node_id != head)
    (lost,) = (one for one in before if one.node == killed.node_id)
    stay = [one.address for one in before if one is not lost]
    load = Load([one.address for one in before])
    try:
        waiting_until(lambda: all(len(ids) > 5 for ids in load.ids.values()))
        began_s = time.monotonic()
        nodes.remove_node(killed, allow_graceful=False)
        signal_all(lost.pid, signal.SIGKILL)
        waiting_until(lambda: are_ready(fleet, 2))
        assert killed.node_id not in {one.node for one in fleet.servers()}
        nodes.add_node(num_cpus=1, object_store_memory=STORE)
        waiting_until(lambda: are_ready(fleet))
        missing_s = time.monotonic() - began_s
        n_before = len(load.ids[lost.address])
        waiting_until(lambda: len(load.ids[lost.address]) > n_before + 5)
    finally:
        load.stop()

    (joined,) = {one.node for one in fleet.servers()} - {one.node for one in before}
    assert joined in {one.node_id for one in nodes.worker_nodes}
    assert [load.failures[one] for one in stay] == [[], []]
    assert load.failures[lost.address]
    return missing_s, load.ids


def end_processes(fleet: podium.ray.Fleet) -> None:
    """A server, and the keeper, are there again after their processes were killed."""
    import ray

    last = fleet.servers()[-1]
    signal_all(last.pid, signal.SIGKILL)
    waiting_until(lambda: fleet.servers()[-1].n_starts > last.n_starts and are_ready(fleet))
    keeper = ray.get_actor(keeper_name(fleet.name), namespace=NAMESPACE)
    ray.kill(keeper, no_restart=False)
    waiting_until(lambda: are_ready(fleet))
    assert versions(fleet) == ["2"] * 3


def stop_one_that_changed(fleet: podium.ray.Fleet, home: Path, folder: Path) -> None:
    """The first server hangs after it followed and before the last one fails: this is said."""
    first, second, last = fleet.servers()
    four = packed(folder, 4)
    digest = podium.load(four).digest
    blocked = home / f"sums-{last.address.rpartition(':')[2]}" / "versions" / f"{digest}.fetched"
    blocked.mkdir()

    def hang() -> None:
        waiting_until(lambda: predict(second.address)["version"] == "4")
        signal_all(first.pid, signal.SIGSTOP)

    hangs = threading.Thread(target=hang)
    hangs.start()
    try:
        with pytest.raises(UnusableVersion) as failed:
            fleet.promote(four)
    finally:
        hangs.join()
        signal_all(first.pid, signal.SIGCONT)
        blocked.rmdir()
    assert f"{first.address} didn't yet: it didn't follow within" in failed.value.hint
    waiting_until(lambda: versions(fleet) == ["2"] * 3)


@pytest.mark.timeout(900 if IS_LONG else 300)
def test_a_fleet_outlives_its_nodes_and_changes_versions(nodes, tmp_path):
    port, home = free_ports(4), tmp_path / "home"
    confirmed: list[Ids] = []
    fleet = podium.ray.fleet(
        packed(tmp_path, 1),
        open=True,
        home=str(home),
        port=port,
        name="sums",
        address=nodes.address,
    )
    try:
        assert are_ready(fleet)
        assert versions(fleet) == ["1"] * 3
        change_versions(fleet, home, tmp_path)
        for _ in range(5 if IS_LONG else 1):
            missing_s, ids = lose_a_node(nodes, fleet)
            confirmed.append(ids)
            print(f"a server was missing for {missing_s:.1f} s")
            assert missing_s < 30 or not IS_LONG
            assert versions(fleet) == ["2"] * 3
        if IS_LONG:
            end_processes(fleet)
            stop_one_that_changed(fleet, home, tmp_path)
            nodes.add_node(num_cpus=1, object_store_memory=STORE)
            waiting_until(lambda: are_ready(fleet, 4))
            assert versions(fleet) == ["2"] * 4
    finally:
        fleet.stop()
    for ids in confirmed:
        assert all(ids.values())
        assert [missing(home, address, those) for address, those in ids.items()] == [[]] * 3
    for address in confirmed[0]:
        with pytest.raises(urllib.error.URLError):
            predict(address)
