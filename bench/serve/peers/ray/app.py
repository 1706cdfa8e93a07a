import os
import sys

import joblib
import numpy as np
import pandas as pd
from ray import serve
from starlette.requests import Request


@serve.deployment(max_ongoing_requests=100)
class Plain:
    def __init__(self, file: str) -> None:
        self.model = joblib.load(file)

    async def __call__(self, request: Request) -> dict[str, list[float]]:
        rows = pd.DataFrame(await request.json())
        return {"predictions": self.model.predict(rows).tolist()}


@serve.deployment(max_ongoing_requests=100)
class Batching:
    def __init__(self, file: str) -> None:
        self.model = joblib.load(file)

    @serve.batch(max_batch_size=64, batch_wait_timeout_s=0.01)
    async def predict(self, frames: list[pd.DataFrame]) -> list[list[float]]:
        ends = np.cumsum([len(frame) for frame in frames])
        predictions = self.model.predict(pd.concat(frames))
        return [part.tolist() for part in np.split(predictions, ends[:-1])]

    async def __call__(self, request: Request) -> dict[str, list[float]]:
        return {"predictions": await self.predict(pd.DataFrame(await request.json()))}


if __name__ == "__main__":
    kind, port = sys.argv[1:]
    serve.start(http_options={"host": "127.0.0.1", "port": int(port)})
    deployment = Plain if kind == "plain" else Batching
    serve.run(deployment.bind(os.environ["MODEL"]), route_prefix="/predict", blocking=True)
