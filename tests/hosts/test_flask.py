"""Podium inside a Flask app: its users, its forms' tokens, its template, its error handlers."""

from __future__ import annotations

import csv
import io
import itertools
import json
import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import pandas as pd
import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import DictLoader

import podium as core
from podium.access import Action, Actor
from podium.errors import InvalidRows, SetupError
from podium.hosts.flask import Podium
from podium.hosts.flask.config import OWN
from podium.hosts.flask.host import host_of
from podium.policy.authority import OpenAuthority
from podium.web import static

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "flask_app"))
import shop
from exchanges import FORM, GOOD, PREDICT
from flask_server import PREFIX
from test_hosts import FUNCTION

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "flask.md"
STATIC = Path(static.__file__).with_name("static")
MEDIA = "application/x-www-form-urlencoded"
HTML = {"accept": "text/html"}
FORM_PATH, RECORDS, API = (
    f"{PREFIX}/models/loans",
    f"{PREFIX}/models/loans/records",
    PREFIX + PREDICT,
)
GRANTS = {
    "admin": "*",
    "analyst": {"loans": ["predict", "see_own"]},
    ("visit", "loans"): {"loans": ["see"]},
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loans")
    (folder / "flask_shop_loans.py").write_text(FUNCTION)
    sys.path.insert(0, str(folder))
    import flask_shop_loans

    yield core.pack(flask_shop_loans.loans, name="loans", path=folder).path
    sys.path.remove(str(folder))


@pytest.fixture
def make(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Flask]]:
    """Makes the example app, or a bare one, with the model."""
    monkeypatch.chdir(tmp_path)
    made: list[Flask] = []

    def make(*, is_bare: bool = False, **config: Any) -> Flask:
        config = {"PODIUM_MODELS": {"loans": model}, "TESTING": True} | config
        if is_bare:
            app = Flask(__name__, instance_path=str(tmp_path))
            app.config.from_mapping(config)
        else:
            app = shop.make(**config)
        made.append(app)
        return app

    yield make
    for app in made:
        if "podium" in app.extensions:
            shop.podium.close(app)


def entered(app: Flask, name: str) -> FlaskClient:
    client = app.test_client()
    assert client.post(f"/enter/{name}").status_code == 200
    return client


