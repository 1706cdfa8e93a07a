"""What boto3's client of SageMaker's runtime gets, printed as JSON: run by the clients' own Python.

python sagemaker_client.py http://HOST:PORT
"""

from __future__ import annotations

import json
import sys
from typing import Any

import boto3

CLIENT = boto3.client(
    "sagemaker-runtime",
    endpoint_url=sys.argv[1],
    region_name="us-east-1",
    aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
    aws_secret_access_key="wJalrXUtnFEMI",
    aws_session_token="IQoJb3JpZ2luX2Vj",  # as signed requests have one
)
ROWS = [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]]
CSV = "\n".join(",".join(map(str, row)) for row in ROWS)


def invoke(body: str, media: str, name: str = "iris", **options: str) -> Any:
    return CLIENT.invoke_endpoint(EndpointName=name, Body=body, ContentType=media, **options)


def predicted(body: str, media: str) -> list[Any]:
    return list(json.loads(invoke(body, media)["Body"].read())["predictions"])


def error_of(*arguments: str, **options: str) -> list[Any]:
    try:
        invoke(*arguments, **options)
    except CLIENT.exceptions.ClientError as error:
        said = error.response
        return [said["Error"]["Code"], said.get("OriginalStatusCode"), str(error)]
    return []


as_csv = invoke(CSV, "text/csv", Accept="text/csv")
found = {
    "csv": predicted(CSV, "text/csv"),
    "json": predicted(json.dumps({"instances": ROWS}), "application/json"),
    "lines": predicted("\n".join(map(json.dumps, ROWS)), "application/jsonlines"),
    "as csv": as_csv["Body"].read().decode(),
    "content type": as_csv["ContentType"],
    "errors": {
        "text": error_of("much,1,1,1", "text/csv"),
        "short row": error_of("1,1", "text/csv"),
        "no json": error_of("{", "application/json"),
        "content type": error_of("", "application/x-npy"),
        "unknown endpoint": error_of(CSV, "text/csv", "nope"),
        "variant": error_of(CSV, "text/csv", TargetVariant="b"),
    },
}
print(json.dumps(found))
