"""Models and their records in a browser: found, filtered, sorted and counted, with and without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from sklearn.linear_model import LogisticRegression

import podium
from podium.testing import ServerProcess

pytestmark = pytest.mark.slow
N_MODELS = 7


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serves seven models; the first has 60 records."""
    folder = tmp_path_factory.mktemp("records")
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"body_mass_g": rng.normal(4_000, 800, 80), "عمر": rng.uniform(0, 9, 80)})
    species = np.where(rows["body_mass_g"] > 4_000, "Gentoo", "Adelie")
    model = LogisticRegression(max_iter=1_000).fit(rows, species)
    paths = [
        str(
            podium.pack(
                model, rows, species, name=f"penguin_model_v{n}", path=folder, importance=False
            ).path
        )
        for n in range(1, N_MODELS + 1)
    ]
    with ServerProcess(*paths, home=folder / "home") as server:
        body = rows.iloc[:60].to_dict("records")

        httpx.post(
            f"{server.address}/api/models/penguin_model_v1/predict", json=body
        ).raise_for_status()
        yield server.address


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def page(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(base_url=address, java_script_enabled=request.param)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    yield page
    context.close()
    assert complaints == []


def rows_of(page: Page) -> int:
    return page.locator(".records tbody tr").count()


def test_a_model_is_found_by_keyboard_and_its_records_are_narrowed_down(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Find a model").focus()
    page.keyboard.type("model v1")
    page.keyboard.press("Enter")
    expect(page.locator(".card h2")).to_have_text(["Penguin model v1"])

    page.get_by_role("link", name="Records of Penguin model v1").press("Enter")
    page.get_by_label("Field").focus()
    page.keyboard.type("Body mass")
    page.keyboard.press("Tab")
    page.keyboard.type("is at least")
    page.keyboard.press("Tab")
    page.keyboard.type("4000")
    page.keyboard.press("Enter")
    expect(page.locator(".chips")).to_contain_text("is at least 4000")
    found = rows_of(page)
    assert 0 < found < 50
    expect(page.locator(".totals")).to_contain_text(f"Gentoo{found} (100.0", use_inner_text=False)

    page.get_by_role("link", name=re.compile("^Remove: Body mass")).press("Enter")
    expect(page.locator(".chips")).to_have_count(0)
    assert rows_of(page) == 50


def test_records_are_sorted_counted_and_shown_by_mouse(page: Page) -> None:
    page.goto("/models/penguin_model_v1/records")
    page.get_by_role("link", name="Totals").click()
    expect(page.locator(".totals")).to_contain_text("60")
    mass = page.get_by_role("columnheader", name=re.compile("Body mass"))
    mass.get_by_role("link").click()
    expect(mass).to_have_attribute("aria-sort", "ascending")
    shown = [
        float(one.replace(",", ""))
        for one in page.locator("tbody tr td:nth-child(3)").all_inner_texts()[-50:]
    ]
    assert shown == sorted(shown)

    page.get_by_role("link", name="Columns", exact=True).click()
    page.get_by_role("checkbox", name="Version").check()
    page.get_by_role("checkbox", name="Feedback").uncheck()
    page.get_by_role("button", name="Show these columns").click()
    heads = page.get_by_role("columnheader").all_inner_texts()
    assert "Version" in heads
    assert "Feedback" not in heads

    page.locator(".records tbody a").first.click()
    expect(page.get_by_role("heading", name="In the same request")).to_be_visible()
    page.get_by_role("link", name="Why this prediction?").click()
    expect(page.get_by_role("heading", name="Why this prediction")).to_be_visible()


def test_nothing_is_wrong_with_the_pages_on_a_phone_and_in_the_dark(
    browser: Browser, address: str
) -> None:
    records = "/models/penguin_model_v1/records"
    context = browser.new_context(
        base_url=address, viewport={"width": 390, "height": 800}, color_scheme="dark"
    )
    page, found = context.new_page(), []
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    for path in (
        "/",
        "/?q=nothing",
        records,
        f"{records}?f1=out.p.Gentoo&o1=ge&v1=0.1&choose=columns&sort=-in.body_mass_g",
        f"{records}?f1=in.body_mass_g&o1=ge&v1=x",
    ):
        page.goto(path)
        found += [(path, one["id"]) for one in Axe().run(page).response["violations"]]
        found += [(path, "is too wide")] if page.evaluate(wide) else []
    page.locator(".records tbody a").first.click()
    found += [("record", one["id"]) for one in Axe().run(page).response["violations"]]
    context.close()

    assert found == []
