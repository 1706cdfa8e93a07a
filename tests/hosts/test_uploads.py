"""A version is uploaded and promoted in every host, by those who may, and by nobody else."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from accounts_visitor import Visitor
from django_server import PREFIX as DJANGO_PREFIX
from django_server import Project, Server
from flask_server import PREFIX as FLASK_PREFIX
from flask_server import FlaskServer
from test_bulk import TOKEN

pytestmark = pytest.mark.slow

# Shorter than the bundles, so that they are long bodies.
LIMITS = {"body_max_bytes": 4_096}
ENVIRONMENT = {"PODIUM_BODY_MAX_BYTES": "4096"}
FIELD = re.compile(r'name="(csrf\w*)" value="([^"]+)"')


class Bundles(NamedTuple):
    first: Path
    second: Path
    folder: Path


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    folder = tmp_path_factory.mktemp("bundles")
    frame = pd.DataFrame({f"x{i}": np.arange(20.0) + i for i in range(40)})
    paths = []
    for factor in (1, 2):
        model = LinearRegression().fit(frame, factor * frame["x0"])
        path = folder / f"loans-{factor}.podium"
        podium.pack(model, frame, name="loans", version=f"v{factor}", path=path)
        paths.append(path)
    assert all(path.stat().st_size > LIMITS["body_max_bytes"] for path in paths)
    return Bundles(*paths, folder)


def served(client: httpx.Client, prefix: str, **headers: str) -> str:
    row = {f"x{i}": 1.0 for i in range(40)}
    reply = client.post(f"{prefix}/api/models/loans/predict", json=row, headers=headers)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["version"])


def follows(client: httpx.Client, prefix: str, version: str, **headers: str) -> bool:
    """Whether all processes answer with a version soon."""
    until_s = time.monotonic() + 60
    while {served(client, prefix, **headers) for _ in range(8)} != {version}:
        if time.monotonic() > until_s:
            return False
    return True


def left(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "versions").glob(".*"))


def upload_by_page(
    client: httpx.Client, prefix: str, bundle: Path, **changed: str
) -> httpx.Response:
    """Fill in the form of the page and send it, as a browser does."""
    page = f"{prefix}/models/loans/versions"
    fields = dict(FIELD.findall(client.get(page).text)) | {"note": "by page"} | changed
    origin = str(client.base_url).rstrip("/")
    return client.post(
        f"{page}/upload",
        data=fields,
        files={"bundle": ("v2.podium", bundle.read_bytes())},
        headers={"origin": origin, "referer": origin + page},
        follow_redirects=False,
    )


def promote_by_page(client: httpx.Client, prefix: str, place: str) -> httpx.Response:
    question = client.get(place).text
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', question))
    origin = str(client.base_url).rstrip("/")
    page = f"{prefix}/models/loans/versions"
    headers = {"origin": origin, "referer": origin + page}
    return client.post(page, data=hidden, headers=headers, follow_redirects=False)


def story(client: httpx.Client, prefix: str, bundles: Bundles, home: Path, **token: str) -> None:
    """Who may uploads by page and promotes there, rolls back by API, and uploads again there."""
    api = f"{prefix}/api/models/loans"
    sent = upload_by_page(client, prefix, bundles.second)
    assert sent.status_code == 303, sent.text
    assert served(client, prefix, **token) == "v1"
    assert promote_by_page(client, prefix, sent.headers["location"]).status_code == 303
    assert follows(client, prefix, "v2", **token)
    back = client.post(f"{api}/rollback", json={"note": "worse"}, headers=token)
    again = client.post(
        f"{api}/versions", content=bundles.second.read_bytes(), headers=token, timeout=60
    )
    damaged = client.post(
        f"{api}/versions", content=bundles.second.read_bytes()[:-9], headers=token, timeout=60
    )

    assert back.status_code == 200, back.text
    assert follows(client, prefix, "v1", **token)
    assert (again.status_code, again.json()["version"]) == (200, "v2")
    assert (damaged.status_code, damaged.json()["code"]) == (422, "unusable_version")
    assert left(home) == []
    score_by_page(client, prefix)
    score_by_api(client, prefix, **token)


# A long body, too.
ROWS = ",".join(f"x{i}" for i in range(40)) + "\n" + (",".join(["1.5"] * 40) + "\n") * 40


def score_by_page(client: httpx.Client, prefix: str) -> None:
    """Send a file with the form of its page, look at its first rows, start, and download it."""
    page, origin = f"{prefix}/models/loans/jobs", str(client.base_url).rstrip("/")
    headers = {"origin": origin, "referer": origin + page}
    token = dict(FIELD.findall(client.get(page).text))
    sent = client.post(
        f"{page}/upload",
        data=token,
        files={"file": ("rows.csv", ROWS.encode(), "text/csv")},
        headers=headers,
        follow_redirects=False,
    )
    assert sent.status_code == 303, sent.text
    here = sent.headers["location"]
    assert within(lambda: "All of the first 40 rows get a prediction" in client.get(here).text)
    form = dict(FIELD.findall(client.get(here).text)) | {"act": "start", "record": "true"}
    assert client.post(here, data=form, headers=headers, follow_redirects=False).status_code == 303
    assert within(lambda: "Download the scored file" in client.get(here).text)
    check_results(client.get(f"{here}/results"))


def score_by_api(client: httpx.Client, prefix: str, **token: str) -> None:
    headers = {"content-type": "text/csv", **token}
    api = f"{prefix}/api/models/loans/jobs"
    sent = client.post(f"{api}?record=false", content=ROWS.encode(), headers=headers)
    assert sent.status_code == 202, sent.text
    here = sent.headers["location"]
    assert within(lambda: client.get(here, headers=token).json()["state"] == "done")
    check_results(client.get(f"{here}/results", headers=token))
    assert client.delete(here, headers=token).status_code == 204


def check_results(reply: httpx.Response) -> None:
    lines = reply.text.splitlines()
    assert (reply.status_code, len(lines)) == (200, 41)
    assert reply.headers["content-length"] == str(len(reply.content))
    assert lines[0].endswith("x39,prediction")


@pytest.fixture(scope="module")
def server(
    bundles: Bundles, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ServerProcess, Path]]:
    home = tmp_path_factory.mktemp("home")
    with ServerProcess(str(bundles.first), home=home, environment=ENVIRONMENT) as process:
        yield process, home


def test_our_server(server, bundles):
    process, home = server
    with httpx.Client(base_url=process.address, timeout=60) as client:
        story(client, "", bundles, home)


def test_what_is_cut_in_the_middle_leaves_nothing(server, bundles):
    process, home = server
    parts = urlsplit(process.address)
    head = (
        "POST /api/models/loans/versions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n"
    )
    for _ in range(3):
        with socket.create_connection((parts.hostname, parts.port), timeout=60) as sock:
            sock.sendall(head.format(200_000_000).encode() + bundles.second.read_bytes())
            assert within(lambda: left(home) != [])
        assert within(lambda: left(home) == [])
    with httpx.Client(base_url=process.address, timeout=60) as client:
        after = client.post("/api/models/loans/versions", content=bundles.second.read_bytes())
        assert served(client, "")

    assert after.status_code in (200, 201)


def within(is_so: Callable[[], bool]) -> bool:
    until_s = time.monotonic() + 60
    while not is_so():
        if time.monotonic() > until_s:
            return False
        time.sleep(0.05)
    return True


def test_our_server_with_accounts(bundles, tmp_path):
    home = tmp_path / "home"
    process = ServerProcess(str(bundles.first), "--accounts", home=home, environment=ENVIRONMENT)
    with process, Visitor(process.address, timeout=60) as owner, Visitor(process.address) as nobody:
        with Visitor(process.address) as first:
            first.set_up(process.log)
        owner.log_in()
        form = {"name": "nightly", "days": "7", "models": "*", "actions": "*"}
        (found, *_) = TOKEN.findall(owner.send("/accounts/", form).text)
        token = {"authorization": f"Bearer {found}"}
        content = bundles.second.read_bytes()
        refused = [
            nobody.http.post("/api/models/loans/versions", content=content),
            upload_by_page(nobody.http, "", bundles.second),
            upload_by_page(owner.http, "", bundles.second, csrfmiddlewaretoken="x" * 64),
            owner.http.post("/api/models/loans/versions", content=content),  # a cookie alone
        ]
        wait = within(lambda: served_or_none(owner.http, token) == "v1")
        story(owner.http, "", bundles, home, **token)
        command = [sys.executable, "-m", "podium", "promote", "loans", "v2", "--home", str(home)]
        subprocess.run(command, env=os.environ | {"PODIUM_ACCOUNTS": "true"}, check=True)
        audit = owner.get("/admin/podium/auditentry/").text

    assert [one.status_code for one in refused] == [401, 303, 403, 401]
    assert "/accounts/login/" in refused[1].headers["location"]
    assert wait
    assert "version_uploaded" in audit
    assert "podium promote" in audit


def served_or_none(client: httpx.Client, token: dict[str, str]) -> str | None:
    """A token that was made a moment ago may not be known everywhere."""
    row = {f"x{i}": 1.0 for i in range(40)}
    reply = client.post("/api/models/loans/predict", json=row, headers=token)
    return str(reply.json()["version"]) if reply.status_code == 200 else None


def test_flask(bundles, tmp_path):
    environment: dict[str, Any] = {
        "FLASK_PODIUM_MODELS": f'{{"loans": "{bundles.first}"}}',
        "FLASK_PODIUM_GRANTS": '{"admin": "*", "analyst": {"loans": ["predict"]}}',
        "FLASK_PODIUM_BODY_MAX_BYTES": "4096",
        "FLASK_MAX_CONTENT_LENGTH": "5000",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }
    home = tmp_path / "podium"
    environment["FLASK_PODIUM_HOME"] = f'"{home}"'
    with FlaskServer("gthread", "shop:make()", tmp_path, environment) as flask:
        content = bundles.second.read_bytes()
        api = f"{FLASK_PREFIX}/api/models/loans/versions"
        with httpx.Client(base_url=flask.address, timeout=60) as bob:
            bob.post("/enter/bob")
            refused = [
                bob.post(api, content=content),
                bob.post(api, content=content, headers={"authorization": "Bearer token-of-bob"}),
                upload_by_page(bob, FLASK_PREFIX, bundles.second),
            ]
        with httpx.Client(base_url=flask.address, timeout=60) as ada:
            ada.post("/enter/ada")
            forged = upload_by_page(ada, FLASK_PREFIX, bundles.second, csrf_token="x" * 40)
            token = {"authorization": "Bearer token-of-ada"}
            story(ada, FLASK_PREFIX, bundles, home, **token)

    assert [one.status_code for one in refused] == [401, 403, 403]
    assert forged.status_code == 400


_TOKENS = """
from django.contrib.auth import get_user_model
from podium.hosts.django.tokens import make_token
user = get_user_model().objects.get()
print(make_token(user, "test")[1])
"""


@pytest.mark.parametrize(
    "kind", ["gunicorn", "uvicorn"] if "PODIUM_SOAK" in os.environ else ["gunicorn"]
)
def test_django(bundles, tmp_path, kind):
    project = Project(tmp_path, bundles.first, **LIMITS)
    session = project.migrate()
    made = project.manage("shell", "--no-imports", "-c", _TOKENS)
    token = {"authorization": f"Bearer {made.stdout.split()[-1]}"}
    home = tmp_path / "podium-home"
    api = f"{DJANGO_PREFIX}/api/models/loans/versions"
    with Server(project, kind) as django:
        with django.client() as nobody:
            nobody.timeout = 60
            refused = [
                nobody.post(api, content=bundles.second.read_bytes()),
                upload_by_page(nobody, DJANGO_PREFIX, bundles.second),
            ]
        with django.client(session) as ada:
            ada.timeout = 60
            del ada.headers["x-csrftoken"]
            forged = upload_by_page(
                ada, DJANGO_PREFIX, bundles.second, csrfmiddlewaretoken="x" * 64
            )
            story(ada, DJANGO_PREFIX, bundles, home, **token)
            log = ada.get("/admin/podium/auditentry/").text
            (served_first, *_) = re.findall(
                r'href="(/admin/podium/servedmodel/[^"]+/change/)"',
                ada.get("/admin/podium/servedmodel/").text,
            )
            shown = ada.get(served_first).text

    assert [one.status_code for one in refused] == [401, 303]
    assert forged.status_code == 403
    assert "version_uploaded" in log
    assert "Promoted v2" in shown
    assert "Rolled back to v1" in shown
