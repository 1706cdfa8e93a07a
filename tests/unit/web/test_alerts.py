"""Alerts on pages: what is alarming, and a form for those who know of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import podium
from podium.access import ALL, Action, Actor
from podium.monitoring.alarms import Alarm
from podium.monitoring.alerts import Look
from podium.testing import Client

NAME = "arrival-delay"
PAGE = f"/models/{NAME}/monitor"
ACTORS = {
    "mia": Actor("mia", "Mia", {ALL: frozenset(Action)}),
    "sue": Actor("sue", "Sue", {ALL: frozenset({Action.SEE})}),
}
RED = Alarm(kind="drift", level="red", is_firing=True, what="field", name="hour", now=0.3)
AMBER = Alarm(kind="missing", level="amber", is_firing=True, what="field", name="<b>", now=0.02)
PENDING = Alarm(kind="refused", level="amber", is_firing=False, now=0.07)


@pytest.fixture
def app(models_file: Path, tmp_path: Path, log) -> Iterator[podium.App]:
    app = podium.App(f"{models_file}:arrival", home=str(tmp_path), identify=log)
    yield app
    app.close()


@pytest.fixture
def client(app: podium.App) -> Client:
    return Client(app)


def take(app: podium.App, hour: int, *alarms: Alarm) -> None:
    """A window of the model shows these."""
    file, kinds = app.site.alerts, frozenset({"drift", "missing", "refused"})
    assert file is not None
    look = Look(NAME, "hour", "aa", "v2", alarms, kinds)
    file.take(NAME, "hour", 10_000_000 + hour, [look], (), 1_800_000_000_000_000)


def test_what_is_red_comes_first_and_what_one_window_shows_last(app, client):
    take(app, 1, AMBER, PENDING, RED)

    page = client.get(PAGE, x_who="sue").text

    places = [
        page.index(text) for text in ("Hour drifted", "&lt;b&gt;", "Seen in one window", "7 % of")
    ]
    assert "hour drifted" in page.lower()
    assert places == sorted(places)
    assert "Since 2027-01-15 08:00 UTC, in version v2" in page
    assert "Acknowledge" not in page  # she only sees
    assert "<b>" not in page.replace("<bdi>", "")


def test_who_manages_acknowledges_with_a_form_and_all_see_it(app, client, log):
    take(app, 1, RED)
    (link,) = re.findall(rf'href="({PAGE}\?acknowledge=\d+)#', client.get(PAGE, x_who="mia").text)
    number = link.rpartition("=")[2]
    path = f"/models/{NAME}/alerts/{number}/acknowledge"

    asked = client.get(link, x_who="mia").text
    answer = client.send_form(path, {"note": "A new campaign <i>"}, x_who="mia")
    after = client.get(PAGE, x_who="sue").text

    assert f'action="{path}"' in asked
    assert (answer.status, answer.headers["location"]) == (303, PAGE)
    assert "mia has acknowledged it: A new campaign &lt;i&gt;" in after
    assert [event for _, event, _ in log.events] == ["alert_acknowledged"]
    assert f'action="{path}"' not in client.get(link, x_who="mia").text


def test_there_is_no_such_alert(app, client):
    for number in ("7", "x", "9" * 30, "\u0663"):
        path = f"/models/{NAME}/alerts/{number}/acknowledge"
        assert client.send_form(path, {"note": ""}, x_who="mia").status == 404


def test_an_alert_that_has_ended_is_below_and_the_overview_counts_the_others(app, client):
    take(app, 1, RED, PENDING)
    before = client.get("/monitor", x_who="sue").text
    take(app, 2)
    take(app, 3)

    page, after = (client.get(path, x_who="sue").text for path in (PAGE, "/monitor"))

    assert "1 firing, 1 pending" in before
    assert "firing" not in after
    assert "Nothing is alarming" in page
    assert "until 2027-01-15 08:00 UTC" in page.partition("Alerts that have ended")[2]


def test_who_does_not_count_has_no_alerts(models_file, tmp_path):
    app = podium.App(f"{models_file}:arrival", home=str(tmp_path), monitoring=False)
    client = Client(app)

    page, overview = client.get(PAGE), client.get("/monitor")
    form = client.send_form(f"/models/{NAME}/alerts/1/acknowledge", {"note": ""})
    app.close()

    assert (page.status, overview.status, form.status) == (200, 200, 404)
    assert "Alerts</h2>" not in page.text
    assert "Drift</h2>" not in page.text
