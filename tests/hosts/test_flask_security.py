"""Podium inside an app whose people come from Flask-Security: roles, tokens, its pages to log in."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_security import Security, SQLAlchemyUserDatastore, hash_password
from flask_security.models import fsqla_v3
from flask_sqlalchemy import SQLAlchemy

import podium as core
from podium.hosts.flask import Podium
from podium.hosts.flask.identity import owner_of

sys.path.insert(0, str(Path(__file__).parent))
from exchanges import GOOD, PREDICT
from flask_server import PREFIX
from test_hosts import FUNCTION

API, FORM_PATH = PREFIX + PREDICT, f"{PREFIX}/models/loans"
PASSWORD = "a password of the test"
PEOPLE = {"ada@example.com": ["admin"], "bob@example.com": ["analyst"], "eve@example.com": []}
TOKEN = "Authentication-Token"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    folder = tmp_path_factory.mktemp("secured")
    (folder / "flask_secured_loans.py").write_text(FUNCTION)
    sys.path.insert(0, str(folder))
    import flask_secured_loans

    app = Flask(__name__, instance_path=str(folder))
    app.config.from_mapping(
        SECRET_KEY="a secret of the test, long enough",
        SECURITY_PASSWORD_SALT="1234567890",
        SECURITY_PASSWORD_HASH="plaintext",
        SECURITY_PASSWORD_SCHEMES=["plaintext"],
        SECURITY_PASSWORD_SINGLE_HASH=["plaintext"],
        SQLALCHEMY_DATABASE_URI="sqlite://",
        WTF_CSRF_ENABLED=False,
        TESTING=True,
        PODIUM_GRANTS={"admin": "*", "analyst": {"loans": ["predict", "see_own"]}},
        PODIUM_LINKS={"Log out": "security.logout"},
    )
    db = SQLAlchemy(app)
    fsqla_v3.FsModels.set_db_info(db)

    class Role(db.Model, fsqla_v3.FsRoleMixin):
        pass

    class User(db.Model, fsqla_v3.FsUserMixin):
        pass

    people = SQLAlchemyUserDatastore(db, User, Role)
    Security(app, people)
    podium = Podium(
        app, models=[core.pack(flask_secured_loans.loans, name="loans", path=folder).path]
    )
    with app.app_context():
        db.create_all()
        for email, roles in PEOPLE.items():
            people.create_user(
                email=email,
                password=hash_password(PASSWORD),
                roles=[people.find_or_create_role(role) for role in roles],
            )
        db.session.commit()
    yield app
    podium.close(app)
    with app.app_context():
        db.engine.dispose()
    sys.path.remove(str(folder))


def entered(app: Flask, name: str) -> FlaskClient:
    client = app.test_client()
    sent = {"email": f"{name}@example.com", "password": PASSWORD}
    assert client.post("/login", data=sent).status_code == 302
    return client


def token_of(app: Flask, name: str) -> str:
    sent = {"email": f"{name}@example.com", "password": PASSWORD}
    reply = app.test_client().post("/login?include_auth_token", json=sent)
    return reply.json["response"]["user"]["authentication_token"]


def test_anonymous_users_are_sent_to_its_login_page(app):
    reply = app.test_client().get(FORM_PATH)

    assert reply.status_code == 303
    assert reply.headers["location"] == "/login?next=%2Fml%2Fmodels%2Floans"


@pytest.mark.parametrize(
    ("name", "form", "others"), [("ada", 200, 200), ("bob", 200, 200), ("eve", 404, 404)]
)
def test_roles_grant_what_the_config_says(app, name, form, others):
    client = entered(app, name)

    assert client.get(FORM_PATH).status_code == form
    assert client.get(f"{FORM_PATH}/records").status_code == others


def test_pages_link_to_the_apps_own(app):
    assert '<a href="/logout">Log out</a>' in entered(app, "bob").get(FORM_PATH).text


@pytest.mark.parametrize(("name", "metrics"), [("ada", 200), ("bob", 403), ("eve", 403)])
def test_its_tokens_open_the_api_with_the_same_grants(app, name, metrics):
    headers = {TOKEN: token_of(app, name)}
    client = app.test_client()

    assert client.get(f"{PREFIX}/metrics", headers=headers).status_code == metrics
    predicted = client.post(API, json=GOOD, headers=headers)
    assert predicted.status_code == (404 if name == "eve" else 200)


def test_a_cookie_does_not_open_the_api(app):
    client = entered(app, "ada")

    assert client.post(API, json=GOOD).status_code == 401
    assert client.post(API, json=GOOD, headers={TOKEN: "none"}).status_code == 401


def test_one_sees_ones_own_records_only(app):
    client = app.test_client()
    told = {
        name: client.post(API, json=GOOD, headers={TOKEN: token_of(app, name)}).json["id"]
        for name in ("ada", "bob")
    }

    seen = {name: entered(app, name).get(f"{FORM_PATH}/records.csv").text for name in told}

    assert told["bob"] in seen["bob"]
    assert told["ada"] not in seen["bob"]
    assert told["ada"] in seen["ada"]
    assert told["bob"] in seen["ada"]
    assert "bob@example.com" in seen["ada"]


def test_a_user_with_the_key_of_a_deleted_one_gets_none_of_their_records(app: Flask):
    people = app.extensions["security"].datastore
    with app.app_context():
        first = people.create_user(email="zoe@example.com", password=hash_password(PASSWORD))
        first.create_datetime = dt.datetime(2026, 1, 1)  # noqa: DTZ001 - as SQLite gives it back
        people.db.session.commit()
        owner, key = owner_of(first), first.id
        people.delete_user(first)
        people.db.session.commit()
        again = people.create_user(email="zoe@example.com", password=hash_password(PASSWORD))
        people.db.session.commit()
        assert again.id == key  # SQLite gives it out once more

        assert owner_of(again) != owner
        changed = owner_of(again)
        people.set_uniquifier(again)
        assert owner_of(again) == changed
        people.delete_user(again)
        people.db.session.commit()
