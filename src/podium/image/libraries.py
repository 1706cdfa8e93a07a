"""The shared libraries that programs and extension modules need, and where they are."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from podium.errors import SetupError

_MAGIC = b"\x7fELF"
# `libz.so.1 => /lib/libz.so.1 (0x7f...)`, and the loader: `/lib64/ld-linux-x86-64.so.2 (0x7f...)`.
_LIBRARY_LINE = re.compile(r"^\s*(?:(\S+) => )?(/\S+) \(0x", re.MULTILINE)
_AT_ONCE = 200


def is_elf(file: Path) -> bool:
    """Whether it is an ELF program or library."""
    with file.open("rb") as opened:
        return opened.read(4) == _MAGIC


def needed_libraries(files: Iterable[Path], *, outside: Iterable[Path]) -> dict[str, Path]:
    """The shared libraries of these files, by the name that the loader searches for.

    Args:
        outside: folders whose own libraries are ignored, since they are copied as a whole.

    Raises:
        SetupError: there is no `ldd` here.
    """
    ldd = shutil.which("ldd")
    if ldd is None:
        raise SetupError("ldd, which finds shared libraries, isn't installed", hint="pass --base")
    folders = [folder.resolve() for folder in outside]
    waiting = sorted({str(file) for file in files})
    libraries: dict[str, Path] = {}
    for start in range(0, len(waiting), _AT_ONCE):
        batch = waiting[start : start + _AT_ONCE]
        output = subprocess.run([ldd, *batch], capture_output=True, text=True, check=False).stdout
        for name, path in _LIBRARY_LINE.findall(output):
            real = Path(path).resolve()
            if not any(real.is_relative_to(folder) for folder in folders):
                libraries.setdefault(name or Path(path).name, real)
    return dict(sorted(libraries.items()))
