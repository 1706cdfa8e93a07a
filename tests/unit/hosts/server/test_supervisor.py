"""The supervisor of worker processes."""

from __future__ import annotations

import subprocess
import sys

import pytest

STOPPED_AT_ONCE = """
import os, signal
from podium.hosts.server.supervisor import Supervisor

def work(worker):
    if worker.is_first:
        os.kill(os.getpid(), signal.SIGSTOP)
    print("another works", flush=True)
    os.kill(os.getppid(), signal.SIGTERM)
    worker.stop.wait()

Supervisor(work, 1, hang_s=0.1).run()
"""


@pytest.mark.slow
def test_a_worker_that_a_signal_stopped_before_it_was_ready_is_replaced():
    command = [sys.executable, "-c", STOPPED_AT_ONCE]

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    assert (done.returncode, done.stderr) == (0, "")
    assert "gave no sign of life" in done.stdout
    assert done.stdout.endswith("another works\n")
