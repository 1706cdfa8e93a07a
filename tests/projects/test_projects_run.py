"""Projects of all kinds are made, trained and tested, as who asked for them would do it.

Any two answers are tried together; `make soak`, which sets PODIUM_SOAK, tries all combinations.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from allpairspy import AllPairs

from podium.projects.choices import APPS, DATABASES, Choices, fits
from podium.projects.dataset import Dataset
from podium.projects.files import project_files, write_project
from podium.projects.wheels import build_wheels

IS_SOAK = bool(os.environ.get("PODIUM_SOAK"))
# Here a project stores its records in a file, whichever server its containers use.
SOME = DATABASES if IS_SOAK else ("none", "sqlite", "postgresql", "mysql")
CHOICES = [["penguins", "wine", "diabetes"], SOME, APPS, [False, True], [True, False]]
COMBINATIONS = itertools.product(*CHOICES) if IS_SOAK else AllPairs(CHOICES)
ANSWERS = [
    Choices(name, app, database, has_people=people, is_small=small)
    for name, database, app, people, small in COMBINATIONS
    if fits(app, database)
]
WHEELS = build_wheels()
OWN = ("PODIUM_", "FLASK_", "DJANGO_", "DATABASE_", "PYTEST_", "PYTHONPATH")


def name_of(answers: Choices) -> str:
    people, small = "people" if answers.has_people else "nobody", answers.is_small
    size = "small" if small else "large"
    return f"{answers.name}-{answers.app}-{answers.database}-{people}-{size}"


def run(folder: Path, *arguments: str) -> str:
    """What Python prints in a folder, as a newcomer's shell would run it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**kept, "PYTHONWARNINGS": "error::DeprecationWarning:__main__"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Models by the script that trains them: the same script makes the same model of the same rows."""
    return {}


@pytest.mark.parametrize("answers", ANSWERS, ids=name_of)
def test_a_project_trains_and_its_tests_pass(
    answers: Choices, datasets: dict[str, Dataset], trained: dict[str, Path], tmp_path: Path
) -> None:
    dataset = datasets[answers.name]
    write_project(tmp_path, project_files(answers, dataset, WHEELS), dataset, WHEELS)
    script = (tmp_path / "train.py").read_text("utf-8")
    model = tmp_path / "models" / f"{answers.name}.podium"
    if script in trained:
        model.parent.mkdir()
        shutil.copy(trained[script], model)
    else:
        assert f"packed: models/{answers.name}.podium" in run(tmp_path, "train.py")
        trained[script] = model

    told = run(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider")

    assert " passed" in told
    assert "skipped" not in told
    assert "warning" not in told


def test_any_two_choices_are_tried_together() -> None:
    asked = [(a.name, a.database, a.app, a.has_people, a.is_small) for a in ANSWERS]

    for one, other in itertools.combinations(range(len(CHOICES)), 2):
        wanted = set(itertools.product(CHOICES[one], CHOICES[other]))
        assert {(answers[one], answers[other]) for answers in asked} == wanted
