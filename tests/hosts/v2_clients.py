"""What tritonclient and kserve get from a server, printed as JSON: run by the clients' own Python.

python v2_clients.py HOST:PORT VERSION
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from tritonclient.utils import InferenceServerException

ADDRESS, VERSION = sys.argv[1:]
URL = f"http://{ADDRESS}"
ROWS = np.array([[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]])
FIELDS = ("sl", "sw", "pl", "pw")


def whole(rows: Any, datatype: str = "FP64", *, binary: bool = True) -> triton.InferInput:
    tensor = triton.InferInput("input-0", list(rows.shape), datatype)
    tensor.set_data_from_numpy(rows, binary_data=binary)
    return tensor


def columns() -> list[triton.InferInput]:
    tensors = []
    for place, name in enumerate(FIELDS):
        tensors.append(triton.InferInput(name, [2, 1], "FP64"))
        tensors[-1].set_data_from_numpy(ROWS[:, place : place + 1])
    return tensors


def texts(cells: Any) -> list[str]:
    return [one.decode() if isinstance(one, bytes) else one for one in cells.ravel()]


def error_of(call: Callable[[], object]) -> list[str]:
    try:
        call()
    except InferenceServerException as error:
        return [error.status(), error.message()]
    return ["no error", ""]


def of_triton() -> dict[str, Any]:
    client = triton.InferenceServerClient(ADDRESS)
    by_field = client.infer("iris", columns(), request_id="7")
    chosen = [
        triton.InferRequestedOutput("prediction", binary_data=False),
        triton.InferRequestedOutput("probabilities"),
    ]
    narrow = whole(ROWS.astype("f4"), "FP32", binary=False)
    picked = client.infer("iris", [narrow], outputs=chosen, model_version=VERSION)
    nan = whole(np.full((1, 4), np.nan))
    return {
        "ready": [client.is_server_live(), client.is_server_ready(), client.is_model_ready("iris")],
        "not ready": [client.is_model_ready("nope"), client.is_model_ready("iris", "9")],
        "server": client.get_server_metadata()["name"],
        "versions": client.get_model_metadata("iris")["versions"],
        "inputs": [one["name"] for one in client.get_model_metadata("iris")["inputs"]],
        "config": client.get_model_config("iris")["name"],
        "index": [one["state"] for one in client.get_model_repository_index()],
        "by field": texts(by_field.as_numpy("prediction")),
        "id": by_field.get_response()["id"],
        "ids": texts(by_field.as_numpy("id")),
        "picked": texts(picked.as_numpy("prediction")),
        "probabilities": picked.as_numpy("probabilities").tolist(),
        "outputs": [one["name"] for one in picked.get_response()["outputs"]],
        "statistics": client.get_inference_statistics("iris")["model_stats"][0],
        "load": client.load_model("iris"),
        "errors": {
            "unload": error_of(lambda: client.unload_model("iris")),
            "unknown model": error_of(lambda: client.infer("nope", [narrow])),
            "unknown version": error_of(lambda: client.infer("iris", [narrow], model_version="9")),
            "missing fields": error_of(lambda: client.infer("iris", columns()[:1])),
            "shape": error_of(lambda: client.infer("iris", [whole(ROWS[:, :3])])),
            "nan": error_of(lambda: client.infer("iris", [nan])),
            "output": error_of(
                lambda: client.infer(
                    "iris", [narrow], outputs=[triton.InferRequestedOutput("nope")]
                )
            ),
            "trace": error_of(client.get_trace_settings),
        },
    }


async def of_triton_aio() -> list[str]:
    async with triton_aio.InferenceServerClient(ADDRESS) as client:
        return texts((await client.infer("iris", columns())).as_numpy("prediction"))


async def of_kserve() -> dict[str, Any]:
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    found: dict[str, Any] = {
        "ready": [await client.is_server_live(URL), await client.is_server_ready(URL)],
        "models": [await client.is_model_ready(URL, one) for one in ("iris", "nope")],
    }
    for binary in (False, True):
        tensor = InferInput("input-0", list(ROWS.shape), "FP64")
        tensor.set_data_from_numpy(ROWS, binary_data=binary)
        request = InferRequest(model_name="iris", infer_inputs=[tensor])
        answer = await client.infer(URL, request, model_name="iris")
        found[f"binary {binary}"] = texts(answer.outputs[0].as_numpy())
    try:
        await client.infer(URL, request, model_name="nope")
    except httpx.HTTPStatusError as error:
        found["error"] = str(error)
    await client.close()
    return found


print(
    json.dumps(
        {
            "triton": of_triton(),
            "aio": asyncio.run(of_triton_aio()),
            "kserve": asyncio.run(of_kserve()),
        }
    )
)
