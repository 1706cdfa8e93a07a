"""What Podium adds to the base: its packages in one layer, models and settings in another."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from importlib.metadata import Distribution
from pathlib import Path

from podium.bundle import Bundle
from podium.errors import SetupError
from podium.image.distributions import files_of
from podium.image.interpreter import USER_ID
from podium.image.libraries import is_elf

PACKAGES = "app/packages"
MODELS = "app/models"
COMMAND = "app/bin/podium"
CONFIG = "app/podium.toml"
HOME = "var/lib/podium"
# The user who runs the server may write here, and nowhere else.
OWNERS = {HOME: USER_ID}
_START = """\
#!{python}
import sys

from podium.cli import main

sys.exit(main())
"""


def copy_packages(root: Path, distributions: Sequence[Distribution]) -> list[Path]:
    """Copy installed packages; returns the original paths of extension modules."""
    target = root / PACKAGES
    extensions = []
    for one in distributions:
        for source, name in files_of(one):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target / name)
            if ".so" in source.suffixes and is_elf(source):
                extensions.append(source)
    return extensions


def copy_models(root: Path, bundles: Sequence[Bundle], config: Path | None, python: str) -> None:
    """Write the bundles, the settings, the command and the folder for records.

    Raises:
        SetupError: two bundles have the same name, or a file can't be read.
    """
    for folder in (MODELS, HOME, Path(COMMAND).parent):
        (root / folder).mkdir(parents=True)
    for bundle in bundles:
        target = root / MODELS / f"{bundle.name}.podium"
        assert bundle.path is not None  # it was read from a file
        if target.exists():
            raise SetupError(f"two bundles are called {bundle.name}", hint="pack one with --name")
        shutil.copyfile(bundle.path, target)
    (root / COMMAND).write_text(_START.format(python=python), "utf-8")
    (root / COMMAND).chmod(0o755)
    try:
        settings = config.read_text("utf-8") if config is not None else ""
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{config} can't be read: {error}") from error
    (root / CONFIG).write_text(settings, "utf-8")
