from __future__ import annotations

import socket
import sys

import pytest

from podium.errors import MissingExtra, SetupError
from podium.hosts.grpc.serving import reserved
from podium.settings import Settings


def test_a_port_is_chosen_and_held_until_the_end():
    with reserved(Settings(grpc_port=0)) as settings:
        port = settings.grpc_port
        with pytest.raises(SetupError, match=f"127.0.0.1:{port} for gRPC"):
            reserved(Settings(grpc_port=port)).__enter__()
        with socket.socket() as other:
            # As the workers do.
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            other.bind(("127.0.0.1", port))

    with reserved(Settings(grpc_port=port)) as again:
        assert again.grpc_port == port > 0


def test_without_a_port_nothing_is_needed(monkeypatch):
    monkeypatch.setitem(sys.modules, "grpc", None)

    with reserved(Settings()) as settings:
        assert settings.grpc_port is None


def test_the_port_of_a_protocol_that_is_turned_off_is_refused():
    with pytest.raises(SetupError, match="v2, isn't in protocols") as refused:
        reserved(Settings(grpc_port=0, protocols=())).__enter__()

    assert refused.value.hint == 'add it, as in protocols = ["v2"], or leave grpc_port out'


def test_a_missing_library_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "grpc_health", None)

    with pytest.raises(MissingExtra, match="'grpc'"), reserved(Settings(grpc_port=0)):
        pass


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid"])
def test_an_address_of_another_machine_is_refused(host):
    with pytest.raises(SetupError, match="for gRPC"), reserved(Settings(grpc_port=0, host=host)):
        pass
