"""`podium user` and `podium manage`: accounts from the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PASSWORD = "correct-horse-battery"


def podium(home: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "podium", *arguments]
    environment = {**os.environ, "PODIUM_HOME": str(home)}
    return subprocess.run(
        command, input=given, capture_output=True, text=True, check=False, env=environment
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    done = podium(folder, "user", "add", "ada", "--admin", "--password-stdin", given=PASSWORD)
    assert done.returncode == 0, done.stderr
    return folder


def test_accounts_are_created_and_listed(home):
    listed = podium(home, "user", "list").stdout

    assert "ada" in listed
    assert "everything" in listed


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("add", "ada", "--password-stdin"), "already exists"),
        (("add", "grace", "--group", "nowhere", "--password-stdin"), "there is no group 'nowhere'"),
        (("password", "nobody", "--password-stdin"), "no user is called 'nobody'"),
        (("disable", "nobody"), "no user is called 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_told(home, arguments, says):
    done = podium(home, "user", *arguments, given=PASSWORD)

    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_the_settings_are_safe_and_print_no_secret(home):
    checked = podium(home, "manage", "check", "--deploy", "--fail-level", "WARNING")
    printed = podium(home, "manage", "diffsettings").stdout
    keys = json.loads((home / "accounts" / "secrets.json").read_bytes())["keys"]

    assert checked.returncode == 0, checked.stderr
    assert "INSTALLED_APPS" in printed
    assert keys[0] not in printed


def test_the_tables_are_those_of_the_models(home):
    done = podium(home, "manage", "makemigrations", "--check", "--dry-run")

    assert done.returncode == 0, done.stdout


def test_a_new_key_keeps_the_older_one_unless_it_is_to_be_forgotten(home):
    def keys() -> list[str]:
        return json.loads((home / "accounts" / "secrets.json").read_bytes())["keys"]

    first = keys()
    podium(home, "manage", "rotate_secret")
    second = keys()
    podium(home, "manage", "rotate_secret", "--forget")
    third = keys()

    assert second[1:] == first
    assert len(third) == 1
    assert third[0] not in second


def test_a_missing_database_is_reported_in_a_line(home):
    done = podium(home, "user", "list")
    environment = {**os.environ, "PODIUM_ACCOUNTS_DATABASE": "postgresql://me:key@127.0.0.1:9/x"}
    command = [sys.executable, "-m", "podium", "user", "list", "--home", str(home / "other")]
    failed = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    assert done.returncode == 0
    assert failed.returncode == 4
    assert "the accounts database can't be used" in failed.stderr
    assert "key" not in failed.stderr
