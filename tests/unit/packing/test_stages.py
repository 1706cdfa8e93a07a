"""`podium.pack` in a script speaks at a terminal, and is silent elsewhere."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from podium.packing.stages import Stages

SCRIPT = """
import numpy as np, podium
from sklearn.linear_model import LinearRegression
X = np.arange(20.0).reshape(10, 2)
podium.pack(LinearRegression().fit(X, X[:, 0]), X, X[:, 0], name="delay", compiles=False)
print("done")
"""


def script(folder: Path) -> list[str]:
    file = folder / "train.py"
    file.write_text(SCRIPT)
    return [sys.executable, str(file)]


@pytest.mark.slow
def test_elsewhere_it_is_silent(tmp_path):
    ran = subprocess.run(script(tmp_path), cwd=tmp_path, capture_output=True, text=True, check=True)

    assert (ran.stdout, ran.stderr) == ("done\n", "")


@pytest.mark.slow
def test_at_a_terminal_it_says_where_the_file_is_and_what_to_do_next(tmp_path):
    out = at_a_terminal(script(tmp_path), tmp_path)

    assert "packed delay.podium, " in out
    assert "give holdout=(X_test, y_test), or cv=5" in out
    assert "podium serve delay.podium" in out


def at_a_terminal(command: list[str], folder: Path) -> str:
    ours, theirs = pty.openpty()
    running = subprocess.Popen(command, cwd=folder, stdout=theirs, stderr=theirs, stdin=theirs)
    os.close(theirs)
    read = b""
    try:
        while part := os.read(ours, 4096):
            read += part
    except OSError:  # the other end was closed
        pass
    finally:
        os.close(ours)
        assert running.wait(60) == 0
    return read.decode()


@pytest.mark.slow
def test_stages_that_last_are_named_with_their_seconds(monkeypatch):
    monkeypatch.setattr("podium.packing.stages.QUIET_S", 0.1)
    stream = io.StringIO()

    with Stages(stream) as at:
        at("compiling")
        while "compiling ... 2 s" not in stream.getvalue():
            time.sleep(0.01)
        at("writing")

    assert re.search(r"  compiling \.\.\. \d s", stream.getvalue())
    assert re.search(r"\r\x1b\[K  compiling: \d+\.\d s\n", stream.getvalue())
    assert "writing" not in stream.getvalue()


def test_stages_that_are_quick_say_nothing_even_where_one_fails():
    stream, failing = io.StringIO(), io.StringIO()

    with Stages(stream) as at:
        at("compiling")
    with pytest.raises(ValueError, match="no"):
        fail(failing)

    assert (stream.getvalue(), failing.getvalue()) == ("", "")


def fail(stream: io.StringIO) -> None:
    with Stages(stream) as at:
        at("compiling")
        raise ValueError("no")