def token_in(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def records_of(client: FlaskClient) -> list[dict[str, str]]:
    text = client.get(f"{RECORDS}.csv").get_data(as_text=True).removeprefix("\ufeff")
    return list(csv.DictReader(io.StringIO(text)))


def test_anonymous_users_are_sent_to_log_in_and_come_back(make):
    reply = make().test_client().get(f"{FORM_PATH}?example=2")

    assert reply.status_code == 303
    assert reply.headers["location"] == "/enter?next=%2Fml%2Fmodels%2Floans%3Fexample%3D2"


def test_the_logged_in_user_is_named_in_the_records(make):
    client = entered(make(), "bob")
    token = token_in(client.get(FORM_PATH).text)

    reply = client.post(FORM_PATH, data=FORM.decode() + f"&csrf_token={token}", content_type=MEDIA)

    assert reply.status_code == 303
    assert reply.location.startswith(f"{FORM_PATH}/results/")
    assert client.get(reply.location).status_code == 200
    (record,) = records_of(client)
    assert (record["actor"], record["source"]) == ("bob", "form")
    assert "csrf_token" not in "".join(record)


def test_a_file_of_truths_comes_with_the_apps_token(make):
    client = entered(make(), "ada")
    form = FORM.decode() + f"&csrf_token={token_in(client.get(FORM_PATH).text)}"
    client.post(FORM_PATH, data=form, content_type=MEDIA)
    (record,) = records_of(client)
    inbox = f"{FORM_PATH}/inbox"
    token = token_in(client.get(inbox).text)

    def send(token: str) -> Any:
        file = io.BytesIO(f"id,truth\n{record['id']},no\n".encode())
        data = {"csrf_token": token, "file": (file, "truth.csv")}
        return client.post(f"{inbox}/file", data=data, content_type="multipart/form-data")

    assert send("guessed").status_code == 400
    assert "1 row was added" in send(token).text
    assert records_of(client)[0]["feedback"] == "no"


@pytest.mark.parametrize("more", ["", "&csrf_token=guessed"])
def test_a_form_without_the_apps_token_is_refused_and_not_recorded(make, more):
    client = entered(make(), "ada")

    reply = client.post(FORM_PATH, data=FORM.decode() + more, content_type=MEDIA)

    assert reply.status_code == 400
    assert "CSRF" in reply.text
    assert records_of(client) == []


def test_a_cookie_is_no_answer_for_the_api_and_a_token_needs_no_csrf(make):
    client = entered(make(), "ada")

    with_cookie = client.post(API, json=GOOD)
    with_token = client.post(API, json=GOOD, headers={"authorization": "Bearer token-of-bob"})
    with_wrong = client.post(API, json=GOOD, headers={"authorization": "Bearer nothing"})

    assert with_cookie.status_code == 401
    assert with_cookie.headers["www-authenticate"] == "Bearer"
    assert with_token.status_code == 200
    assert with_wrong.status_code == 401
    assert [record["actor"] for record in records_of(client)] == ["bob"]


def test_roles_and_needs_grant_what_the_config_says(make):
    app = make(PODIUM_GRANTS=GRANTS)
    ada, bob, eve = (entered(app, name) for name in ("ada", "bob", "eve"))

    assert ada.get(f"{PREFIX}/metrics").status_code == 200
    assert bob.get(f"{PREFIX}/metrics").status_code == 403
    assert bob.get(FORM_PATH).status_code == 200
    assert eve.get(FORM_PATH).status_code == 403
    assert eve.get(RECORDS).status_code == 200


@pytest.mark.parametrize(
    ("name", "status"), [("ada", 200), ("bob", 403), ("eve", 403)], ids=["admin", "role", "need"]
)
def test_the_owner_of_a_token_has_the_same_grants(make, name, status):
    client = make(PODIUM_GRANTS=GRANTS).test_client()
    headers = {"authorization": f"Bearer token-of-{name}"}

    assert client.get(f"{PREFIX}/metrics", headers=headers).status_code == status
    predicted = client.post(API, json=GOOD, headers=headers)
    assert predicted.status_code == (403 if name == "eve" else 200)


def test_a_token_counts_for_its_owner_whoever_the_cookie_is(make):
    client = entered(make(PODIUM_GRANTS=GRANTS), "ada")

    reply = client.get(f"{PREFIX}/metrics", headers={"authorization": "Bearer token-of-eve"})

    assert reply.status_code == 403


def test_a_model_on_which_one_may_nothing_is_not_there(make):
    client = entered(make(PODIUM_GRANTS={"admin": "*"}), "bob")

    assert client.get(FORM_PATH).status_code == 404
    assert "loans" not in client.get(f"{PREFIX}/", headers=HTML).text


def test_a_public_model_predicts_for_everybody_and_shows_nobody_its_records(make):
    client = make(PODIUM_PUBLIC=["loans"]).test_client()

    assert client.post(API, json=GOOD).status_code == 200
    assert client.get(FORM_PATH).status_code == 200
    assert client.get(RECORDS).status_code == 303


def test_a_callable_decides_what_a_user_may(make, model):
    asked = []

    def may(user: Any, action: Action, of: str) -> bool:
        asked.append((user.username, of))
        return action is Action.PREDICT and of == "loans"

    app = make(is_bare=True, SECRET_KEY=shop.SECRET)
    Podium(app, permissions=may)
    shop.login.init_app(app)

    headers = {"authorization": "Bearer token-of-bob"}
    predicted = app.test_client().post(API, json=GOOD, headers=headers)
    metrics = app.test_client().get(f"{PREFIX}/metrics", headers=headers)

    assert predicted.status_code == 200
    assert metrics.status_code == 403
    assert set(asked) == {("bob", "*"), ("bob", "loans")}


def test_identify_takes_the_place_of_logins(make):
    app = make(is_bare=True)

    def identify(request: Any) -> Actor | str | None:
        name = request.headers.get("x-user")
        if name == "bob":
            return Actor("bob", "Bob", {"loans": frozenset({Action.PREDICT})})
        return name

    Podium(app, identify=identify)
    client = app.test_client()

    assert client.post(API, json=GOOD).status_code == 401
    assert client.post(API, json=GOOD, headers={"x-user": "bob"}).status_code == 200
    assert client.get(RECORDS, headers={"x-user": "bob"}).status_code == 403
    assert client.get(RECORDS, headers={"x-user": "ada"}).status_code == 200


def test_known_actors_may_send_bulk_requests(make):
    app = make(is_bare=True)
    Podium(app, identify=lambda request: request.headers.get("x-user"))
    client, known = app.test_client(), {"x-user": "ada"}
    long_body = json.dumps(GOOD) + " " * 2**20

    def status(body: str, **headers: str) -> int:
        return client.post(API, data=body, content_type="application/json", **headers).status_code

    rows = json.dumps([GOOD] * 1_001)
    assert status(rows, headers=known) == status(long_body, headers=known) == 200
    assert status(long_body) == 413
    assert status(" " * (2**25 + 1), headers=known) == 413


def test_an_app_without_authentication_accepts_no_bulk_requests_and_reads_no_more_than_its_limit(
    make,
):
    open_ = make(is_bare=True)
    Podium(open_)
    small = make(is_bare=True, MAX_CONTENT_LENGTH=2**20 + 100)
    Podium(small, identify=lambda _: "ada")

    assert open_.test_client().post(API, json=[GOOD] * 1_001).status_code == 413
    assert small.test_client().post(API, json=[GOOD] * 1_001).status_code == 200
    assert small.test_client().post(API, data=" " * (2**20 + 101)).status_code == 413


def test_what_identify_grants_counts_as_far_as_permissions_agrees(make):
    app = make(is_bare=True)

    def identify(request: Any) -> Actor | None:
        name = request.headers.get("x-user")
        return Actor(name, name, {"*": frozenset(Action)}) if name else None

    Podium(
        app,
        identify=identify,
        permissions=lambda user, action, _: user.name == "ada" and action is Action.PREDICT,
    )
    client = app.test_client()

    assert client.post(API, json=GOOD, headers={"x-user": "ada"}).status_code == 200
    assert client.get(RECORDS, headers={"x-user": "ada"}).status_code == 403
    assert client.post(API, json=GOOD, headers={"x-user": "bob"}).status_code == 404
    assert client.post(API, json=GOOD).status_code == 401


@pytest.mark.parametrize(
    ("config", "arguments", "why"),
    [
        (
            {"PODIUM_GRANTS": {"admin": "*"}},
            {"identify": lambda _: "ada"},
            "identify= doesn't return",
        ),
        ({"PODIUM_GRANTS": {"a": "*"}}, {"permissions": lambda *_: True}, "contradict each other"),
        ({}, {"identify": OpenAuthority(), "permissions": lambda *_: True}, "decides everything"),
        ({"PODIUM_PUBLIC": "*"}, {"identify": OpenAuthority()}, "decides everything"),
        ({"PODIUM_PUBLIC": ["loan"]}, {}, "has 'loan', which isn't a model"),
        ({"PODIUM_GRANTS": {"admin": {"laons": "*"}}}, {}, "has 'laons', which isn't a model"),
    ],
)
def test_no_word_on_rights_silently_overrules_another(make, config, arguments, why):
    app = make(is_bare=True, **config)

    with pytest.raises(SetupError, match=why):
        Podium(app, **arguments)


def test_disabled_logins_are_reported(make, caplog):
    app = make(TESTING=False, LOGIN_DISABLED=True)

    with caplog.at_level(logging.WARNING):
        app.test_client().get(RECORDS)

    assert "LOGIN_DISABLED" in caplog.text


def test_a_program_at_the_home_page_learns_that_the_server_is_alive(make):
    app = make(PODIUM_GRANTS={"admin": "*"})
    seen = []
    app.before_request(lambda: seen.append(flask.request.endpoint))
    client = app.test_client()

    reply, page = client.get(f"{PREFIX}/"), client.get(f"{PREFIX}/", headers=HTML)

    assert (reply.status_code, reply.json["status"]) == (200, "alive")
    assert reply.json["links"]["docs"] == f"{PREFIX}/docs"
    assert "set-cookie" not in reply.headers
    assert page.status_code == 303  # to log in
    assert seen == ["podium.alive", "podium.home"]


def test_guards_of_the_app_see_the_endpoint(make):
    app = make(is_bare=True)
    seen = []

    @app.before_request
    def guard() -> Any:
        seen.append((flask.request.endpoint, flask.request.view_args))
        return ("not here", 403) if flask.request.endpoint == "podium.records" else None

    Podium(app)
    client = app.test_client()

    assert client.post(API, json=GOOD).status_code == 200
    assert client.get(FORM_PATH).status_code == 200
    assert client.get(RECORDS).status_code == 403
    assert client.get(f"{PREFIX}/nowhere").status_code == 404
    assert seen[0] == ("podium.predict", {"name": "loans"})
    assert seen[1] == ("podium.model", {"name": "loans"})
    assert seen[3][0] == "podium.nothing"


def test_without_logins_everything_is_open_and_the_log_says_so(make, caplog):
    app = make(is_bare=True, TESTING=False)
    Podium(app).start(app)

    with caplog.at_level(logging.WARNING):
        reply = app.test_client().get(RECORDS)

    assert reply.status_code == 200
    assert "podium_is_open" in caplog.text


def test_a_view_predicts_and_the_record_names_its_user(make):
    client = entered(make(), "ada")

    told = client.get("/ask").json

    assert told["one"] == "yes"
    assert told["many"] == ["yes", "no"]
    records = records_of(client)
    assert {(record["source"], record["actor"]) for record in records} == {("python", "ada")}
    assert told["id"] in {record["id"] for record in records}


def test_a_frame_is_predicted_row_by_row(make):
    app = make()
    row = GOOD | {"since": pd.Timestamp("2024-03-01")}

    with app.app_context():
        frame = pd.DataFrame([row, row | {"plan": "basic"}])
        told = shop.podium.predict("loans", frame, key=4711)

    records = records_of(entered(app, "ada"))
    assert {one["id"]: one["business_key"] for one in records} == {one.id: "4711" for one in told}
    assert [one.prediction for one in told] == ["yes", "no"]
    assert told[0].probabilities == {"no": 0.25, "yes": 0.75}


def test_invalid_rows_in_python_are_reported_by_cell(make):
    with make().app_context(), pytest.raises(InvalidRows) as caught:
        shop.podium.predict("loans", GOOD | {"plan": "gold"})

    assert [cell.field for cell in caught.value.cells] == ["plan"]


def test_for_a_missing_model_the_known_ones_are_listed(make):
    with make().app_context(), pytest.raises(SetupError, match="no model called 'churn'"):
        shop.podium.predict("churn", GOOD)


def test_pages_stand_in_the_apps_template(make):
    app = make(PODIUM_BASE_TEMPLATE="base.html")
    ada, bob = entered(app, "ada"), entered(app, "bob")

    pages = [client.get(RECORDS) for client in (ada, bob)]

    for page, name in zip(pages, ("ada", "bob"), strict=True):
        assert f"Hello, {name}" in page.text
        assert "The shop&#39;s own foot" in page.text or "The shop's own foot" in page.text
        head, _, _ = page.text.partition("</head>")
        assert f'href="{PREFIX}/static/podium.' in head
        assert "style-src" not in page.headers["content-security-policy"]
        assert page.text.count("<html") == 1
        assert '<div class="podium"><podium-page>' in page.text
    assert "default-src 'none'" in ada.get(f"{PREFIX}/livez").headers["content-security-policy"]


def test_our_style_changes_nothing_of_the_apps_page_around_ours():
    style = re.sub(r"/\*.*?\*/", "", (STATIC / "podium.css").read_text("utf-8")).strip()
    depths = itertools.accumulate({"{": 1, "}": -1}.get(one, 0) for one in style)

    assert style.startswith(":where(.podium) {")
    assert list(depths).index(0, len(":where(.podium) {")) == len(style) - 1


def test_a_template_without_a_content_block_is_reported(make):
    app = make(is_bare=True, PODIUM_BASE_TEMPLATE="empty.html")
    app.jinja_loader = DictLoader({"empty.html": "<html></html>"})
    Podium(app)

    with pytest.raises(SetupError, match=r"'empty\.html' has no block for Podium's pages"):
        app.test_client().get(f"{PREFIX}/", headers=HTML)


def test_errors_go_through_the_apps_handlers_if_configured(make):
    asking, silent = make(PODIUM_ERROR_HANDLERS=True), make()
    told = entered(asking, "ada").get(f"{PREFIX}/records/{'0' * 32}")
    own = entered(silent, "ada").get(f"{PREFIX}/records/{'0' * 32}")

    assert told.status_code == own.status_code == 404
    assert "Shop: 404 Not Found" in told.text
    assert "Shop" not in own.text


def test_an_app_without_a_handler_gets_the_usual_errors(make):
    app = make(is_bare=True, PODIUM_ERROR_HANDLERS=True)
    Podium(app)

    reply = app.test_client().post(API, json=GOOD | {"plan": "gold"})

    assert (reply.status_code, reply.mimetype) == (422, "application/problem+json")
    assert reply.json["cells"][0]["field"] == "plan"
    assert "default-src 'none'" in reply.headers["content-security-policy"]


def test_a_form_with_mistakes_is_no_error_of_the_apps(make):
    app = make(is_bare=True, PODIUM_ERROR_HANDLERS=True)
    Podium(app)

    reply = app.test_client().post(FORM_PATH, data=FORM[:-5].decode(), content_type=MEDIA)

    assert reply.status_code == 422
    assert "<form" in reply.text


def test_two_apps_in_one_process_know_nothing_of_each_other(make, tmp_path):
    podium = Podium(url_prefix="/models")
    one = make(is_bare=True, PODIUM_HOME="one")
    two = make(is_bare=True, PODIUM_HOME="two", PODIUM_URL_PREFIX="/other", PODIUM_TITLE="Two")
    podium.init_app(one)
    podium.init_app(two)

    assert one.test_client().post("/models" + PREDICT, json=GOOD).status_code == 200
    assert "Two" in two.test_client().get("/other/", headers=HTML).text
    assert two.test_client().get("/models/").status_code == 404
    with two.app_context():
        assert [one.prediction for one in podium.predict("loans", [GOOD])] == ["yes"]
    assert {"one", "two"} <= {path.name for path in tmp_path.iterdir()}
    assert one.extensions["podium"] is not two.extensions["podium"]


def test_addresses_have_names(make):
    app = make()
    with app.test_request_context():
        assert flask.url_for("podium.model", name="loans") == FORM_PATH
        assert flask.url_for("podium.predict", name="loans") == API


def test_the_prefix_of_a_proxy_comes_before_ours(make):
    app = make(is_bare=True)
    Podium(app)

    overrides = {"SCRIPT_NAME": "/site"}

    page = app.test_client().get(f"{PREFIX}/", headers=HTML, environ_overrides=overrides).text

    assert f'href="/site{PREFIX}/models/loans"' in page


def test_the_prefix_alone_leads_to_the_home_page(make):
    app = make(is_bare=True)
    Podium(app)

    reply = app.test_client().get(PREFIX, environ_overrides={"SCRIPT_NAME": "/site"})

    assert reply.status_code == 308
    assert reply.headers["location"] == f"http://localhost/site{PREFIX}/"


def test_a_head_response_has_no_false_length(make):
    app = make(is_bare=True)
    Podium(app)

    reply = app.test_client().head(FORM_PATH)

    assert (reply.status_code, reply.headers.get("content-length")) == (200, None)


def test_an_app_that_reads_every_form_first_leaves_ours_whole(make):
    app = make(is_bare=True)
    app.before_request(lambda: flask.request.form.get("tracking") and None)
    Podium(app)

    reply = app.test_client().post(FORM_PATH, data=FORM.decode(), content_type=MEDIA)

    assert reply.status_code == 303


def test_untrusted_host_names_are_refused(make):
    app = make(is_bare=True, TRUSTED_HOSTS=["shop.example"])
    Podium(app)
    client = app.test_client()

    assert client.get(f"{PREFIX}/", headers={"host": "shop.example"}).status_code == 200
    assert client.get(f"{PREFIX}/", headers={"host": "evil.example"}).status_code == 400


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"PODIUM_MODEL": "x"}, "PODIUM_MODEL isn't known"),
        ({"PODIUM_MODELS": ()}, "no model"),
        ({"PODIUM_URL_PREFIX": "/"}, "PODIUM_URL_PREFIX is '/'"),
        ({"PODIUM_ROWS_MAX": "many"}, "PODIUM_ROWS_MAX='many'"),
        ({"PODIUM_PUBLIC": 7}, "PODIUM_PUBLIC is 7"),
        ({"PODIUM_GRANTS": ["admin"]}, "PODIUM_GRANTS is list"),
        ({"PODIUM_GRANTS": {"admin": ["fly"]}}, "PODIUM_GRANTS['admin'] is ['fly']"),
        ({"PODIUM_BASE_TEMPLATE": 1}, "PODIUM_BASE_TEMPLATE is 1"),
        ({"PODIUM_ACCOUNTS": {"enabled": True}}, "PODIUM_ACCOUNTS is for"),
        ({"PODIUM_ACCOUNTS": {"mfa": "everyone"}}, "PODIUM_ACCOUNTS is for"),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else "",
)
def test_a_wrong_config_is_reported_when_the_app_is_created(make, config, said):
    app = make(is_bare=True, **config)

    with pytest.raises(SetupError, match=re.escape(said)):
        Podium(app)


