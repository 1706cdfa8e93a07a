"""What the pages do in a real browser: with their script, without it, in every theme and width."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

import podium
from podium.testing import ServerProcess

pytestmark = pytest.mark.slow

SCRIPT = "</script><img src=x onerror=alert(1)>"
LONG = "Donaudampfschifffahrtsgesellschaftskapitaen" * 3
PAPER = "rgb(255, 255, 255)"


@pytest.fixture(scope="module")
def address(models_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of two functions, and of a model with long and hostile names."""
    from sklearn.tree import DecisionTreeClassifier

    folder = tmp_path_factory.mktemp("script")
    rng = np.random.default_rng(0)
    X = pd.DataFrame({SCRIPT: rng.normal(size=60), LONG: rng.normal(size=60), "ارتفاع": range(60)})
    y = rng.choice([f"<i>{LONG}</i>", "ربما", "{{7*7}}"], 60)
    model = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X, y)
    file = folder / "names.podium"
    podium.pack(model, X, y, name="names", path=file, title=f"{SCRIPT} {LONG}", limits=[LONG])
    models = [str(file), f"{models_file}:loans", f"{models_file}:arrival"]
    with ServerProcess(*models, home=folder / "home") as server:
        yield server.address


@pytest.fixture
def opened(browser: Browser, address: str) -> Iterator[Any]:
    """Opens pages; none of them may complain in its console, or ask anything of a dialog."""
    contexts, complaints = [], []

    def said(message: ConsoleMessage) -> None:
        if message.type == "error" and "status of 422" not in message.text:
            complaints.append(message.text)

    def open_(path: str, *, width: int = 1280, script: bool = True, **options: Any) -> Page:
        context = browser.new_context(
            base_url=address,
            viewport={"width": width, "height": 800},
            java_script_enabled=script,
            **options,
        )
        contexts.append(context)
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.on("console", said)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
        page.goto(path)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


def ground(page: Page) -> str:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def value_of(page: Page, name: str) -> str:
    return page.locator(f"[name={name}]").input_value()


def send(page: Page) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name="Predict").click()


def send_unchecked(page: Page, **values: str) -> None:
    """Send the form without the browser's own checks, as another browser might."""
    page.evaluate("document.querySelector('[data-form]').noValidate = true")
    for name, value in values.items():
        page.evaluate(
            "([name, value]) => { const e = document.getElementsByName(name)[0];"
            " e.type = 'text'; e.value = value; }",
            [name, value],
        )
    send(page)


def test_a_theme_that_was_chosen_is_remembered(opened):
    page = opened("/", color_scheme="light")
    light = ground(page)

    page.get_by_role("button", name="Dark theme").click()

    dark = ground(page)
    assert dark != light
    page.goto("/models/loans")
    assert ground(page) == dark
    page.get_by_role("button", name="Light theme").click()
    assert ground(page) == light


def test_the_theme_of_the_system_holds_where_none_was_chosen(opened):
    light, dark = (ground(opened("/", color_scheme=one)) for one in ("light", "dark"))

    assert light != dark
    assert ground(opened("/", color_scheme="dark", script=False)) == dark


def test_paper_is_white_whatever_the_screen_is(opened):
    page = opened("/models/loans", color_scheme="light")
    page.get_by_role("button", name="Dark theme").click()

    page.emulate_media(media="print")

    assert ground(page) == PAPER
    assert not page.locator("form").locator("visible=true").count()


def test_the_example_fills_every_kind_of_widget_and_is_announced(opened):
    page = opened("/models/loans")

    page.get_by_role("link", name="Fill with an example").click()

    assert value_of(page, "age")
    assert page.locator("[name=plan]:checked").count() == 1
    assert page.locator("[name=rooms]:checked").count() == 1
    assert value_of(page, "since")
    assert page.get_by_role("status").inner_text().startswith("Filled with example 1 of")
    assert page.url.endswith("/models/loans")


def test_the_example_of_the_script_is_that_of_the_link(opened):
    with_, without = opened("/models/loans"), opened("/models/loans", script=False)
    for page in (with_, without):
        page.get_by_role("link", name="Fill with an example").click()
        page.wait_for_load_state()

    for name in ("age", "income", "note", "since", "asked"):
        assert value_of(with_, name) == value_of(without, name)
    assert without.url.endswith("?example=1")


def test_after_an_answer_the_focus_is_on_the_result(opened):
    page = opened("/models/loans?example=1")

    send(page)

    assert page.evaluate("document.activeElement.id") == "result"
    page.keyboard.press("Tab")
    assert "Permanent link" in page.evaluate("document.activeElement.textContent")


def test_after_a_refusal_the_focus_is_on_the_summary_which_leads_to_the_field(opened):
    page = opened("/models/loans?example=1")

    send_unchecked(page, age="forty")

    assert page.evaluate("document.activeElement.id") == "problems"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.name") == "age"
    assert value_of(page, "age") == "forty"


def test_a_summary_leads_to_the_first_button_of_a_group(opened):
    page = opened("/models/loans")

    send_unchecked(page)
    page.get_by_role("link", name="Plan is missing").click()

    assert page.evaluate("document.activeElement.id") == "f3-0"


def test_a_second_click_sends_nothing(opened):
    page = opened("/models/loans?example=1")
    page.evaluate(
        "window.n = 0; document.addEventListener('submit', e => {"
        " if (!e.defaultPrevented) n += 1; e.preventDefault(); })"
    )

    for _ in range(3):
        page.get_by_role("button", name="Predict").click(force=True)

    assert page.evaluate("n") == 1


def test_the_command_is_copied_whole(opened):
    page = opened("/models/loans?example=1", permissions=["clipboard-read", "clipboard-write"])
    send(page)
    page.get_by_text("Call it from code").click()

    page.get_by_role("button", name="Copy").click()

    page.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#curl").text_content()
    assert copied.startswith("curl ")


def test_nothing_that_needs_the_script_is_seen_without_it(opened):
    page = opened("/models/loans?example=1", script=False)
    send(page)

    assert page.get_by_role("button").all_inner_texts() == ["Predict"]
    assert page.locator("#result .value").inner_text()


@pytest.mark.parametrize("width", [320, 375, 768, 1280])
@pytest.mark.parametrize("name", ["names", "loans"])
def test_no_page_is_wider_than_the_window_whatever_is_on_it(opened, name, width):
    page = opened(f"/models/{name}?example=1", width=width)

    def is_too_wide() -> bool:
        return page.evaluate("document.documentElement.scrollWidth > innerWidth")

    assert not is_too_wide()
    send(page)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert page.locator("#result").is_visible()
    assert not is_too_wide()
    for path in ("/", f"/models/{name}/records"):
        page.goto(path)
        assert not is_too_wide()
    page.locator("table.records tbody a").first.click()
    page.wait_for_url("**/records/*")
    assert not is_too_wide()


def test_what_is_pressed_is_large_enough_for_a_finger(opened):
    page = opened("/models/loans", width=375)

    heights = [
        box["height"]
        for one in page.locator("form input:visible, form select, form button, .radios label").all()
        if (box := one.bounding_box()) and one.get_attribute("type") not in ("radio", "checkbox")
    ]

    assert len(heights) > 10
    assert min(heights) >= 43
