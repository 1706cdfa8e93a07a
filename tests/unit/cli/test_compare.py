"""`podium compare`: what it prints, and how it ends."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from podium.cli.main import run
from podium.deployments.registry import Registry
from podium.records.stores.sqlite import SqliteStore

sys.path.insert(0, str(Path(__file__).parents[1] / "comparison"))
from two_versions import Bench, classifiers_in, labels


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    return classifiers_in(tmp_path_factory.mktemp("bundles"))


@pytest.fixture
def home(bundles, tmp_path: Path) -> Path:
    store = SqliteStore(tmp_path / "podium.db")
    bench = Bench(tmp_path, bundles, store)
    bench.registry.promote("loans", "1")
    bench.add("1", labels(300, 0.4, 1), ["yes"] * 300)
    bench.add("2", labels(300, 0.1, 2), ["yes"] * 300)
    store.close()
    return tmp_path


def test_it_prints_figures_a_verdict_and_gates_or_json(home, capsys):
    codes = [run(["compare", "loans", "champion", "2", "--home", str(home)])]
    text = " ".join(capsys.readouterr().out.split())
    codes.append(run(["compare", "loans", "1", "2", "--json", "--home", str(home)]))
    found = json.loads(capsys.readouterr().out)

    assert codes == [0, 0]
    for part in ("Version 2 is better than 1.", "passed It is better", "not known It isn't known"):
        assert part in text
    assert found["improvement"]["decided"] == "b"
    assert len(found["gates"]) == 6


def test_settings_say_what_decides(home, tmp_path, capsys):
    config = tmp_path / "podium.toml"
    config.write_text("[gates.loans]\ntruths_min = 1000\n")

    run(["compare", "loans", "1", "2", "--home", str(home), "--config", str(config)])

    assert "Not enough truths yet: 300 of 1,000." in capsys.readouterr().out


def test_what_cannot_be_compared_ends_with_an_error(home, tmp_path, capsys):
    codes = [
        run(["compare", "loans", "--home", str(home)]),  # there is no challenger
        run(["compare", "loans", "1", "1", "--home", str(home)]),
        run(["compare", "loans", "--home", str(tmp_path / "nowhere")]),
    ]

    assert codes == [1, 3, 1]
    assert "loans has no challenger" in capsys.readouterr().err


def test_the_challenger_is_promoted_by_force_only_where_its_gates_refuse_it(home, capsys):
    registry, config = Registry(home), home / "podium.toml"
    config.write_text("[gates.loans]\nmargin = 0.5\n")
    registry.challenge("loans", "2")
    promote = ["promote", "loans", "2", "--home", str(home), "--config", str(config)]

    refused = run(promote)
    error = capsys.readouterr().err
    without_note = run([*promote, "--force"])
    forced = run([*promote, "--force", "--note", "the other one is too slow"])

    assert (refused, without_note, forced) == (1, 3, 0)
    assert "1 gate refuses it: That it is better by more than 50" in error
    assert "gate difference, fail: That it is better" in capsys.readouterr().out
    event = registry.events("loans", 1)[0]
    assert (event.action, event.note) == ("promoted", "the other one is too slow")
    assert json.loads(event.details)["forced"] is True
