"""Dates, texts, and classifiers of many classes, on a phone and on a desktop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from podium.testing import ServerProcess

pytestmark = pytest.mark.slow

SHELVES = [f"shelf {i}" for i in range(30)]
MODEL = f'''
import datetime as dt
from typing import Annotated, Literal
import podium

@podium.model
def shelves(
    since: Annotated[dt.date, podium.Field(name="", seen=podium.Range("2023-01-31", "2025-06-18"))],
    weight: Annotated[float, podium.Field(name="", seen=podium.Range(0.0, 50.0), unit="g", outside="warn")],
    word: Annotated[str, podium.Field(name="", max_length=40)] = "book",
    remark: str = "",
) -> dict[Literal{SHELVES}, float]:
    """Where a thing belongs."""
    chosen = int(weight) % 30
    return {{f"shelf {{i}}": 0.71 if i == chosen else 0.01 for i in range(30)}}
'''


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("forms")
    file: Path = folder / "forms_models.py"
    file.write_text(MODEL)
    with ServerProcess(f"{file}:shelves", home=folder / "home") as server:
        yield server.address


@pytest.fixture
def opened(browser: Browser, address: str) -> Iterator[Any]:
    contexts, errors = [], []

    def open_(**options: Any) -> Page:
        context = browser.new_context(base_url=address, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto("/models/shelves")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert errors == []


def fill_in(page: Page, weight: str) -> None:
    page.locator("[name=since]").fill("2024-02-29")
    page.locator("[name=weight]").fill(weight)
    page.get_by_role("button", name="Predict").click()
    page.wait_for_url("**/results/*")


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ({"locale": "de-DE"}, "31.01.2023 to 18.06.2025"),
        ({"locale": "en-US"}, "01/31/2023 to 06/18/2025"),
        ({"java_script_enabled": False}, "2023-01-31 to 2025-06-18"),
    ],
)
def test_the_help_of_a_date_has_the_notation_of_its_input(
    opened: Any, options: dict[str, Any], seen: str
) -> None:
    page = opened(**options)

    expect(page.locator(".field", has=page.locator("[name=since]"))).to_contain_text(seen)


def test_only_long_texts_have_lines(opened: Any) -> None:
    page = opened()

    assert page.locator("[name=word]").evaluate("one => one.tagName") == "INPUT"
    assert page.locator("[name=remark]").evaluate("one => one.tagName") == "TEXTAREA"


@pytest.mark.parametrize("script", [True, False])
def test_a_phone_shows_the_answer_and_five_of_thirty_classes(opened: Any, script: bool) -> None:
    page = opened(viewport={"width": 390, "height": 844}, java_script_enabled=script)
    fill_in(page, "17")

    assert page.locator("#result .bars .chosen th").inner_text() == "shelf 17"
    expect(page.locator("#result .value")).to_have_text("shelf 17")
    n_shown = page.locator("#result .bars").first.locator("tbody tr").count()
    assert n_shown == 5
    page.get_by_text("25 other classes").click()
    expect(page.get_by_role("rowheader", name="shelf 29", exact=True)).to_be_visible()


def test_a_warning_and_a_change_are_said_without_colour(opened: Any) -> None:
    page = opened()
    fill_in(page, "99")
    field = page.locator(".field", has=page.locator("[name=weight]"))

    expect(field).to_contain_text("99 g is outside the range")
    page.locator("[name=remark]").fill("a note")
    note = page.locator(".field", has=page.locator("[name=remark]"))
    expect(note).to_contain_text("The prediction is for an empty field.")
    expect(page.locator("[data-stale]")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_everybody_can_use_form_and_result(opened: Any, width: int, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    viewport = {"width": width, "height": 900}
    page = opened(viewport=viewport, color_scheme=scheme, bypass_csp=True)
    fill_in(page, "99")
    page.locator("[name=remark]").fill("a note")

    assert Axe().run(page).response["violations"] == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
