"""Flask-SQLAlchemy, Flask-Migrate, Flask-Admin and WTForms-Alchemy in one app with Podium."""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy

import podium as core
from podium.errors import SetupError, StoreError
from podium.hosts.flask import Podium
from podium.records.store import RecordQuery
from podium.records.stores.sql import SqlStore

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "flask_app"))
import office
import shop
from exchanges import GOOD
from test_hosts import FUNCTION

APPS = Path(__file__).parent / "flask_app"
ADMIN = "/admin/podium_records"
API = "/ml/api/models/loans/predict"
SENT = {"age": "41", "income": "1000.5", "member": "true", "plan": "pro", "since": "2024-03-01"}
GRANTS = {
    "admin": "*",
    "analyst": {"loans": ["predict", "see_own"]},
}
TOKEN = re.compile(r'name="csrf_token"[^>]* value="([^"]+)"')


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("loans")
    (folder / "office_loans.py").write_text(FUNCTION)
    sys.path.insert(0, str(folder))
    import office_loans

    yield core.pack(office_loans.loans, name="loans", path=folder).path
    sys.path.remove(str(folder))


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The app's database, as SQLAlchemy takes its address."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/app.db"
    made = request.getfixturevalue("postgresql").new_database()
    return made.replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture
def app(
    model: Path, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Flask]:
    monkeypatch.chdir(tmp_path)
    app = office.make(
        PODIUM_MODELS={"loans": model},
        PODIUM_GRANTS=GRANTS,
        SQLALCHEMY_DATABASE_URI=address,
        TESTING=True,
    )
    with app.app_context():
        office.db.create_all()
    yield app
    shop.podium.close(app)
    with app.app_context():
        office.db.engine.dispose()


def entered(app: Flask, name: str) -> FlaskClient:
    client = app.test_client()
    client.post(f"/enter/{name}")
    return client


def record_id_of(client: FlaskClient, **cells: Any) -> str:
    """The id of a prediction's record."""
    headers = {"Authorization": "Bearer token-of-ada"}
    reply = client.post(API, json=GOOD | cells, headers=headers)
    assert reply.status_code == 200, reply.text
    return str(reply.json["id"])


def test_records_are_in_the_apps_own_database(app, address):
    client = entered(app, "ada")
    id_ = record_id_of(client)
    assert client.get(f"/ml/records/{id_}").status_code == 200

    with app.app_context():
        found = office.db.session.execute(sa.text("SELECT id, model FROM podium_record")).all()

    assert [tuple(row) for row in found] == [(id_, "loans")]


def test_a_form_beside_a_table_stores_the_prediction(app):
    client = entered(app, "ada")
    token = TOKEN.search(client.get("/customers/new").text)[1]

    bad = client.post(
        "/customers/new", data=SENT | {"name": "Ada", "age": "121", "csrf_token": token}
    )
    unsigned = client.post("/customers/new", data=SENT | {"name": "Ada"})
    good = client.post("/customers/new", data=SENT | {"name": "Ada", "csrf_token": token})

    assert bad.status_code == 422
    assert "Age is out of range. Give a whole number from 0 to 120." in bad.text
    assert unsigned.status_code == 400
    assert good.json["score"] == 0.75
    page = client.get(f"/ml/records/{good.json['record']}")
    assert "<dt>Source</dt><dd><bdi>form</bdi>" in page.text
    assert "<dt>By</dt><dd><bdi>ada</bdi>" in page.text


def test_a_form_can_be_created_wherever_the_app_is(app):
    made = shop.podium.form("loans", app=app)

    assert list(made.podium_names.values()) == ["age", "income", "member", "plan", "note", "since"]
    with pytest.raises(SetupError, match="no model called 'nothing'"):
        shop.podium.form("nothing", app=app)


def test_the_admin_lists_filters_and_pages(app):
    client = entered(app, "ada")
    some = [record_id_of(client, age=20 + n, plan="pro" if n % 2 else "basic") for n in range(60)]

    first = client.get(f"{ADMIN}/")
    older = client.get(re.search(r'href="([^"]+)" rel="next"', first.text)[1].replace("&amp;", "&"))
    yes = client.get(f"{ADMIN}/?outcome=yes")
    one = client.get(f"{ADMIN}/?id={some[7]}")
    wrong = client.get(f"{ADMIN}/?since=soon")

    listed = re.compile(rf'href="{ADMIN}/([0-9a-f]{{32}})"')
    assert listed.findall(first.text) == some[:9:-1]
    assert listed.findall(older.text) == some[9::-1]
    assert listed.findall(yes.text) == some[::-2]
    assert listed.findall(one.text) == [some[7]]
    assert "“soon” is not a date or time." in wrong.text


