"""What KServe's client gets from a server, likewise: see `grpc_triton.py`."""

from __future__ import annotations

import asyncio
import json
import sys

import grpc
import numpy as np
from kserve import InferenceGRPCClient, InferInput, InferRequest

ADDRESS = sys.argv[1]


def values(response):
    return {
        one.name: one.as_numpy().ravel().tolist() for one in response.outputs if one.name != "id"
    }


async def outcome(call):
    try:
        return await call
    except grpc.RpcError as error:
        return [str(error.code()), error.details()]


async def main():
    client = InferenceGRPCClient(ADDRESS)

    async def infer(model, inputs):
        return values(await client.infer(InferRequest(model, inputs, request_id="seven")))

    def loans(plans):
        return [
            InferInput("age", [2, 1], "FP64", [20.0, 3.0]),
            InferInput("income", [2, 1], "FP64", [9.5, 8.5]),
            InferInput("plan", [2, 1], "BYTES", plans),
        ]

    raw = InferInput("number", [3, 1], "FP64")
    raw.set_data_from_numpy(np.array([[1.0], [2.0], [3.0]]), binary_data=True)
    calls = {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "model ready": client.is_model_ready("loans"),
        "nobody is ready": client.is_model_ready("nobody"),
        "typed": infer("loans", loans([b"pro", b"pro"])),
        "raw": infer("doubled", [raw]),
        "single": infer("doubled", [InferInput("number", [1], "FP32", [0.5])]),
        "nobody": infer("nobody", loans([b"pro", b"pro"])),
        "bad cell": infer("loans", loans([b"pro", b"none"])),
    }
    found = {name: await outcome(call) for name, call in calls.items()}
    await client.close()
    print(json.dumps(found, default=bytes.decode))


asyncio.run(main())
