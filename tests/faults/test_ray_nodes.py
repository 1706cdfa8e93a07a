"""Nodes of a Ray cluster that are killed and join: the fleet's servers on three nodes of this machine."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
import podium.ray
from podium.errors import UnusableVersion

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="servers end with their actors on Linux"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

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
    with urllib.request.urlopen(request, timeout=20) as response:
        found: dict[str, Any] = json.load(response)
        return found


class Load:
    """Requests to some servers, one after the other, until it is stopped."""

    def __init__(self, addresses: list[str]) -> None:
        self.ids: dict[str, list[str]] = {one: [] for one in addresses}
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.01):
            for address, ids in self.ids.items():
                try:
                    ids.append(predict(address)["id"])
                except OSError as error:
                    self.failures.append(f"{address}: {error}")

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


def recorded(home: Path) -> int:
    path = home / "podium.db"
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    (tables,) = connection.execute("SELECT count(*) FROM record")
    connection.close()
    return int(tables[0])


def test_a_fleet_outlives_its_nodes_and_changes_versions(nodes, tmp_path):
    port, home = free_ports(4), tmp_path / "home"
    one, two = packed(tmp_path, 1), packed(tmp_path, 2)
    fleet = podium.ray.fleet(
        one, open=True, home=str(home), port=port, name="sums", address=nodes.address
    )
    try:
        first = fleet.servers()
        assert [one.status for one in first] == ["ready"] * 3
        assert [predict(one.address)["version"] for one in first] == ["1"] * 3

        with pytest.raises(UnusableVersion, match="requires the field"):
            fleet.promote(packed(tmp_path, 3, "y"))
        assert [predict(one.address)["version"] for one in first] == ["1"] * 3
        assert list(fleet.promote(two)) == [one.address for one in first]
        assert [predict(one.address)["version"] for one in first] == ["2"] * 3

        head = nodes.head_node.node_id
        killed = next(one for one in nodes.worker_nodes if one.node_id != head)
        stay = [one.address for one in first if one.node != killed.node_id]
        load = Load(stay)
        nodes.remove_node(killed, allow_graceful=False)
        began_s = time.monotonic()
        nodes.add_node(num_cpus=1, object_store_memory=STORE)
        while not is_whole(fleet) and time.monotonic() < began_s + 60:
            time.sleep(0.2)
        last = fleet.servers()
        load.stop()

        assert is_whole(fleet)
        assert {one.node for one in last} != {one.node for one in first}
        assert [predict(one.address)["version"] for one in last] == ["2"] * 3
        assert load.failures == []
    finally:
        fleet.stop()
    for address, ids in load.ids.items():
        n_before = 3  # one with each of the first versions, and one after the refused one
        found = recorded(home / f"sums-{address.rpartition(':')[2]}")
        assert found >= len(set(ids)) + n_before
    with pytest.raises(urllib.error.URLError):
        predict(last[0].address)


def is_whole(fleet: podium.ray.Fleet) -> bool:
    return [one.status for one in fleet.servers()] == ["ready"] * 3
