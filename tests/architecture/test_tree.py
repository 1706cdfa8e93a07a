"""A census of the whole tree: nothing in it may depend on the machine where it was written."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("src", "tests", "docs", "scripts", "examples", "bench", ".ci")
GENERATED = {"__pycache__", "node_modules", ".hypothesis", ".cache"}
TEXT = {"", ".cfg", ".css", ".html", ".js", ".json", ".md", ".py", ".sh", ".svg", ".toml", ".yml"}

OF_A_MACHINE = re.compile(r"(?<![\w.])/(?:root|work|home/\w+|Users/\w+)(?![\w-])")
OF_A_REGISTRY = re.compile(
    r"pythonhosted|pypi\.(?:org|io)|npmjs\.|registry\.npm|(?:deb|ftp)\.debian"
    r"|jsdelivr|unpkg\.com|cdnjs|googleapis"
)
ADDRESS = re.compile(r"(?:https?:|[\"'(=]\s*)//[\w.-]+")
# The name of SVG's namespace is an address, but nobody goes there.
NAMESPACES = {"http://www.w3.org"}


def texts() -> list[Path]:
    """Every text file of the project, without what tools leave behind."""
    inside = [path for folder in OURS for path in (ROOT / folder).rglob("*")]
    return sorted(
        path
        for path in [*ROOT.iterdir(), *inside]
        if path.is_file() and path.suffix in TEXT and not is_exempt(path)
    )


def is_exempt(path: Path) -> bool:
    """Made by a tool, or made of what the census looks for, like this file."""
    parts = path.relative_to(ROOT).parts
    return path.name in {".git", "LICENSE", Path(__file__).name} or any(
        part in GENERATED or part.endswith(".egg-info") for part in parts
    )


def lines_with(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {found.group()}"
        for path in paths
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        for found in pattern.finditer(line)
    ]


def test_the_census_sees_the_tree() -> None:
    seen = {path.relative_to(ROOT).as_posix() for path in texts()}

    assert {"Makefile", ".ci/run", "pyproject.toml", "src/podium/__init__.py"} <= seen


@pytest.mark.parametrize("text", ["cd /home/ada", '"/home/ada/work"', "/home/ada/x.csv"])
def test_the_census_knows_a_path_of_a_machine(text: str) -> None:
    assert OF_A_MACHINE.search(text)


@pytest.mark.parametrize("text", ["tests/work", "/roots", "/working", "a/home/x", "/work-x"])
def test_the_census_leaves_other_paths_alone(text: str) -> None:
    assert not OF_A_MACHINE.search(text)


def test_nothing_names_a_folder_of_somebodys_machine() -> None:
    assert lines_with(OF_A_MACHINE, texts()) == []


def test_nothing_names_the_host_of_a_package_registry() -> None:
    assert lines_with(OF_A_REGISTRY, texts()) == []


def test_pages_load_nothing_from_elsewhere() -> None:
    web = ROOT / "src" / "podium" / "web"
    paths = [path for name in ("templates", "static") for path in (web / name).rglob("*.*")]

    found = lines_with(ADDRESS, [path for path in paths if path.suffix in TEXT])

    assert paths
    assert [line for line in found if not line.endswith(tuple(NAMESPACES))] == []


def test_everything_beside_the_code_is_installed_with_it() -> None:
    package = ROOT / "src" / "podium"
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["podium"]
    beside = [
        PurePosixPath(path.relative_to(package))
        for path in package.rglob("*")
        if path.is_file() and path.suffix not in {".c", ".h", ".py", ".pyc", ".pyd", ".pyi", ".so"}
    ]

    missed = [str(name) for name in beside if not any(name.match(one) for one in patterns)]

    assert missed == []
