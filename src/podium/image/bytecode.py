"""Bytecode of the modules in an image, which nobody could write there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from podium.errors import SetupError

_COMPILE_S = 300


def compile_python(root: Path, folder: Path) -> None:
    """Write the bytecode of a folder's modules: where nothing can be written, starts need it.

    Args:
        root: the folder that will be `/`.

    Raises:
        SetupError: the interpreter couldn't do it.
    """
    command = [
        *(sys.executable, "-P", "-S", "-m", "compileall", "-q"),
        # By the source's hash, and never checked: files of an image have no time that counts.
        *("--invalidation-mode", "unchecked-hash", "-s", str(root), "-p", "/", str(folder)),
    ]
    done = subprocess.run(
        command,
        # Sets in bytecode stand in the order of their hashes.
        env={"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=_COMPILE_S,
        check=False,
    )
    # 1 is said of a module that no interpreter of this version can read, as templates of code are.
    if done.returncode not in (0, 1):
        raise SetupError("the bytecode can't be compiled", hint=done.stderr.strip()[-500:])
