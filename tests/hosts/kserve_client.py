"""What KServe's client gets by its V1 protocol, printed as JSON: run by the clients' own Python.

python kserve_client.py http://HOST:PORT
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import httpx
from kserve import InferenceRESTClient, RESTConfig

URL = sys.argv[1]
ROWS = [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]]
FIELDS = ("sl", "sw", "pl", "pw")


async def asked() -> dict[str, Any]:
    async with InferenceRESTClient(RESTConfig(protocol="v1")) as client:
        objects = [dict(zip(FIELDS, row, strict=True)) for row in ROWS]
        found: dict[str, Any] = {
            "live": await client.is_server_live(URL),
            "ready": await client.is_model_ready(URL, "iris"),
            "arrays": await client.infer(URL, {"instances": ROWS}, model_name="iris"),
            "objects": await client.infer(URL, {"instances": objects}, model_name="iris"),
            "explained": await client.explain(URL, "iris", {"instances": ROWS}),
            "errors": {},
        }
        bad = {
            "unknown model": ("nope", ROWS),
            "short row": ("iris", [[1.0, 2.0]]),
            "text": ("iris", [["much", 1.0, 1.0, 1.0]]),
            "no rows": ("iris", []),
        }
        for name, (model, rows) in bad.items():
            try:
                await client.infer(URL, {"instances": rows}, model_name=model)
            except httpx.HTTPStatusError as error:
                found["errors"][name] = [error.response.status_code, str(error)]
        try:
            await client.explain(URL, "iris", {"instances": ROWS * 9})
        except httpx.HTTPStatusError as error:
            found["errors"]["much to explain"] = [error.response.status_code, str(error)]
        try:
            await client.is_model_ready(URL, "nope")
        except httpx.HTTPStatusError as error:
            found["errors"]["not there"] = [error.response.status_code, str(error)]
        return found


print(json.dumps(asyncio.run(asked())))
