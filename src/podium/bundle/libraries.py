"""The libraries that a model needs: the distributions of its modules, and their versions."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from podium.distribution import install_command
from podium.errors import MissingExtra
from podium.runtimes.versions import installed

if TYPE_CHECKING:
    from importlib.metadata import Distribution

# Extras of Podium, and other distributions.
Needed: TypeAlias = tuple[Iterable[str], Iterable[str]]

# The extras that provide a module.
EXTRAS = {
    "catboost": "catboost",
    "lightgbm": "lightgbm",
    "onnxruntime": "onnx",
    "pandas": "pandas",
    "polars": "polars",
    "pyarrow": "arrow",
    "sklearn": "sklearn",
    "xgboost": "xgboost",
}
# Present wherever Podium or scikit-learn is.
_OURS = frozenset({"numpy", "podium"})
_SCIKIT_LEARNS = frozenset({"joblib", "scipy", "threadpoolctl"})
_TOP = re.compile(r"^(\w+)[/.]", re.MULTILINE)
_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def versions_of(modules: Iterable[str]) -> dict[str, str]:
    """The distributions that provide these top-level modules, and their versions."""
    versions: dict[str, str] = {}
    for distributions in _providers(modules).values():
        for one in distributions:
            name, version = _name_and_version(one)
            versions.setdefault(name, version)  # of two, the one that is imported comes first
    return dict(sorted(versions.items(), key=lambda item: item[0].lower()))


def extras_of(modules: Iterable[str]) -> tuple[str, ...]:
    """The extras of Podium that provide these modules."""
    return tuple(sorted({EXTRAS[module] for module in modules if module in EXTRAS}))


def packages_of(modules: Iterable[str]) -> tuple[str, ...]:
    """The distributions of modules that no extra provides."""
    some = set(modules)
    excluded = EXTRAS.keys() | _OURS | (_SCIKIT_LEARNS if "sklearn" in some else set())
    return tuple(versions_of(some - excluded))


def packages_in(options: Mapping[str, Any]) -> tuple[str, ...]:
    """The distributions in a bundle's options; invalid names are ignored."""
    named = options.get("packages", ())
    named = named if isinstance(named, (list, tuple)) else ()
    return tuple(n for n in named if isinstance(n, str) and _PACKAGE.fullmatch(n))


def undistributed(modules: Iterable[str]) -> tuple[str, ...]:
    """Modules that no installed distribution provides: scripts, folders of a project."""
    return tuple(module for module, names in _providers(modules).items() if not names)


def require_installed(extras: Iterable[str], packages: Iterable[str], name: str) -> None:
    """Check that what a model needs is installed.

    Args:
        packages: distributions that no extra provides.
        name: of the model, for the error.

    Raises:
        MissingExtra: something isn't; the error names all of it.
    """
    modules = {extra: module for module, extra in EXTRAS.items()}
    lacking = [e for e in extras if e in modules and find_spec(modules[e]) is None]
    others = [package for package in packages if not installed(package)]
    missing = [*(modules[extra] for extra in lacking), *others]
    if missing:
        raise MissingExtra(
            f"{name} needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not "
            "installed",
            hint=install_command(*lacking, packages=others),
        )


def _providers(modules: Iterable[str]) -> dict[str, list[Distribution]]:
    """The distributions that provide each of these top-level modules."""
    wanted = list(modules)
    known = _distributions(_searched()) if wanted else {}
    return {name: known.get(name, []) for name in wanted}


@lru_cache(maxsize=512)
def _name_and_version(one: Distribution) -> tuple[str, str]:
    """What its metadata says, which takes a millisecond to read."""
    metadata = one.metadata
    return metadata["Name"], metadata["Version"]


def _searched() -> tuple[tuple[str, int], ...]:
    """Where distributions are looked for; installing and removing one changes a folder's time."""
    folders = (Path(entry).absolute() for entry in sys.path)
    return tuple((str(folder), _changed_ns(folder)) for folder in folders)


def _changed_ns(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return -1


@lru_cache(maxsize=1)
def _distributions(_searched: tuple[tuple[str, int], ...]) -> dict[str, list[Distribution]]:
    """All distributions that are installed, by the top-level modules that they provide.

    `importlib.metadata.packages_distributions` makes a path of every file that is installed: 0.3 s
    where PyTorch is. Reading the lists of files alone takes 0.05 s, and was most of the time in
    which a function is opened.
    """
    from importlib.metadata import distributions  # 10 ms that most starts don't need

    providers: dict[str, list[Distribution]] = {}
    for one in distributions():
        listed = one.read_text("top_level.txt")
        tops = listed.split() if listed else _TOP.findall(one.read_text("RECORD") or "")
        for module in set(tops):
            providers.setdefault(module, []).append(one)
    return providers