def test_an_app_has_one_podium(make):
    with pytest.raises(SetupError, match="already has a Podium"):
        Podium(make())


def test_no_longer_body_is_read_than_the_app_allows(make):
    app = make(is_bare=True, MAX_CONTENT_LENGTH=500)
    Podium(app)

    reply = app.test_client().post(API, json=GOOD | {"note": "x" * 600})

    assert (reply.status_code, reply.json["code"]) == (413, "too_large")


def test_a_forked_child_serves_by_itself(make):
    app = make(is_bare=True)
    Podium(app)
    client = app.test_client()
    assert client.post(API, json=GOOD).status_code == 200
    of_parent = host_of(app).app
    read, write = os.pipe()

    child = os.fork()
    if child == 0:
        try:
            told = client.post(API, json=GOOD).get_data()
            n_shown = len(records_of(client))
            is_own = host_of(app).app is not of_parent
            os.write(write, f"{told.decode()} {n_shown} {is_own}".encode())
        except BaseException as error:  # noqa: BLE001 - the parent tells it
            os.write(write, repr(error).encode())
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(write)

    answer = os.read(read, 4_096)
    assert b'"prediction":"yes"' in answer
    assert answer.endswith(b" 2 True")
    assert len(records_of(client)) == 2


def test_an_app_that_was_started_is_ready_at_its_first_request(make):
    app = make(is_bare=True)
    podium = Podium(app)

    podium.start(app)

    assert app.test_client().get(f"{PREFIX}/readyz").json["status"] == "ready"


@pytest.mark.parametrize("key", OWN)
def test_each_key_of_the_config_is_documented(key):
    assert f"| `PODIUM_{key.upper()}` |" in PAGE.read_text("utf-8")
