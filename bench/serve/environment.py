"""Environments of the peers: each has its own, made by venv and filled by pip from its requirements."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.serve import places

# What every environment has from the start, and no server needs.
TOOLS = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "wheel")
INSTALL_S = 1_800


class NotInstalled(Exception):
    """A peer's requirements can't be had here; the text is pip's."""


@dataclass(frozen=True)
class Environment:
    """A folder with a Python of its own."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.bin / "python"

    @property
    def bin(self) -> Path:
        """Where its commands are."""
        return self.folder / "bin"

    def size_mb(self) -> float:
        """What is installed, on disk, but for pip and setuptools."""
        (site,) = self.folder.glob("lib/python*/site-packages")
        files = (file for file in site.rglob("*") if file.is_file() and not file.is_symlink())
        return (
            sum(
                file.stat().st_size
                for file in files
                if not file.relative_to(site).parts[0].startswith(TOOLS)
            )
            / 1e6
        )

    def version(self, package: str) -> str:
        """The version of a package."""
        code = f"from importlib.metadata import version; print(version({package!r}))"
        done = subprocess.run(
            [self.python, "-c", code], capture_output=True, text=True, check=False
        )
        return done.stdout.strip() or "?"


# Podium runs from the checkout's own environment, as whoever works on it has it.
OWN = Environment(Path(sys.prefix))


def environment_for(requirements: Path, name: str = "") -> Environment:
    """The environment of these requirements, made unless it is there.

    Args:
        name: of the environment; that of the folder when left out.

    Raises:
        NotInstalled: pip can't do it.
    """
    text = requirements.read_text("utf-8")
    return _made(name or requirements.parent.name, ["-r", str(requirements)], text)


@cache  # sources that change during a run change nothing in it
def podium_environment(name: str = "podium", more: tuple[str, ...] = ()) -> Environment:
    """One with Podium as others install it; without more, it shows how large that is."""
    sources = sorted((places.ROOT / "src" / "podium").rglob("*"))
    changed = str(max(file.stat().st_mtime_ns for file in sources))
    return _made(name, [str(places.ROOT), *more], changed)


def _made(name: str, wanted: list[str], text: str) -> Environment:
    environment = Environment(places.ENVIRONMENTS / name)
    mark = environment.folder / "installed.json"
    key = hashlib.sha256(text.encode()).hexdigest()
    if mark.exists() and json.loads(mark.read_text("utf-8")) == key:
        return environment
    shutil.rmtree(environment.folder, ignore_errors=True)
    print(f"  installing {name}", flush=True)
    environment.folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        # The same Python as Podium's, but none of its packages.
        subprocess.run([sys.executable, "-m", "venv", environment.folder], check=True)
        pip = [str(environment.python), "-m", "pip", "install", "--quiet", *wanted]
        subprocess.run(
            pip,
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_S,
            env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        )
    except subprocess.CalledProcessError as error:
        raise NotInstalled(_end_of(error.stdout or "")) from error
    except subprocess.TimeoutExpired as error:
        raise NotInstalled(f"pip took longer than {INSTALL_S} s") from error
    mark.write_text(json.dumps(key), "utf-8")
    return environment


def _end_of(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("ERROR", "error"))]
    return " ".join(errors[-2:] or lines[-2:])[:400]
