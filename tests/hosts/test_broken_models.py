"""A model that can't be loaded is an error on its own pages, and nowhere else."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask import Flask
from flask_login import LoginManager
from starlette.applications import Starlette
from starlette.routing import Mount

import podium
from podium.access import Action, Actor
from podium.errors import PodiumError, SetupError, TamperedBundle
from podium.hosts.flask import Podium
from podium.hosts.flask.host import host_of
from podium.sources import bundles_of, open_models
from podium.testing import Client, ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from exchanges import GOOD, PREDICT
from test_hosts import FUNCTION

HERE = "http://127.0.0.1:8000"
FAILED = ("vanished", "damaged", "lost")
SEES = frozenset({Action.PREDICT, Action.SEE_OWN})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A model that answers, one without a file, one whose bytes changed, one without its module."""
    folder = tmp_path_factory.mktemp("models")
    for module in ("whole_loans", "lost_loans"):
        (folder / f"{module}.py").write_text(FUNCTION)
    sys.path.insert(0, str(folder))
    import lost_loans
    import whole_loans

    whole = podium.pack(whole_loans.loans, name="loans", path=folder).path
    podium.pack(lost_loans.loans, name="lost", path=folder)
    (folder / "lost_loans.py").unlink()
    del sys.modules["lost_loans"]
    raw = bytearray(whole.read_bytes())
    raw[len(raw) // 2] ^= 1
    (folder / "damaged.podium").write_bytes(raw)
    yield folder
    sys.path.remove(str(folder))


def models(folder: Path) -> dict[str, Path]:
    return {name: folder / f"{name}.podium" for name in ("loans", *FAILED)}


Ask = Callable[..., tuple[int, str, Any]]


@pytest.fixture
def stack():
    """What is closed at the end of the test."""
    with ExitStack() as open_apps:
        yield open_apps


def asgi(stack: ExitStack, folder: Path, home: Path, actor: Actor | None) -> Ask:
    identify = None if actor is None else lambda _: actor
    app = podium.App(*models(folder).values(), home=str(home), identify=identify)
    stack.callback(app.close)
    app.start()
    return asked_by(app)


def asked_by(app: podium.App) -> Ask:
    outer = Starlette(routes=[Mount("/ml", app)])

    def ask(path: str, value: Any = None) -> tuple[int, str, Any]:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(outer)
            async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
                headers = (
                    {"accept": "text/html"} if path.startswith("/models") or path == "/" else {}
                )
                method = "GET" if value is None else "POST"
                return await client.request(method, f"/ml{path}", json=value, headers=headers)

        reply = asyncio.run(asked())
        media = reply.headers["content-type"]
        return reply.status_code, media, reply.json() if "json" in media else reply.text

    return ask


def flask(stack: ExitStack, folder: Path, home: Path, actor: Actor | None) -> Ask:
    app = Flask(__name__, instance_path=str(home))
    app.config.update(PODIUM_MODELS=models(folder), PODIUM_PUBLIC=(), TESTING=True)
    app.add_url_rule("/shop", view_func=lambda: "open", endpoint="shop")
    Podium(app, identify=None if actor is None else lambda _: actor)
    stack.callback(host_of(app).close)
    host_of(app).app.start()
    assert app.test_client().get("/shop").status_code == 200

    def ask(path: str, value: Any = None) -> tuple[int, str, Any]:
        client = app.test_client()
        headers = {"accept": "text/html"} if path.startswith("/models") or path == "/" else {}
        path = f"/ml{path}"
        reply = client.post(path, json=value) if value else client.get(path, headers=headers)
        return reply.status_code, reply.content_type, reply.get_json(silent=True) or reply.text

    return ask


@pytest.mark.parametrize("host", [asgi, flask])
def test_other_models_and_the_host_go_on(host, stack, folder, tmp_path, caplog):
    caplog.set_level(logging.ERROR, "podium")

    ask = host(stack, folder, tmp_path, None)

    assert ask(PREDICT, GOOD)[0] == 200
    for name in FAILED:
        status, media, problem = ask(f"/api/models/{name}/predict", GOOD)
        assert (status, problem["code"]) == (503, "model_not_loaded"), name
        assert media.startswith("application/problem+json")
        assert ask(f"/api/models/{name}")[0] == 503
        status, media, page = ask(f"/models/{name}")
        assert status == 503
        assert media.startswith("text/html")
        assert name in page
        assert any(f"model_not_loaded {name}: " in one.getMessage() for one in caplog.records)
    status, _, ready = ask("/readyz")
    assert (status, ready["status"]) == (200, "degraded")
    assert ready["failed"] == list(FAILED)
    assert ready["models"] == {"loans": True} | dict.fromkeys(FAILED, False)
    assert all(name in ask("/")[2] for name in ("loans", *FAILED))
    assert ask("/docs")[0] == ask("/openapi.json")[0] == 200
    assert [one["name"] for one in ask("/api/models")[2]["models"]] == ["loans"]


@pytest.mark.parametrize("host", [asgi, flask])
def test_the_reason_is_for_operators(host, stack, folder, tmp_path):
    everything = Actor("ada", grants={"*": frozenset(Action)})
    one = Actor("ben", grants={"vanished": SEES})

    told = host(stack, folder, tmp_path / "a", everything)("/models/vanished")[2]
    ask = host(stack, folder, tmp_path / "b", one)

    assert "vanished.podium doesn&#39;t exist" in told
    status, _, page = ask("/models/vanished")
    assert status == 503
    assert ".podium" not in page
    assert "loaded" in page
    # What isn't there for them stays so, whatever became of it.
    assert ask("/models/damaged")[0] == 404
    assert ask("/readyz")[2]["failed"] == ["vanished"]
    assert "damaged" not in ask("/")[2]


def test_anonymous_callers_learn_no_name(stack, folder, tmp_path):
    ask = asgi(stack, folder, tmp_path, Actor())

    assert ask("/readyz")[2]["status"] == "degraded"
    assert "failed" not in ask("/readyz")[2]
    assert ask("/api/models/vanished/predict", GOOD)[0] == 401
    assert ask("/models/vanished")[0] == 401


def test_a_server_of_broken_models_alone_is_not_ready(folder, tmp_path):
    app = podium.App(folder / "damaged.podium", home=str(tmp_path))
    app.start()

    reply = Client(app).get("/readyz")

    assert (reply.status, reply.json()["status"]) == (503, "failing")
    app.close()


def test_an_app_that_is_strict_is_refused(folder, tmp_path):
    with pytest.raises(SetupError, match=r"vanished\.podium doesn't exist"):
        podium.App(folder / "loans.podium", folder / "vanished.podium", strict=True)


def test_one_file_damages_no_other_of_its_folder_or_name(folder, tmp_path):
    copy = tmp_path / "loans.podium"
    copy.write_bytes((folder / "loans.podium").read_bytes())
    whole, gone = folder / "loans.podium", tmp_path / "old" / "loans.podium"

    of_folder = open_models([folder], tmp_path, ())
    twice = open_models([whole, copy], tmp_path, ())
    guessed = open_models([gone, whole], tmp_path, ())
    renamed = open_models([whole], tmp_path, (), ["credit"])

    assert (set(of_folder.bundles), set(of_folder.failures)) == ({"loans", "lost"}, {"damaged"})
    assert isinstance(of_folder.failures["damaged"], TamperedBundle)
    assert of_folder.versions["damaged"] == ""
    assert (list(twice.bundles), list(twice.failures)) == ([], ["loans"])
    assert str(copy) in str(twice.failures["loans"])
    assert (list(guessed.bundles), list(guessed.failures)) == (["loans"], [str(gone)])
    assert "packed as 'loans'" in str(renamed.failures["credit"])
    with pytest.raises(PodiumError):
        bundles_of([folder], tmp_path, ())


@pytest.mark.skipif(sys.platform != "linux", reason="workers are found in /proc")
def test_our_own_server_is_not_started_with_one_but_a_worker_goes_on_without(folder, tmp_path):
    search = {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}
    soon_gone = tmp_path / "soon.podium"
    whole = open_models([folder / "loans.podium"], tmp_path, ()).bundles["loans"]
    assert whole.path is not None
    import whole_loans

    podium.pack(whole_loans.loans, name="soon", path=soon_gone)
    paths = (str(folder / "loans.podium"), str(soon_gone))

    with pytest.raises(RuntimeError, match="vanished"):
        ServerProcess(
            paths[0], str(folder / "vanished.podium"), home=tmp_path / "a", environment=search
        ).__enter__()
    with pytest.raises(RuntimeError, match="lost_loans"):
        ServerProcess(
            paths[0], str(folder / "lost.podium"), home=tmp_path / "b", environment=search
        ).__enter__()
    with ServerProcess(*paths, home=tmp_path / "c", environment=search) as server:
        soon_gone.unlink()
        for _ in range(100):  # until the supervisor knows, too, that it has answered
            assert httpx.get(f"{server.address}/livez").status_code == 200
        for pid in workers_of(server.pid):
            os.kill(pid, signal.SIGKILL)
        ready = until_ready(server.address)
        asked = httpx.post(f"{server.address}/api/models/soon/predict", json=GOOD)
        other = httpx.post(server.address + PREDICT, json=GOOD)

    assert (ready["status"], ready["failed"]) == ("degraded", ["soon"])
    assert (asked.status_code, asked.json()["code"]) == (503, "model_not_loaded")
    assert other.status_code == 200


def workers_of(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [one for one in map(int, children) if "worker" in Path(f"/proc/{one}/comm").read_text()]


def until_ready(address: str) -> dict[str, Any]:
    for _ in range(400):
        try:
            said: dict[str, Any] = httpx.get(f"{address}/readyz").json()
        except httpx.HTTPError:
            said = {}
        if said.get("status") == "degraded":
            return said
        time.sleep(0.05)
    raise AssertionError("it didn't come back")


def failing(_: Any) -> Actor:
    raise OSError("the directory of users is away")


async def awaited(_: Any) -> Actor:
    raise OSError("the directory of users is away")


@pytest.mark.parametrize("identify", [failing, awaited])
def test_a_probe_works_if_authentication_fails(identify, folder, tmp_path):
    app = podium.App(folder / "loans.podium", home=str(tmp_path), identify=identify)
    app.start()
    ask = asked_by(app)

    assert ask("/readyz")[0] == 200
    assert ask("/readyz")[2]["models"] == {}
    assert ask(PREDICT, GOOD)[0] == 500
    app.close()


def test_a_flask_apps_public_models_go_on_while_its_users_cannot_be_read(folder, tmp_path):
    app = Flask(__name__, instance_path=str(tmp_path))
    app.config.update(
        PODIUM_MODELS={"loans": folder / "loans.podium"},
        PODIUM_PUBLIC=["loans"],
        SECRET_KEY="of a test",
    )
    users = LoginManager(app)
    users.user_loader(failing)
    Podium(app)
    host_of(app).app.start()
    client, known = app.test_client(), app.test_client()
    with known.session_transaction() as session:
        session["_user_id"] = "7"

    assert client.post(f"/ml{PREDICT}", json=GOOD).status_code == 200
    assert client.get("/ml/models/loans").status_code == 200
    assert known.post(f"/ml{PREDICT}", json=GOOD).status_code == 200
    assert known.get("/ml/models/loans").status_code == 500
    assert known.get("/ml/readyz").status_code == 200
    host_of(app).close()
