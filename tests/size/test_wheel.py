"""Wheels are of one platform only where the kernel in C is inside."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WITHOUT_BUILT = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.so", "*.pyd")


@pytest.mark.parametrize("has_compiler", [True, False])
def test_a_wheel_has_the_tag_of_what_is_in_it(has_compiler: bool, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(ROOT / "src", tree / "src", ignore=WITHOUT_BUILT)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    compiler = {} if has_compiler else {"CC": str(shutil.which("false"))}

    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"),
            *("--no-build-isolation", "--no-cache-dir", "--wheel-dir", str(tmp_path), str(tree)),
        ],
        env={**os.environ, **compiler},
        capture_output=True,
        check=True,
        timeout=120,
    )

    (wheel,) = tmp_path.glob("*.whl")
    files = zipfile.ZipFile(wheel).namelist()
    assert any("_forest.abi3" in name for name in files) == has_compiler
    assert wheel.name.endswith("py3-none-any.whl") != has_compiler
    assert ("-cp311-abi3-" in wheel.name) == has_compiler
    assert "podium/program/kernel.py" in files  # not below data/purelib or data/platlib
