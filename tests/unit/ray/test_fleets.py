"""Fleets that can't start, and say why before anything is started."""

from __future__ import annotations

import socket
import sys

import pytest

import podium.ray
from podium.cli.main import run
from podium.errors import MissingExtra, SetupError
from podium.ray.cluster import connect
from podium.ray.state import Rolled
from podium.settings import Settings

SHARED = {"enabled": True, "database": "postgresql://db/accounts", "secret_key": "k" * 50}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "there are no accounts"),
        ({"open": True, "name": "My Fleet"}, "can't be the name"),
        ({"accounts": True}, "accounts of its own"),
        ({"accounts": SHARED, "port": 0}, "the same on every node"),
        ({"open": True, "versions": {"sums": {"champion": "2"}}}, "which version answers"),
    ],
)
def test_what_can_not_work_for_several_servers_is_refused(options, said):
    with pytest.raises(SetupError, match=said):
        podium.ray.fleet("sums.podium", **options)


def test_an_address_where_nobody_listens_is_no_cluster():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"

    with pytest.raises(SetupError, match=f"no Ray cluster responds at {address}"):
        connect(address)


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(MissingExtra, match="ray"):
        connect("127.0.0.1:1")


def test_the_command_does_one_thing_at_a_time(capsys):
    codes = [run(["deploy", "sums.podium"]), run(["deploy", "--ray", "--stop", "--status"])]

    printed = capsys.readouterr().err
    assert codes == [1, 1]
    assert "podium deploy --ray MODELS" in printed
    assert "at a time" in printed


def test_settings_of_a_plan_are_those_that_were_changed():
    from podium.ray.fleets import _changed

    assert _changed(Settings(open=True, port=9000, store="sqlite:///x.db")) == {
        "open": True,
        "store": "sqlite:///x.db",
    }


def test_after_a_change_that_failed_it_is_said_which_servers_went_back():
    from podium.ray.fleets import _whereabouts

    changed, failed = ("http://a", "http://b"), "http://c"
    stuck = {"http://a": "it didn't follow"}
    rolled = [
        Rolled(failed=failed),
        Rolled(failed=failed, changed=changed),
        Rolled(failed=failed, changed=changed, stuck=stuck),
        Rolled(failed=failed, changed=changed[:1], stuck=stuck),
    ]

    kept = "the fleet keeps the version before"
    assert [_whereabouts(one) for one in rolled] == [
        kept,
        f"{kept}. http://a, http://b went back",
        f"{kept}. http://b went back; http://a didn't yet: it didn't follow",
        f"{kept}. No server went back; http://a didn't yet: it didn't follow",
    ]