def test_the_admin_shows_a_record_and_takes_feedback(app):
    client = entered(app, "ada")
    id_ = record_id_of(client, note="<script>alert(1)</script>")
    page = client.get(f"{ADMIN}/{id_}").text
    token = TOKEN.search(page)[1]

    def tell(**values: str) -> Any:
        return client.post(f"{ADMIN}/{id_}", data={"csrf_token": token, **values})

    wrong = tell(prediction="perhaps")
    unsigned = client.post(f"{ADMIN}/{id_}", data={"prediction": "no"})
    tell(prediction="yes", podium_note="<i>by post</i>")
    right = tell(prediction="no", podium_note="by phone")
    shown = client.get(f"{ADMIN}/{id_}").text
    store = app.extensions["podium"].app.site.store

    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "known category. Give one of no, yes" in wrong.text.replace("&#39;", "'")
    assert unsigned.status_code == 400
    assert right.status_code == 303
    assert "Replace feedback" in shown
    assert "by phone" in shown
    assert "Before its correction (1)" in shown
    assert "&lt;i&gt;by post" in shown
    feedback = store.get(id_).feedback
    assert (feedback.truth, feedback.actor, feedback.note) == (b'"no"', "ada", "by phone")


def test_the_admin_has_the_columns_and_filters_of_our_own_pages(app):
    client = entered(app, "ada")
    id_ = record_id_of(client)

    pages = [client.get(path).text for path in ("/ml/models/loans/records", f"{ADMIN}/")]
    wrong = [
        client.get(f"{path}?since=soon&id=x").text
        for path in ("/ml/models/loans/records", ADMIN + "/")
    ]
    asks = [client.get(f"{path}/{id_}/delete").text for path in ("/ml/records", ADMIN)]

    heads, fields = (
        re.compile(r"<th scope=\"col\"[^>]*>(?:<a[^>]*>)?<bdi>([^<]+)"),
        re.compile(r'<(?:input|select)[^>]* name="(\w+)"'),
    )
    assert heads.findall(pages[0])[:2] == ["Time (UTC)", "Prediction"]
    assert heads.findall(pages[0]) == heads.findall(pages[1])
    in_admin = fields.findall(pages[1])
    shown = [name for name in in_admin if name != "column"]
    assert fields.findall(pages[0])[: len(shown)] == shown
    assert "column" in in_admin
    assert all(
        "“soon” is not a date or time." in text and "An id has up to" in text for text in wrong
    )
    assert all("1 record of loans, and its feedback, will be deleted" in text for text in asks)


def test_the_admin_exports_what_the_filters_leave(app):
    client = entered(app, "ada")
    ids = [record_id_of(client, plan=plan) for plan in ("pro", "basic")]

    reply = client.get(f"{ADMIN}/records.csv?outcome=yes")
    refused = client.get(f"{ADMIN}/records.csv?since=soon")

    rows = list(csv.DictReader(io.StringIO(reply.data.decode("utf-8-sig"))))
    assert [row["id"] for row in rows] == ids[:1]
    assert rows[0]["input.plan"] == "pro"
    assert 'filename="loans-records.csv"' in reply.headers["Content-Disposition"].replace(
        "=loans-records.csv", '="loans-records.csv"'
    )
    assert refused.status_code == 400


def test_the_admin_respects_permissions(app):
    client = entered(app, "ada")
    id_ = record_id_of(client)
    bob, eve, nobody = entered(app, "bob"), entered(app, "eve"), app.test_client()
    reply = bob.post(API, json=GOOD, headers={"Authorization": "Bearer token-of-bob"})
    own = reply.json["id"]

    assert nobody.get(f"{ADMIN}/").status_code == 303
    assert eve.get(f"{ADMIN}/").status_code == 403
    assert own in bob.get(f"{ADMIN}/").text
    assert id_ not in bob.get(f"{ADMIN}/").text
    assert bob.get(f"{ADMIN}/{id_}").status_code == 404
    mine = bob.get(f"{ADMIN}/{own}")
    assert mine.status_code == 200
    assert 'method="post"' not in mine.text
    token = TOKEN.search(client.get(f"{ADMIN}/{id_}").text)[1]
    bob.post(f"{ADMIN}/{own}", data={"prediction": "no", "csrf_token": token})
    assert app.extensions["podium"].app.site.store.get(own).feedback is None
    assert client.get(f"{ADMIN}/{'f' * 32}").status_code == 404
    assert client.get(f"{ADMIN}/?model=nothing").status_code == 404


