"""The inbox in a real browser: by keyboard alone, and without our script."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, Page

from podium.testing import ServerProcess

MODEL = '''
import podium
from typing import Literal

@podium.model
def parcels(weight: float) -> dict[Literal["late", "on time"], float]:
    """Whether a parcel is late."""
    return {"late": 0.25, "on time": 0.75}
'''


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A server with five parcels, each with a key."""
    file = tmp_path / "parcel_models.py"
    file.write_text(MODEL)
    with ServerProcess(f"{file}:parcels", home=tmp_path / "home") as server:
        for number in range(5):
            body = msgspec.json.encode({"weight": number})
            headers = {"Content-Type": "application/json", "Podium-Key": f"P-{number}"}
            path = f"{server.address}/api/models/parcels/predict"
            urllib.request.urlopen(urllib.request.Request(path, body, headers)).close()
        yield server.address


def focused(page: Page) -> str:
    """What stands in the line that has the focus."""
    line = page.locator("tr:has(:focus)")
    return line.inner_text() if line.count() else ""


@pytest.mark.slow
@pytest.mark.parametrize(("width", "script"), [(1280, True), (390, False)])
def test_truths_are_given_by_keyboard_alone(
    browser: Browser, address: str, width: int, script: bool
) -> None:
    viewport = {"width": width, "height": 800}
    context = browser.new_context(viewport=viewport, java_script_enabled=script, base_url=address)
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text))
    page.goto("/models/parcels/inbox?order=oldest")

    while not focused(page):
        page.keyboard.press("Tab")
    while page.locator(":focus").inner_text() != "late":
        page.keyboard.press("Tab")
    assert "P-0" in focused(page)
    for number in (1, 2):  # the next line has the focus at once
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert f"P-{number}" in focused(page)

    page.get_by_text("Upload a file").press("Enter")
    truth = {
        "name": "truth.csv",
        "mimeType": "text/csv",
        "buffer": b"key,truth\nP-4,late\nP-9,late\n",
    }
    page.locator("input[type=file]").set_input_files(files=[truth])
    with page.expect_navigation():
        page.get_by_role("button", name="Upload").press("Enter")
    assert "1 row was added" in page.locator("main").inner_text()
    assert "P-9" in page.get_by_label("Rows with problems").inner_text()
    assert page.locator("table.inbox tbody tr").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert errors == []
    context.close()
