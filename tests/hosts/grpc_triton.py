"""What tritonclient gets from a server: run by a Python that has it, with the server's address.

It prints an object of results by name, in JSON; an error is its status code and its text.
"""

from __future__ import annotations

import asyncio
import json
import queue
import sys

import numpy as np
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from tritonclient.utils import InferenceServerException

ADDRESS = sys.argv[1]
LOANS = {
    "age": ("FP64", [20.0, 3.0]),
    "income": ("FP64", [9.5, 8.5]),
    "plan": ("BYTES", ["pro"] * 2),
}


def tensors(columns, made=triton.InferInput):
    found = []
    for name, (datatype, cells) in columns.items():
        one = made(name, [len(cells), 1], datatype)
        dtype = {"BYTES": object, "FP32": np.float32, "INT64": np.int64}.get(datatype, np.float64)
        one.set_data_from_numpy(np.array(cells, dtype).reshape(-1, 1))
        found.append(one)
    return found


def values(result):
    names = [output.name for output in result.get_response().outputs]
    found = {name: result.as_numpy(name).tolist() for name in names if name != "id"}
    return json.loads(json.dumps(found, default=bytes.decode))


def of_server(client):
    yield "live", client.is_server_live
    yield "ready", client.is_server_ready
    yield "server", lambda: client.get_server_metadata(as_json=True)
    yield "index", lambda: client.get_model_repository_index(as_json=True)
    yield "load", lambda: client.load_model("loans")
    yield "load a configuration", lambda: client.load_model("loans", config="{}")
    yield "unload", lambda: client.unload_model("loans")
    yield "memory", client.get_system_shared_memory_status


def of_models(client):
    yield "is ready", lambda: client.is_model_ready("loans")
    yield "is ready with this version", lambda: client.is_model_ready("loans", "77")
    yield "nobody is ready", lambda: client.is_model_ready("nobody")
    yield "metadata", lambda: client.get_model_metadata("loans", as_json=True)
    yield "config", lambda: client.get_model_config("loans", as_json=True)
    yield "statistics", lambda: client.get_inference_statistics("doubled", as_json=True)
    yield "statistics of all", lambda: client.get_inference_statistics(as_json=True)
    for name in ("nobody", "a/b", "", "../x", "loans/stats", "\u00fc?#%2f"):
        yield f"metadata of {name!r}", lambda name=name: client.get_model_metadata(name)


def of_predictions(client):
    loans = tensors(LOANS)

    def infer(model="loans", inputs=loans, **options):
        return values(client.infer(model, inputs, **options))

    yield "loans", infer
    number = [("FP32", [0.5]), ("INT64", [2]), ("FP64", [1.5])]
    for one in number:
        yield one[0], lambda one=one: infer("doubled", tensors({"number": one}))
    wanted = [triton.InferRequestedOutput("probabilities")]
    yield "one output", lambda: infer(outputs=wanted)
    yield "no such output", lambda: infer(outputs=[triton.InferRequestedOutput("nothing")])
    classes = [triton.InferRequestedOutput("probabilities", class_count=1)]
    yield "classes", lambda: infer(outputs=classes)
    region = triton.InferInput("number", [1, 1], "FP64")
    region.set_shared_memory("region", 8)
    yield "shared memory", lambda: infer("doubled", [region])
    yield "id", lambda: client.infer("loans", loans, request_id="seven").get_response().id
    yield "compressed", lambda: infer(compression_algorithm="gzip")
    yield "nobody", lambda: infer("nobody")
    yield "no such version", lambda: infer(model_version="77")
    yield "no field", lambda: infer(inputs=loans[:2])
    yield "unknown label", lambda: infer(inputs=tensors(LOANS | {"plan": ("BYTES", ["x", "y"])}))
    yield "another type", lambda: infer(inputs=tensors(LOANS | {"age": ("BYTES", ["x", "y"])}))
    yield "other lengths", lambda: infer(inputs=tensors(LOANS | {"age": ("FP64", [1.0])}))
    yield "too large", lambda: infer("doubled", tensors({"number": ("FP64", [1.0] * 150_000)}))
    yield "too many rows", lambda: infer("doubled", tensors({"number": ("FP64", [1.0] * 100_001)}))
    yield "unlucky", lambda: infer("doubled", tensors({"number": ("FP64", [1313.25])}))
    slow = tensors({"seconds": ("FP64", [1.0])})
    yield "deadline", lambda: infer("slow", slow, client_timeout=0.2)
    keys = {"idempotency-key": "one"}
    yield "ids of one key", lambda: [ids(client.infer("loans", loans, headers=keys)) for _ in "ab"]
    yield "ids of no key", lambda: [ids(client.infer("loans", loans)) for _ in "ab"]
    yield "stream", lambda: stream(client)


def ids(result):
    return [one.decode() for one in result.as_numpy("id").ravel()]


def stream(client):
    arrived = queue.Queue()
    client.start_stream(lambda result, error: arrived.put(str(error) if error else values(result)))
    for number in (1.0, 1313.25, 2.0):
        client.async_stream_infer("doubled", tensors({"number": ("FP64", [number])}))
    found = [arrived.get(timeout=60) for _ in range(3)]
    client.stop_stream()
    return found


async def together():
    async with triton_aio.InferenceServerClient(ADDRESS) as client:
        made = [
            client.infer(
                "doubled", tensors({"number": ("FP64", [float(n)])}, triton_aio.InferInput)
            )
            for n in range(100, 164)
        ]
        results = [values(one)["prediction"][0][0] for one in await asyncio.gather(*made)]
        return {"live": await client.is_server_live(), "results": results}


def outcome(call):
    try:
        return call()
    except InferenceServerException as error:
        return [error.status() or "", error.message()]


found = {"aio": outcome(lambda: asyncio.run(together()))}
with triton.InferenceServerClient(ADDRESS) as client:
    for part in (of_server, of_models, of_predictions):
        found |= {name: outcome(call) for name, call in part(client)}
print(json.dumps(found))
