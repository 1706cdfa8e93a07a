"""Columns, categories, classes, titles and values are texts on every page, whatever they hold."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser, Page
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import podium
from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from hostile import HOSTILE

CHOSEN = "which <b>one</b>?"
# Those that are a column's name: control characters are none.
COLUMNS = [text for text in HOSTILE if text.isprintable() or "\u202e" in text]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Every hostile text as a column, a category, a class; title, description and unit too."""
    folder = tmp_path_factory.mktemp("hostile")
    n_rows = 4 * len(HOSTILE)
    rows = pd.DataFrame({name: [float(i % 7) for i in range(n_rows)] for name in COLUMNS})
    rows[CHOSEN] = [HOSTILE[i % len(HOSTILE)] for i in range(n_rows)]
    truth = [HOSTILE[i % len(HOSTILE)] for i in range(n_rows)]
    encoded = ColumnTransformer(
        [("chosen", OneHotEncoder(handle_unknown="ignore"), [CHOSEN])], remainder="passthrough"
    )
    model = make_pipeline(encoded, LogisticRegression(max_iter=200)).fit(rows, truth)
    podium.pack(
        model,
        rows,
        truth,
        name="hostile",
        title=HOSTILE[0],
        description=HOSTILE[1],
        target=HOSTILE[5],
        path=folder,
    )
    with ServerProcess(
        str(folder / "hostile.podium"), "--title", HOSTILE[3], home=folder / "home"
    ) as started:
        yield started


def check(page: Page, complaints: list[str]) -> None:
    """Nothing of it ran, nothing was loaded from elsewhere, and the policy had nothing to stop."""
    assert page.evaluate("window.hit") is None
    assert complaints == []
    assert page.locator("main b").count() == 0
    assert "49" not in page.title()


def test_no_name_of_a_model_becomes_a_part_of_a_page(server: ServerProcess, browser: Browser):
    page = browser.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on(
        "request",
        lambda asked: (
            None
            if asked.url.startswith((server.address, "data:"))
            else complaints.append(asked.url)
        ),
    )

    page.goto(server.address)
    check(page, complaints)
    page.goto(f"{server.address}/models/hostile?example=1")
    check(page, complaints)
    shown = page.inner_text("main")
    assert all(name in shown for name in COLUMNS if "\u202e" not in name)
    page.click("main form[data-form] button[type=submit]")
    page.wait_for_selector("#result")
    check(page, complaints)
    page.click(".record-link a")
    check(page, complaints)
    for path in ("/models/hostile/records", "/docs"):
        page.goto(server.address + path)
        check(page, complaints)
    page.close()
