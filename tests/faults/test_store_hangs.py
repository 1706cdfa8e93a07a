"""A database that answers nothing at all keeps nobody from what doesn't need it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path

import pytest

from podium.testing import ServerProcess
from podium.testing.databases import PostgresServer

sys.path.insert(0, str(Path(__file__).parents[1] / "hosts"))
sys.path.insert(0, str(Path(__file__).parent))
from accounts_visitor import Visitor
from asking import SCALE, Asker, Reply, request_of

BUNDLE = str(Path(__file__).parents[1] / "formats" / "logistic-1.podium")

N_PAGES = 60
# A busy machine answers in some tenths of a second; the faults took 5 s and more.
QUICK_S = 3.0
WAITED_S = 60.0  # 0.1 to 2 s where nothing else runs
# Replies to what needs no database, and the statuses of the pages that do.
Played = tuple[list[Reply], list[int]]
PATHS = ("/livez", "/readyz", "/", "/models/fragile", "/docs", "/favicon.ico")


@pytest.fixture(scope="module")
def database() -> Iterator[PostgresServer]:
    """A server of this module: each test freezes or stops it, and lets it go on."""
    with PostgresServer() as database:
        yield database


@pytest.fixture(scope="module")
def server(database, bundles, search, tmp_path_factory) -> Iterator[ServerProcess]:
    """A server of Podium on it, which has recorded something before each fault, and gets over it."""
    environment = search | {"PODIUM_STORE": database.new_database()}
    home = tmp_path_factory.mktemp("hangs")
    with ServerProcess(*bundles, home=home, environment=environment) as server:
        yield server


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/html\r\n\r\n".encode()


def keyed(number: int) -> bytes:
    return request_of(number, extra=f"Idempotency-Key: key-{number}\r\n")


@pytest.mark.skipif(sys.platform != "linux", reason="all processes of a server are found on Linux")
def test_a_database_that_is_frozen_holds_up_pages_of_records_and_nothing_else(database, server):
    first = asyncio.run(ask_all(server.address, [request_of(1), get(RECORDS)]))
    database.pause()
    try:
        during, pages = quickest(lambda: play(server.address))
    finally:
        database.resume()
    after = asyncio.run(recovered(server.address))

    slowest_s = max(one.seconds for one in during)
    print(f"{N_PAGES} pages asked: all else within {slowest_s * 1e3:.0f} ms; pages {pages}")
    assert [one.status for one in first] == [200, 200]
    assert [one.status for one in during] == [200] * len(during)
    assert slowest_s < QUICK_S
    assert set(pages) == {503}
    assert after == 200


RECORDS = "/models/fragile/records"


def quickest(play: Callable[[], Coroutine[object, object, Played]]) -> Played:
    """What was played, once nothing was held up: a busy machine delays some of three, not all."""
    for _ in range(3):
        during, pages = asyncio.run(play())
        if max(one.seconds for one in during) < QUICK_S:
            break
    return during, pages


async def ask_all(address: str, requests: list[bytes]) -> list[Reply]:
    """The replies to requests, each on a connection of its own, one after the other."""
    replies = []
    for request in requests:
        asker = Asker(address)
        replies.append(await asker.ask(request))
        await asker.close()
    return replies


async def play(address: str) -> Played:
    """Replies to what needs no database, and the statuses of the pages that do."""
    askers = [Asker(address) for _ in range(N_PAGES)]
    asked = [asyncio.ensure_future(one.ask(get(RECORDS))) for one in askers]
    await asyncio.sleep(0.5)
    during = []
    for turn in range(2 * SCALE):
        during += await ask_all(address, [get(path) for path in PATHS])
        during += await ask_all(address, [request_of(turn), keyed(turn), keyed(turn)])
    # Clients that leave again and again take no page from those who stay.
    for _ in range(20):
        leaving = Asker(address)
        await leaving.send_and_leave(get(RECORDS))
    pages = [one.status for one in await asyncio.gather(*asked)]
    for asker in askers:
        await asker.close()
    during += await ask_all(address, [get(path) for path in PATHS])
    return during, pages


async def recovered(address: str) -> int:
    """The status of a page once it is answered again, or after a while."""
    until_s = time.monotonic() + 60
    status = 0
    while status != 200 and time.monotonic() < until_s:
        (reply,) = await ask_all(address, [get(RECORDS)])
        status = reply.status
    return status


@pytest.mark.skipif(sys.platform != "linux", reason="all processes of a server are found on Linux")
@pytest.mark.parametrize(
    ("fault", "is_asked"),
    [
        ("frozen", True),
        ("frozen", False),
        ("stopped", True),
        ("stopped", False),
        ("read-only", True),  # who writes nothing isn't refused
    ],
)
def test_readiness_shows_the_state_of_the_store_within_moments(database, server, fault, is_asked):
    asyncio.run(ask_all(server.address, [request_of(1), get(RECORDS)]))
    assert asyncio.run(seconds_until(server.address, "kept")) < WAITED_S
    begin, end = {
        "frozen": (database.pause, database.resume),
        "stopped": (database.stop, database.start),
        "read-only": (lambda: refuse(database, "on"), lambda: refuse(database, "off")),
    }[fault]
    begin()
    try:
        if is_asked:
            asyncio.run(ask_all(server.address, [request_of(2)]))
        away_s = asyncio.run(seconds_until(server.address, "waiting for the store"))
    finally:
        end()
    back_s = asyncio.run(seconds_until(server.address, "kept"))

    print(f"{fault}: told after {away_s:.1f} s; back after {back_s:.1f} s")
    assert away_s < WAITED_S
    assert back_s < WAITED_S


def refuse(database: PostgresServer, to: str) -> None:
    """Have the server refuse what is written to it, or no more."""
    from sqlalchemy import text

    from podium.records.stores.sql_engine import engine_of

    engine = engine_of(database.address_of("postgres"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET default_transaction_read_only = off"))
        connection.execute(text(f"ALTER SYSTEM SET default_transaction_read_only = {to}"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()
    time.sleep(0.2)


async def seconds_until(address: str, state: str) -> float:
    """How long it takes until `/readyz` says so of the records."""
    began_s = time.monotonic()
    while time.monotonic() - began_s < WAITED_S:
        (reply,) = await ask_all(address, [get("/readyz")])
        assert reply.status == 200, reply.json()
        if reply.json()["records"] == state:
            break
        await asyncio.sleep(0.05)
    return time.monotonic() - began_s


@pytest.mark.skipif(sys.platform != "linux", reason="all processes of a server are found on Linux")
def test_behind_a_login_too_only_pages_of_records_wait_for_a_database_that_is_frozen(
    database, tmp_path
):
    environment = {"PODIUM_STORE": database.new_database()}
    with (
        ServerProcess(BUNDLE, "--accounts", home=tmp_path, environment=environment) as server,
        Visitor(server.address, timeout=30) as person,
    ):
        person.set_up(server.log)
        if not person.http.get("/models/logistic-1/records").is_success:
            person.log_in()
        before = person.http.get("/models/logistic-1/records").status_code
        cookie = "; ".join(f"{k}={v}" for k, v in person.http.cookies.items())
        database.pause()
        try:
            during, pages = quickest(lambda: behind_a_login(server.address, cookie))
        finally:
            database.resume()

    slowest_s = max(one.seconds for one in during)
    print(f"{N_PAGES} pages {sorted(set(pages))}; all else within {slowest_s * 1e3:.0f} ms")
    assert before == 200
    assert set(pages) == {503}
    assert [one.status for one in during] == [200] * len(during)
    assert slowest_s < QUICK_S


async def behind_a_login(address: str, cookie: str) -> Played:
    def page(path: str) -> bytes:
        return get(path).replace(b"\r\n\r\n", f"\r\nCookie: {cookie}\r\n\r\n".encode())

    askers = [Asker(address) for _ in range(N_PAGES)]
    asked = [asyncio.ensure_future(one.ask(page("/models/logistic-1/records"))) for one in askers]
    await asyncio.sleep(0.5)
    paths = ("/livez", "/readyz", "/models/logistic-1", "/")
    during = await ask_all(address, [page(path) for path in paths * 2])
    pages = [one.status for one in await asyncio.gather(*asked)]
    for asker in askers:
        await asker.close()
    return during, pages
