"""The live page in a real browser: it moves, it shows a planted drift, and everybody can use it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from sklearn.linear_model import LogisticRegression

import podium
from podium.monitoring.alarms import Alarm
from podium.monitoring.alerts import Look
from podium.monitoring.alerts_file import AlertsFile
from podium.testing import ServerProcess

PAGE = "/models/churn/monitor"
N_ROWS = 500


def rows(seed: int, moved_by: float = 0.0) -> pd.DataFrame:
    noise = np.random.default_rng(seed)
    age = noise.normal(40 + moved_by, 12, N_ROWS).round()
    return pd.DataFrame({"age": age, "income": noise.lognormal(10, 1, N_ROWS).round()})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("monitor")


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    frame = rows(0)
    model = LogisticRegression().fit(frame, np.where(frame["age"] > 40, "yes", "no"))
    bundle = podium.pack(model, frame, name="churn", path=folder / "churn.podium")
    with ServerProcess(str(bundle.path), home=folder / "home") as server:
        yield server.address


def send(address: str, frame: pd.DataFrame) -> None:
    body = frame.to_json(orient="records").encode()
    headers = {"Content-Type": "application/json"}
    path = f"{address}/api/models/churn/predict"
    urllib.request.urlopen(urllib.request.Request(path, body, headers)).close()


def look(folder: Path, hour: int, *alarms: Alarm) -> None:
    """What the process that looks for alarms writes when a window has ended."""
    seen = Look("churn", "hour", "aa", "1", alarms, frozenset({"drift"}))
    file = AlertsFile(folder / "home" / "alerts.db")
    file.take("churn", "hour", 10_000_000 + hour, [seen], (), 1_800_000_000_000_000)


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['html']}" for one in found for node in one["nodes"]]


def opened(browser: Browser, address: str, width: int, scheme: str, *, script: bool = True) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        base_url=address,
        java_script_enabled=script,
    )
    page = context.new_page()
    page.on("console", lambda message: pytest.fail(message.text))
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    return page


@pytest.mark.slow
def test_the_page_moves_and_shows_a_drift_while_one_looks(browser: Browser, address: str) -> None:
    page = opened(browser, address, 1280, "light")
    page.goto(PAGE)
    expect(page.locator("[data-live-state]")).to_contain_text("Live")
    expect(page.locator("[data-live=drift]")).to_contain_text("0 rows were counted")
    assert page.locator(".uplot").count() == 3

    send(address, rows(1))
    facts = page.locator("[data-live=now]")
    expect(facts).to_contain_text(str(N_ROWS))
    page.get_by_text("Numbers of each day").click()
    send(address, rows(2, moved_by=15))

    drift = page.locator("[data-live=drift]")
    expect(drift).to_contain_text("drifted far")
    expect(drift.locator("figure").first).to_contain_text("Age")
    # What the reader had opened is still open.
    expect(page.locator("#windows-numbers table")).to_be_visible()
    page.context.close()


@pytest.mark.slow
def test_an_alarm_appears_is_acknowledged_and_resolves(
    browser: Browser, address: str, folder: Path
) -> None:
    page = opened(browser, address, 390, "dark")
    page.goto(PAGE)
    alerts = page.locator("[data-live=alerts]")
    expect(alerts).to_contain_text("Nothing is alarming")
    alarm = Alarm(kind="drift", level="red", is_firing=True, what="field", name="age", now=0.4)

    look(folder, 1, alarm)
    expect(alerts).to_contain_text("Age drifted")
    assert violations(page) == []
    alerts.get_by_role("link", name="Acknowledge").click()
    page.get_by_label("What is done about it").fill("A campaign")
    assert violations(page) == []
    page.get_by_role("button", name="Acknowledge").click()
    expect(alerts).to_contain_text("Somebody has acknowledged it: A campaign")
    look(folder, 2)
    look(folder, 3)

    expect(alerts).to_contain_text("Nothing is alarming")
    page.context.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "scheme", "script"),
    [(1280, "light", True), (390, "dark", True), (390, "light", False)],
)
def test_everybody_can_use_the_pages(
    browser: Browser, address: str, width: int, scheme: str, script: bool
) -> None:
    send(address, rows(2, moved_by=15))
    page = opened(browser, address, width, scheme, script=script)
    for path in (f"{PAGE}?window=hour", "/monitor", "/models/churn/quality"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        if script:
            assert violations(page) == []
        elif not path.endswith("quality"):
            assert page.get_by_role("link", name="Load again").is_visible()
    page.context.close()


@pytest.mark.slow
def test_without_websockets_the_page_asks_for_itself(browser: Browser, address: str) -> None:
    page = opened(browser, address, 1280, "light")
    # As a proxy does that lets none pass, and as hosts do that have none.
    page.add_init_script("document.addEventListener('readystatechange', () => {"
        "const page = document.querySelector('[data-live-page]');"
        "if (page) page.dataset.stream = ''; });")  # fmt: skip
    page.goto(PAGE)
    before = json.loads(page.locator("[data-live-page]").get_attribute("data-series") or "[]")

    expect(page.locator("[data-live-state]")).to_contain_text("every 5 seconds")

    assert isinstance(before, list)
    assert page.locator(".uplot").count() == 3
    page.context.close()
