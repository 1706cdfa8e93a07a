"""The pages of the API in a browser: tabs, copies, and requests that are tried."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from podium.testing import ServerProcess

pytestmark = pytest.mark.slow
BUNDLE = Path(__file__).parents[1] / "formats" / "logistic-1.podium"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ServerProcess(str(BUNDLE), home=tmp_path_factory.mktemp("home")) as server:
        yield server.address


def opened(context: BrowserContext) -> Page:
    """The model's page, by its link on the overview."""
    page = context.new_page()
    page.goto("/docs")
    page.get_by_role("navigation", name="API").get_by_role("link").nth(-1).click()
    page.wait_for_url("**/docs/*")
    return page


@pytest.mark.parametrize("has_script", [True, False])
def test_a_request_is_tried_by_keyboard(browser: Browser, address: str, has_script: bool) -> None:
    context = browser.new_context(base_url=address, java_script_enabled=has_script)
    page = opened(context)
    before = page.url

    page.get_by_label("Body").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.locator("#answer strong")).to_have_text("200 OK")
    expect(page.locator("#answer")).to_contain_text('"prediction"')
    assert (page.url == before) is has_script
    page.get_by_label("Body").fill("{")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#answer strong")).to_have_text("400 Bad Request")
    assert page.get_by_label("Body").input_value() == "{"
    context.close()


@pytest.mark.parametrize("has_script", [True, False])
def test_a_language_is_chosen_and_a_format(
    browser: Browser, address: str, has_script: bool
) -> None:
    context = browser.new_context(base_url=address, java_script_enabled=has_script)
    page = opened(context)
    expect(page.get_by_text("import java.net.URI;")).to_be_hidden()

    page.locator("summary", has_text="Java").last.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("import java.net.URI;")).to_be_visible()
    expect(page.locator("#code-1")).to_be_hidden()  # one at a time
    page.get_by_role("link", name="CSV", exact=True).click()

    expect(page.locator("#body-help")).to_contain_text("text/csv")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#answer")).to_contain_text("text/csv")
    context.close()


def test_a_program_is_copied_whole(browser: Browser, address: str) -> None:
    context = browser.new_context(
        base_url=address, permissions=["clipboard-read", "clipboard-write"]
    )
    page = opened(context)

    page.get_by_role("button", name="Copy").first.click()

    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#code-1").text_content()
    assert copied.startswith("curl ")
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_everybody_can_use_the_pages(
    browser: Browser, address: str, scheme: str, width: int
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(
        base_url=address,
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": 900},
        bypass_csp=True,
    )
    page = opened(context)
    page.get_by_role("button", name="Send").click()
    page.wait_for_selector("#answer")
    found = [Axe().run(page)]
    are_too_wide = [page.evaluate("document.documentElement.scrollWidth > innerWidth")]
    page.goto("/docs")
    found.append(Axe().run(page))
    are_too_wide.append(page.evaluate("document.documentElement.scrollWidth > innerWidth"))

    assert [one.response["violations"] for one in found] == [[], []]
    assert are_too_wide == [False, False]
    context.close()
