"""The running Python as a root folder: the interpreter, its library, and its shared libraries."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from podium.errors import SetupError
from podium.image.bytecode import compile_python
from podium.image.libraries import is_elf, needed_libraries

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHON = f"usr/local/bin/python{VERSION}"
USER_ID = 10_001
# Parts of the standard library that no server uses: tests, windows, installers, build tools.
_EXCLUDED = frozenset(
    {
        "__pycache__",
        "config",
        "dist-packages",
        "ensurepip",
        "idlelib",
        "lib2to3",
        "pydoc_data",
        "site-packages",
        "test",
        "tests",
        "tkinter",
        "turtledemo",
        "turtle.py",
    }
)
_EXCLUDED_STARTS = ("config-", "_test", "_ctypes_test", "_tkinter", "xxlimited", "xxsubtype")
_PASSWD = f"""\
root:x:0:0:root:/:/sbin/nologin
podium:x:{USER_ID}:{USER_ID}:podium:/var/lib/podium:/sbin/nologin
"""
_GROUP = f"root:x:0:\npodium:x:{USER_ID}:\n"
_ZONES = ("UTC", "Etc/UTC")


def copy_interpreter(root: Path, linked: Iterable[Path] = (), *, outside: Iterable[Path]) -> None:
    """Fill an empty folder with what the running Python needs, and nothing else.

    Args:
        linked: extension modules whose libraries must be included, too.
        outside: folders that are copied separately, with their libraries.

    Raises:
        SetupError: this system's Python can't be copied.
    """
    if not sys.platform.startswith("linux"):
        raise SetupError(
            "images can only be built on Linux", hint="run `podium image` in a container"
        )
    library = Path(sysconfig.get_path("stdlib"))
    extensions = Path(sysconfig.get_config_var("DESTSHARED") or library / "lib-dynload")
    for folder in ("usr/bin", "usr/lib", "usr/local/bin", "etc", "tmp"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name in ("bin", "lib"):
        (root / name).symlink_to(f"usr/{name}")
    # The loader is in lib64; libraries, in one built by another system, in both.
    for name in ("lib64", "usr/lib64"):
        (root / name).symlink_to("lib" if name.startswith("usr/") else "usr/lib")

    python = Path(sys.executable).resolve()
    shutil.copy(python, root / PYTHON)
    for name in ("python3", "python"):
        (root / "usr/local/bin" / name).symlink_to(Path(PYTHON).name)
    target = root / "usr/local" / sys.platlibdir / f"python{VERSION}"
    shutil.copytree(library, target, ignore=_unneeded)
    if not extensions.is_relative_to(library):
        shutil.copytree(extensions, target / "lib-dynload", ignore=_unneeded)
    modules = [file for file in target.rglob("*.so") if file.is_file()]
    sources = [python, *(extensions / file.name for file in modules), *linked]
    for name, file in needed_libraries(sources, outside=outside).items():
        shutil.copy(file, root / "usr/lib" / name)
    compile_python(root, target)
    _strip([root / PYTHON, *modules, *(root / "usr/lib").iterdir()])
    _write_system_files(root)


def _write_system_files(root: Path) -> None:
    """The few files outside of their own folders that libraries read."""
    (root / "etc/passwd").write_text(_PASSWD, "utf-8")
    (root / "etc/group").write_text(_GROUP, "utf-8")
    (root / "etc/nsswitch.conf").write_text("hosts: files dns\n", "utf-8")
    certificates = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    if Path(certificates).is_file():
        target = root / "etc/ssl/certs/ca-certificates.crt"
        target.parent.mkdir(parents=True)
        shutil.copy(certificates, target)
    for zone in _ZONES:
        source = Path("/usr/share/zoneinfo") / zone
        if source.is_file():
            target = root / "usr/share/zoneinfo" / zone
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


def _unneeded(folder: str, names: list[str]) -> set[str]:
    """Names in a folder of the standard library that aren't copied."""
    return {
        name
        for name in names
        if name in _EXCLUDED
        or name.startswith(_EXCLUDED_STARTS)
        or name.endswith((".a", ".exe", ".o"))
        # Debian links some of its own packages into the library; in the image the links would be
        # dangling.
        or (os.path.islink(f"{folder}/{name}") and not os.path.exists(f"{folder}/{name}"))  # noqa: PTH110, PTH114
    }


def _strip(files: Iterable[Path]) -> None:
    """Remove debug symbols, if a tool for that is installed."""
    strip = shutil.which("strip")
    programs = [str(file) for file in files if is_elf(file)]
    if strip is not None:
        subprocess.run([strip, "--strip-unneeded", *programs], check=False, capture_output=True)
