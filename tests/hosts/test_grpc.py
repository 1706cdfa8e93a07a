"""gRPC with the clients of Triton and KServe, unchanged, against real servers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.testing import ServerProcess

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
HOW_TO = HERE.parents[1] / "docs" / "how-to"
MODELS = '''
import time
from typing import Literal

import podium


@podium.model
def loans(age: float, income: float, plan: Literal["basic", "pro"]) -> dict[Literal["no", "yes"], float]:
    """Whether a loan is granted."""
    yes = 0.75 if plan == "pro" and age > 18 else 0.25
    return {"no": 1 - yes, "yes": yes}


@podium.model
def doubled(number: float) -> float:
    """Twice the number."""
    if number == 1313.25:
        raise ValueError("unlucky")
    return 2 * number


@podium.model
def churn(age: float, plan: Literal["basic", "pro"]) -> dict[Literal["no", "yes"], float]:
    """Whether a customer leaves."""
    return {"no": 0.75, "yes": 0.25} if plan == "pro" else {"no": 0.25, "yes": 0.75}


@podium.model
def iris(
    sl: float, sw: float, pl: float, pw: float
) -> dict[Literal["setosa", "virginica"], float]:
    """The species of an iris."""
    return {"setosa": 1.0, "virginica": 0.0} if pl < 3 else {"setosa": 0.0, "virginica": 1.0}


@podium.model
def slow(seconds: float) -> float:
    """A model that takes its time."""
    time.sleep(seconds)
    return seconds
'''
NAMES = ["churn", "doubled", "iris", "loans", "slow"]
ARGUMENTS = (*(f"grpc_models:{name}" for name in NAMES), "--grpc-port", "0")
BOTH = {
    "prediction": [["yes"], ["no"]],
    "probabilities": [[0.25, 0.75], [0.75, 0.25]],
}


def grpc_address(server: ServerProcess) -> str:
    found = re.search(r"gRPC +(\S+)", server.log.read_text())
    assert found is not None
    return found.group(1)


def called(python: Path | str, script: str, *arguments: str) -> Any:
    command = [str(python), str(HERE / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("grpc")
    (folder / "grpc_models.py").write_text(MODELS)
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ServerProcess]:
    environment = {"PYTHONPATH": str(folder)}
    with ServerProcess(*ARGUMENTS, home=folder / "home", environment=environment) as started:
        yield started


@pytest.fixture(scope="module")
def triton(server: ServerProcess, clients_python: Path) -> dict[str, Any]:
    found: dict[str, Any] = called(clients_python, "grpc_triton.py", grpc_address(server))
    return found


@pytest.fixture(scope="module")
def kserve(server: ServerProcess, clients_python: Path) -> dict[str, Any]:
    found: dict[str, Any] = called(clients_python, "grpc_kserve.py", grpc_address(server))
    return found


def test_tritons_client_sees_the_server(triton):
    assert triton["live"] is True
    assert triton["ready"] is True
    assert triton["server"]["name"] == "podium"
    models = triton["index"]["models"]
    assert sorted(one["name"] for one in models) == NAMES
    assert {one["state"] for one in models} == {"READY"}
    assert triton["memory"][0] == "StatusCode.UNIMPLEMENTED"


def test_tritons_client_sees_the_models(triton):
    assert triton["is ready"] is True
    assert triton["is ready with this version"] is False
    assert triton["nobody is ready"] is False
    found = triton["metadata"]
    assert [(one["name"], one["datatype"]) for one in found["inputs"]] == [
        ("age", "FP64"),
        ("income", "FP64"),
        ("plan", "BYTES"),
    ]
    assert [one["name"] for one in found["outputs"]] == ["prediction", "probabilities", "id"]
    assert found["outputs"][1]["shape"] == ["-1", "2"]
    config = triton["config"]["config"]
    assert config["input"][2] == {"name": "plan", "data_type": "TYPE_STRING", "dims": ["1"]}
    assert [one["name"] for one in triton["statistics"]["model_stats"]] == ["doubled"]
    assert len(triton["statistics of all"]["model_stats"]) == len(NAMES)


def test_models_are_loaded_and_unloaded_elsewhere(triton):
    assert triton["load"] is None
    assert triton["load a configuration"][0] == "StatusCode.INVALID_ARGUMENT"
    assert triton["unload"][0] == "StatusCode.INVALID_ARGUMENT"
    assert triton["is ready"] is True


@pytest.mark.parametrize("name", ["nobody", "a/b", "", "../x", "loans/stats", "ü?#%2f"])
def test_a_model_that_is_not_served_is_not_found_whatever_its_name(triton, name):
    code, text = triton[f"metadata of {name!r}"]

    assert code == "StatusCode.NOT_FOUND"
    assert text == f"Request for unknown model: '{name}' is not found"


def test_tritons_client_gets_predictions(triton):
    assert triton["loans"] == triton["compressed"] == BOTH
    assert triton["FP32"] == {"prediction": [[1.0]]}
    assert triton["INT64"] == {"prediction": [[4.0]]}
    assert triton["FP64"] == {"prediction": [[3.0]]}
    assert triton["one output"] == {"probabilities": BOTH["probabilities"]}
    assert triton["id"] == "seven"
    assert triton["aio"] == {"live": True, "results": [2.0 * n for n in range(100, 164)]}
    first, failed, last = triton["stream"]
    assert [first, last] == [{"prediction": [[2.0]]}, {"prediction": [[4.0]]}]
    assert "the model failed on these rows" in failed


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("no such output", "INVALID_ARGUMENT", "unexpected inference output 'nothing'"),
        ("classes", "INVALID_ARGUMENT", "has the parameter classification, which isn't supported"),
        ("shared memory", "INVALID_ARGUMENT", "'number' has the parameter shared_memory_region"),
        ("nobody", "NOT_FOUND", "Request for unknown model: 'nobody' is not found"),
        ("no such version", "NOT_FOUND", "77"),
        ("no field", "INVALID_ARGUMENT", "plan: is missing"),
        ("unknown label", "INVALID_ARGUMENT", "row 1, plan: isn't a known category"),
        ("another type", "INVALID_ARGUMENT", "row 0, age: is a text, not a number"),
        ("other lengths", "INVALID_ARGUMENT", "has 2 rows, while 'age' has 1"),
        ("too large", "RESOURCE_EXHAUSTED", "larger than max"),
        ("too many rows", "INVALID_ARGUMENT", "more than 100000 rows"),
        ("unlucky", "INTERNAL", "the model failed on these rows"),
        ("deadline", "DEADLINE_EXCEEDED", ""),
    ],
)
def test_tritons_client_is_told_what_is_wrong(triton, name, code, words):
    found, text = triton[name]

    assert found == f"StatusCode.{code}"
    assert words in text


def test_a_repeated_call_gets_the_same_records(triton):
    first, again = triton["ids of one key"]
    other, another = triton["ids of no key"]

    assert first == again
    assert len({*first, *other, *another}) == 6


def test_kserves_client_gets_predictions(kserve):
    assert kserve["live"] is True
    assert kserve["ready"] is True
    assert kserve["model ready"] is True
    assert kserve["nobody is ready"] is False
    assert kserve["typed"] == {
        "prediction": ["yes", "no"],
        "probabilities": [0.25, 0.75, 0.75, 0.25],
    }
    assert kserve["raw"] == {"prediction": [2.0, 4.0, 6.0]}
    assert kserve["single"] == {"prediction": [1.0]}
    assert kserve["nobody"][0] == "StatusCode.NOT_FOUND"
    assert kserve["bad cell"][0] == "StatusCode.INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("page", "printed"),
    [("grpc.md", ["no", "yes"]), ("triton.md", ["setosa", "virginica"])],
)
def test_the_documented_program_runs(server, clients_python, page, printed):
    blocks = re.findall(r"```python\n(.*?)```", (HOW_TO / page).read_text("utf-8"), re.DOTALL)
    (program,) = [one for one in blocks if "tritonclient.grpc" in one]
    program = program.replace("127.0.0.1:8001", grpc_address(server))

    done = subprocess.run(
        [clients_python, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 0, done.stderr
    assert re.findall(r"'(\w+)'", done.stdout) == printed


def test_calls_are_recorded_and_counted_as_requests_are(server, triton, kserve):
    records = httpx.get(f"{server.address}/models/loans/records.csv").text
    text = httpx.get(f"{server.address}/metrics").text

    assert re.search(r"20(\.0)?,9\.5,pro", records)
    counted = re.search(
        r'podium_requests_total\{model="loans",[^}]*lane="grpc",outcome="ok"\} (\d+)', text
    )
    assert counted is not None
    assert int(counted[1]) >= 8
    assert re.search(r'podium_requests_total\{[^}]*lane="grpc",outcome="invalid"\} [1-9]', text)


def test_no_message_makes_the_server_fail(server):
    seen = called(sys.executable, "grpc_raw.py", "fuzz", grpc_address(server), "")

    assert {"OK", "INVALID_ARGUMENT", "NOT_FOUND"} <= set(seen)


def test_health_and_reflection(server):
    found = called(sys.executable, "grpc_raw.py", "services", grpc_address(server), "")

    assert found["health"] == [1, 1]
    assert {"inference.GRPCInferenceService", "grpc.health.v1.Health"} <= set(found["services"])
    assert found["files"] == [1, 1]


def test_a_client_that_leaves_a_stream_costs_the_others_nothing(server):
    found = called(sys.executable, "grpc_raw.py", "stream", grpc_address(server), "")

    assert found == {"first": [2.0], "after": 10.0}


def test_a_call_that_is_too_late_does_not_reach_the_model(server):
    found = called(sys.executable, "grpc_raw.py", "deadline", grpc_address(server), "")

    assert found == {"late": "DEADLINE_EXCEEDED", "n_answered": 1}


def test_a_second_server_does_not_take_a_part_of_the_calls(server, folder):
    port = grpc_address(server).rpartition(":")[2]
    arguments = (*ARGUMENTS[:-1], port)

    with pytest.raises(RuntimeError, match=f"can't listen at 127.0.0.1:{port} for gRPC"):
        ServerProcess(
            *arguments, home=folder / "second", environment={"PYTHONPATH": str(folder)}
        ).__enter__()


def test_a_canary_answers_the_keys_that_it_answers_by_http(tmp_path):
    frame = pd.DataFrame({"number": np.arange(20.0)})
    first, second = (
        podium.pack(
            LinearRegression().fit(frame, np.full(20, constant)),
            frame,
            name="constant",
            version=str(constant),
            path=tmp_path / f"{constant}.podium",
        )
        for constant in (1, 2)
    )
    home = tmp_path / "home"
    app = podium.App(first, home=str(home))
    app.start()
    app.versions.registry.register(second)
    app.versions.set_traffic("constant", "2", share=0.5)
    app.close()

    with ServerProcess(str(first.path), "--grpc-port", "0", home=home) as server:
        by_grpc = called(sys.executable, "grpc_raw.py", "versions", grpc_address(server), "")
        url = f"{server.address}/api/models/constant/predict"
        by_http = [
            httpx.post(url, json={"number": 1}, headers={"podium-key": f"k{n}"}).json()["version"]
            for n in range(40)
        ]

    assert by_grpc == by_http
    assert set(by_grpc) == {"1", "2"}
