"""The bytecode of an image's modules, which its read-only file system can't cache later."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from podium.errors import SetupError

_COMPILE_S = 300


def compile_python(root: Path, folder: Path) -> None:
    """Compile the modules in a folder: without bytecode, each start would compile them.

    Args:
        root: the folder that will be `/`.

    Raises:
        SetupError: the interpreter failed.
    """
    command = [
        *(sys.executable, "-P", "-S", "-m", "compileall", "-q"),
        # Validated by the source's hash, and never checked: timestamps in an image mean nothing.
        *("--invalidation-mode", "unchecked-hash", "-s", str(root), "-p", "/", str(folder)),
    ]
    done = subprocess.run(
        command,
        # The order of sets in bytecode depends on hashes.
        env={"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=_COMPILE_S,
        check=False,
    )
    # 1 is reported for modules that no interpreter of this version can parse, such as code
    # templates.
    if done.returncode not in (0, 1):
        raise SetupError("the bytecode can't be compiled", hint=done.stderr.strip()[-500:])
