"""The classic example: one model behind three apps, each of which runs and answers alike."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CLASSIC = ROOT / "examples" / "classic"
NAMES = ("Flask", "Django", "Podium")
MODULES = ("train", "contenders", "features", "compare")


@pytest.fixture(scope="module")
def classic() -> Iterator[dict[str, Any]]:
    """The example's own modules, which import each other as scripts of one folder do."""
    sys.path.insert(0, str(CLASSIC))
    yield {name: import_module(name) for name in MODULES}
    sys.path.remove(str(CLASSIC))
    for name in MODULES:
        del sys.modules[name]


@pytest.fixture(scope="module")
def apps(classic: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """All three, running."""
    folder = tmp_path_factory.mktemp("classic")
    classic["train"].train(folder, n_rows=5_000)
    with ExitStack() as stack:
        running = {}
        for contender in classic["contenders"].CONTENDERS:
            app = classic["contenders"].App(contender, folder)
            app.prepare()
            running[contender.name] = stack.enter_context(app.running())
        yield running


@pytest.fixture(scope="module")
def visitors(classic: dict[str, Any], apps: Any) -> Iterator[dict[str, Any]]:
    found = {name: classic["features"].Visitor(app) for name, app in apps.items()}
    yield found
    for visitor in found.values():
        visitor.client.close()


def test_all_three_predict_the_same(classic: dict[str, Any], visitors: dict[str, Any]) -> None:
    row = classic["contenders"].ROW
    answers = {name: one.ask(row).json()["prediction"] for name, one in visitors.items()}

    assert set(answers) == set(NAMES)
    assert all(answer == pytest.approx(answers["Flask"], rel=1e-9) for answer in answers.values())


@pytest.mark.parametrize("name", NAMES)
def test_the_form_of_each_shows_the_prediction_of_its_api(
    name: str, classic: dict[str, Any], visitors: dict[str, Any]
) -> None:
    assert classic["features"].has_form(visitors[name])


def test_the_probes_distinguish_the_apps(classic: dict[str, Any], apps: Any) -> None:
    had = {name: classic["features"].probe(app) for name, app in apps.items()}

    assert {len(features) for features in had.values()} == {25}
    counts = [sum(had[name].values()) for name in NAMES]
    assert counts == sorted(counts)
    assert had["Django"]["people log in"]
    assert not had["Flask"]["CSRF: other sites' forms are refused"]
    missed = {name for name, has in had["Podium"].items() if not has}
    assert missed == set(classic["features"].OF_ACCOUNTS)


def test_the_same_bundle_with_accounts_has_what_was_missed(
    classic: dict[str, Any], apps: Any
) -> None:
    found = classic["compare"].with_accounts(apps["Podium"])

    assert found == set(classic["features"].OF_ACCOUNTS)


def test_nobody_writes_code_for_podium(classic: dict[str, Any]) -> None:
    counted = {
        one.name: classic["compare"].lines_of(one.folder)
        for one in classic["contenders"].CONTENDERS
    }

    assert counted["Podium"] == (0, 0)
    assert counted["Flask"][0] > 50
    assert counted["Django"][0] > counted["Flask"][0]


def test_blank_lines_and_comments_are_no_code(classic: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import os\n\n# why\nprint(os.name)\n")
    (tmp_path / "empty.py").write_text("\n")
    (tmp_path / "notes.txt").write_text("not code\n")

    assert classic["compare"].lines_of(tmp_path) == (2, 1)


def test_the_page_has_a_row_for_every_feature(classic: dict[str, Any]) -> None:
    page = (ROOT / "docs" / "classic.md").read_text("utf-8")
    listed = re.findall(r"^\| ([^|]+) \| (?:yes|no) \|", page, re.MULTILINE)

    assert listed == list(classic["features"].FEATURES)
