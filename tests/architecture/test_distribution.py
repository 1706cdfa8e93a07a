"""Nobody is sent to a package index for a name that isn't ours there."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

from podium import distribution
from podium.distribution import IS_PUBLISHED, NAME

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
# A requirement that an index would be asked for: by name, with extras or with versions.
FROM_AN_INDEX = re.compile(
    rf"(?:pip|uv|pipx|poetry)[\w ]*? (?:install|add)\b[^\n`]*?(?<![\w/.-]){NAME}(?![\w/.*-])"
    rf"|(?<![\w/.'\"-]){NAME}(?:\[[\w, -]+\])?\s*[=~>]=\s*\d"
)
TEXTS = ("*.py", "*.md", "*.j2", "*.sh", "*.toml", "*.txt", "*.yaml", "*.yml", "Makefile")


def test_the_name_stands_in_one_place() -> None:
    own = [
        line
        for lines in PYPROJECT["project"]["optional-dependencies"].values()
        for line in lines
        if line.startswith(NAME)
    ]

    assert PYPROJECT["project"]["name"] == NAME
    assert own
    assert all(line.startswith(f"{NAME}[") for line in own)


def test_until_it_is_published_nothing_requests_it_from_an_index() -> None:
    listed = subprocess.run(
        ["git", "ls-files", *TEXTS], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()

    found = [
        f"{name}: {match[0]}"
        for name in listed
        if name != "tests/architecture/test_distribution.py"
        for match in FROM_AN_INDEX.finditer((ROOT / name).read_text("utf-8"))
    ]

    assert IS_PUBLISHED or found == []


def test_a_request_to_an_index_would_be_found() -> None:
    for text in (
        f"pip install {NAME}",
        f"pip install '{NAME}[accounts]'",
        f"python -m pip install --upgrade {NAME}",
        f"uv add {NAME}",
        f"{NAME}>=0.1.0",
        f"{NAME}[sql]==0.1.0",
    ):
        assert FROM_AN_INDEX.search(text), text
    for text in (f"pip install /path/to/{NAME}", f"pip install dist/{NAME}-0.1.0-py3-none-any.whl"):
        assert not FROM_AN_INDEX.search(text), text


def test_where_neither_checkout_nor_wheel_is_left_the_libraries_of_an_extra_are_named() -> None:
    found = distribution.requirements_of(("postgresql", "accounts"))

    names = {re.split(r"[<>=!\[]", one)[0] for one in found}
    assert {"psycopg", "sqlalchemy", "django", "django-allauth"} <= names
    assert NAME not in names
