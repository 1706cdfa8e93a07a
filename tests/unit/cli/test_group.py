"""`podium group`: groups and their rights from the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

# The command line itself, many times in one process: each start would take a second.
SCRIPT = """
import contextlib, io, json, sys
from podium.cli.main import run
answers = []
def called(*arguments):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(arguments)
    answers.append((code, out.getvalue(), err.getvalue()))
called("group", "list")
from django.contrib.auth.models import Group, Permission, User
from podium.hosts.django.models import AuditEntry
from podium.hosts.django.permissions import make_permissions

make_permissions(["churn", "delay"])
for name in ("grace", "ada"):
    User.objects.create_user(name)
for arguments in json.loads(sys.stdin.read()):
    called("group", *arguments)
audit = [
    [one.event, one.target, *one.details.values()] for one in AuditEntry.objects.order_by("id")
]
print(json.dumps([answers[1:], audit]))
"""
EVERYONE = "Everyone who is logged in"


def called(home: Path, *commands: tuple[str, ...]) -> tuple[list[Any], list[list[str]]]:
    """Exit code, output and error of each command, and what the audit log says then."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PODIUM_HOME": str(home)},
    )
    assert done.returncode == 0, done.stderr
    answers, audit = json.loads(done.stdout)
    return answers, audit


def test_a_group_is_created_granted_joined_revoked_and_deleted(tmp_path):
    answers, audit = called(
        tmp_path,
        ("create", "analysts"),
        ("grant", "analysts", "predict", "see_own", "--model", "churn", "--model", "delay"),
        ("grant", "analysts", "predict", "metrics", "--model", "churn"),
        ("grant", EVERYONE, "predict", "--every-model"),
        ("members", "analysts", "--add", "grace", "--add", "ada"),
        ("members", "analysts", "--remove", "ada"),
        ("list",),
        ("revoke", "analysts", "predict", "delete", "--model", "delay"),
        ("revoke", "analysts", "delete", "--model", "delay"),
        ("delete", "analysts"),
        ("list",),
    )

    assert [one[0] for one in answers] == [0] * len(answers), answers
    said = [one[1] for one in answers]
    assert "analysts may request predictions of churn\n" in said[1]
    assert said[2] == "analysts may see the metrics\n"
    assert said[4].split() == ["member", "ada", "grace"]
    assert said[5].split() == ["member", "grace"]
    assert "churn: predict, see_own; delay: predict, see_own" in said[6]
    assert "every model: predict" in said[6]
    assert said[7] == "analysts may not request predictions of delay\n"
    assert said[8] == "analysts had none of these permissions\n"
    assert said[9] == "the group analysts was deleted; it had 1 member\n"
    assert "analysts" not in said[10]
    assert [one for one in audit if one[1] != EVERYONE and not one[0].startswith("user")][1:] == [
        ["group_made", "analysts"],
        ["granted", "analysts", "group", "churn", "predict"],
        ["granted", "analysts", "group", "delay", "predict"],
        ["granted", "analysts", "group", "churn", "see_own"],
        ["granted", "analysts", "group", "delay", "see_own"],
        ["granted", "analysts", "group", "every model", "metrics"],
        ["joined", "grace", "analysts"],
        ["joined", "ada", "analysts"],
        ["left", "ada", "analysts"],
        ["revoked", "analysts", "group", "delay", "predict"],
        ["group_deleted", "analysts"],
    ]


WRONG = {
    ("create", EVERYONE): "already exists",
    ("create", ""): "blank",
    ("create", "x" * 151): "150 characters",
    ("delete", "nobody"): "there is no group 'nobody'",
    ("delete", EVERYONE): "is built in",
    ("members", EVERYONE, "--add", "grace"): "is for everyone who is logged in",
    ("members", "plain", "--add", "nobody"): "no user is called 'nobody'",
    ("members", "plain", "--add", "ada", "--remove", "ada"): "added and removed",
    ("grant", "plain", "predict"): "--every-model",
    ("grant", "plain", "predict", "--model", "chrun"): "known: churn, delay",
    ("grant", "nobody", "predict", "--every-model"): "there is no group 'nobody'",
    ("revoke", "nobody", "metrics"): "there is no group 'nobody'",
}


def test_errors_are_reported_and_change_nothing(tmp_path):
    names = ("plain", "[red]bold[/red]", "مجموعة", "\x1b[2Jgone")
    made = [("create", name) for name in names]
    answers, audit = called(tmp_path, *made, *WRONG, ("grant", "plain", "fly"), ("list",))

    *answers, (_, listed, _) = answers
    for (command, words), (code, _, error) in zip(WRONG.items(), answers[4:-1], strict=True):
        assert (code, words in error) == (1, True), (command, error)
        assert "Traceback" not in error
    assert answers[-1][0] == 2
    assert "predict" in answers[-1][2]
    assert audit[-1] == ["group_made", names[-1]]
    # What stands in a name is text: neither a terminal nor a markup obeys it.
    assert all(name in listed for name in names[:3])
    assert "\x1b" not in listed
