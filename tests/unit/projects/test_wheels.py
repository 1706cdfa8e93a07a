"""The wheels that a project takes along."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.metadata import parse_email

from podium.distribution import NAME
from podium.projects.wheels import build_wheels, checksums


@pytest.mark.slow
def test_one_of_the_wheels_is_for_this_machine_and_is_installed_by_pip(tmp_path: Path) -> None:
    wheels = build_wheels()
    (here,) = (one for one in wheels if not one.marker or Marker(one.marker).evaluate())
    (tmp_path / here.name).write_bytes(here.content)

    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet"),
            *("--target", tmp_path / "there", tmp_path / here.name),
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    asked = "import podium; from podium.program import kernel_name; print(podium.__file__)"
    told = subprocess.run(
        [sys.executable, "-c", asked],
        env={"PYTHONPATH": str(tmp_path / "there")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.startswith(str(tmp_path / "there"))


@pytest.mark.slow
def test_each_wheel_says_what_podium_needs_and_the_same_files_are_the_same_bytes() -> None:
    wheels = build_wheels()

    for one in wheels:
        archive = zipfile.ZipFile(BytesIO(one.content))
        (facts,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        known, _ = parse_email(archive.read(facts))
        assert known["name"] == NAME
        assert "accounts" in known["provides_extra"]
        assert not any("__pycache__" in name for name in archive.namelist())
    assert checksums(build_wheels()) == checksums(wheels)
