"""Forms of 400 fields: found, filled, predicted, by mouse and by keyboard, with and without a script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect

import podium
from podium.testing import ServerProcess

pytestmark = pytest.mark.slow

QUICK: dict[str, Any] = {"compiles": False, "importance": False}
PARTS = ("pump", "boiler", "valve", "turbine", "grid")
ROW = "\t".join(f"{part}_{i}" for i in range(80) for part in PARTS)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from sklearn.linear_model import LinearRegression

    folder = tmp_path_factory.mktemp("wide")
    names = [f"{part}_{i}" for part in PARTS for i in range(80)]
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 400)), columns=names)
    model = LinearRegression().fit(rows, rows["pump_0"])
    file = folder / "plant.podium"
    podium.pack(model, rows, rows["pump_0"], name="plant", path=file, **QUICK)
    with ServerProcess(str(file), home=folder / "home") as server:
        yield server.address


@pytest.fixture
def opened(browser: Browser, address: str) -> Iterator[Any]:
    contexts, errors = [], []

    def open_(*, script: bool = True, width: int = 1280, scheme: Any = "light") -> Page:
        viewport = {"width": width, "height": 900}
        context = browser.new_context(
            base_url=address,
            java_script_enabled=script,
            viewport=viewport,  # type: ignore[arg-type] # a TypedDict
            color_scheme=scheme,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto("/models/plant")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert errors == []


def test_400_fields_fit_three_screens_and_the_button_stays_in_sight(opened: Any) -> None:
    page = opened()

    last = page.locator("[name=grid_79]").bounding_box()
    assert last["y"] + last["height"] < 3 * 900
    expect(page.get_by_role("button", name="Predict")).to_be_in_viewport()
    page.keyboard.press("End")
    expect(page.get_by_role("button", name="Predict")).to_be_in_viewport()


def test_a_field_is_found_and_filled_by_keyboard(opened: Any) -> None:
    page = opened()

    page.get_by_label("Find a field").focus()
    page.keyboard.type("valve 7")
    expect(page.locator("[data-found]")).to_have_text("17 of 400")
    expect(page.get_by_role("group", name="Pump")).to_be_hidden()
    page.keyboard.press("Enter")
    page.keyboard.type("1.5")

    expect(page.locator("[name=valve_7]")).to_be_focused()
    assert page.locator("[name=valve_7]").input_value() == "1.5"
    expect(page.get_by_text("Seen in training").locator("visible=true")).to_have_count(1)
    page.get_by_label("Find a field").press("Escape")
    expect(page.locator("[name=pump_0]")).to_be_visible()


@pytest.mark.parametrize("script", [True, False])
def test_a_pasted_row_fills_the_form_which_then_predicts(opened: Any, script: bool) -> None:
    page = opened(script=script)
    values = "\t".join("2.5" for _ in range(400))

    page.get_by_text("Paste a row").click()
    page.get_by_label("Cells of a spreadsheet").fill(f"{ROW}\n{values}")
    page.get_by_role("button", name="Fill in the form").click()
    expect(page.get_by_text("400 fields were filled in.")).to_be_visible()
    assert page.locator("[name=turbine_44]").input_value() == "2.5"
    page.get_by_role("button", name="Predict").click()

    expect(page.locator("#result .value")).to_be_visible()
    expect(page.locator("[name=turbine_44]")).to_have_value("2.5")


def test_what_is_no_row_stays_to_be_mended(opened: Any) -> None:
    page = opened(script=False)

    page.get_by_text("Paste a row").click()
    page.get_by_label("Cells of a spreadsheet").fill("1\t2")
    page.get_by_role("button", name="Fill in the form").click()

    expect(page.get_by_text("the first line has 2 cells")).to_be_visible()
    assert page.get_by_label("Cells of a spreadsheet").input_value() == "1\t2"


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_everybody_can_use_the_page(
    browser: Browser, address: str, width: int, scheme: Any
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(
        base_url=address,
        color_scheme=scheme,
        viewport={"width": width, "height": 900},
        bypass_csp=True,
    )
    page = context.new_page()
    page.goto("/models/plant")
    page.get_by_text("Paste a row").click()

    assert Axe().run(page).response["violations"] == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    context.close()
