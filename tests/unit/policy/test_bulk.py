"""Who may send bulk requests."""

from __future__ import annotations

import pytest

from podium.access import ANYONE, NOBODY, Actor
from podium.policy.authority import CallableAuthority, OpenAuthority
from podium.policy.bulk import is_local, may_send_bulk
from podium.settings import Settings


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Settings(), True),
        (Settings(host="::1", allowed_hosts=("localhost",)), True),
        (Settings(host="0.0.0.0"), False),
        (Settings(open=True), False),
        (Settings(allowed_hosts=("models.example",)), False),
    ],
)
def test_a_server_is_local_while_nothing_says_that_others_reach_it(settings, expected):
    assert is_local(settings) is expected


def test_those_who_are_known_may_and_others_only_on_a_local_server_without_accounts():
    accounts, open_ = CallableAuthority(lambda _: None), OpenAuthority()

    assert may_send_bulk(Actor("ada"), accounts, is_local=False)
    assert may_send_bulk(ANYONE, open_, is_local=True)
    assert not may_send_bulk(ANYONE, open_, is_local=False)
    assert not may_send_bulk(NOBODY, accounts, is_local=True)
