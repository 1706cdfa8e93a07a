"""Several threads read the first bundle of a process at once: a server with many models does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FORMATS = Path(__file__).parents[1] / "formats"
SCRIPT = """
import sys, threading
from podium.bundle import load

sys.setswitchinterval(1e-6)
barrier = threading.Barrier(16)
bundles = [load(sys.argv[1]) for _ in range(16)]
done = []

def start(bundle):
    barrier.wait()
    bundle.start()
    done.append(bundle)

threads = [threading.Thread(target=start, args=(one,)) for one in bundles]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(done))
"""


def test_no_process_ends_by_it():
    command = [sys.executable, "-X", "faulthandler", "-c", SCRIPT, str(FORMATS / "forest-1.podium")]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]

    ended = [(*one.communicate(timeout=60), one.returncode) for one in started]

    assert [(out, code) for out, _, code in ended] == [("16\n", 0)] * 4, ended
