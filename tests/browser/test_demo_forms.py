"""The forms of the demo's models in a real browser, by keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request

from podium.cli.main import run
from podium.testing import ServerProcess

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 740}
PENGUIN = {
    "Bill length": "46.1",
    "Bill depth": "13.2",
    "Flipper length": "211",
    "Body mass": "4500",
    "Year": "2008",
}
FLIGHT = {
    "Departure delay": "12",
    "Distance": "1400",
    "Air time": "215",
    "Month": "7",
    "Day of the month": "14",
    "Planned hour of departure": "9",
    "Planned minute": "30",
    "Planned arrival": "1215",
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("demo")
    assert run(["demo", "--only-pack", "--folder", str(folder)]) == 0
    with ServerProcess(str(folder), home=folder / "home") as server:
        yield server.address


class Watched:
    """A page, with the addresses it asked for and the errors its console showed."""

    def __init__(self, browser: Browser, address: str, *, viewport: dict, script: bool) -> None:
        self.context = browser.new_context(
            viewport=viewport, java_script_enabled=script, base_url=address
        )
        self.page: Page = self.context.new_page()
        self.asked: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", self._asked)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _asked(self, request: Request) -> None:
        self.asked.append(request.url)

    def _said(self, message: ConsoleMessage) -> None:
        # Chromium reports the answer to a refused form by itself; the page shows what is wrong.
        if message.type == "error" and "status of 422" not in message.text:
            self.errors.append(message.text)


@pytest.fixture(
    params=[(DESKTOP, True), (DESKTOP, False), (PHONE, True), (PHONE, False)],
    ids=["desktop", "desktop-without-script", "phone", "phone-without-script"],
)
def watched(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Watched]:
    viewport, script = request.param
    one = Watched(browser, address, viewport=viewport, script=script)
    yield one
    one.context.close()
    assert one.asked
    assert [url for url in one.asked if not url.startswith((address, "data:"))] == []
    assert one.errors == []


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until the element has the focus, as someone without a mouse does."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if wanted.evaluate_all("all => all.includes(document.activeElement)"):
            return
    raise AssertionError("the element can't be reached with Tab")


def type_into(page: Page, label: str, text: str) -> None:
    tab_to(page, page.get_by_label(label, exact=False).first)
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    page.keyboard.type(text)


def choose(page: Page, group: str, option: str) -> None:
    """Choose a radio with Tab and the arrow keys."""
    radios = page.get_by_role("group", name=group).get_by_role("radio")
    tab_to(page, radios)
    page.keyboard.press("Space")
    for _ in range(radios.count()):
        chosen = page.get_by_role("group", name=group).get_by_label(option, exact=True)
        if chosen.is_checked():
            return
        page.keyboard.press("ArrowRight")
    raise AssertionError(f"{option} can't be chosen with the arrow keys")


def send(page: Page) -> None:
    tab_to(page, page.get_by_role("button", name="Predict"))
    with page.expect_navigation():
        page.keyboard.press("Enter")


def overflows(page: Page) -> bool:
    """Whether the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth > window.innerWidth")


def fill_penguin(page: Page, **other: str) -> None:
    choose(page, "Island", "Dream")
    for label, value in (PENGUIN | other).items():
        if label == "Year":
            choose(page, "Sex", "male")
        type_into(page, label, value)


def test_a_penguin_is_predicted_by_keyboard_and_its_record_can_be_opened(watched):
    page = watched.page
    page.goto("/models/penguins")

    fill_penguin(page)
    send(page)

    result = page.locator("#result")
    assert "Gentoo" in result.inner_text()
    assert page.get_by_role("row", name="Gentoo").count() == 1
    assert "Accuracy" in result.inner_text()
    assert page.get_by_role("spinbutton", name="Bill length").input_value() == "46.1"
    assert not overflows(page)
    tab_to(page, page.get_by_role("link", name="Permanent link to this record"))
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "/records/" in page.url
    text = page.locator("main").inner_text()
    assert "46.1" in text
    assert "Gentoo" in text
    assert not overflows(page)


def test_a_flight_is_estimated_in_minutes_and_by_its_curl_command(watched):
    page = watched.page
    page.goto("/models/flights")

    for label, value in FLIGHT.items():
        type_into(page, label, value)
    send(page)

    result = page.locator("#result")
    assert "min" in result.locator(".value").inner_text()
    assert "Mean absolute error" in result.inner_text()
    tab_to(page, result.get_by_text("Call it from code"))
    page.keyboard.press("Enter")
    assert "/api/models/flights/predict" in result.locator("#curl").inner_text()
    assert not overflows(page)
    edge = result.bounding_box()
    inner = result.locator(".code").bounding_box()
    assert inner["x"] + inner["width"] <= edge["x"] + edge["width"]


def test_what_is_refused_stands_beside_its_field_and_what_was_typed_stays(watched):
    page = watched.page
    page.goto("/models/penguins")

    fill_penguin(page, Year="90071992547409931")
    send(page)

    assert page.get_by_role("alert").inner_text().startswith("One value is not accepted")
    year = page.get_by_role("spinbutton", name="Year")
    assert year.get_attribute("aria-invalid") == "true"
    assert year.input_value() == "90071992547409931"
    said = page.locator(f"#{year.get_attribute('aria-describedby').split()[0]}").inner_text()
    assert "too large" in said
    assert page.get_by_role("spinbutton", name="Bill depth").input_value() == "13.2"
    assert page.get_by_label("male", exact=True).is_checked()
    assert page.locator("#result").count() == 0
    assert not overflows(page)


def test_the_browser_itself_refuses_an_empty_required_field(watched):
    page = watched.page
    page.goto("/models/flights")

    tab_to(page, page.get_by_role("button", name="Predict"))
    page.keyboard.press("Enter")

    first = page.locator("#form [required]").first
    assert first.evaluate("e => e === document.activeElement")
    assert page.locator("#result").count() == 0


def test_a_value_unknown_in_training_is_predicted_with_a_warning(watched):
    page = watched.page
    page.goto("/models/penguins")

    fill_penguin(page, **{"Body mass": "9000"})
    send(page)

    assert "outside the range seen in training" in page.locator("#result .warnings").inner_text()


def test_the_form_is_filled_with_an_example(watched):
    page = watched.page
    page.goto("/models/flights")

    tab_to(page, page.get_by_role("link", name="Fill with an example"))
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#f0').value !== ''")
    send(page)

    assert page.locator("#result .value").count() == 1


@pytest.mark.parametrize("path", ["/", "/docs", "/models/penguins/records", "/models/nothing"])
def test_the_other_pages_fit_the_window_and_have_one_heading(watched, path):
    page = watched.page

    # A page that isn't there is told by the browser's console too.
    page.on("console", lambda _: watched.errors.clear() if path == "/models/nothing" else None)
    page.goto(path)

    assert page.locator("h1").count() == 1
    assert not overflows(page)
    assert page.title()


def test_records_are_listed_newest_first_and_can_be_searched(watched):
    page = watched.page
    page.goto("/models/flights?example=2")
    send(page)
    record_id = page.get_by_role("link", name="Permanent link").get_attribute("href")[-32:]

    page.goto("/models/flights/records")

    first = page.locator("table.records tbody tr").first
    assert record_id in first.get_by_role("link").get_attribute("href")
    type_into(page, "Id begins with", record_id)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.locator("table.records tbody tr").count() == 1
