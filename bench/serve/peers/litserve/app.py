import os
import sys

import joblib
import litserve
import numpy as np
import pandas as pd


class Plain(litserve.LitAPI):
    def setup(self, device):  # noqa: ARG002 - as LitServe calls it
        self.model = joblib.load(os.environ["MODEL"])

    def decode_request(self, request):
        return pd.DataFrame(request)

    def predict(self, rows):
        return self.model.predict(rows)

    def encode_response(self, predictions):
        return {"predictions": predictions.tolist()}


class Batching(Plain):
    def batch(self, frames):
        return frames

    def predict(self, frames):
        ends = np.cumsum([len(frame) for frame in frames])
        return np.split(self.model.predict(pd.concat(frames)), ends[:-1])

    def unbatch(self, predictions):
        return predictions


if __name__ == "__main__":
    kind, port = sys.argv[1:]
    api = Plain() if kind == "plain" else Batching(max_batch_size=64, batch_timeout=0.01)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(port), log_level="warning", generate_client_file=False)
