"""A file scored in a real browser: by keyboard and by mouse, with our script and without it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from podium.testing import ServerProcess

BUNDLE = Path(__file__).parents[1] / "formats" / "logistic-1.podium"
PAGE = "/models/logistic-1/jobs"
HEADER = "nr,Island ,bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g,sex,year\n"
ROWS = "1,Torgersen,39.1,18.7,181,3750,male,2007\n2,Nowhere,39.1,18.7,181,3750,male,2007\n"
FILE = {"name": "קובץ.csv", "mimeType": "text/csv", "buffer": (HEADER + ROWS).encode()}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("jobs") / "home"
    with ServerProcess(str(BUNDLE), home=home) as server:
        yield server.address


def check(page: Page) -> None:
    """Look at a page as a person with a phone, and as axe."""
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []


@pytest.mark.slow
def test_a_file_is_dropped_and_scored_by_mouse(browser: Browser, address: str) -> None:
    viewport = {"width": 390, "height": 800}
    context = browser.new_context(viewport=viewport, base_url=address, color_scheme="dark")
    page, errors = context.new_page(), []
    page.on("console", lambda message: errors.append(message.text))
    page.goto(PAGE)
    check(page)

    dropped = page.evaluate_handle(
        "text => { const moved = new DataTransfer();"
        " moved.items.add(new File([text], 'קובץ.csv', {type: 'text/csv'})); return moved; }",
        HEADER + ROWS,
    )
    page.dispatch_event("[data-drop]", "drop", {"dataTransfer": dropped})
    expect(page.get_by_text("A column is missing")).to_be_visible()
    check(page)
    assert page.get_by_label("island").input_value() == "Island "
    page.get_by_role("button", name="Use these columns").click()
    expect(page.get_by_text("1 of the first 2 rows gets no prediction")).to_be_visible()
    check(page)
    page.get_by_role("textbox", name="Name of the job").fill("October")
    page.get_by_role("button", name="Start").click()

    button = page.get_by_role("link", name="Download the scored file")
    expect(button).to_be_visible()
    expect(page.get_by_role("heading", name="October")).to_be_visible()
    check(page)
    with page.expect_download() as loading:
        button.click()
    text = loading.value.path().read_text("utf-8")
    assert loading.value.suggested_filename == "קובץ-scored.csv"
    assert text.splitlines()[1].startswith("1,Torgersen,39.1,18.7,181,3750,male,2007,Adelie,")
    with page.expect_download() as loading:
        page.get_by_role("link", name="Report of the rows").click()
    assert "Nowhere" in loading.value.path().read_text("utf-8")
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_role("heading", name="Score a file")).to_be_visible()
    assert errors == []
    context.close()


@pytest.mark.slow
def test_a_file_is_scored_by_keyboard_without_a_script(browser: Browser, address: str) -> None:
    viewport = {"width": 1280, "height": 800}
    context = browser.new_context(viewport=viewport, java_script_enabled=False, base_url=address)
    page = context.new_page()
    page.goto(PAGE)
    page.get_by_label("CSV, TSV").set_input_files(files=[FILE])
    focus(page, "Look at the first rows")
    page.keyboard.press("Enter")

    expect(page.get_by_text("A column is missing")).to_be_visible()
    focus(page, "Use these columns")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 of the first 2 rows")).to_be_visible()
    focus(page, "Start")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Download the scored file")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Download the scored file")).to_be_visible()
    focus(page, "Delete it")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Score a file")).to_be_visible()
    context.close()


def focus(page: Page, text: str) -> None:
    """Press Tab until a button has the focus."""
    for _ in range(100):
        page.keyboard.press("Tab")
        found = page.locator("button:focus")
        if found.count() and found.inner_text() == text:
            return
    raise AssertionError(text)
