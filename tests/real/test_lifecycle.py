"""The life of a model on real flights: served, told the truth, retrained, tried, promoted, undone."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page

from podium.testing import ServerProcess

EXAMPLE = Path(__file__).parents[2] / "examples" / "flights"
N_FLIGHTS = 2_000
pytestmark = pytest.mark.slow


class Story:
    """A folder with the first model, a server, and commands as someone types them there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python(EXAMPLE / "flights.py", "january.csv", "flights.podium")
        config = folder / "podium.toml"  # how long answers take says nothing on a busy machine
        config.write_text("[gates.flights]\nlatency_max = 1000.0\n")
        self.server = ServerProcess(
            str(folder / "flights.podium"), "--config", str(config), home=folder / "podium-home"
        )

    def python(self, *arguments: str | Path, code: int = 0) -> str:
        """What a command prints; both of its streams."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def podium(self, *arguments: str, code: int = 0) -> str:
        """What a podium command prints."""
        return self.python("-m", "podium", *arguments, code=code)

    def predict(self, month: int) -> str:
        """Ask for a month's flights; their truth is in a file, as if it came later."""
        return self.python(
            EXAMPLE / "traffic.py",
            self.server.address,
            str(month),
            f"truth-{month}.csv",
            str(N_FLIGHTS),
        )

    def give_truth(self, month: int) -> None:
        """Add what really happened in a month."""
        found = self.podium("feedback", f"truth-{month}.csv", "--model", "flights.podium")
        assert f"{N_FLIGHTS:,} added" in found

    def retrain(self) -> str:
        """Train on what is known, beside the flights of January."""
        recipe = f"{EXAMPLE / 'flights.py'}:train"
        return self.podium("retrain", "flights", "--recipe", recipe, "--data", "january.csv")

    def version(self) -> str:
        """Which version answers a flight."""
        row = {"dep_delay": 1, "distance": 300, "air_time": 60, "hour": 6, "sched_arr_time": 900}
        address = f"{self.server.address}/api/models/flights/predict"
        return httpx.post(address, json=row | {"origin": "JFK"}, timeout=60).json()["version"]


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    told = Story(tmp_path)
    with told.server:
        yield told


def test_it_is_typed(story):
    assert "by january" in story.predict(6)
    story.give_truth(6)
    assert "the challenger now" in story.retrain()
    assert story.version() == "january"

    story.podium("shadow", "flights", "challenger")
    assert story.predict(7).endswith("by january\n")
    story.give_truth(7)
    assert "is better than january" in " ".join(story.podium("compare", "flights").split())

    story.podium("canary", "flights", "challenger", "--share", "0.3")
    assert " and january" in story.predict(8)
    story.podium("promote", "flights", "challenger", "--note", "better in July")
    wait_for(lambda: story.version() != "january")

    story.podium("rollback", "flights")
    wait_for(lambda: story.version() == "january")
    log = story.podium("versions", "flights")
    for action in ("deployed", "retrained", "shadow", "canary", "promoted", "rolled_back"):
        assert action in log
    assert "better in July" in log


def test_it_is_clicked(story, browser):
    story.predict(6)
    page = browser.new_page(base_url=story.server.address)
    give_file(page, story.folder / "truth-6.csv")
    story.retrain()

    page.goto("/models/flights/versions")
    try_version(page, "shadow", percent="100")
    story.predict(7)
    give_file(page, story.folder / "truth-7.csv")
    page.goto("/models/flights/compare")
    assert "is better than january" in page.locator("main").inner_text()

    page.goto("/models/flights/versions")
    try_version(page, "canary", percent="30")
    wait_for(lambda: " and january" in story.predict(8))
    page.goto("/models/flights/versions")
    page.get_by_role("link", name="Promote").click()
    page.get_by_role("button", name="Promote").click()
    wait_for(lambda: story.version() != "january")

    page.get_by_role("link", name="Roll back").click()
    page.get_by_role("button", name="Roll back").click()
    assert "Rolled back to" in page.get_by_label("Changes").inner_text()
    wait_for(lambda: story.version() == "january")
    page.close()


def give_file(page: Page, file: Path) -> None:
    """Upload truths on the inbox, again as long as some are left."""
    for _ in range(20):
        page.goto("/models/flights/inbox")
        page.get_by_text("Upload a file").click()
        page.locator("input[type=file]").set_input_files(file)
        page.get_by_role("button", name="Upload").click()
        page.wait_for_load_state()
        if "are left" not in page.locator("main").inner_text():
            return
    raise AssertionError("the truths were never all added")


def try_version(page: Page, mode: str, *, percent: str) -> None:
    """Let the challenger shadow or answer a share of the requests."""
    details = page.locator("#traffic details")
    if details.get_attribute("open") is None:
        details.locator("summary").click()
    page.get_by_label("How").select_option(mode)
    page.get_by_label("Share of the requests").fill(percent)
    details.locator("button").click()
    verb = "shadows" if mode == "shadow" else "answers"
    assert f"{verb} {percent} % of the requests" in page.locator("#traffic").inner_text()


def wait_for(condition: Callable[[], bool]) -> None:
    """Give the server a minute for what takes a fraction of a second."""
    until_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until_s
        time.sleep(0.1)
