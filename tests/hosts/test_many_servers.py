"""Three servers behind balancers, with homes of their own and one PostgreSQL: one service."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
import trustme
from sklearn.linear_model import LinearRegression

import podium
from podium.records.open import open_store
from podium.records.store import RecordQuery, iter_pages
from podium.testing import ServerProcess
from podium.testing.databases import DatabaseServer
from podium.testing.databases.server import free_port

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))
sys.path.insert(0, str(Path(__file__).parent))
from accounts_visitor import Visitor
from asking import Asker, children_of
from balancers import HAProxy, Nginx
from socket_client import SocketClient

pytestmark = pytest.mark.slow

MODEL, FORM = "/api/models/sums", "/models/sums"
KEY = "a key that signs the cookies of all of these servers"
TOKEN = re.compile(r"pod_[0-9A-Za-z]{36}")
WAIT_S = 60
# Of each balancer, and how long each waits after an answer.
N_CLIENTS, PAUSE_S = 4, 0.02
QUOTA = 10


@dataclass
class Service:
    """The servers and what stands before them.

    Attributes:
        balancers: their addresses.
        token: of an administrator.
        second: the bundle of another version.
    """

    servers: list[ServerProcess]
    balancers: dict[str, str]
    database: str
    second: Path
    token: str = ""

    @property
    def addresses(self) -> list[str]:
        """Those of the servers."""
        return [one.address for one in self.servers]

    def send(self, method: str, url: str, **options: Any) -> httpx.Response:
        """A request with the token, on a connection of its own."""
        options["headers"] = {"authorization": f"Bearer {self.token}"} | options.get("headers", {})
        return httpx.request(method, url, **options)

    def predict(self, address: str, **options: Any) -> httpx.Response:
        return self.send("POST", f"{address}{MODEL}/predict", json={"x": 3}, **options)

    def everywhere(self, path: str) -> list[httpx.Response]:
        """What each server answers."""
        return [self.send("GET", f"{one}{path}") for one in self.addresses]

    def stored(self) -> list[str]:
        """The ids of all records in the database."""
        store = open_store(self.database)
        try:
            return [one.id for page in iter_pages(store, RecordQuery(model="sums")) for one in page]
        finally:
            store.close()


def packed(folder: Path, factor: int) -> Path:
    frame = pd.DataFrame({"x": np.arange(20.0)})
    model = LinearRegression().fit(frame, factor * frame["x"])
    path = folder / f"sums-{factor}.podium"
    podium.pack(model, frame, name="sums", version=str(factor), path=path)
    return path


def soon(is_so: Callable[[], bool]) -> bool:
    until_s = time.monotonic() + WAIT_S
    while not is_so():
        if time.monotonic() > until_s:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture(scope="module")
def service(
    postgresql: DatabaseServer, valkey: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    first, second = (packed(folder, factor) for factor in (1, 2))
    database, ports = postgresql.new_database(), [free_port() for _ in range(5)]
    environment = {
        "PODIUM_STORE": database,
        "PODIUM_REGISTRY": str(folder / "registry"),
        "PODIUM_QUOTA_STORE": valkey.new_database(),
        "PODIUM_QUOTA_ADDRESS": str(QUOTA),
        "PODIUM_DRAIN_S": "3",
        "PODIUM_ACCOUNTS_DATABASE": database,
        "PODIUM_ACCOUNTS_SECRET_KEY": KEY,
        "PODIUM_ACCOUNTS_URL": f"http://127.0.0.1:{ports[3]}",
        "PODIUM_ACCOUNTS_PROXIES": "1",
    }
    servers = [
        ServerProcess(
            *(str(first), "--accounts"), home=folder / name, environment=environment, port=port
        )
        for name, port in zip(("one", "two", "three"), ports[:3], strict=True)
    ]
    with ExitStack() as stack:
        with ThreadPoolExecutor(len(servers)) as pool:
            list(pool.map(stack.enter_context, servers))
        stack.callback(stop_at_once, servers)
        balancers = [
            stack.enter_context(one)
            for one in (HAProxy(folder, ports[3], ports[:3]), Nginx(folder, ports[4], ports[:3]))
        ]
        made = Service(servers, {one.title: one.address for one in balancers}, database, second)
        made.token = token_of(balancers[0].address, servers)
        assert soon(lambda: {made.predict(one).status_code for one in made.addresses} == {200})
        yield made


def stop_at_once(servers: list[ServerProcess]) -> None:
    """By a second signal: not after the seconds in which a server goes on answering."""
    with ThreadPoolExecutor(2 * len(servers)) as pool:
        list(pool.map(ServerProcess.stop, [*servers, *servers]))


def token_of(address: str, servers: list[ServerProcess]) -> str:
    """A token of the first administrator's, whose link a server printed."""
    links = [one.log for one in servers if "/accounts/set-up/" in one.log.read_text("utf-8")]
    with Visitor(address) as person:
        person.set_up(links[0])
    with Visitor(address) as person:
        person.log_in()
        form = {"name": "nightly", "days": "7", "models": "*", "actions": "*"}
        return TOKEN.findall(person.send("/accounts/", form).text)[0]


