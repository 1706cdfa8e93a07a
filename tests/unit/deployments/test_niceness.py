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
print(os.nice(0) - before)
print(group.read_text() if group.exists() else "")
"""


def priorities(*, is_apart: bool) -> tuple[str, str]:
    """How much nicer a process became, and what Linux says of its group: nothing where it has none.

    The file of a process in the system's own group exists, and is empty.
    """
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(
        command, start_new_session=is_apart, capture_output=True, text=True, check=True
    )
    nicer, _, group = done.stdout.partition("\n")
    return nicer, group.strip()


def test_a_group_of_its_own_comes_later_as_a_whole():
    nicer, group = priorities(is_apart=True)

    assert nicer == "3"
    assert not group or group.endswith("nice 3")


def test_a_group_of_others_keeps_its_place():
    nicer, group = priorities(is_apart=False)

    assert nicer == "3"
    assert not group.endswith("nice 3")
