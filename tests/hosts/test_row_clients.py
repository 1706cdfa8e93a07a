"""Clients that send rows (KServe V1, MLflow, SageMaker), unchanged, and the documented programs."""

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

HERE = Path(__file__).parent
PAGES = HERE.parents[1] / "docs" / "how-to"
LABELS = ["setosa", "virginica"]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    x, numbers = load_iris(return_X_y=True, as_frame=True)
    x.columns = ["sl", "sw", "pl", "pw"]
    y = np.array(["setosa", "versicolor", "virginica"])[numbers]
    model = LogisticRegression(max_iter=500).fit(x, y)
    path = podium.pack(model, x, y, name="iris", path=tmp_path_factory.mktemp("iris")).path
    assert path is not None
    return path


@pytest.fixture(scope="module")
def server(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(str(packed), home=tmp_path_factory.mktemp("home")) as process:
        yield process


def run(command: list[Any]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def of_kserve(server: ServerProcess, clients_python: Path) -> Any:
    printed = run([clients_python, HERE / "kserve_client.py", server.address])
    return json.loads(printed.splitlines()[-1])


def test_kserves_client_gets_predictions(of_kserve: Any):
    assert of_kserve["live"] is of_kserve["ready"] is True
    for one in ("arrays", "objects"):
        assert of_kserve[one]["predictions"] == LABELS
        assert all(re.fullmatch("[0-9a-f]{32}", id_) for id_ in of_kserve[one]["ids"])


def test_kserves_client_gets_explanations(of_kserve: Any, server: ServerProcess):
    found = of_kserve["explained"]["explanations"]

    row = {"sl": 5.1, "sw": 3.5, "pl": 1.4, "pw": 0.2}
    own = httpx.post(f"{server.address}/api/models/iris/explain", json={"row": row}).json()
    assert len(found) == 2
    assert found[0] == {key: one for key, one in own.items() if key not in ("model", "version")}
    assert set(found[0]["contributions"]) == set(row)


@pytest.mark.parametrize(
    ("case", "status", "text"),
    [
        ("unknown model", 404, "Model with name nope does not exist."),
        ("not there", 404, "Model with name nope does not exist."),
        ("short row", 400, "row 0: has 2 values (accepted: 4 values: sl, sw, pl, pw)"),
        ("text", 400, "row 0, sl:"),
        ("no rows", 400, "there are no rows"),
        ("much to explain", 413, "18 rows are too many to explain at once"),
    ],
)
def test_kserves_client_is_told_what_is_wrong(of_kserve: Any, case: str, status: int, text: str):
    found = of_kserve["errors"][case]

    assert found[0] == status
    assert text in found[1]


@pytest.fixture(scope="module")
def of_mlflow(server: ServerProcess, clients_python: Path) -> Any:
    printed = run([clients_python, HERE / "mlflow_client.py", server.address])
    return json.loads(printed.splitlines()[-1])


def test_mlflows_client_gets_predictions(of_mlflow: Any):
    assert of_mlflow["version"] == podium.__version__
    for one in ("data frame", "array", "list", "records", "csv"):
        assert of_mlflow[one] == LABELS
    assert of_mlflow["as a data frame"] == [[0, label] for label in LABELS]


@pytest.mark.parametrize(
    ("case", "status", "text"),
    [
        ("missing value", 400, "row 1, sw: is missing"),
        ("missing column", 400, "sw: is missing"),
        ("text", 400, "row 0, sl:"),
        ("one value", 400, "BAD_REQUEST"),
    ],
)
def test_mlflows_client_is_told_what_is_wrong(of_mlflow: Any, case: str, status: int, text: str):
    found = of_mlflow["errors"][case]

    assert f"error code {status}" in found
    assert text in found


@pytest.fixture(scope="module")
def of_boto3(server: ServerProcess, clients_python: Path) -> Any:
    printed = run([clients_python, HERE / "sagemaker_client.py", server.address])
    return json.loads(printed.splitlines()[-1])


def test_boto3_gets_predictions(of_boto3: Any):
    assert of_boto3["csv"] == of_boto3["json"] == of_boto3["lines"] == LABELS
    assert of_boto3["as csv"] == "".join(f"{one}\n" for one in LABELS)
    assert of_boto3["content type"] == "text/csv; charset=utf-8"


@pytest.mark.parametrize(
    ("case", "kind", "status", "text"),
    [
        ("text", "ModelError", 422, "row 0, sl:"),
        ("short row", "ModelError", 422, "row 0: has 2 cells (accepted: 4 cells)"),
        ("no json", "ModelError", 400, "isn't JSON"),
        ("content type", "ModelError", 415, "application/x-npy"),
        ("unknown endpoint", "ValidationError", None, "Endpoint nope not found."),
        ("variant", "ValidationError", None, "no target-variant"),
    ],
)
def test_boto3_raises_the_errors_of_sagemaker(of_boto3: Any, case, kind, status, text):
    found = of_boto3["errors"][case]

    assert found[:2] == [kind, status]
    assert text in found[2]


@pytest.mark.parametrize("page", ["kserve.md", "mlflow.md", "sagemaker.md"])
def test_the_documented_program_runs(server: ServerProcess, clients_python: Path, page: str):
    found = re.search(r"```python\n(.*?)```", (PAGES / page).read_text("utf-8"), re.DOTALL)
    assert found is not None

    port = server.address.rpartition(":")[2]
    printed = run([clients_python, "-c", found[1].replace("8000", port)])

    assert "setosa" in printed


def test_the_argument_of_sagemaker_starts_a_container_as_its_variables_say(
    packed: Path, tmp_path: Path
):
    environment = {"PODIUM_MODELS": str(packed), "PODIUM_PROTOCOLS": "sagemaker"}
    with ServerProcess("serve", home=tmp_path, environment=environment) as process:
        assert httpx.get(f"{process.address}/ping").status_code == 200
        reply = httpx.post(
            f"{process.address}/invocations",
            content="5.1,3.5,1.4,0.2",
            headers={"content-type": "text/csv", "accept": "text/csv"},
        )
    assert reply.text.strip().startswith("setosa")