@pytest.fixture(params=["haproxy.cfg", "podium.conf"])
def balancer(service: Service, request: pytest.FixtureRequest) -> str:
    """The address of each."""
    return service.balancers[request.param]


@pytest.mark.parametrize("kind", [HAProxy, Nginx])
def test_each_configuration_of_the_page_is_valid_as_it_stands(kind, tmp_path):
    certificate = tmp_path / "models.pem"
    trustme.CA().issue_cert("models.example").private_key_and_cert_chain_pem.write_to_path(
        certificate
    )

    assert kind.check(tmp_path, certificate) == ""


def test_records_of_each_server_are_found_on_all(service):
    ids = [
        service.predict(one).json()["id"]
        for one in (*service.addresses, *service.balancers.values())
    ]

    def statuses() -> set[int]:
        found = [service.everywhere(f"/api/records/{one}") for one in ids]
        return {one.status_code for answers in found for one in answers}

    assert soon(lambda: statuses() == {200})


def test_one_login_is_valid_on_all_and_a_result_is_there_at_once(service, balancer):
    with Visitor(balancer) as person:
        person.log_in()
        elsewhere = [person.http.get(f"{one}{FORM}").url.path for one in service.addresses]
        results = [person.send(FORM, {"x": "3"}) for _ in range(4)]

    assert elsewhere == [FORM] * 3
    assert [(one.status_code, one.url.path.rpartition("/")[0]) for one in results] == [
        (200, f"{FORM}/results")
    ] * 4


def test_a_request_that_is_repeated_with_its_key_goes_to_the_server_that_knows_it(
    service, balancer
):
    headers = {"idempotency-key": f"order-7-{balancer}"}
    answers = [service.predict(balancer, headers=headers) for _ in range(6)]

    assert len({one.json()["id"] for one in answers}) == 1
    assert [one.headers.get("idempotency-replayed") for one in answers] == [None, *["true"] * 5]


def test_a_page_watches_through_the_balancer_and_metrics_are_for_those_inside(service, balancer):
    headers = {"Authorization": f"Bearer {service.token}"}
    with SocketClient(balancer, f"{MODEL}/monitor/stream", headers) as client:
        first = client.message()

    assert "series" in first
    assert service.send("GET", f"{balancer}/metrics").status_code == 404
    assert {one.status_code for one in service.everywhere("/metrics")} == {200}


def test_a_job_is_found_by_whoever_asks_for_it(service):
    first, *_ = addresses = list(service.balancers.values())
    sent = service.send(
        "POST",
        f"{first}{MODEL}/jobs",
        content=b"x\n1\n2\n",
        headers={"content-type": "text/csv"},
    )
    path = httpx.URL(sent.headers["location"]).path
    asked = [service.send("GET", f"{one}{path}") for one in addresses for _ in range(4)]

    assert sent.status_code == 202
    assert {one.status_code for one in asked} == {200}


def test_each_server_reports_what_all_have_counted(service):
    def counted() -> list[int]:
        return [one.json()["n_rows"] for one in service.everywhere(f"{MODEL}/monitor")]

    before = counted()[0]
    for _ in range(2):
        for address in service.addresses:
            service.predict(address)

    assert soon(lambda: min(counted()) >= before + 6)
    assert soon(lambda: len(set(counted())) == 1)


def test_all_serve_what_was_uploaded_and_promoted_on_one(service, balancer):
    old = service.predict(balancer).json()["version"]
    new = {"1": "2", "2": "1"}[old]
    uploaded = service.send(
        "POST",
        f"{balancer}{MODEL}/versions",
        content=service.second.read_bytes(),
        headers={"content-type": "application/octet-stream"},
    )
    promoted = service.send("PUT", f"{balancer}{MODEL}/aliases/champion", json={"version": new})

    assert uploaded.status_code in (200, 201), uploaded.text
    assert promoted.status_code == 200, promoted.text
    assert soon(
        lambda: {service.predict(one).json()["version"] for one in service.addresses} == {new}
    )
    listed = [one.json()["versions"] for one in service.everywhere(f"{MODEL}/versions")]
    shown = [[(one["version"], one["aliases"], one["is_live"]) for one in each] for each in listed]
    assert shown[0] == shown[1] == shown[2]


