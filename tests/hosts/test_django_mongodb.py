"""A Django project whose records are in MongoDB, through django-mongodb-backend.

The server of the tests speaks MongoDB's protocol, and is none.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from django_server import Project

pytestmark = pytest.mark.slow


def test_the_projects_mongodb_meets_the_store_contract(tmp_path: Path, mongodb) -> None:
    project = Project(tmp_path, Path("none.podium"), databases=["", mongodb.new_database()])

    # The outbox before a store is the same for each.
    done = project.pytest("store_contract.py", "-k", "not BehindAnOutbox")

    assert done.returncode == 0, done.stdout + done.stderr
