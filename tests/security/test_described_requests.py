"""Requests made of OpenAPI documents, good ones and bad ones: none is answered with a 5xx.

The documents are our own, that of the Open Inference Protocol v2, and that of the protocols that send
rows: KServe's V1, MLflow's and SageMaker's.

Three states: nobody asks, a token without rights, a token with rights; numbers come from the whole
range of doubles. `make soak` sends 2,000 of each kind to an operation.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression

sys.path.insert(0, str(Path(__file__).parent))
import oip_document
import row_document

import podium
from podium.testing import ServerProcess

FORMATS = Path(__file__).parents[1] / "formats"
N_CASES = 2_000 if os.environ.get("PODIUM_SOAK") else 40
NAMES = ("logistic-1", "forest-1", "boosted-1", "grows")
PATHS = (*(f"/api/models/{name}/predict" for name in NAMES), "/api/models", "/livez", "/readyz")
OIP = oip_document.document(NAMES, {"grows": ("x", "z")})
ROWS = row_document.document(NAMES, "grows", ("x", "z"))
SCRIPT = """
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import call_command
call_command("migrate", verbosity=0)
from podium.access import Action
from podium.hosts.django.permissions import codename, make_permissions
from podium.hosts.django.tokens import make_token
make_permissions([])
for name in ("eve", "ada"):
    user = get_user_model().objects.create_user(name, password="correct horse battery")
    if name == "ada":
        user.user_permissions.add(Permission.objects.get(codename=codename(Action.PREDICT)))
    print("TOKEN", name, make_token(user, "described")[1])
"""


@dataclass
class World:
    """A server with accounts, and what it says of itself to who may ask it."""

    address: str
    tokens: dict[str, str]
    schema: Any
    session: requests.Session


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("described")
    home = folder / "home"
    rows = pd.DataFrame({"x": np.arange(1.0, 101.0), "z": np.arange(100.0) % 7})
    grows = TransformedTargetRegressor(LinearRegression(), func=np.log, inverse_func=np.exp)
    podium.pack(grows.fit(rows, np.exp(rows.x)), rows, rows.x, name="grows", path=folder)
    command = [sys.executable, "-m", "podium", "manage", "--home", str(home), "shell", "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    tokens = dict(re.findall(r"TOKEN (\w+) (\S+)", done.stdout))
    bundles = [str(FORMATS / f"{name}.podium") for name in NAMES[:3]]
    bundles.append(str(folder / "grows.podium"))
    environment = {"PODIUM_INVOCATIONS_MODEL": "grows"}
    with ServerProcess(*bundles, "--accounts", home=home, environment=environment) as server:
        headers = {"authorization": f"Bearer {tokens['ada']}"}
        document = httpx.get(f"{server.address}/openapi.json?formats=all", headers=headers).json()
        with requests.Session() as session:
            schema = schemathesis.openapi.from_dict(document)
            yield World(server.address, tokens, schema, session)


def test_the_document_says_how_callers_are_known(world):
    document = world.schema.raw_schema

    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert document["security"] == [{"token": []}]
    assert document["paths"]["/livez"]["get"]["security"] == []


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("who", ["nobody", "eve", "ada"])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_no_request_causes_a_server_error(world, path, who, mode):
    method = "POST" if path.endswith("/predict") else "GET"
    if method == "GET" and mode.is_negative:
        return  # there is nothing that could be wrong with it

    statuses = sent(world, world.schema[path][method], who, mode)

    if method == "POST" and who != "ada":
        assert 200 not in statuses
    if method == "POST" and who == "ada" and mode.is_positive:
        assert 200 in statuses


OPERATIONS = [(path, method) for path, item in OIP["paths"].items() for method in item]


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("who", ["nobody", "ada"])
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_no_request_of_the_open_inference_protocol_causes_a_server_error(world, path, method, who):
    is_infer = path.endswith("/infer")
    operation = schemathesis.openapi.from_dict(OIP)[path][method]
    # Probes are for everybody; whoever may not see a model learns nothing of it.
    is_open = "/health/" in path
    modes = list(GenerationMode) if is_infer else [GenerationMode.POSITIVE]
    for mode in modes:
        n_cases = N_CASES // (2 if is_infer and who == "ada" else 8)

        statuses = sent(world, operation, who, mode, n_cases=n_cases)

        if who == "nobody" and not is_open:
            assert 200 not in statuses
        if path == "/v2/models/grows/infer" and who == "ada" and mode.is_positive:
            assert 200 in statuses


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("who", ["nobody", "ada"])
@pytest.mark.parametrize(
    ("path", "method"), [(path, method) for path, item in ROWS["paths"].items() for method in item]
)
def test_no_request_of_the_protocols_that_send_rows_causes_a_server_error(world, path, method, who):
    operation = schemathesis.openapi.from_dict(ROWS)[path][method]
    modes = list(GenerationMode) if method == "post" else [GenerationMode.POSITIVE]
    for mode in modes:
        n_cases = N_CASES // (2 if method == "post" and who == "ada" else 8)

        statuses = sent(world, operation, who, mode, n_cases=n_cases)

        if who == "nobody" and path != "/ping":
            assert 200 not in statuses
        if "grows" in path and who == "ada" and mode.is_positive:
            assert 200 in statuses


def sent(
    world: World, operation: Any, who: str, mode: GenerationMode, *, n_cases: int = N_CASES
) -> set[int]:
    """The statuses of many requests for an operation."""
    token = world.tokens.get(who)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    statuses = set()

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=n_cases, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    def send(case: schemathesis.Case) -> None:
        reply = case.call(base_url=world.address, headers=headers, session=world.session)
        statuses.add(reply.status_code)
        assert reply.status_code < 500, (reply.status_code, case.body, reply.text)

    send()
    return statuses
