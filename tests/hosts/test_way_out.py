"""From our pages back to those of a Flask app or of an app around ours, and who is logged in."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

import podium
from podium.testing import Client

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "flask_app"))
import shop

LINK = re.compile(r'<a href="([^"]*)">(Back to the site|Log out)</a>')
MODEL = '''
import podium

@podium.model
def double(x: float) -> float:
    """Twice a number."""
    return 2 * x
'''
Make = Callable[..., Flask]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("way-out") / "way_out_models.py"
    file.write_text(MODEL)
    return file


@pytest.fixture
def make(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.chdir(tmp_path)
    made: list[Flask] = []

    def make(**config: Any) -> Flask:
        app = shop.make(PODIUM_MODELS=f"{model}:double", TESTING=True, **config)
        made.append(app)
        return app

    yield make
    for app in made:
        shop.podium.close(app)


def page_of(app: Flask, user: str = "ada") -> str:
    client = app.test_client()
    if user:
        client.post(f"/enter/{user}")
    return client.get("/ml/models/double").text


def test_a_flask_apps_user_root_and_endpoint_for_logging_out_are_found(make: Make) -> None:
    app = make(PODIUM_PUBLIC=["double"])
    app.add_url_rule("/leave", endpoint="logout", view_func=shop.home)
    app.add_url_rule("/leave/<name>", endpoint="other.logout", view_func=shop.enter)

    page, anonymous = page_of(app), page_of(app, "")

    assert '<bdi class="who">ada</bdi>' in page
    assert LINK.findall(page) == [("/", "Back to the site"), ("/leave", "Log out")]
    assert LINK.findall(anonymous) == [("/", "Back to the site")]
    assert 'class="who"' not in anonymous


def test_an_endpoint_that_takes_a_form_or_an_argument_is_no_link(make: Make) -> None:
    app = make()
    app.add_url_rule("/leave", endpoint="logout", view_func=shop.home, methods=["POST"])
    app.add_url_rule("/leave/<name>", endpoint="other.logout", view_func=shop.enter)

    assert LINK.findall(page_of(app)) == [("/", "Back to the site")]


def test_links_in_the_config_are_all_there_are(make: Make) -> None:
    page = page_of(make(PODIUM_LINKS={"Shop": "/shop"}))

    assert LINK.findall(page) == []
    assert '<a href="/shop">Shop</a>' in page


def test_the_settings_lead_out_of_a_mounted_app(model: Path, tmp_path: Path) -> None:
    app = podium.App(
        f"{model}:double",
        home=str(tmp_path),
        identify=lambda request: request.headers.get("x-user"),
        back_url="https://desk.example/?a=1&b=2",
        logout_url="/bye",
    )
    try:
        page = Client(app).get("/models/double", x_user='<i>"Eve"</i>').text
    finally:
        app.close()

    assert '<bdi class="who">&lt;i&gt;&#34;Eve&#34;&lt;/i&gt;</bdi>' in page
    assert LINK.findall(page) == [
        ("https://desk.example/?a=1&amp;b=2", "Back to the site"),
        ("/bye", "Log out"),
    ]
