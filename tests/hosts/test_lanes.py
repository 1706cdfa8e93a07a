"""The fast lane, the other lane and no server at all give the same answer to the same request."""

from __future__ import annotations

import http.client
import json
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import podium
from podium.testing import Client, ServerProcess

FUNCTION = '''
from typing import Annotated, Literal
import podium

@podium.model
def offers(
    age: Annotated[int, podium.Range(0, 120)],
    income: float,
    plan: Literal["basic", "pro"],
    note: str | None = None,
) -> float:
    """What is offered."""
    return income / (1 + age) + len(note or "") + (100 if plan == "pro" else 0)
'''
GOOD: dict[str, dict[str, Any]] = {
    "offers": {"age": 41, "income": 1000.5, "plan": "pro", "note": "hello"},
    "trees": {"size": 3.5, "count": 4, "colour": "red", "is_old": True},
    "odd": {"size": 5.5, "count": 8},
    "cut": {"size": 3.5, "count": 4},
}
# An id, the number of a fault, and the moment of packing differ; the answer must not.
CHANGING = re.compile(rb"\b[0-9a-f]{32}\b|\b[0-9a-f]{12}\b")
SHARED_HEADERS = ("content-type", "content-security-policy", "x-content-type-options", "allow")
# With this header, which asks for nothing else, a request isn't plain: the other lane answers.
OTHER_LANE = {"accept": "application/json;q=0.9"}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    folder = tmp_path_factory.mktemp("lanes")
    (folder / "offers_model.py").write_text(FUNCTION)
    sys.path.insert(0, str(folder))
    import offers_model

    noise = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "size": noise.normal(3, 1, 400),
            "count": noise.integers(0, 9, 400),
            "colour": noise.choice(["red", "green", "blue"], 400),
            "is_old": noise.random(400) > 0.5,
        }
    )
    colours = ColumnTransformer(
        [("colour", OneHotEncoder(sparse_output=False), ["colour"])], remainder="passthrough"
    )
    model = make_pipeline(colours, RandomForestClassifier(20, max_depth=6, random_state=0))
    model.fit(rows, np.where(rows["size"] + rows["count"] > 7, "big", "small"))
    trees = podium.pack(model, rows, name="trees", path=folder)
    offers = podium.pack(offers_model.offers, name="offers", path=folder)
    numbers = rows[["size", "count"]]
    cut = FixedThresholdClassifier(LogisticRegression(), threshold=0.3, pos_label="big")
    models = {
        "odd": IsolationForest(n_estimators=10, random_state=0).fit(numbers),
        "groups": KMeans(3, n_init=1, random_state=0).fit(numbers),
        "cut": cut.fit(numbers, np.where(rows["size"] > 4, "big", "small")),
    }
    others = [podium.pack(one, numbers, name=n, path=folder) for n, one in models.items()]
    assert all(one.is_compiled for one in (trees, *others))
    yield [one.path for one in (trees, offers, *others) if one.path is not None]
    sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def client(bundles: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    app = podium.App(*map(str, bundles), home=str(tmp_path_factory.mktemp("home")), is_local=True)
    yield Client(app)
    app.close()


@pytest.fixture(scope="module")
def server(
    bundles: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    search = {"PYTHONPATH": str(bundles[0].parent)}
    home = tmp_path_factory.mktemp("home")
    with ServerProcess(*map(str, bundles), home=home, environment=search) as process:
        yield process


@pytest.fixture(scope="module")
def connection(server: ServerProcess) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(urlsplit(server.address).netloc)
    yield connection
    connection.close()


def response_of(
    connection: http.client.HTTPConnection, path: str, body: bytes, headers: dict[str, str]
) -> tuple[int, dict[str, str], bytes]:
    connection.request("POST", path, body, headers)
    response = connection.getresponse()
    raw = response.read()
    kept = {name: response.headers[name] for name in SHARED_HEADERS if name in response.headers}
    return response.status, kept, CHANGING.sub(b"~", raw)


def by_client(
    client: Client, path: str, body: bytes, headers: dict[str, str]
) -> tuple[int, dict[str, str], bytes]:
    given = {name.replace("-", "_"): value for name, value in headers.items()}
    reply = client.request("POST", path, body=body, headers=given)
    found = {"content-type": reply.media} | reply.headers
    kept = {name: found[name] for name in SHARED_HEADERS if name in found}
    return reply.status, kept, CHANGING.sub(b"~", reply.body)


CELLS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.integers(0, 9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.floats(0, 9)
    | st.sampled_from(["red", "green", "basic", "pro", "", "\x00", "é", "\ud800", "3"])
    | st.text(max_size=5)
    | st.lists(st.integers(), max_size=2)
)


def rows_of(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Good rows with some cells changed, left out or added."""
    good = GOOD[name]
    changed = st.dictionaries(st.sampled_from([*good, "other"]), CELLS, max_size=2)
    left_out = st.sets(st.sampled_from(sorted(good)), max_size=1)
    return st.builds(
        lambda change, out: {k: v for k, v in (good | change).items() if k not in out},
        changed,
        left_out,
    )


def bodies(name: str) -> st.SearchStrategy[bytes]:
    rows = rows_of(name)
    columns = st.builds(
        lambda row, n: {key: [value] * n for key, value in row.items()}, rows, st.integers(0, 3)
    )
    values = rows | st.lists(rows, max_size=4) | columns | CELLS
    texts = st.builds(json.dumps, values)
    damaged = st.builds(lambda text, at: text[: at % (len(text) + 1)], texts, st.integers(0, 400))
    return (texts | damaged).map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(
        max_size=40
    )


def test_a_plain_request_is_recorded_under_the_word_of_its_label(server, connection):
    body, headers = json.dumps(GOOD["odd"]).encode(), {"content-type": "application/json"}
    connection.request("POST", "/api/models/odd/predict", body, headers)
    answer = json.load(connection.getresponse())

    found = {}
    for word in ("outlier", "normal"):
        connection.request("GET", f"/models/odd/records?outcome={word}")
        found[word] = answer["id"] in connection.getresponse().read().decode()

    assert (answer["prediction"], answer["label"]) == (-1, "outlier")
    assert found == {"outlier": True, "normal": False}


def test_a_request_with_a_business_key_is_recorded_under_it(server, connection):
    body = json.dumps(GOOD["odd"]).encode()
    headers = {"content-type": "application/json", "podium-key": "order 4711"}
    connection.request("POST", "/api/models/odd/predict", body, headers)
    record_id = json.load(connection.getresponse())["id"]

    connection.request("GET", f"/records/{record_id}")

    assert "order 4711" in connection.getresponse().read().decode()


@pytest.mark.slow
@pytest.mark.parametrize("name", GOOD)
@given(data=st.data())
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
def test_both_lanes_and_no_server_agree(client, connection, name, data):
    body = data.draw(bodies(name))
    media = data.draw(st.sampled_from(["application/json", "", "application/json; charset=utf-8"]))
    headers = {"content-type": media} if media else {}
    path = f"/api/models/{name}/predict"

    fast = response_of(connection, path, body, headers)
    other = response_of(connection, path, body, headers | OTHER_LANE)

    assert fast == other
    assert fast == by_client(client, path, body, headers)


def infer_body(row: dict[str, Any]) -> bytes:
    kinds = {float: "FP64", int: "INT64", str: "BYTES", bool: "BOOL"}
    inputs = [
        {"name": name, "shape": [1, 1], "datatype": kinds[type(cell)], "data": [cell]}
        for name, cell in row.items()
    ]
    return json.dumps({"id": "7", "inputs": inputs}).encode()


def n_fast(connection: http.client.HTTPConnection, name: str) -> int:
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    (found,) = re.findall(
        rf'podium_requests_total{{model="{name}",.*,lane="fast",outcome="ok"}} (\d+)', text
    )
    return int(found)


@pytest.mark.parametrize("name", GOOD)
def test_rest_v2_gets_equal_responses_from_both_lanes(client, connection, name):
    path, headers = f"/v2/models/{name}/infer", {"content-type": "application/json"}
    good, bad = infer_body(GOOD[name]), infer_body(GOOD[name] | {next(iter(GOOD[name])): "?"})
    n_before = n_fast(connection, name)

    fast = [response_of(connection, path, body, headers) for body in (good, bad)]
    n_after = n_fast(connection, name)

    assert [status for status, _, _ in fast] == [200, 400]
    for found, body in zip(fast, (good, bad), strict=True):
        assert found == response_of(connection, path, body, headers | OTHER_LANE)
        assert found == by_client(client, path, body, headers)
    assert n_after == n_before + 1


@pytest.mark.parametrize(
    "value",
    [
        {f"k{i}": 1 for i in range(3_000)},
        [{}] * 500,
        {"age": ["x"] * 900},
        [GOOD["offers"] | {"plan": "gold"}] * 200,
        [GOOD["offers"]] * 200,
        [GOOD["offers"]] * 1_001,
        "x" * 60_000,
    ],
    ids=lambda value: f"{type(value).__name__} of {len(value)}",
)
def test_slow_requests_get_equal_responses(client, connection, value):
    path, body = "/api/models/offers/predict", json.dumps(value).encode()
    headers = {"content-type": "application/json"}

    fast = response_of(connection, path, body, headers)

    assert fast == response_of(connection, path, body, headers | OTHER_LANE)
    assert fast == by_client(client, path, body, headers)


@pytest.mark.slow
@given(
    media=st.sampled_from(
        ["text/csv", "application/x-ndjson", "application/x-www-form-urlencoded"]
    ),
    body=st.binary(max_size=200)
    | st.sampled_from([b"age,income\n1,2\n", b'{"age":1}\n', b"age=1"]),
)
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_other_content_types_get_equal_responses(client, connection, media, body):
    path = "/api/models/offers/predict"

    assert response_of(connection, path, body, {"content-type": media}) == by_client(
        client, path, body, {"content-type": media}
    )


def raw(server: ServerProcess) -> socket.socket:
    address = urlsplit(server.address)
    return socket.create_connection((address.hostname, address.port), timeout=60)


def request(name: str, value: Any, extra: str = "") -> bytes:
    body = json.dumps(value).encode()
    head = f"POST /api/models/{name}/predict HTTP/1.1\r\nHost: 127.0.0.1\r\n{extra}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def responses(sock: socket.socket, n: int) -> list[tuple[int, Any]]:
    found, stream = [], sock.makefile("rb")
    for _ in range(n):
        status = int(stream.readline().split()[1])
        length = 0
        while (line := stream.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        found.append((status, json.loads(stream.read(length))))
    return found


def test_pipelined_requests_get_responses_in_order(server):
    rows = [GOOD["offers"] | {"income": float(i), "age": 0, "note": None} for i in range(300)]

    with raw(server) as sock:
        sock.sendall(b"".join(request("offers", row) for row in rows))
        answers = responses(sock, len(rows))

    assert [answer["prediction"] for _, answer in answers] == [i + 100.0 for i in range(300)]


def test_good_bad_and_unusual_requests_on_one_connection_keep_their_order(server):
    plain = request("offers", GOOD["offers"])
    bad = request("offers", GOOD["offers"] | {"plan": "gold"})
    unusual = request("offers", GOOD["offers"], "Accept: application/json;q=0.5\r\n")
    page = b"GET /api/models HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

    with raw(server) as sock:
        sock.sendall((plain + bad + unusual + page) * 5)
        statuses = [status for status, _ in responses(sock, 20)]

    assert statuses == [200, 422, 200, 200] * 5


def test_a_request_may_arrive_byte_by_byte(server):
    with raw(server) as sock:
        for byte in request("trees", GOOD["trees"]):
            sock.sendall(bytes([byte]))
        ((status, answer),) = responses(sock, 1)

    assert status == 200
    assert answer["prediction"] in ("big", "small")


def test_a_client_that_wants_the_connection_closed_gets_its_answer_first(server):
    with raw(server) as sock:
        sock.sendall(request("trees", GOOD["trees"], "Connection: close\r\n"))
        ((status, _),) = responses(sock, 1)
        rest = sock.recv(10)

    assert (status, rest) == (200, b"")


def test_a_client_that_half_closes_still_gets_its_response(server):
    with raw(server) as sock:
        sock.sendall(request("offers", GOOD["offers"]))
        sock.shutdown(socket.SHUT_WR)
        ((status, _),) = responses(sock, 1)

    assert status == 200


def test_an_http_1_0_client_gets_a_response(server):
    body = json.dumps(GOOD["trees"]).encode()
    head = f"POST /api/models/trees/predict HTTP/1.0\r\nHost: x.localhost\r\n"  # noqa: F541
    head = head.replace("x.localhost", "localhost")

    with raw(server) as sock:
        sock.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = sock.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "head",
    [
        b"Host: evil.example\r\nContent-Length: 2\r\n",
        b"Content-Length: 2\r\n",
        b"Host: 127.0.0.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n",
        b"Host: 127.0.0.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n",
        b"Host: 127.0.0.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        b"Host: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n",
        b"Host: 127.0.0.1\r\nContent-Length: +2\r\n",
        b"Host: 127.0.0.1\r\nContent-Length: 2\r\nContent-Encoding: gzip\r\n",
        b"Host: 127.0.0.1\r\nContent-Length: 2\r\nOrigin: http://evil.example\r\n",
        b"Host: 127.0.0.1\r\nContent-Length: 2\r\nSec-Fetch-Site: cross-site\r\n",
        b"Host: 127.0.0.1\r\nContent-Length: 99999999999\r\n",
        b"Host: 127.0.0.1\r\nContent-Length: 2\r\n" + b"X: y\r\n" * 70,
    ],
)
def test_the_gate_stands_before_the_fast_lane(server, head):
    with raw(server) as sock:
        sock.sendall(b"POST /api/models/trees/predict HTTP/1.1\r\n" + head + b"\r\n{}")
        status = int(sock.makefile("rb").readline().split()[1])

    assert 400 <= status < 500


@pytest.mark.slow
def test_a_client_that_reads_slowly_loses_nothing_and_delays_nobody(server):
    row = request("offers", GOOD["offers"])
    n_asked = 3_000

    with raw(server) as slow, raw(server) as other:
        slow.settimeout(60)
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        slow.setblocking(False)
        sent, data = 0, row * n_asked
        try:
            while sent < len(data):
                sent += slow.send(data[sent : sent + 65_536])
        except BlockingIOError:
            pass  # the server reads no more before we do
        other.sendall(row)
        assert responses(other, 1)[0][0] == 200
        slow.setblocking(True)
        slow.settimeout(60)
        n_whole = sent // len(row)
        assert [status for status, _ in responses(slow, n_whole)] == [200] * n_whole
