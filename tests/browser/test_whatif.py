"""What if: curves that follow the form, sliders that move it, and results that say they are old."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect

import podium
from podium.testing import ServerProcess

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from sklearn.linear_model import LinearRegression

    folder = tmp_path_factory.mktemp("whatif")
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"area": rng.normal(80, 20, 200), "rooms": rng.integers(1, 6, 200)})
    rent = 10 * rows["area"] + 100 * rows["rooms"]
    model = LinearRegression().fit(rows, rent)
    bundle = podium.pack(model, rows, rent, name="rents", path=folder).path
    with ServerProcess(str(bundle), home=folder / "home") as server:
        yield server.address


@pytest.fixture
def result(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page of a result, with or without scripts."""
    context = browser.new_context(base_url=address, java_script_enabled=request.param)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto("/models/rents")
    page.locator("[name=area]").fill("80")
    page.locator("[name=rooms]").fill("2")
    page.get_by_role("button", name="Predict").click()
    page.wait_for_url("**/results/*")
    yield page
    context.close()
    assert errors == []


with_script = pytest.mark.parametrize("result", [True], indirect=True)


def n_records(page: Page) -> int:
    text = page.request.get("/models/rents/records.csv").text()
    return len(text.strip().splitlines()) - 1


@with_script
def test_a_result_says_that_it_is_old_as_long_as_the_form_differs(result: Page) -> None:
    note, area = result.locator("[data-stale]"), result.locator("[name=area]")
    sent = area.input_value()
    expect(note).to_be_hidden()

    area.fill("81")
    expect(note).to_be_visible()
    area.fill(sent)
    expect(note).to_be_hidden()


@with_script
def test_a_slider_moves_the_field_and_the_curves_follow_without_a_record(result: Page) -> None:
    before, dot = n_records(result), result.locator(".dot").first.get_attribute("d")
    slider = result.locator(".whatif").get_by_role("slider", name="Area")

    slider.focus()
    for _ in range(5):
        result.keyboard.press("ArrowRight")

    area = float(result.locator("[name=area]").input_value())
    assert area > 80
    rent = 10 * area + 200
    expect(result.locator("[data-part=now]")).to_contain_text(f"{rent:.0f}"[:3])
    expect(result.locator(".dot").first).not_to_have_attribute("d", dot or "")
    expect(slider).to_be_focused()
    expect(result.locator("[data-stale]")).to_be_visible()
    assert n_records(result) == before


@with_script
def test_the_slider_beside_a_number_moves_it_and_what_changed_is_marked(result: Page) -> None:
    area = result.locator("[name=area]")
    slider = result.locator("#form").get_by_role("slider", name="Area, slider")
    field = result.locator(".field", has=area)
    assert slider.get_attribute("aria-valuetext") == "80"

    area.focus()
    result.keyboard.press("Tab")
    expect(slider).to_be_focused()
    result.keyboard.press("ArrowLeft")
    assert float(area.input_value()) < 80
    expect(field).to_contain_text("The prediction is for 80.")
    expect(result.locator(".is-changed")).to_have_count(1)

    area.fill("80")
    expect(result.locator(".is-changed")).to_have_count(0)
    expect(field).not_to_contain_text("The prediction is for")
    area.fill("")
    expect(slider).to_have_attribute("aria-valuetext", "no value yet")


@with_script
def test_a_warning_stands_at_its_field_until_the_value_changes(result: Page) -> None:
    area = result.locator("[name=area]")
    area.fill("5000")
    result.get_by_role("button", name="Predict").click()

    warning = result.locator(".field .warning")
    expect(warning).to_contain_text("outside the range")
    assert (warning.get_attribute("id") or "?") in (area.get_attribute("aria-describedby") or "")
    area.fill("90")
    expect(warning).to_be_hidden()


@with_script
def test_a_value_that_is_refused_is_named(result: Page) -> None:
    result.locator("[name=rooms]").evaluate(
        "one => { one.type = 'text'; one.value = 'many';"
        " one.dispatchEvent(new Event('input', {bubbles: true})); }"
    )

    expect(result.locator("[data-part=now]")).to_contain_text("rooms")


@with_script
def test_a_server_that_is_away_is_said(result: Page) -> None:
    result.route("**/whatif*", lambda route: route.abort())

    result.locator("[name=rooms]").fill("3")

    expect(result.locator("[data-part=now]")).to_contain_text("didn't answer")


@pytest.mark.parametrize("result", [False], indirect=True)
def test_without_a_script_a_button_asks_for_the_values_of_the_form(result: Page) -> None:
    before = n_records(result)
    result.locator("[name=rooms]").fill("4")

    result.get_by_role("button", name="without a record").click()

    expect(result.locator("#result")).to_contain_text("not recorded")
    expect(result.locator("#result .value")).to_contain_text(re.compile(r"1,?200"))
    assert result.locator("[name=rooms]").input_value() == "4"
    assert result.locator(".whatif svg.plot").count() == 2
    assert n_records(result) == before


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
    page = context.new_page()
    page.goto("/models/rents?example=1")
    page.get_by_role("button", name="Predict").click()
    page.wait_for_url("**/results/*")
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")

    found = Axe().run(page)
    is_too_wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")

    assert page.get_by_text("Why this prediction").is_visible()
    assert page.get_by_text("What matters to it").is_visible()
    assert found.response["violations"] == []
    assert not is_too_wide
    context.close()
