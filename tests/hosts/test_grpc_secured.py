"""gRPC of a server with accounts, quotas, TLS and two workers, until it is stopped."""

from __future__ import annotations

import json
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

sys.path.insert(0, str(Path(__file__).parent))
from accounts_visitor import Visitor
from test_grpc import ARGUMENTS, HERE, MODELS, NAMES, grpc_address

from podium.testing import ServerProcess

pytestmark = pytest.mark.slow
TOKEN = re.compile(r"pod_[0-9A-Za-z]{36}")
MORE = '''
import os


@podium.model
def process(number: float) -> float:
    """The id of the process."""
    return os.getpid()
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the models, and a certificate of an authority that nobody else knows."""
    folder = tmp_path_factory.mktemp("grpc")
    (folder / "grpc_models.py").write_text(MODELS + MORE)
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(str(folder / "own.pem"))
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ServerProcess]:
    own = str(folder / "own.pem")
    options = ("--accounts", "--workers", "2", "--tls-cert", own, "--tls-key", own)
    environment = {"PYTHONPATH": str(folder), "PODIUM_QUOTA_TOKEN": "1200"}
    with ServerProcess(
        *ARGUMENTS,
        "grpc_models:process",
        *options,
        home=folder / "home",
        environment=environment,
    ) as started:
        yield started


@pytest.fixture(scope="module")
def tokens(server: ServerProcess, folder: Path) -> dict[str, str]:
    """One that may do everything, one that may only predict, and one for another model."""
    forms = {
        "all": {"models": "*", "actions": "*"},
        "predicts": {"models": "*", "actions": "predict"},
        "other": {"models": "loans", "actions": "*"},
    }
    found = {}
    context = ssl.create_default_context(cafile=folder / "authority.pem")
    with Visitor(server.address, verify=context) as first:
        first.set_up(server.log)
    with Visitor(server.address, verify=context) as ada:
        ada.log_in()
        for name, form in forms.items():
            page = ada.send("/accounts/", {"name": name, "days": "7", **form})
            found[name] = TOKEN.findall(page.text)[0]
    # Each worker looks for new ones once in a while.
    headers = {"authorization": f"Bearer {found['other']}"}
    until, n_known = time.monotonic() + 60, 0
    while n_known < 12 and time.monotonic() < until:
        reply = httpx.get(f"{server.address}/api/models", headers=headers, verify=context)
        n_known = n_known + 1 if reply.is_success else 0
    return found


def started(server: ServerProcess, folder: Path, task: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(HERE / "grpc_raw.py"), task]
    return subprocess.Popen(
        [*command, grpc_address(server), str(folder / "authority.pem")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def called(server: ServerProcess, folder: Path, task: str, sent: str = "") -> Any:
    with started(server, folder, task) as client:
        out, error = client.communicate(sent + "\n", timeout=240)
    assert client.returncode == 0, error
    return json.loads(out)


def test_a_token_in_the_metadata_gives_the_rights_of_its_owner(server, folder, tokens):
    wrong = tokens["all"][:-1] + ("a" if tokens["all"][-1] != "a" else "b")

    found = called(server, folder, "rights", json.dumps({**tokens, "wrong": wrong}))

    everything = sorted([*NAMES, "process"])
    unknown, broken = "UNAUTHENTICATED", "INVALID_ARGUMENT"
    expected: dict[str, list[Any]] = {
        "all": ["OK", "OK", "OK", "OK", broken, ["OK", everything]],
        "predicts": ["OK", "OK", "OK", "PERMISSION_DENIED", broken, ["OK", everything]],
        "other": ["NOT_FOUND", "OK", "NOT_FOUND", "NOT_FOUND", broken, ["OK", ["loans"]]],
        "nobody": [unknown, "OK", unknown, unknown, unknown, [unknown, []]],
        "wrong": [unknown, "OK", unknown, unknown, unknown, [unknown, []]],
    }
    for name, statuses in expected.items():
        assert [one for key, one in found.items() if key.startswith(name)] == statuses


def test_without_tls_or_the_authority_there_is_no_connection(server, folder):
    assert called(server, folder, "plain") == ["UNAVAILABLE", "UNAVAILABLE"]


def test_each_worker_answers_connections_of_its_own(server, folder, tokens):
    assert called(server, folder, "workers", tokens["predicts"]) == 2


def test_a_caller_beyond_the_quota_is_told_when_to_try_again(server, folder, tokens):
    found = called(server, folder, "quota", tokens["predicts"])

    assert found["status"] == "RESOURCE_EXHAUSTED"
    assert 0 < found["n"] <= 2_400
    assert found["first"]["ratelimit-limit"] == "1200"
    assert int(found["after"]["retry-after"]) >= 1


def test_a_call_that_runs_when_the_server_is_stopped_gets_its_answer(server, folder, tokens):
    with started(server, folder, "drain") as client:
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdin.write(tokens["predicts"] + "\n")
        client.stdin.flush()
        assert client.stdout.readline() == "running\n"
        assert server.stop(signal.SIGTERM) == 0
        out, error = client.communicate("stopped\n", timeout=60)

    assert client.returncode == 0, error
    found = json.loads(out)
    assert found["answer"] == [1.0]
    assert found["health"] == [1, 2]  # SERVING, NOT_SERVING
    assert found["late"] == "UNAVAILABLE"
