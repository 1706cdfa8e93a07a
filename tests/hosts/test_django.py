"""Podium inside a Django project: the project's own tests, run as its owner runs them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from django_server import Project, packed_loans


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packed_loans(tmp_path_factory.mktemp("loans"))


@pytest.fixture
def project(tmp_path: Path, model: Path) -> Project:
    return Project(tmp_path, model)


def test_the_projects_own_suite_passes_on_sqlite(project: Project) -> None:
    done = project.manage("test", "shop")

    assert done.returncode == 0, done.stderr


def test_the_migrations_say_all_that_the_models_do(project: Project) -> None:
    done = project.manage("makemigrations", "--check", "--dry-run")

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_static_files_are_collected_under_our_name(project: Project) -> None:
    done = project.manage("collectstatic", "--no-input", "--verbosity", "0")

    assert done.returncode == 0, done.stderr
    assert (project.folder / "collected" / "podium" / "podium.css").stat().st_size > 1_000
