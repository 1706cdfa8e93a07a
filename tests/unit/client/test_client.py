"""The clients against a real server: what they send, what they return, and what they survive."""

from __future__ import annotations

import asyncio
import http.client
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pandas as pd
import pytest

import podium
from podium.client.retries import Retries
from podium.errors import InvalidRows, JobsError, NotFound, Overloaded, TimedOut, Unreachable
from podium.testing import ServerProcess

pytestmark = pytest.mark.slow

ROW = {"number": 20.5, "plan": "pro"}
AGAIN = Retries(20, first_s=0.05, wait_max_s=2.0)
MODELS = '''
"""Models of the tests."""

from typing import Annotated, Literal

import podium


@podium.model
def doubled(
    number: float, plan: Literal["basic", "pro"], note: Annotated[str, podium.Field(name="")] = ""
) -> float:
    """Twice the number."""
    return 2 * number


@podium.model
def chance(number: float) -> dict[Literal["no", "yes"], float]:
    """Whether it happens."""
    return {"no": 1 - number, "yes": number}
'''


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("models")
    (folder / "client_models.py").write_text(MODELS)
    rows = np.random.default_rng(0).random((900, 400))
    from sklearn.linear_model import LinearRegression

    model = LinearRegression().fit(rows, rows.sum(axis=1))
    columns = {f"x{i}": rows[:, i] for i in range(400)}
    wide = podium.pack(model, columns, name="wide", path=folder)
    return [
        *(f"{folder}/client_models.py:{name}" for name in ("doubled", "chance")),
        str(wide.path),
    ]


