"""tritonclient and kserve, unchanged, against a real server; and the same requests without them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import podium
from podium.testing import ServerProcess

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("v2_clients.py")
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "triton.md"
LABELS = ["setosa", "virginica"]
INFER = "/v2/models/iris/infer"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> podium.Bundle:
    x, numbers = load_iris(return_X_y=True, as_frame=True)
    x.columns = ["sl", "sw", "pl", "pw"]
    y = np.array(["setosa", "versicolor", "virginica"])[numbers]
    model = LogisticRegression(max_iter=500).fit(x, y)
    return podium.pack(model, x, y, name="iris", path=tmp_path_factory.mktemp("iris"))


@pytest.fixture(scope="module")
def server(
    bundle: podium.Bundle, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    home = tmp_path_factory.mktemp("home")
    environment = {"PODIUM_V2_SERVER_NAME": "triton"}
    with ServerProcess(str(bundle.path), home=home, environment=environment) as process:
        yield process


@pytest.fixture(scope="module")
def printed(server: ServerProcess, bundle: podium.Bundle, clients_python: Path) -> Any:
    address = server.address.removeprefix("http://")
    command = [clients_python, SCRIPT, address, bundle.version]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_tritonclient_finds_the_server_and_the_model(printed: Any, bundle: podium.Bundle):
    found = printed["triton"]

    assert found["ready"] == [True, True, True]
    assert found["not ready"] == [False, False]
    assert found["server"] == "triton"
    assert found["versions"] == [bundle.version]
    assert found["inputs"] == ["sl", "sw", "pl", "pw"]
    assert (found["config"], found["index"], found["load"]) == ("iris", ["READY"], None)


def test_tritonclient_gets_predictions_by_both_shapes_and_both_forms(printed: Any):
    found = printed["triton"]

    assert found["by field"] == found["picked"] == printed["aio"] == LABELS
    assert found["id"] == "7"
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in found["ids"])
    assert found["outputs"] == ["prediction", "probabilities"]
    assert [round(sum(row), 9) for row in found["probabilities"]] == [1, 1]


def test_statistics_count_what_was_asked(printed: Any):
    statistics = printed["triton"]["statistics"]

    assert statistics["inference_count"] == 4
    assert statistics["inference_stats"]["success"]["count"] == 2
    assert statistics["inference_stats"]["success"]["ns"] > 0
    assert 1 <= statistics["execution_count"] <= 2


@pytest.mark.parametrize(
    ("case", "status", "text"),
    [
        ("unload", "[400]", "failed to unload 'iris'"),
        ("unknown model", "[404]", "Request for unknown model: 'nope' is not found"),
        ("unknown version", "[404]", "no loaded version of 'iris' is called '9'"),
        ("missing fields", "[400]", "sw: is missing"),
        ("shape", "[400]", "the shape [2, 3]"),
        ("nan", "[400]", "sl: is missing"),
        ("output", "[400]", "unexpected inference output 'nope'"),
        ("trace", "[404]", "there is nothing at /v2/trace/setting"),
    ],
)
def test_tritonclient_is_told_what_is_wrong(printed: Any, case: str, status: str, text: str):
    found = printed["triton"]["errors"][case]

    assert found[0] == status.strip("[]")
    assert text in found[1]


def test_kserves_client_gets_the_same(printed: Any):
    found = printed["kserve"]

    assert (found["ready"], found["models"]) == ([True, True], [True, False])
    assert found["binary False"] == found["binary True"] == LABELS
    assert "Request for unknown model: 'nope' is not found" in found["error"]


def test_the_documented_program_runs(server: ServerProcess, clients_python: Path):
    found = re.search(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    program = found[1].replace("127.0.0.1:8000", server.address.removeprefix("http://"))

    done = subprocess.run(
        [clients_python, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "setosa" in done.stdout


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", {}),
        (b"[]", {}),
        (b"{", {}),
        (b'{"inputs": []}', {}),
        (b'{"inputs": [{"name": "x", "shape": [1e99], "datatype": "FP64", "data": [1]}]}', {}),
        (b'{"inputs": [{"name": "x", "shape": [1], "datatype": "FP64"}]}', {}),
        (b'{"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP64", "data": [[1]]}]}', {}),
        (b'{"inputs": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", {}),
        (b'{"inputs": []}', {"inference-header-content-length": "-1"}),
        (b'{"inputs": []}', {"inference-header-content-length": "999"}),
        (b'{"inputs": []} ', {"inference-header-content-length": "14"}),
        (b"\xff\xfe", {}),
    ],
)
def test_what_is_no_request_gets_400_and_an_error(server: ServerProcess, body, headers):
    reply = httpx.post(server.address + INFER, content=body, headers=headers)

    assert reply.status_code == 400
    assert list(reply.json()) == ["error"]


def test_a_repeated_request_gets_the_same_bytes(server: ServerProcess):
    tensor = {"name": "x", "shape": [1, 4], "datatype": "FP64", "data": [5.1, 3.5, 1.4, 0.2]}
    asked = {"inputs": [tensor], "parameters": {"binary_data_output": True}}
    headers = {"idempotency-key": "once"}

    first, again = (
        httpx.post(server.address + INFER, json=asked, headers=headers) for _ in range(2)
    )

    assert first.status_code == again.status_code == 200
    assert first.content == again.content
    length = int(again.headers["inference-header-content-length"])
    assert json.loads(again.content[:length])["model_name"] == "iris"
    assert again.headers["idempotency-replayed"] == "true"
