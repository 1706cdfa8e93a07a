"""Three servers behind a balancer, with homes of their own and one PostgreSQL: one service."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.testing import ServerProcess
from podium.testing.databases import DatabaseServer
from podium.testing.databases.server import free_port

sys.path.insert(0, str(Path(__file__).parent))
from accounts_visitor import Visitor
from balancers import HAProxy

pytestmark = pytest.mark.slow

MODEL, FORM = "/api/models/sums", "/models/sums"
KEY = "a key that signs the cookies of all of these servers"
TOKEN = re.compile(r"pod_[0-9A-Za-z]{36}")
WAIT_S = 60


@dataclass
class Service:
    """The servers and what stands before them.

    Attributes:
        address: of the balancer.
        token: of an administrator.
    """

    address: str
    servers: list[ServerProcess]
    folder: Path
    token: str = ""

    @property
    def addresses(self) -> list[str]:
        return [one.address for one in self.servers]

    def send(self, method: str, path: str, address: str = "", **options: Any) -> httpx.Response:
        """A request with the token, on a connection of its own; to the balancer by default."""
        options["headers"] = {"authorization": f"Bearer {self.token}"} | options.get("headers", {})
        return httpx.request(method, f"{address or self.address}{path}", **options)

    def predict(self, address: str = "", **options: Any) -> httpx.Response:
        return self.send("POST", f"{MODEL}/predict", address, json={"x": 3}, **options)


def packed(folder: Path, factor: int) -> str:
    frame = pd.DataFrame({"x": np.arange(20.0)})
    model = LinearRegression().fit(frame, factor * frame["x"])
    path = folder / f"sums-{factor}.podium"
    podium.pack(model, frame, name="sums", version=str(factor), path=path)
    return str(path)


def soon(is_so: Callable[[], bool]) -> bool:
    until_s = time.monotonic() + WAIT_S
    while not is_so():
        if time.monotonic() > until_s:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture(scope="module")
def service(
    postgresql: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    bundle = packed(folder, 1)
    database, ports = postgresql.new_database(), [free_port() for _ in range(4)]
    environment = {
        "PODIUM_STORE": database,
        "PODIUM_ACCOUNTS_DATABASE": database,
        "PODIUM_ACCOUNTS_SECRET_KEY": KEY,
        "PODIUM_ACCOUNTS_URL": f"http://127.0.0.1:{ports[-1]}",
        "PODIUM_ACCOUNTS_PROXIES": "1",
        "PODIUM_DRAIN_S": "5",
    }
    servers = [
        ServerProcess(
            bundle, "--accounts", home=folder / str(port), environment=environment, port=port
        )
        for port in ports[:-1]
    ]
    with ExitStack() as stack:
        with ThreadPoolExecutor(len(servers)) as pool:
            list(pool.map(stack.enter_context, servers))
        balancer = stack.enter_context(HAProxy(folder, ports[-1], ports[:-1]))
        made = Service(balancer.address, servers, folder)
        links = [one.log for one in servers if "/accounts/set-up/" in one.log.read_text("utf-8")]
        with Visitor(made.address) as person:
            person.set_up(links[-1])
        with Visitor(made.address) as person:
            person.log_in()
            form = {"name": "nightly", "days": "7", "models": "*", "actions": "*"}
            made.token = TOKEN.findall(person.send("/accounts/", form).text)[0]
        assert soon(lambda: {made.predict(one).status_code for one in made.addresses} == {200})
        yield made
        for server in servers:  # at once, by Ctrl-C
            os.kill(server.pid, signal.SIGINT)


def test_records_of_each_server_are_found_on_all(service):
    ids = [service.predict(one).json()["id"] for one in (*service.addresses, service.address)]

    def found() -> set[int]:
        paths = [f"/api/records/{one}" for one in ids]
        return {
            service.send("GET", path, one).status_code
            for path in paths
            for one in service.addresses
        }

    assert soon(lambda: found() == {200})
