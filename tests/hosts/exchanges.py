"""The requests that every host must answer equally, and the status each has."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json"
GOOD: dict[str, Any] = {
    "age": 41,
    "income": 1_000.5,
    "member": True,
    "plan": "pro",
    "note": "hello",
    "since": "2024-03-01",
}
PREDICT = "/api/models/loans/predict"
# Who may send bulk requests differs from host to host: here nobody may.
NO_BULK = {"PODIUM_BULK_ROWS_MAX": "1000", "PODIUM_BULK_BODY_MAX_BYTES": "1048576"}


@dataclass(frozen=True)
class Exchange:
    """One request, and what must come of it.

    Attributes:
        cells: fields that the refusal must name.
        code: of the problem.
    """

    name: str
    status: int
    method: str = "GET"
    path: str = "/"
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    code: str = ""
    cells: tuple[str, ...] = ()


def post(name: str, status: int, value: Any, *, media: str = JSON, **rest: Any) -> Exchange:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    headers = {"content-type": media} | rest.pop("headers", {})
    path = rest.pop("path", PREDICT)
    return Exchange(name, status, "POST", path, body, headers, **rest)


def with_(**cells: Any) -> dict[str, Any]:
    return GOOD | cells


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != name}


def refused(name: str, field_name: str, value: Any) -> Exchange:
    return post(name, 422, with_(**{field_name: value}), code="invalid_rows", cells=(field_name,))


CSV = b"age,income,member,plan,note,since\n41,1000.5,true,pro,hello,2024-03-01\n"
FORM = b"age=41&income=1000.5&member=true&plan=pro&note=hello&since=2024-03-01"
IN_PARTS = "multipart/form-data; boundary=b"
PARTS = b"".join(
    b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % tuple(one.split(b"="))
    for one in FORM.split(b"&")
)
PARTS += b"--b--\r\n"

ANSWERED = (
    post("one row", 200, GOOD),
    post("one row without a type", 200, GOOD, media=""),
    post("many rows", 200, [GOOD, with_(age=7), with_(plan="basic")]),
    post("one row in an array", 200, [GOOD]),
    post("columns", 200, {key: [value, value] for key, value in GOOD.items()}),
    post("csv", 200, CSV, media="text/csv"),
    post("csv answered as json", 200, CSV, media="text/csv", headers={"accept": JSON}),
    post("json answered as csv", 200, [GOOD], headers={"accept": "text/csv"}),
    post("ndjson", 200, json.dumps(GOOD).encode() * 1 + b"\n", media="application/x-ndjson"),
    post("form fields", 200, FORM, media="application/x-www-form-urlencoded"),
    post("a form in parts", 200, PARTS, media=IN_PARTS),
    post("a missing value", 200, with_(income=None)),
    post("a field left out that may be missing", 200, without("income")),
    post("a value outside the training range", 200, with_(income=1e9)),
    post("a number as a whole float", 200, with_(age=41.0)),
    post(
        "texts of every script",
        200,
        with_(note="\u05e9\u05dc\u05d5\u05dd \u200f\u4e16\u754c \U0001f9a9"),
    ),
)
REFUSED = (
    post("no body", 400, b"", code="malformed_body"),
    post("half a json", 400, b'{"age": 4', code="malformed_body"),
    post("two jsons", 400, b"{} {}", code="malformed_body"),
    post("not utf-8", 400, b'{"note": "\xff"}', code="malformed_body"),
    post("the token NaN", 400, b'{"income": NaN}', code="malformed_body"),
    post("the token Infinity", 400, b'{"income": -Infinity}', code="malformed_body"),
    post("1e400", 400, b'{"income": 1e400}', code="malformed_body"),
    post("nested 1,000 deep", 422, b'{"age": ' + b"[" * 900 + b"]" * 900 + b"}"),
    post("nested 100,000 deep", 400, b"[" * 100_000, code="malformed_body"),
    post("a number", 422, b"7", code="invalid_rows"),
    post("a text", 422, b'"rows"', code="invalid_rows"),
    post("null", 422, b"null", code="invalid_rows"),
    post("no rows", 422, b"[]", code="invalid_rows"),
    post("rows that are arrays", 422, b"[[1, 2]]", code="invalid_rows"),
    post(
        "columns of different length",
        422,
        {"age": [1], "plan": ["pro", "pro"]},
        code="invalid_rows",
    ),
    post("an empty object", 422, {}, cells=("age", "member", "plan", "since")),
    refused("a text for a number", "age", "41"),
    refused("a fraction for a whole number", "age", 41.5),
    refused("a boolean for a number", "age", True),
    refused("a number out of bounds", "age", 121),
    refused("a number that isn't exact", "age", 2**60),
    refused("a list for a number", "income", [1]),
    refused("a number of 400 digits", "income", 10**400),
    refused("a text for a boolean", "member", "yes"),
    refused("a number for a boolean", "member", 1),
    refused("an unknown category", "plan", "gold"),
    refused("a number for a category", "plan", 1),
    refused("an object for a category", "plan", {"a": 1}),
    refused("NUL in a text", "note", "a\x00b"),
    post("half a character", 400, with_(note="\ud800"), code="malformed_body"),
    refused("a number for a text", "note", 7),
    refused("a text that is too long", "note", "x" * 300),
    refused("a day that isn't", "since", "2024-02-30"),
    refused("a date in another form", "since", "01.03.2024"),
    post("a missing field", 422, without("age"), cells=("age",), code="invalid_rows"),
    post("null where it must not be", 422, with_(age=None), cells=("age",)),
    post("an unknown field", 422, with_(colour="red"), cells=("colour",)),
    post(
        "several bad cells",
        422,
        with_(age="x", plan="y", member=3),
        cells=("age", "plan", "member"),
    ),
    post(
        "bad cells in many rows",
        422,
        [GOOD, with_(age="x"), with_(plan="y")],
        cells=("age", "plan"),
    ),
    post("csv with a short line", 422, b"age,plan\n1\n", media="text/csv", code="invalid_rows"),
    post("csv without rows", 422, b"age,plan\n", media="text/csv", code="invalid_rows"),
    post("csv with two columns of a name", 400, b"age,age\n1,2\n", media="text/csv"),
    post("xml", 415, b"<rows/>", media="application/xml", code="unsupported_media"),
    post("a compressed body", 415, GOOD, headers={"content-encoding": "gzip"}),
    post("too many rows", 413, {"age": [1] * 1_001}, code="too_large"),
    post("too many bytes", 413, b" " * (2**20 + 1), code="too_large"),
    post("an unknown model", 404, GOOD, path="/api/models/nope/predict", code="not_found"),
    post(
        "another site's form",
        403,
        FORM,
        path="/models/loans",
        headers={"sec-fetch-site": "cross-site"},
    ),
    Exchange("predict with GET", 405, "GET", PREDICT, code="method_not_allowed"),
    Exchange("a method that nobody uses", 405, "DELETE", "/api/models/loans"),
    Exchange("nothing there", 404, "GET", "/nothing", code="not_found"),
    Exchange("an unknown record", 404, "GET", "/records/" + "0" * 32),
    Exchange("a path that climbs", 400, "GET", "/static/%2e%2e/settings.py", code="bad_path"),
    Exchange("another host", 421, "GET", "/", headers={"host": "evil.example"}),
)
SEEN = (
    Exchange("home", 200, headers={"accept": "text/html"}),
    Exchange("home without a body", 200, "HEAD", headers={"accept": "text/html"}),
    Exchange("home of programs", 200, headers={"accept": "*/*"}),
    Exchange("the methods of a page", 204, "OPTIONS", "/models/loans"),
    Exchange("a form", 200, path="/models/loans"),
    Exchange("a form with an example", 200, path="/models/loans?example=3"),
    post("a form sent", 303, FORM, media="application/x-www-form-urlencoded", path="/models/loans"),
    post("a form sent in parts", 303, PARTS, media=IN_PARTS, path="/models/loans"),
    post("a form in parts without an end", 400, PARTS[:-9], media=IN_PARTS, path="/models/loans"),
    post("no form in parts", 400, b"{}", media=IN_PARTS, path="/models/loans"),
    post(
        "a form refused",
        422,
        FORM[:-5],
        media="application/x-www-form-urlencoded",
        path="/models/loans",
    ),
    Exchange("records", 200, path="/models/loans/records"),
    Exchange("records filtered", 200, path="/models/loans/records?outcome=no&since=2020-01-01"),
    Exchange("records filtered by nonsense", 200, path="/models/loans/records?since=x&min=y&id=zz"),
    Exchange("records after nowhere", 400, path="/models/loans/records?after=zz"),
    Exchange("records as csv", 200, path="/models/loans/records.csv"),
    Exchange("docs", 200, path="/docs"),
    Exchange("docs of a model", 200, path="/docs/loans?as=csv"),
    Exchange("docs of no model", 404, path="/docs/nothing"),
    Exchange("openapi", 200, path="/openapi.json"),
    Exchange("models", 200, path="/api/models"),
    Exchange("a model", 200, path="/api/models/loans"),
    Exchange("alive", 200, path="/livez"),
    Exchange("ready", 200, path="/readyz"),
    Exchange("icon", 200, path="/favicon.ico"),
)
V1 = "/v1/models/loans:predict"
ENDPOINT = "/endpoints/loans/invocations"
SIGNED = "AWS4-HMAC-SHA256 Credential=AKIA/20240301/us-east-1/sagemaker/aws4_request, Signature=0"
NAN_ROW = json.dumps(with_(income=float("nan"))).encode()
# Clients of other systems.
OTHERS = (
    Exchange("kserve: models", 200, path="/v1/models"),
    Exchange("kserve: a model", 200, path="/v1/models/loans"),
    Exchange("kserve: an unknown model", 404, path="/v1/models/nope"),
    post("kserve: rows", 200, {"instances": [GOOD, with_(age=7)]}, path=V1),
    post("kserve: arrays", 200, {"instances": [list(GOOD.values())]}, path=V1),
    post("kserve: an invalid value", 400, {"instances": [with_(age="old")]}, path=V1),
    Exchange("mlflow: ready", 200, path="/ping"),
    Exchange("mlflow: version", 200, path="/version"),
    post("mlflow: records", 200, {"dataframe_records": [GOOD]}, path="/invocations"),
    post("mlflow: NaN", 200, b'{"inputs": [%b]}' % NAN_ROW, path="/invocations"),
    post("mlflow: csv", 200, CSV, media="text/csv", path="/invocations"),
    post("mlflow: an invalid value", 400, {"inputs": [with_(age="old")]}, path="/invocations"),
    post("sagemaker: csv", 200, CSV.split()[1], media="text/csv", path=ENDPOINT),
    post("sagemaker: csv answered", 200, [GOOD], headers={"accept": "text/csv"}, path=ENDPOINT),
    post("sagemaker: a signature", 200, [GOOD], headers={"authorization": SIGNED}, path=ENDPOINT),
    post("sagemaker: an invalid value", 424, with_(age="old"), path=ENDPOINT),
    post("sagemaker: an unknown endpoint", 400, [GOOD], path="/endpoints/nope/invocations"),
)
V2, V2_MODEL = "/v2", "/v2/models/loans"
CELLS = (
    ("age", "INT64", 41),
    ("income", "FP64", 1_000.5),
    ("member", "BOOL", True),
    ("plan", "BYTES", "pro"),
    ("note", "BYTES", "hello"),
    ("since", "BYTES", "2024-03-01"),
)


def tensors(n_rows: int = 1) -> list[dict[str, Any]]:
    return [
        {"name": name, "shape": [n_rows, 1], "datatype": datatype, "data": [cell] * n_rows}
        for name, datatype, cell in CELLS
    ]


def binary() -> tuple[bytes, dict[str, str]]:
    """A request whose ages are binary data, and whose response is."""
    ages = {"name": "age", "shape": [1], "datatype": "INT64", "parameters": {"binary_data_size": 8}}
    value = {"inputs": [ages, *tensors()[1:]], "parameters": {"binary_data_output": True}}
    text = json.dumps(value).encode()
    return text + (41).to_bytes(8, "little"), {"inference-header-content-length": str(len(text))}


BINARY, BINARY_HEADERS = binary()
BY_V2 = (
    post("v2: a row", 200, {"id": "7", "inputs": tensors()}, path=f"{V2_MODEL}/infer"),
    post("v2: rows", 200, {"inputs": tensors(3)}, path=f"{V2_MODEL}/infer"),
    post(
        "v2: one of the outputs",
        200,
        {"inputs": tensors(), "outputs": [{"name": "probabilities"}]},
        path=f"{V2_MODEL}/infer",
    ),
    post("v2: binary data", 200, BINARY, path=f"{V2_MODEL}/infer", headers=BINARY_HEADERS),
    post("v2: no request", 400, b"{", path=f"{V2_MODEL}/infer"),
    post("v2: missing fields", 400, {"inputs": tensors()[1:]}, path=f"{V2_MODEL}/infer"),
    post("v2: too many rows", 413, {"inputs": tensors(1_001)}, path=f"{V2_MODEL}/infer"),
    post("v2: an unknown model", 404, {"inputs": []}, path="/v2/models/nope/infer"),
    post("v2: an unknown version", 404, {"inputs": []}, path=f"{V2_MODEL}/versions/9/infer"),
    Exchange("v2: infer with GET", 405, "GET", f"{V2_MODEL}/infer"),
    Exchange("v2: the server", 200, path=V2),
    Exchange("v2: alive", 200, path=f"{V2}/health/live"),
    Exchange("v2: ready", 200, path=f"{V2}/health/ready"),
    Exchange("v2: a model", 200, path=V2_MODEL),
    Exchange("v2: a model is ready", 200, path=f"{V2_MODEL}/ready"),
    Exchange("v2: a model's configuration", 200, path=f"{V2_MODEL}/config"),
    Exchange("v2: nothing there", 404, path=f"{V2}/trace/setting"),
    post("v2: the models", 200, {}, path=f"{V2}/repository/index"),
)
EXCHANGES = (*ANSWERED, *REFUSED, *SEEN, *OTHERS, *BY_V2)
