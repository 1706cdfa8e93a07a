"""Clients that generators write from the API's document, unchanged, against a real server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from podium.testing import ServerProcess

pytestmark = pytest.mark.slow

MODELS = '''
"""Models of the tests."""

import datetime as dt
from typing import Annotated, Literal

import podium


@podium.model
def loans(
    age: Annotated[int, podium.Range(0, 120)],
    income: float | None,
    member: bool,
    plan: Literal["basic", "pro"],
    rooms: Literal[1, 2, 3] | None,
    since: dt.date,
    asked: dt.datetime | None = None,
) -> dict[Literal["no", "yes"], float]:
    """Whether a loan is granted."""
    yes = 0.75 if member and plan == "pro" else 0.25
    return {"no": 1 - yes, "yes": yes}


@podium.model(name="two-numbers")
def two(x: float) -> tuple[float, float]:
    """Twice and thrice."""
    return 2 * x, 3 * x
'''
GENERATED = """
import datetime as dt
import sys

from generated import Client
from generated.api.all_models import list_models
from generated.api.loans import add_feedback_loans, get_loans, predict_loans
from generated.models import *

client = Client(sys.argv[1], raise_on_unexpected_status=True)
row = LoansRow(41, True, LoansRowPlan.PRO, dt.date(2024, 3, 1), income=1000.5, rooms=None)
one = predict_loans.sync(client=client, body=row, idempotency_key="a-key")
assert type(one) is LoansAnswer and one.prediction.value == "yes", one
assert predict_loans.sync(client=client, body=row, idempotency_key="a-key") == one
several = predict_loans.sync(client=client, body=[row, row])
assert type(several) is LoansAnswers and len(set(several.ids)) == 2, several
columns = LoansColumns([41], [True], [LoansColumnsPlan.PRO], [dt.date(2024, 3, 1)])
assert predict_loans.sync(client=client, body=columns).predictions[0].value == "yes"
row.age = 121
problem = predict_loans.sync(client=client, body=row)
assert type(problem) is Problem and problem.cells[0].field == "age", problem
assert [one.name for one in list_models.sync(client=client).models] == ["loans", "two-numbers"]
assert get_loans.sync(client=client).version == one.version
print("done")
"""
TYPED = """
import type { components, paths } from "./api";

type Predict = paths["/api/models/loans/predict"]["post"];
type Answer = Predict["responses"]["200"]["content"]["application/json"];
const row: components["schemas"]["loans_row"] = {
  age: 41, member: true, plan: "pro", since: "2024-03-01", income: null, rooms: "2",
};
const body: Predict["requestBody"]["content"]["application/json"] = [row, row];
export function labels(answer: Answer): ("no" | "yes")[] {
  return "predictions" in answer ? answer.predictions : [answer.prediction];
}
// @ts-expect-error: the field is missing
export const odd: components["schemas"]["loans_row"] = { member: true, plan: "pro", since: "" };
export const sent = JSON.stringify(body);
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("generated")
    (folder / "generated_models.py").write_text(MODELS)
    models = [f"{folder}/generated_models.py:{name}" for name in ("loans", "two")]
    with ServerProcess(*models, home=folder / "home") as server:
        yield server


def run(*command: str | Path, cwd: Path) -> str:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # ruff is there
    environment = {**os.environ, "PATH": path}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, env=environment, timeout=240
    )
    assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-5_000:]
    return done.stdout


def test_openapi_python_client_writes_a_client_that_predicts(
    server: ServerProcess, clients_python: Path, tmp_path: Path
) -> None:
    (tmp_path / "openapi.json").write_bytes(httpx.get(f"{server.address}/openapi.json").content)
    (tmp_path / "use.py").write_text(GENERATED)
    options = ["--path", "openapi.json", "--output-path", "generated", "--meta", "none"]

    run(
        *(clients_python, "-m", "openapi_python_client", "generate", *options),
        "--fail-on-warning",
        cwd=tmp_path,
    )

    assert run(clients_python, "use.py", server.address, cwd=tmp_path) == "done\n"


@pytest.mark.parametrize("query", ["", "?formats=all"])
def test_openapi_typescript_writes_types_that_compile(
    server: ServerProcess, typescript: Path, tmp_path: Path, query: str
) -> None:
    document = httpx.get(f"{server.address}/openapi.json{query}").content
    (tmp_path / "openapi.json").write_bytes(document)
    (tmp_path / "use.ts").write_text(TYPED)

    run(
        *("node", typescript / "openapi-typescript" / "bin" / "cli.js"),
        *("openapi.json", "-o", "api.ts"),
        cwd=tmp_path,
    )
    run(
        *("node", typescript / "typescript" / "bin" / "tsc", "--strict", "--noEmit"),
        *("--lib", "es2022", "use.ts"),
        cwd=tmp_path,
    )
