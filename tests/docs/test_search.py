"""The search of the built documentation finds what people look for first."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sections(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The search index of the documentation, built elsewhere: `site/` may be an older one."""
    pytest.importorskip("zensical")
    pytest.importorskip("mkdocstrings")
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    for name in ("docs", "examples", "src"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.so", "*.png"))
    command = [sys.executable, "-m", "zensical", "build"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    index = json.loads((folder / "site" / "search.json").read_text("utf-8"))
    return list(index["items"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("upload csv", "how-to/api.html#upload-a-csv-file"),
        ("deploy", "how-to/deploy.html"),
        ("docker", "how-to/image.html"),
        ("shap", "how-to/explain.html#what-a-contribution-is-a-shap-value"),
        ("flask", "how-to/flask.html"),
        ("django", "how-to/django.html"),
        ("onnx", "how-to/onnx.html"),
        ("drift", "how-to/drift.html"),
    ],
)
def test_a_title_has_the_words_that_people_search_for(
    words: str, page: str, sections: list[dict[str, Any]]
) -> None:
    found = {
        one["location"]
        for one in sections
        if all(re.search(rf"\b{word}", one["title"], re.IGNORECASE) for word in words.split())
    }

    assert page in found
