"""What our own server does beside answering: HTTPS, the access log, workers, fair turns."""

from __future__ import annotations

import json
import re
import ssl
import sys
import threading
import urllib.error
import urllib.request

import httpx
import numpy as np
import pytest
import trustme
from sklearn.ensemble import RandomForestRegressor

import podium
import podium.testing
from podium.testing import ServerProcess

NAMES = [f"x{i}" for i in range(8)]
PREDICT = "/api/models/forest/predict"
ROW = dict.fromkeys(NAMES, 0.25)


@pytest.fixture(scope="module")
def forest(tmp_path_factory: pytest.TempPathFactory) -> str:
    noise = np.random.default_rng(0)
    rows = noise.random((600, 8))
    model = RandomForestRegressor(60, max_depth=9, random_state=0).fit(rows, rows.sum(axis=1))
    folder = tmp_path_factory.mktemp("forest")
    bundle = podium.pack(
        model, {n: rows[:, i] for i, n in enumerate(NAMES)}, name="forest", path=folder
    )
    assert bundle.is_compiled
    return str(bundle.path)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, str]:
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    return str(folder / "cert.pem"), str(folder / "key.pem"), str(folder / "ca.pem")


def test_https_is_spoken_in_both_lanes(forest, certificate, tmp_path):
    cert, key, authority = certificate
    context = ssl.create_default_context(cafile=authority)

    with ServerProcess(forest, "--tls-cert", cert, "--tls-key", key, home=tmp_path) as server:
        assert server.address.startswith("https://")
        with httpx.Client(base_url=server.address, verify=context) as http:
            answers = [http.post(PREDICT, json=ROW) for _ in range(3)]
            answers += [http.post(PREDICT, json=ROW, headers={"accept": "text/csv"})]
            page = http.get("/models/forest")
        long = urllib.request.Request(server.address + PREDICT, bytes(3_000_000))
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(long, timeout=60, context=context)
        refused.value.close()

    assert [answer.status_code for answer in answers] == [200] * 4
    assert page.status_code == 200
    assert refused.value.code == 413


def test_an_unusable_certificate_is_reported_at_start(forest, certificate, tmp_path):
    cert, _, authority = certificate

    server = ServerProcess(forest, "--tls-cert", cert, "--tls-key", authority, home=tmp_path)
    with pytest.raises(RuntimeError) as failure:
        server.__enter__()

    assert "can't be used" in str(failure.value)
    assert "Traceback" not in str(failure.value)


def test_the_access_log_has_a_line_for_every_request_of_both_lanes(forest, tmp_path):
    with ServerProcess(forest, "--access-log", home=tmp_path) as server:
        with httpx.Client(base_url=server.address) as http:
            http.post(PREDICT, json=ROW)
            http.post(PREDICT, json={"x0": "secret"})
            http.get("/api/models?token=hush")
            http.get("/nothing%0a")
        server.stop()
        log = server.log.read_text()

    lines = re.findall(r"^\d{4}-\d\d-\d\dT\S+Z (\S+) (\S+) (\d+) [\d.]+ ms$", log, re.MULTILINE)
    asked = [line for line in lines if line[1] != "/readyz"]
    assert asked == [
        ("POST", PREDICT, "200"),
        ("POST", PREDICT, "422"),
        ("GET", "/api/models", "200"),
        ("GET", "/nothing%0a", "400"),
    ]
    assert "secret" not in log
    assert "hush" not in log


def test_a_client_with_large_tables_keeps_small_ones_waiting_only_shortly(forest, tmp_path):
    environment = {"PODIUM_ROWS_MAX": "20000", "PODIUM_BODY_MAX_BYTES": str(2**24)}
    table = {name: [0.25 + i / 1e5 for i in range(10_000)] for name in NAMES}
    body = json.dumps(table).encode()
    is_over = threading.Event()
    n_large = 0

    with ServerProcess(forest, home=tmp_path, environment=environment) as server:

        def large() -> None:
            nonlocal n_large
            with httpx.Client(base_url=server.address, timeout=30) as http:
                while not is_over.is_set():
                    answer = http.post(
                        PREDICT, content=body, headers={"content-type": "application/json"}
                    )
                    assert len(answer.json()["predictions"]) == 10_000
                    n_large += 1

        looping = threading.Thread(target=large)
        looping.start()
        n_small = 0
        with httpx.Client(base_url=server.address) as http:
            while n_large < 10:
                assert http.post(PREDICT, json=ROW).status_code == 200
                n_small += 1
        is_over.set()
        looping.join()

    print(f"{n_small} small tables beside {n_large} large ones", file=sys.stderr)
    # Whoever waited until a large one is done would get one answer to each of them.
    assert n_small > 3 * n_large


def test_columns_and_rows_and_the_careful_way_read_the_same_table(forest, tmp_path):
    app = podium.App(forest, home=str(tmp_path))
    client = podium.testing.Client(app)
    noise = np.random.default_rng(1).random((50, 8))
    columns = {name: noise[:, i].tolist() for i, name in enumerate(NAMES)}
    rows = [dict(zip(NAMES, row, strict=True)) for row in noise.tolist()]
    careful = [row | {"x0": row["x0"]} for row in rows]
    careful[0] = dict(reversed(careful[0].items()))

    told = [client.post(PREDICT, value).json()["predictions"] for value in (columns, rows, careful)]
    lines = ",".join(NAMES) + "\n" + "\n".join(",".join(map(repr, row)) for row in noise.tolist())
    csv = client.request(
        "POST",
        PREDICT,
        body=lines.encode(),
        headers={"content_type": "text/csv", "accept": "application/json"},
    ).json()["predictions"]
    app.close()

    assert told[0] == told[1] == told[2] == csv
