"""The installed packages that serving needs, and which of their files."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import (
    Distribution,
    PackageNotFoundError,
    distribution,
    packages_distributions,
)
from pathlib import Path
from typing import Any

import podium
from podium.distribution import NAME, install_command
from podium.errors import MissingExtra, SetupError
from podium.plugins import needs

PACKAGE = "podium"
# Used only for building, testing and typing; and apsw's SQLite extensions and tools.
_FOLDERS = frozenset({"__pycache__", "include", "sqlite_extra_binaries", "tests"})
_SUFFIXES = frozenset(
    {".a", ".c", ".cc", ".cpp", ".h", ".hpp", ".lib", ".pxd", ".pxi", ".pyc", ".pyi", ".pyx"}
)
# Of a package's metadata, the files that are read at run time.
_FACTS = frozenset({"METADATA", "entry_points.txt", "top_level.txt"})


def needed_distributions(extras: Iterable[str], packages: Iterable[str] = ()) -> list[Distribution]:
    """Podium, what it needs with these extras, what that needs, and so on, as installed here.

    Args:
        packages: further distributions that are needed.

    Raises:
        MissingExtra: one of them isn't installed.
    """
    with needs("image"):
        from packaging.requirements import Requirement
    distributions: dict[str, Distribution] = {}
    visited: set[tuple[str, str]] = set()
    waiting = [(NAME, extra) for extra in ("", *extras)] + [(one, "") for one in packages]
    while waiting:
        name, extra = waiting.pop()
        key = (_plain(name), _plain(extra))
        if key in visited:
            continue
        visited.add(key)
        one = distributions.setdefault(key[0], _installed(name, extra))
        for line in _requirements(one):
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                waiting += [(requirement.name, more) for more in ("", *requirement.extras)]
    return [distributions[name] for name in sorted(distributions)]


def check_extras(extras: Iterable[str]) -> None:
    """Check that Podium has these extras.

    Raises:
        SetupError: it has no such extra.
    """
    ours = distribution(NAME)
    available = list(_extras_of_checkout(ours) or ours.metadata.get_all("Provides-Extra") or ())
    for extra in extras:
        if _plain(extra) not in map(_plain, available):
            raise SetupError(f"there is no extra {extra!r}", hint=f"known: {', '.join(available)}")


def files_of(one: Distribution) -> Iterator[tuple[Path, str]]:
    """Files of a distribution that are needed at run time, and their names below site-packages.

    Raises:
        SetupError: its installation doesn't record its files.
    """
    name = one.metadata["Name"]
    package = Path(podium.__file__).parent
    listed = [str(file) for file in one.files or ()]
    if _plain(name) == _plain(NAME) and f"{PACKAGE}/__init__.py" not in listed:
        # Installed from a checkout: the code is where this module is.
        yield from _needed_files(package, f"{PACKAGE}/")
    elif not listed:
        raise SetupError(
            f"{name} doesn't say which files are its own", hint=f"pip install --force {name}"
        )
    elif _is_editable(one):
        raise SetupError(f"{name} is installed as editable", hint="install it as a wheel")
    for file in sorted(listed):
        if not file.startswith("..") and is_needed(file):
            source = Path(str(one.locate_file(file)))
            if source.is_file():
                yield source, file


def is_needed(file: str) -> bool:
    """Whether running a package may need one of its files."""
    parts = file.split("/")
    if parts[0].endswith((".dist-info", ".egg-info")):
        is_license = "licen" in file.lower() or "notice" in file.lower()
        return parts[-1] in _FACTS or is_license
    is_ours = parts[-1].startswith("__editable__") or parts[-1].endswith(".pth")
    return not (is_ours or _FOLDERS & set(parts[:-1]) or Path(file).suffix in _SUFFIXES)


def _requirements(one: Distribution) -> list[str]:
    """What a distribution needs, with the extra of each line in its marker."""
    project = _project(one)
    if not project:
        return one.requires or []
    optional = project.get("optional-dependencies", {})
    more = [(line, extra) for extra, lines in optional.items() for line in lines]
    return [*project.get("dependencies", ()), *(_of_extra(line, extra) for line, extra in more)]


def _of_extra(line: str, extra: str) -> str:
    requirement, _, marker = line.partition(";")
    both = f"({marker.strip()}) and " if marker else ""
    return f'{requirement} ; {both}extra == "{extra}"'


def _extras_of_checkout(one: Distribution) -> list[str]:
    return list(_project(one).get("optional-dependencies", ()))


def _project(one: Distribution) -> dict[str, Any]:
    """`[project]` of Podium's checkout, if it runs from one: pip's copy may be outdated."""
    file = Path(podium.__file__).parents[2] / "pyproject.toml"
    if _plain(one.metadata["Name"]) != _plain(NAME) or not file.is_file():
        return {}
    project: dict[str, Any] = tomllib.loads(file.read_text("utf-8")).get("project", {})
    return project if project.get("name") == NAME else {}


def _needed_files(folder: Path, start: str) -> Iterator[tuple[Path, str]]:
    for file in sorted(folder.rglob("*")):
        name = start + file.relative_to(folder).as_posix()
        if file.is_file() and is_needed(name):
            yield file, name


def _is_editable(one: Distribution) -> bool:
    origin = one.read_text("direct_url.json") or ""
    return '"editable": true' in origin and _plain(one.metadata["Name"]) != _plain(NAME)


def _installed(name: str, extra: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError as error:
        # Another distribution may provide the same module: xgboost-cpu provides xgboost.
        for other in packages_distributions().get(_plain(name), ()):
            return distribution(other)
        hint = install_command(extra) if extra else f"pip install {name}"
        raise MissingExtra(f"{name} isn't installed", hint=hint) from error


def _plain(name: str) -> str:
    """A name as registries normalize it."""
    return re.sub(r"[-_.]+", "-", name).lower()
