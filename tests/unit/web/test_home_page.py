"""The home page: what each model does and how it is, for two models and for forty."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import podium
from podium.access import ALL, Action, Actor
from podium.bundle.card import Card
from podium.errors import SetupError
from podium.http import Request
from podium.monitoring.alarms import Alarm
from podium.monitoring.alerts import Look
from podium.settings import read_settings
from podium.testing import Client
from podium.web import routes
from podium.web.home_page import SEARCH_FROM, _ago
from podium.web.spread import shares_of

NAMES = ("loans", "arrival", "optional", "fragile")
PREDICTS = frozenset({Action.PREDICT})
EVE = Actor("eve", grants=dict.fromkeys(("arrival-delay", "fragile"), PREDICTS), id="user:2")
SUE = Actor("sue", grants={ALL: frozenset(Action)}, id="user:1")


def home(client: Client, target: str = "/", **headers: str) -> str:
    return client.get(target, accept="text/html", **headers).text


def cards(client: Client, target: str = "/", **headers: str) -> list[str]:
    """The titles of the cards."""
    return re.findall(r"<h2[^>]*>(?:<a[^>]*>)?([^<]*)<", home(client, target, **headers))


@pytest.fixture
def app(models_file: Path, tmp_path: Path) -> Iterator[podium.App]:
    made = podium.App(
        *(f"{models_file}:{name}" for name in NAMES),
        home=str(tmp_path / "home"),
        identify=lambda request: EVE if request.headers.get("x-who") == "eve" else SUE,
    )
    yield made
    made.close()


@pytest.mark.parametrize(
    ("name", "title", "label"),
    [
        ("churn_model_v2", "", "Churn model v2"),
        ("arrival-delay", "", "Arrival delay"),
        ("churn_model_v2", "Who leaves?", "Who leaves?"),
        ("_", "", "_"),
    ],
)
def test_a_model_without_a_title_is_called_by_its_name_in_words(name: str, title: str, label: str):
    assert Card(name=name, version="1", title=title).label == label


def test_a_search_finds_models_by_all_of_its_words(app: podium.App):
    client = Client(app)

    assert cards(client, "/?q=ARRIVAL%20delay") == ["How late a flight is"]
    assert cards(client, "/?q=arrival%20loans") == []
    text = home(client, "/?q=%3Cscript%3E")
    assert "<script>" not in text.replace('<script type="module"', "")
    assert "0 of 4 models match" in text
    assert ('type="search"' in home(client)) is (len(NAMES) >= SEARCH_FROM)


def test_the_last_use_is_shown_to_those_who_may_monitor(app: podium.App):
    client = Client(app)
    assert "Last used" not in home(client)
    client.post("/api/models/arrival-delay/predict", {"distance": 100.0, "hour": 3})
    app.monitoring.flush()

    assert home(client).count("<dd>within the hour</dd>") == 1
    assert "Last used" not in home(client, x_who="eve")
    assert cards(client, x_who="eve") == [
        "How late a flight is",
        "A model that fails where x is negative",
    ]


def test_alerts_and_failures_are_shown_to_those_who_may_monitor(app: podium.App):
    client = Client(app)
    alarm = Alarm(kind="drift", level="red", is_firing=True, what="field", name="distance")
    look = Look("arrival-delay", "hour", "aa", "1", (alarm,), frozenset({"drift"}))
    assert app.site.alerts is not None
    app.site.alerts.take("arrival-delay", "hour", 10_000_001, [look], (), 1_800_000_000_000_000)
    for _ in range(2):
        assert client.post("/api/models/fragile/predict", {"x": -1.0}).status == 500

    text, eves = home(client), home(client, x_who="eve")

    assert '<a class="state bad" href="/models/arrival-delay/monitor">1 alert firing</a>' in text
    assert "2 failed requests since the start" in text
    assert "firing" not in eves
    assert "failed" not in eves


def test_home_opens_also_if_the_alerts_cannot_be_read(app: podium.App, tmp_path: Path):
    file = app.site.alerts
    assert file is not None
    before, file.path = file.path, tmp_path / "alerts.db"
    file.path.write_text("this is no database, " * 100)
    try:
        text = home(Client(app))
    finally:
        file.path = before

    assert "How late a flight is" in text
    assert "firing" not in text


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        (-1, "within the hour"),
        (0, "within the hour"),
        (1, "1 hour ago"),
        (47, "47 hours ago"),
        (48, "2 days ago"),
    ],
)
def test_the_last_use_is_said_in_words(hours: int, words: str):
    assert _ago(hours) == words


def test_the_shares_of_labels_are_one_bar():
    spread = shares_of([3, 1])

    assert spread is not None
    assert spread.path == "M0.00 0h149.00V100H0.00zM150.00 0h49.00V100H150.00z"
    assert shares_of([5]) is None
    assert shares_of([0, 0]) is None
    assert shares_of([1] * 5_000) is not None


def test_the_operators_links_are_shown_first_and_stay_on_this_site(
    models_file: Path, tmp_path: Path
):
    welcome = {"/models/loans?example=1": "Ask <b>about</b> a loan", "/docs": "Programs"}
    app = podium.App(f"{models_file}:loans", home=str(tmp_path), welcome=welcome)
    asked = Request("GET", "/", headers={"accept": "text/html"})
    page = routes.respond(app.site, replace(asked, root_path="/ml")).body
    alone = routes.respond(app.site, replace(asked, query_string="q=loans")).body
    app.close()

    assert isinstance(page, bytes)
    assert isinstance(alone, bytes)
    link = (
        b'<a href="/ml/models/loans?example=1" dir="auto">Ask &lt;b&gt;about&lt;/b&gt; a loan</a>'
    )
    assert link in page
    assert page.index(link) < page.index(b'<a href="/ml/docs" dir="auto">Programs')
    assert b"First steps" not in alone


@pytest.mark.parametrize("path", ["//evil.example", "javascript:alert(1)", "https://x.example", ""])
def test_a_link_of_the_operators_that_leaves_the_site_is_refused(path: str):
    with pytest.raises(SetupError, match="welcome"):
        read_settings({"welcome": {path: "words"}})
