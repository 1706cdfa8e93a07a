"""The contract of stores over the tables of a Django project; tables of earlier versions."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from django_server import Project, packed_loans

FORMATS = Path(__file__).parent.parent / "formats"
FOLDERS = sorted(FORMATS.glob("records-*"))
CHECK = """
import sys
from pathlib import Path

import msgspec

sys.path.insert(0, {formats!r})
from test_records import check_store

from podium.hosts.django.models import Prediction
from podium.hosts.django.store import DjangoStore
from podium.records.columns import COLUMNS

check_store(DjangoStore(), Path({folder!r}))
fields = {{field.name: field for field in Prediction._meta.fields}}
assert fields.keys() == {{column.name for column in COLUMNS}}
for column in COLUMNS:
    field = fields[column.name]
    if column.name != "feedback_note":  # Django knows no text that is NULL or empty
        assert field.null == column.is_nullable, column
    if not column.is_nullable and column.default is not msgspec.NODEFAULT:
        assert field.default == column.default, column
    kinds = {{str: "CharField TextField", int: "BigIntegerField", float: "FloatField"}}
    assert type(field).__name__ in kinds.get(column.type, "JSONField").split(), column
"""


def test_the_projects_sqlite_file_meets_the_store_contract(tmp_path: Path) -> None:
    done = Project(tmp_path, Path("none.podium")).pytest("store_contract.py")

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_table_of_an_earlier_version_is_migrated(folder: Path, tmp_path: Path) -> None:
    project = Project(tmp_path, packed_loans(tmp_path))
    with closing(sqlite3.connect(tmp_path / "predictions.sqlite3")) as connection:
        connection.executescript((folder / "django.sql").read_text())

    migrated = project.manage("migrate", "--database", "predictions")
    assert migrated.returncode == 0, migrated.stderr

    code = CHECK.format(formats=str(FORMATS), folder=str(folder))
    done = project.manage("shell", "--no-imports", "-c", code)
    assert done.returncode == 0, done.stderr
