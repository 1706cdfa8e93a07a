"""What several servers count together, through a Redis that may be away."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import pytest

from podium.access import Actor
from podium.errors import SetupError
from podium.policy.quota import Quota
from podium.policy.quota_exchange import DEBT_MAX_S, QuotaExchange, open_exchange
from podium.settings import Settings
from podium.testing.databases import ValkeyServer

ADA = Actor("ada", "Ada")
WAIT_S = 60.0


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Callable[..., Quota]]:
    """Makes the quota of one server, on a machine of its own."""
    with ExitStack() as servers:

        def make(address: str, name: str, **limits: int) -> Quota:
            exchange = QuotaExchange(address)
            (tmp_path / name).mkdir()
            quota = servers.enter_context(
                closing(Quota(Settings(**limits), tmp_path / name, exchange))
            )
            servers.enter_context(closing(exchange))
            return quota

        yield make


def used_up(quota: Quota) -> bool:
    """Whether it refuses a request, once it knows of the others."""
    return quota.take(ADA, "").retry_after_s > 0


def soon(condition: Callable[[], bool]) -> bool:
    """Whether it holds before long."""
    until_s = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > until_s:
            return False
        time.sleep(0.02)
    return True


def test_servers_share_one_quota(made, valkey):
    address = valkey.new_database()
    one, other = (made(address, name, quota_user=6) for name in "ab")

    first = [one.take(ADA, "").retry_after_s for _ in range(6)]

    assert first == [0] * 6
    # What the other one accepts before it knows of them is made up for.
    assert soon(lambda: used_up(other))
    assert one.take(Actor("bob"), "").retry_after_s == 0


def test_what_was_too_much_is_made_up_for(made, valkey):
    address = valkey.new_database()
    servers = [made(address, name, quota_user=6) for name in "abc"]

    accepted = sum(server.take(ADA, "").retry_after_s == 0 for server in servers for _ in range(8))

    assert 6 <= accepted <= 18
    too_much_s = 10 * (accepted - 6)
    for server in servers:
        assert soon(partial(_waits_longer_than, server, too_much_s / 2))


def test_a_redis_that_forgot_everything_gives_nothing_back(made, valkey):
    from redis import Redis

    address = valkey.new_database()
    quota = made(address, "a", quota_user=1)
    quota.take(ADA, "")
    with closing(Redis.from_url(address)) as client:
        assert soon(lambda: client.dbsize() == 1)
        client.flushdb()
        refused = [used_up(quota)]
        assert soon(lambda: client.dbsize() == 1)
        # The second exchange begins after the first has ended.
        quota.take(Actor("bob"), "")
        assert soon(lambda: client.dbsize() == 2)
        refused.append(used_up(quota))

    assert refused == [True, True]


def test_the_debt_is_bounded_and_the_keys_expire(made, valkey):
    from redis import Redis

    address = valkey.new_database()
    quota = made(address, "a", quota_user=1)
    quota._exchange.add(7, 10 * DEBT_MAX_S, lambda *_: None)

    with closing(Redis.from_url(address)) as client:
        assert soon(lambda: client.dbsize() == 1)
        (key,) = client.keys("*")
        assert key == b"podium:quota:0000000000000007"
        assert DEBT_MAX_S - WAIT_S < client.ttl(key) <= DEBT_MAX_S + 2


def test_without_redis_each_server_counts_for_itself_and_says_so_once(made, caplog):
    with ValkeyServer() as server:
        address = server.new_database()
        one, other = (made(address, name, quota_user=4) for name in "ab")
        server.stop(signal.SIGKILL)
        caplog.set_level(logging.WARNING, "podium")

        began_s = time.perf_counter()
        verdicts = [quota.take(ADA, "").retry_after_s > 0 for quota in (one, other) * 5]
        took_s = time.perf_counter() - began_s

        assert verdicts == [False] * 8 + [True] * 2
        assert took_s < 1, "no request waits for it"
        assert soon(lambda: _n_logged(caplog, "down") == 2)
        assert "quota_store_down redis://127.0.0.1" in caplog.text
        server.start()

        assert soon(lambda: used_up(one) and used_up(other) and _n_logged(caplog, "up") == 2)
        assert _n_logged(caplog, "down") == 2


def _waits_longer_than(quota: Quota, seconds: float) -> bool:
    return quota.take(ADA, "").retry_after_s > seconds


def _n_logged(caplog: pytest.LogCaptureFixture, event: str) -> int:
    return sum(f"quota_store_{event} " in one.getMessage() for one in caplog.records)


def test_an_address_that_cannot_be_used_is_refused_at_the_start():
    assert open_exchange("") is None
    for address in ("http://127.0.0.1", "redis://", "redis://a:b:c", "redis://h?no_option=1"):
        with pytest.raises(SetupError, match="URL of Redis is invalid"):
            open_exchange(address)
