"""`podium serve` where it can't listen: what it says, and what it proposes."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from podium.hosts.server.serving import free_port

BUNDLE = Path(__file__).parents[2] / "formats" / "logistic-1.podium"


@pytest.fixture
def busy() -> Iterator[int]:
    """A port at which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_port_in_use_is_an_error_that_names_a_free_one(
    podium_run: Callable[..., tuple[int, str, str]], busy: int, here: Path
) -> None:
    code, _, err = podium_run("serve", BUNDLE, "--port", busy)

    assert code == 1
    assert f"can't listen at 127.0.0.1:{busy}" in err
    found = re.search(r"--port (\d+)", err)
    assert found is not None
    with socket.create_server(("127.0.0.1", int(found[1]))):
        pass  # it is free
    assert list(here.iterdir()) == []


def test_an_address_of_another_machine_is_no_port_in_use(
    podium_run: Callable[..., tuple[int, str, str]], here: Path
) -> None:
    code, _, err = podium_run("serve", BUNDLE, "--host", "192.0.2.1", "--open")

    assert code == 1
    assert "an address of this machine" in err


def test_beyond_the_last_port_none_is_proposed() -> None:
    assert free_port("127.0.0.1", 65_536) == 0


@pytest.mark.slow
def test_on_a_terminal_it_asks_and_serves_at_the_free_one(
    open_terminal: Callable[..., Any], busy: int
) -> None:
    terminal = open_terminal("serve", BUNDLE, "--port", busy)
    terminal.answer("instead?", "y")
    terminal.read_until("Ctrl-C stops it")

    address = re.search(r"Podium is at (\S+)", terminal.told)

    assert address is not None
    assert httpx.get(f"{address[1]}/livez").status_code == 200
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.end() == 0


@pytest.mark.slow
def test_on_a_terminal_a_no_is_the_error(open_terminal: Callable[..., Any], busy: int) -> None:
    terminal = open_terminal("serve", BUNDLE, "--port", busy)
    terminal.answer("instead?", "n")

    assert terminal.end() == 1
    assert "can't listen" in terminal.told
