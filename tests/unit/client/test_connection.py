"""Addresses and tokens are checked, and a token appears nowhere."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

import podium
from podium.client.connection import VARIABLE, connection_to
from podium.client.retries import Retries
from podium.errors import SetupError

TOKEN = "pod_secret-token-123"


@pytest.mark.parametrize(
    "address", ["", "127.0.0.1:8000", "ftp://x", "http://", "http://u:p@x", "http://x/?a=1"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(SetupError, match="address"):
        podium.Client(address)


@pytest.mark.parametrize("token", ["two words", "é", "a\nb", "a\0b"])
def test_a_token_that_is_none_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(SetupError) as refused:
        podium.Client("http://127.0.0.1:8000", token=token)

    assert token not in str(refused.value)


def test_a_token_is_in_no_representation_log_or_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, free_port: int
) -> None:
    monkeypatch.setenv(VARIABLE, f" {TOKEN}\n")
    caplog.set_level(logging.DEBUG)

    connection = connection_to("http://x", None, 1.0, 3, True, 4)
    with podium.Client(f"http://127.0.0.1:{free_port}", retries=0) as client:
        with pytest.raises(podium.PodiumError) as failed:
            client.models()
        shown = [repr(connection), repr(client), str(failed.value), repr(failed.value), caplog.text]

    assert connection.token == TOKEN
    assert client._http.headers["authorization"] == f"Bearer {TOKEN}"
    assert not [one for one in shown if TOKEN in one]
    assert connection_to("http://x", "", 1.0, Retries(), True, 4).token == ""


def test_importing_a_client_loads_nothing_of_the_server() -> None:
    code = (
        "import sys; import podium; podium.Client, podium.AsyncClient; "
        "print(*sorted(n for n in sys.modules if n.startswith('podium.') or n in "
        "('numpy', 'httpx', 'narwhals', 'apsw', 'uvicorn', 'jinja2')))"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()

    others = {name for name in loaded if not name.startswith("podium.client")}
    assert others == {"podium.errors", "podium.plugins", "podium.distribution"}