@pytest.fixture(scope="module")
def server(sources: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(*sources, home=tmp_path_factory.mktemp("home")) as server:
        yield server


@pytest.fixture
def client(server: ServerProcess) -> Iterator[podium.Client]:
    with podium.Client(server.address) as client:
        yield client


def n_records(home: Path) -> int:
    with closing(sqlite3.connect(home / "podium.db")) as connection:
        return int(connection.execute("SELECT count(*) FROM record").fetchone()[0])


def n_predicted(address: str) -> int:
    text = httpx.get(f"{address}/metrics").text
    rows = re.search(r"^podium_rows_total\{.*\} (\d+)$", text, re.MULTILINE)
    return int(rows[1]) if rows else 0


def test_a_row_gets_a_prediction_and_rows_get_predictions(client: podium.Client) -> None:
    model = client.model("chance")

    one = model.predict({"number": 0.75})
    many = model.predict(pd.DataFrame({"number": [0.75, 0.25]}))

    assert (one.prediction, one.probabilities) == ("yes", {"no": 0.25, "yes": 0.75})
    assert [found.prediction for found in many] == ["yes", "no"]
    assert many[-1].probabilities == {"no": 0.75, "yes": 0.25}
    assert len({one.id, *many.ids}) == 3
    assert {one.version, *many.versions} == {model.info.version}
    assert (many[0].model, len(many)) == ("chance", 2)
    with pytest.raises(IndexError):
        many[2]


def test_a_long_input_is_cut_and_its_predictions_are_in_order(client: podium.Client) -> None:
    model = client.model("doubled")
    table = pd.DataFrame({"number": np.arange(3_500) / 2, "plan": "pro"})

    found = model.predict(table)
    again = model.predict(table, key="the-same")
    repeated = model.predict(table, key="the-same")

    assert found.predictions == [float(n) for n in range(3_500)]
    assert len(set(found.ids)) == len(found.versions) == 3_500
    assert (again.ids, again.is_repeated) == (repeated.ids, False)
    assert repeated.is_repeated
    assert set(found.ids).isdisjoint(again.ids)


def test_wide_rows_are_cut_by_their_bytes(client: podium.Client) -> None:
    rows = np.random.default_rng(1).random((600, 400))
    table = pd.DataFrame(rows, columns=[f"x{i}" for i in range(400)])
    shuffled = table[sorted(table.columns, reverse=True)]

    found = client.model("wide").predict(shuffled)

    assert rows.nbytes * 2 > 2**20
    assert np.allclose(found.predictions, rows.sum(axis=1))


def test_what_the_server_alone_can_refuse_is_named_by_its_row(client: podium.Client) -> None:
    rows = [*[ROW] * 2_200, ROW | {"plan": "gold"}]

    with pytest.raises(InvalidRows) as refused:
        client.model("doubled").predict(rows)

    (cell,) = refused.value.cells
    assert (cell.row, cell.field, cell.code) == (2_200, "plan", "unknown_category")


def test_feedback_and_explanations(client: podium.Client) -> None:
    model = client.model("wide")
    row = {f"x{i}": 0.5 for i in range(400)}
    predicted, keyed = model.predict(row), model.predict(row, business_key="Köln 7")

    client.give_feedback(predicted.id, 200.5, note="measured")
    rows = [{"id": predicted.id, "truth": 201}, {"key": "Köln 7", "truth": 1.5}]
    outcome = model.give_feedback([*rows, {"id": "0" * 32, "truth": 1}])
    why = model.explain(row)
    later = client.explanation(keyed.id)

    assert (outcome.added, outcome.unknown, [one.row for one in outcome.rows]) == (2, 1, [2])
    assert why.details["contributions"] == later.details["contributions"]
    assert (why.model, why.version) == ("wide", model.info.version)
    with pytest.raises(InvalidRows):
        client.give_feedback(predicted.id, "a lot")
    with pytest.raises(NotFound):
        client.give_feedback("0" * 32, 5)


def test_a_file_is_scored_and_downloaded(client: podium.Client, tmp_path: Path) -> None:
    model, file = client.model("doubled"), tmp_path / "rows.csv"
    file.write_text("number,plan\n1.5,pro\n2,basic\n3,gold\n")

    job = model.score_file(file, name="three rows")
    with pytest.raises(TimedOut):
        job.wait(timeout_s=0)
    job.wait(timeout_s=60)
    results = job.download(tmp_path / "out.csv").read_text().splitlines()
    refused = job.download_refused(tmp_path / "refused.csv").read_text()

    assert (job.info.rows, job.info.refused, job.info.name) == (3, 1, "three rows")
    assert [line.split(",")[-1] for line in results][:3] == ["prediction", "3.0", "4.0"]
    assert "gold" in refused
    assert not list(tmp_path.glob("*.part"))
    model.job(job.info.id).end()
    with pytest.raises(NotFound):
        job.refresh()


def test_a_job_that_fails_says_why(client: podium.Client, tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("a,b\n1,2\n")

    with pytest.raises((JobsError, podium.PodiumError), match="number"):
        client.model("doubled").score_file(tmp_path / "odd.csv").wait(timeout_s=60)
    with pytest.raises(podium.PodiumError, match="no file"):
        client.model("doubled").score_file(tmp_path / "none.csv")


def test_the_asynchronous_client_does_the_same(server: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("number,plan\n1.5,pro\n")
    table = pd.DataFrame({"number": np.arange(2_500) / 2, "plan": "pro"})

    async def use() -> None:
        async with podium.AsyncClient(server.address) as client:
            assert {one.name for one in await client.models()} == {"doubled", "chance", "wide"}
            model = await client.model("doubled")
            several = await asyncio.gather(*(model.predict(ROW | {"number": n}) for n in range(20)))
            assert [one.prediction for one in several] == [2.0 * n for n in range(20)]
            assert (await model.predict(table)).predictions == [float(n) for n in range(2_500)]
            with pytest.raises(InvalidRows, match="row 1500"):
                await model.predict([*[ROW] * 1_500, ROW | {"plan": "gold"}])
            await client.give_feedback(several[0].id, 5)
            assert (await model.give_feedback([{"id": several[1].id, "truth": 5}])).added == 1
            job = await model.score_file(tmp_path / "rows.csv")
            await (await job.wait(timeout_s=60)).download(tmp_path / "out.csv")
            await job.end()
            with pytest.raises(NotFound):
                await client.model("none")

    asyncio.run(use())
    assert "3.0" in (tmp_path / "out.csv").read_text()


class Interrupter(ThreadingHTTPServer):
    """A proxy before a server that fails as it is told: a status, or `cut` the connection after."""

    daemon_threads = True

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self.place = (parts.hostname or "", parts.port or 0)
        self.failures: list[Any] = []
        self.keys: list[str] = []
        super().__init__(("127.0.0.1", 0), _Proxied)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Proxied(BaseHTTPRequestHandler):
    server: Interrupter

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        failure = self.server.failures.pop(0) if self.server.failures else None
        self.server.keys.append(self.headers.get("idempotency-key", ""))
        if isinstance(failure, int):
            self.send_response(failure)
            self.send_header("retry-after", "0")
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"no")
            return
        upstream = http.client.HTTPConnection(*self.server.place)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        upstream.request(self.command, self.path, body, headers)
        response = upstream.getresponse()
        answer = response.read()
        upstream.close()
        if failure == "cut":
            self.connection.close()
            return
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name not in ("date", "server"):
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST

    def handle(self) -> None:
        with suppress(OSError, ValueError):
            super().handle()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def interrupter(server: ServerProcess) -> Iterator[Interrupter]:
    proxy = Interrupter(server.address)
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield proxy
    proxy.shutdown()
    thread.join()
    proxy.server_close()


def test_a_request_is_repeated_with_its_key_until_it_is_answered(interrupter: Interrupter) -> None:
    with podium.Client(interrupter.address, retries=AGAIN) as client:
        model = client.model("doubled")
        interrupter.keys.clear()
        interrupter.failures = ["cut", 503, 429, 502, 504, "cut"]
        found = model.predict(ROW)

    assert found.prediction == 41.0
    assert found.is_repeated  # the connection was lost after the server had answered
    assert len(interrupter.keys) == 7
    assert len(set(interrupter.keys)) == 1
    assert interrupter.keys[0]


def test_other_failures_are_raised_at_once(interrupter: Interrupter) -> None:
    with podium.Client(interrupter.address, retries=AGAIN) as client:
        model = client.model("doubled")
        interrupter.keys.clear()
        interrupter.failures = [500]
        with pytest.raises(Unreachable, match="500"):
            model.predict(ROW)

    assert len(interrupter.keys) == 1


def test_a_file_that_may_have_arrived_is_not_sent_again(
    interrupter: Interrupter, tmp_path: Path
) -> None:
    (tmp_path / "rows.csv").write_text("number,plan\n1.5,pro\n")
    with podium.Client(interrupter.address, retries=AGAIN) as client:
        model = client.model("doubled")
        interrupter.keys.clear()
        interrupter.failures = ["cut"]
        with pytest.raises(Unreachable, match="may have got"):
            model.score_file(tmp_path / "rows.csv")
        interrupter.failures = [429, 503]  # it was refused, so it didn't arrive
        model.score_file(tmp_path / "rows.csv").wait(timeout_s=60)

    assert len(interrupter.keys) >= 4


def test_without_retries_there_is_no_key(interrupter: Interrupter) -> None:
    with podium.Client(interrupter.address, retries=0) as client:
        model = client.model("doubled")
        interrupter.keys.clear()
        model.predict(ROW)
        interrupter.failures = [503]
        with pytest.raises((Overloaded, Unreachable)):
            model.predict(ROW)

    assert interrupter.keys == ["", ""]


class OwnServer:
    """`podium serve` at one port, which can be killed and started again."""

    def __init__(self, sources: list[str], home: Path, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        arguments = ["serve", *sources, "--home", str(home), "--port", str(port)]
        self._command = [sys.executable, "-m", "podium", *arguments]
        self._log = home.with_suffix(".log")

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self, sent: signal.Signals = signal.SIGKILL) -> None:
        os.killpg(self._process.pid, sent)
        self._process.wait(timeout=60)


def test_a_long_input_survives_the_end_of_the_server(
    sources: list[str], tmp_path: Path, free_port: int
) -> None:
    home = tmp_path / "home"
    server = OwnServer(sources[:1], home, free_port)
    server.start()
    table = pd.DataFrame({"number": np.arange(20_000) / 2, "plan": "pro"})
    found: list[podium.client.answers.Predictions] = []

    with podium.Client(server.address, retries=Retries(40, wait_max_s=1.0), parallel=2) as client:
        model = client.model("doubled")  # waits for the server, too

        def predict() -> None:
            found.append(model.predict(table, batch_rows=250))

        predicting = threading.Thread(target=predict)
        predicting.start()
        while n_predicted(server.address) < 2_000:
            assert predicting.is_alive()
        server.kill()
        server.start()
        predicting.join(timeout=120)
    server.kill(signal.SIGTERM)

    assert [one.predictions for one in found] == [[float(n) for n in range(20_000)]]
    assert len(set(found[0].ids)) == 20_000
    assert n_records(home) == 20_000
