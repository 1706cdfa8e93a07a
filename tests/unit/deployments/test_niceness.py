"""A process that lets others come first, whose group has a share of the processor of its own."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import os, pathlib
from podium.deployments.niceness import let_others_first

before = os.nice(0)
let_others_first(3)
group = pathlib.Path("/proc/self/autogroup")
print(os.nice(0) - before, group.read_text() if group.exists() else "no groups")
"""


def priorities(*, is_apart: bool) -> str:
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(
        command, start_new_session=is_apart, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_group_of_its_own_comes_later_as_a_whole():
    own, shared = priorities(is_apart=True), priorities(is_apart=False)

    assert own.startswith("3 ")
    assert own.endswith(("nice 3", "no groups"))
    assert shared.startswith("3 ")
    assert not shared.endswith("nice 3")  # others are in that group, too