def test_the_admin_deletes_what_was_confirmed(app):
    client = entered(app, "ada")
    ids = [record_id_of(client, plan=plan) for plan in ("pro", "pro", "basic", "basic")]
    store = app.extensions["podium"].app.site.store
    asks = client.get(f"{ADMIN}/delete?outcome=yes")
    token = TOKEN.search(asks.text)[1]
    form = re.search(r'method="post" action="([^"]+)"', asks.text)[1].replace("&amp;", "&")

    assert f'href="{ADMIN}/delete?model=loans"' in client.get(f"{ADMIN}/").text
    assert "Delete 2 records" in asks.text
    assert client.post(form).status_code == 400  # unsigned
    assert store.get(ids[0]) is not None
    done = client.post(form, data={"csrf_token": token})
    assert "2 records were deleted" in done.text
    assert client.post(form, data={"csrf_token": token}).status_code == 409
    one = client.post(f"{ADMIN}/{ids[2]}/delete", data={"csrf_token": token})
    assert "1 record was deleted" in one.text
    assert [store.get(id_) is not None for id_ in ids] == [False, False, False, True]


def test_the_admin_deletes_nothing_without_the_right(app):
    client, bob = entered(app, "ada"), entered(app, "bob")
    id_ = record_id_of(client)
    token = TOKEN.search(client.get(f"{ADMIN}/{id_}").text)[1]
    reply = bob.post(API, json=GOOD, headers={"Authorization": "Bearer token-of-bob"})
    own = reply.json["id"]

    assert "delete" not in bob.get(f"{ADMIN}/{own}").text
    for path in (f"{own}/delete", "delete?expect=1"):
        assert bob.get(f"{ADMIN}/{path}").status_code == 403
        assert bob.post(f"{ADMIN}/{path}", data={"csrf_token": token}).status_code in (400, 403)
    assert app.extensions["podium"].app.site.store.get(own) is not None


def test_flask_migrate_creates_the_table_and_finds_nothing_more_to_do(
    model, address, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    environment = os.environ | {
        "FLASK_APP": "office:make",
        "FLASK_SQLALCHEMY_DATABASE_URI": address,
        "FLASK_PODIUM_MODELS": str(model),
        "PYTHONPATH": os.pathsep.join(
            [str(APPS), str(model.parent), os.environ.get("PYTHONPATH", "")]
        ),
    }

    def flask(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "flask", *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    flask("db", "init")
    flask("db", "migrate", "-m", "records")
    (written,) = (tmp_path / "migrations" / "versions").glob("*.py")
    flask("db", "upgrade")

    assert "op.create_table('podium_record'" in written.read_text()
    assert "podium_record_by_feedback" in written.read_text()
    assert "No new upgrade operations detected" in flask("db", "check")
    with_table = SqlStore(address, creates=False)
    assert with_table.page(RecordQuery(), limit=1).records == ()
    with_table.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_processes_that_were_forked_have_connections_of_their_own(app):
    client = entered(app, "ada")
    first = record_id_of(client)
    assert first in client.get(f"{ADMIN}/").text
    with app.app_context():
        pool = office.db.engine.pool

    pid = os.fork()
    if not pid:  # the child, as a worker of gunicorn's with --preload
        status = 1
        try:
            own = record_id_of(client)
            page = client.get(f"{ADMIN}/").text
            with app.app_context():
                is_own = office.db.engine.pool is not pool
            status = 0 if is_own and own in page and first in page else 2
            shop.podium.close(app)
        finally:
            os._exit(status)
    several = [record_id_of(client) for _ in range(5)]
    _, status = os.waitpid(pid, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert all(id_ in client.get(f"{ADMIN}/").text for id_ in several)


def test_a_missing_table_is_reported_with_the_command_that_creates_it(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app = Flask(__name__, instance_path=str(tmp_path))
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tmp_path}/app.db"
    db = SQLAlchemy(app)
    podium = Podium(app, models={"loans": model}, store=db, durability="normal")
    store = app.extensions["podium"].app.site.store

    with pytest.raises(StoreError, match="flask db upgrade"):
        store.page(RecordQuery(), limit=1)
    reply = app.test_client().post(API, json=GOOD)
    with app.app_context():
        db.create_all()
    found = store.page(RecordQuery(), limit=1).records

    assert reply.status_code == 200
    assert [one.id for one in found] == [reply.json["id"]]
    podium.close(app)
    with app.app_context():
        db.engine.dispose()
