"""The census of advisories names every library that Podium may install, with its lowest version."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

TOP = Path(__file__).parents[2]
_ROW = re.compile(r"^\| (?P<name>[a-z][a-z0-9-]*) \| (?P<version>[0-9.]+) \|", re.MULTILINE)
_REQUIREMENT = re.compile(r"(?P<name>[a-z0-9-]+)(?:\[[a-z,]+\])?(?:>=|==)(?P<version>[0-9.]+)")


def test_the_census_names_every_library_with_the_lowest_version_that_is_taken() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    own = project["name"]
    found = [
        _REQUIREMENT.match(one) for group in groups for one in group if not one.startswith(own)
    ]
    page = (TOP / "docs/reference/advisories.md").read_text("utf-8")

    lowest: dict[str, str] = {}
    for one in filter(None, found):  # an extra may need a higher one than others do
        name, version = one["name"], one["version"]
        lowest[name] = min(version, lowest.get(name, version), key=_numbers)

    assert dict(_ROW.findall(page)) == lowest
    assert None not in found, "a library without a lowest version"


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]
