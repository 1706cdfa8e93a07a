"""Django projects in MongoDB, through django-mongodb-backend: records alone, and everything.

The server of the tests speaks MongoDB's protocol, and is none.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from django_server import Project, packed_loans
from joining_mongodb import JoiningMongoServer

from podium.testing.databases import NoServer

EXAMPLE = Path(__file__).parents[2] / "examples" / "django_mongodb"
# Nothing listens there.
AWAY = "mongodb://ada:hidden@127.0.0.1:1/predictions?serverSelectionTimeoutMS=200"
READ = """
from podium.errors import StoreError
from podium.hosts.django.store import DjangoStore
from podium.records.store import RecordQuery
try:
    DjangoStore().page(RecordQuery(), limit=1)
except StoreError as error:
    print(error)
"""

pytestmark = pytest.mark.slow


def test_the_projects_mongodb_meets_the_store_contract(tmp_path: Path, mongodb) -> None:
    project = Project(tmp_path, Path("none.podium"), databases=["", mongodb.new_database()])

    # The outbox before a store is the same for each.
    done = project.pytest("store_contract.py", "-k", "not BehindAnOutbox")

    assert done.returncode == 0, done.stdout + done.stderr


def test_an_unreachable_mongodb_is_an_error_without_the_password(tmp_path: Path) -> None:
    project = Project(tmp_path, Path("none.podium"), databases=["", AWAY])

    done = project.manage("shell", "--no-imports", "-c", READ)

    assert done.returncode == 0, done.stderr
    assert "the project's database 'predictions' failed: 127.0.0.1:1" in done.stdout
    assert "hidden" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("databases", "expected"),
    [
        (["mongodb://127.0.0.1:1/shop", ""], "(podium.E008) rows of ApiToken have numbers as keys"),
        (["", f"{AWAY}&w=0"], "(podium.E009) the database 'predictions' is told to confirm no"),
    ],
)
def test_the_checks_name_what_cannot_work(
    databases: list[str], expected: str, tmp_path: Path
) -> None:
    project = Project(tmp_path, packed_loans(tmp_path), databases=databases)

    done = project.manage("check")

    assert done.returncode == 1
    assert expected in done.stderr


def test_the_example_passes_its_own_tests(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    try:
        with JoiningMongoServer() as server:
            environment = {
                **os.environ,
                "MONGODB_URL": server.new_database(),
                "SECRET_KEY": "a secret of the tests only, which is longer than fifty characters",
                "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path]),
            }
            for arguments in (
                ("train.py",),
                ("manage.py", "check", "--database", "default", "--fail-level", "WARNING"),
                ("manage.py", "makemigrations", "--check", "--dry-run"),
                ("manage.py", "test", "--no-input"),
            ):
                done = subprocess.run(
                    [sys.executable, "-W", "error", *arguments],
                    cwd=tmp_path,
                    env=environment,
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=250,
                )
                assert done.returncode == 0, done.stdout + done.stderr
    except NoServer as error:
        pytest.skip(str(error))
