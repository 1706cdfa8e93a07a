"""The contract of stores over the tables of a Django project, in SQLite and in PostgreSQL."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from django_server import Project


def test_the_projects_sqlite_file_keeps_what_every_store_promises(tmp_path: Path) -> None:
    done = Project(tmp_path, Path("none.podium")).pytest("store_contract.py")

    assert done.returncode == 0, done.stdout + done.stderr
