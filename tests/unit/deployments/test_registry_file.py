"""The file of a registry, which several processes look at and change at the same time."""

from __future__ import annotations

import subprocess
import sys

import apsw
import pytest

from podium.deployments.registry import Registry

N_EVENTS = 40
BUSY = """
import sys, threading
from podium.deployments.registry import Registry

registry, is_over = Registry(sys.argv[1]), threading.Event()
def look():
    while not is_over.is_set():
        registry.change
looking = threading.Thread(target=look)
looking.start()
try:
    for _ in range(int(sys.argv[2])):
        registry.log("sums", "noted", after="", actor="ada", note="")
finally:
    is_over.set()
    looking.join()
"""


@pytest.mark.slow
def test_a_process_that_looks_while_it_writes_keeps_its_lock(tmp_path):
    """A file that is closed beside SQLite's would end it, and the two would write at once."""
    command = [sys.executable, "-c", BUSY, str(tmp_path), str(N_EVENTS)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    failures = [one.communicate()[1] for one in processes]

    connection = apsw.Connection(str(tmp_path / "registry.db"))
    assert failures == ["", ""]
    assert connection.pragma("integrity_check") == "ok"
    assert len(Registry(tmp_path).events("sums", 1_000)) == 2 * N_EVENTS
    connection.close()


def test_what_can_not_be_read_is_no_change(tmp_path):
    registry = Registry(tmp_path)
    nothing = registry.change
    registry.log("sums", "noted", after="", actor="ada", note="")
    something = registry.change
    (tmp_path / "registry.db").write_bytes(b"no database" * 500)
    damaged = registry.change

    assert (nothing, damaged) == (None, None)
    assert something is not None


def test_a_file_that_takes_its_place_is_a_change(tmp_path):
    first, second = Registry(tmp_path / "a"), Registry(tmp_path / "b")
    for registry in (first, second):
        registry.log("sums", "noted", after="", actor="ada", note="")
    before = first.change
    (tmp_path / "b" / "registry.db").replace(tmp_path / "a" / "registry.db")

    assert first.change != before
