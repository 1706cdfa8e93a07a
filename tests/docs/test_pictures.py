"""The pictures in the documentation: those of pages are taken when it is built, none is kept."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "images" / "pages"
REFERENCE = re.compile(r"\]\((?:\.\./)*images/pages/([\w-]+)-(light|dark)\.png#only-(light|dark)\)")


@pytest.fixture(scope="module")
def pictures() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "scripts" / "pictures.py"))


def test_the_documentation_shows_the_pictures_that_are_taken_in_both_schemes(
    pictures: dict[str, Any],
) -> None:
    texts = [path.read_text("utf-8") for path in (ROOT / "docs").rglob("*.md")]
    shown = [match for text in texts for match in REFERENCE.findall(text)]

    assert {(name, scheme) for name, scheme, _ in shown} == {
        (name, scheme) for name in pictures["NAMES"] for scheme in ("light", "dark")
    }
    assert [one for one in shown if one[1] != one[2]] == []
    assert sum(text.count("images/pages/") for text in texts) == len(shown)


def test_no_screenshot_is_kept() -> None:
    files = [
        path for path in (ROOT / "docs").rglob("*") if path.suffix in (".png", ".jpg", ".webp")
    ]

    assert [path for path in files if PAGE not in path.parents] == []
    assert "docs/images/pages/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


def test_without_a_browser_the_pictures_are_blank_and_it_says_so(tmp_path: Path) -> None:
    script = tmp_path / "scripts" / "pictures.py"
    script.parent.mkdir()
    script.write_bytes((ROOT / "scripts" / "pictures.py").read_bytes())
    (tmp_path / "pyproject.toml").touch()
    environment = {"PATH": str(tmp_path), "PYTHONPATH": os.environ.get("PYTHONPATH", "")}

    done = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, check=False
    )
    in_ci = subprocess.run(
        [sys.executable, script], env=environment | {"CI": "true"}, capture_output=True, check=False
    )

    assert (done.returncode, in_ci.returncode) == (0, 1)
    assert "stay blank: Chromium or Chrome must be installed" in done.stdout


def test_a_blank_picture_is_a_png(pictures: dict[str, Any]) -> None:
    body: bytes = pictures["blank"](3, 2, 200)

    assert body.startswith(b"\x89PNG\r\n\x1a\n")
    start = body.index(b"IDAT")
    length = int.from_bytes(body[start - 4 : start])
    assert zlib.decompress(body[start + 4 : start + 4 + length]) == (b"\0" + b"\xc8" * 3) * 2
