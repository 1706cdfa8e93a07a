"""What a newcomer meets in an empty folder: examples, and what to do next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    ("arguments", "example"),
    [
        (["pack"], "podium pack model.joblib --data train.csv --target delay"),
        (["score", "churn.podium"], "podium score churn.podium in.csv"),
        (["retrain", "churn"], "podium retrain churn --recipe train.py:train"),
    ],
)
def test_a_missing_argument_is_shown_by_example(
    podium_run: Run, here: Path, arguments: list[str], example: str
) -> None:
    code, _, err = podium_run(*arguments)

    assert code == 2
    assert "Missing" in err
    assert example in err.partition("For example:")[2]
    assert list(here.iterdir()) == []


def test_serve_without_a_model_names_those_that_are_near(podium_run: Run, here: Path) -> None:
    code, _, err = podium_run("serve")
    assert (code, "podium new" in err, "podium demo" in err) == (1, True, True)
    (here / "models").mkdir()
    (here / "models" / "my churn.podium").touch()

    code, _, err = podium_run("serve")

    assert code == 1
    assert "podium serve 'models/my churn.podium'" in err


@pytest.mark.parametrize("command", ["check", "repair", "backup x.db"])
def test_records_that_are_nowhere_are_an_error_and_no_new_file(
    podium_run: Run, here: Path, command: str
) -> None:
    code, _, err = podium_run("records", *command.split())

    assert code == 1
    assert "there are no records: podium-home/podium.db doesn't exist" in err
    assert list(here.iterdir()) == []


def test_a_model_without_versions_is_no_line_of_its_name(podium_run: Run, here: Path) -> None:
    assert "No version is registered yet" in podium_run("versions", "churn")[1]
    assert "no version of it is registered" in podium_run("monitor", "churn")[2]
