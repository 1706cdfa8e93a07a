"""What CONTRIBUTING.md says is so: its paths, its targets, and a place for every test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
SOURCE, UNIT = ROOT / "src" / "podium", ROOT / "tests" / "unit"


def nouns_of(room: Path) -> set[str]:
    """The modules and folders of a room, however deep, without the underscore of private ones."""
    inside = [path for path in room.rglob("*") if path.is_dir() or path.suffix in (".py", ".c")]
    return {path.stem.lstrip("_") for path in inside}


def test_every_path_is_there() -> None:
    named = re.findall(r"`((?:src|tests|docs|bench|scripts|\.ci)/[\w./-]*)`", TEXT)

    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_target_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))

    assert set(re.findall(r"`make ([\w-]+)", TEXT)) <= targets


def test_every_folder_of_tests_is_described() -> None:
    folders = {path.name for path in (ROOT / "tests").iterdir() if any(path.glob("**/test_*.py"))}

    assert {name for name in folders if f"`tests/{name}`" not in TEXT} == set()


@pytest.mark.parametrize("path", sorted(UNIT.rglob("test_*.py")), ids=lambda path: path.stem)
def test_unit_tests_mirror_the_source(path: Path) -> None:
    """`tests/unit/flow/test_batch_awaited.py` begins with `batch`, which `src/podium/flow` has."""
    words = path.stem.removeprefix("test_").split("_")
    beginnings = {"_".join(words[:n]) for n in range(1, len(words) + 1)}

    assert beginnings & nouns_of(SOURCE / path.parent.relative_to(UNIT))
