"""The Django project on PostgreSQL: the contract of stores, and the project's own suite."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from django_server import Project, packed_loans


def test_the_projects_postgresql_meets_the_store_contract(tmp_path: Path, postgresql) -> None:
    databases = [postgresql.new_database(), postgresql.new_database()]

    done = Project(tmp_path, Path("none.podium"), databases=databases).pytest("store_contract.py")

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_projects_own_suite_passes_on_postgresql(tmp_path: Path, postgresql) -> None:
    databases = [postgresql.new_database(), postgresql.new_database()]
    project = Project(tmp_path, packed_loans(tmp_path), databases=databases)

    done = project.manage("test", "shop")

    assert done.returncode == 0, done.stderr
