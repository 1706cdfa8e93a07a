"""What MLflow's scoring client gets, printed as JSON: run by the clients' own Python.

python mlflow_client.py http://HOST:PORT
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import pandas as pd
import requests
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

URL = sys.argv[1]
HOST, PORT = URL.removeprefix("http://").split(":")
ROWS = [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]]
FRAME = pd.DataFrame(ROWS, columns=["sl", "sw", "pl", "pw"], index=[7, 8])
CLIENT = ScoringServerClient(HOST, PORT)


def predicted(value: Any) -> list[Any]:
    return list(CLIENT.invoke(value)["predictions"])


def error_of(value: Any) -> str:
    try:
        CLIENT.invoke(value)
    except Exception as error:  # noqa: BLE001 - the client raises nothing else
        return str(error)
    return ""


def posted(body: str, media: str) -> list[Any]:
    headers = {"Content-Type": media}
    answer = requests.post(f"{URL}/invocations", data=body, headers=headers, timeout=30)
    return list(answer.json()["predictions"])


CLIENT.wait_server_ready()
found = {
    "version": CLIENT.get_version(),
    "data frame": predicted(FRAME.assign(target="x")),
    "array": predicted(np.array(ROWS)),
    "list": predicted(FRAME.to_dict(orient="records")),
    "records": posted(
        json.dumps({"dataframe_records": FRAME.to_dict(orient="records")}), "application/json"
    ),
    "csv": posted(FRAME.to_csv(index=False), "text/csv"),
    "as a data frame": [
        [column, value]
        for column, values in CLIENT.invoke(FRAME).get_predictions().items()
        for value in values
    ],
    "errors": {
        "missing value": error_of(FRAME.where(FRAME != 3.3)),
        "missing column": error_of(FRAME[["sl", "pl", "pw"]]),
        "text": error_of(FRAME.astype(object).replace(5.1, "much")),
        "one value": error_of(np.array(3.0)),
    },
}
print(json.dumps(found))