def test_servers_count_one_quota_by_the_address_that_the_balancer_saw(service, balancer):
    here = "127.0.0.2" if balancer.endswith(service.balancers["haproxy.cfg"][-6:]) else "127.0.0.3"
    statuses = []
    with httpx.Client(transport=httpx.HTTPTransport(local_address=here)) as client:
        for number in range(3 * QUOTA):
            headers = {"x-forwarded-for": f"192.0.2.{number}"}
            asked = client.post(f"{balancer}{MODEL}/predict", json={"x": 3}, headers=headers)
            statuses.append(asked.status_code)

    def answered(address: str) -> list[int]:
        headers = {"x-forwarded-for": address}
        return [
            httpx.post(f"{one}{MODEL}/predict", json={"x": 3}, headers=headers).status_code
            for one in service.addresses
        ]

    assert statuses[:QUOTA] == [401] * QUOTA  # anonymous, and counted all the same
    assert soon(lambda: answered(here) == [429] * 3)
    assert answered("192.0.2.1") == [401] * 3


@dataclass
class Load:
    """Clients that send requests until they shall not, and what they were answered."""

    service: Service
    ids: list[str] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    is_over: bool = False
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, address: str) -> None:
        body = b'{"x": 3}'
        head = (
            f"POST {MODEL}/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
        )
        request = f"{head}Authorization: Bearer {self.service.token}\r\n\r\n".encode() + body
        asker = Asker(address)
        while not self.is_over:
            reply = await asker.ask(request)
            if reply.status == 200:
                self.ids.append(reply.json()["id"])
                self.answered.set()
            else:
                self.failed.append(reply.status)
            await asyncio.sleep(PAUSE_S)
        await asker.close()

    async def more(self, n_answers: int) -> None:
        """Wait until so many more were answered."""
        wanted = len(self.ids) + n_answers
        async with asyncio.timeout(WAIT_S):
            while len(self.ids) < wanted:
                self.answered.clear()
                await self.answered.wait()


def under_load(service: Service, meanwhile: Callable[[Load], Any]) -> Load:
    """What clients of both balancers see while something happens to the servers."""
    load = Load(service)

    async def play() -> None:
        clients = [
            asyncio.create_task(load.ask(address))
            for address in service.balancers.values()
            for _ in range(N_CLIENTS)
        ]
        try:
            await load.more(200)
            await meanwhile(load)
            await load.more(200)
        finally:
            load.is_over = True
            await asyncio.gather(*clients)

    asyncio.run(play())
    return load


def n_answered(service: Service, server: ServerProcess) -> float:
    text = service.send("GET", f"{server.address}/metrics").text
    lines = re.findall(r'^podium_requests_total\{.*outcome="ok".*\} (\S+)', text, re.MULTILINE)
    return sum(map(float, lines))


def test_a_killed_server_loses_no_acknowledged_record_and_comes_back(service):
    killed = service.servers[1]

    async def kill_and_restart(load: Load) -> None:
        for pid in (killed.pid, *children_of(killed.pid)):
            os.kill(pid, signal.SIGKILL)
        killed.stop(signal.SIGKILL)
        await load.more(200)
        await asyncio.to_thread(killed.__enter__)
        answers = partial(soon, lambda: n_answered(service, killed) > 0)
        assert await asyncio.to_thread(answers)

    load = under_load(service, kill_and_restart)

    print(f"{len(load.ids)} answered, {len(load.failed)} failed: {set(load.failed)}")
    # Those that it was answering; what was sent to it afterwards went to another one.
    assert len(load.failed) <= 2 * 2 * N_CLIENTS
    assert soon(lambda: set(load.ids) <= set(service.stored()))
    assert len(set(load.ids)) == len(load.ids)


def test_a_server_that_is_stopped_fails_no_request(service):
    stopped = service.servers[2]

    async def stop(_: Load) -> None:
        assert await asyncio.to_thread(stopped.stop, signal.SIGTERM) == 0

    load = under_load(service, stop)

    assert load.failed == []
    assert soon(lambda: set(load.ids) <= set(service.stored()))
