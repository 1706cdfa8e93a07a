"""Aliases in the settings: they hold, nobody changes them elsewhere, and they can be left out again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.bundle import Bundle
from podium.deployments.registry import Registry
from podium.errors import FixedVersions, SetupError
from podium.settings import read_settings
from podium.testing import Client

pytestmark = pytest.mark.slow
API = "/api/models/sums"


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> list[Bundle]:
    folder = tmp_path_factory.mktemp("three")
    frame = pd.DataFrame({"x": np.arange(20.0)})
    return [
        podium.pack(
            LinearRegression().fit(frame, factor * frame["x"]),
            frame,
            name="sums",
            version=str(factor),
            path=folder / f"{factor}.podium",
        )
        for factor in (1, 2, 3)
    ]


@pytest.fixture(scope="module")
def tried(three: list[Bundle], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What trials found: each version is tried once for all tests."""
    made = Registry(tmp_path_factory.mktemp("tried"))
    for bundle in three:
        made.check(bundle)
    return made.files.folder


@pytest.fixture
def registry(three: list[Bundle], tried: Path, tmp_path: Path) -> Registry:
    made = Registry(tmp_path / "home")
    for bundle in three[1:]:
        made.register(bundle)
    for path in tried.iterdir():
        shutil.copy(path, made.files.folder)
    return made


def settings(folder: Path, table: str) -> podium.Settings:
    file = folder / "podium.toml"
    file.write_text(f'home = "{folder / "home"}"\n[versions.sums]\n{table}')
    return read_settings(file=file, environment={})


def asked(three: list[Bundle], folder: Path, table: str, **more: Any) -> tuple[str, list[int]]:
    """Which version answers, and with what status others are told who change that."""
    app = podium.App(three[0], settings=settings(folder, table), **more)
    client = Client(app)
    json = {"content-type": "application/json"}
    version = client.post(f"{API}/predict", {"x": 1}).json()["version"]
    page = client.get("/models/sums/versions")
    told = [
        client.request(
            "PUT", f"{API}/aliases/champion", body=b'{"version": "3"}', headers=json
        ).status,
        client.post(f"{API}/rollback", {}).status,
        client.send_form(
            "/models/sums/versions", {"version": three[2].digest, "champion": three[1].digest}
        ).status,
    ]
    assert "set in the server&#39;s settings" in page.text or "set in the server's" in page.text
    assert "Promote…" not in page.text
    assert client.get(f"{API}/versions").json()["is_fixed"]
    with pytest.raises(FixedVersions):
        app.swap(three[2])
    app.close()
    return version, told


def test_the_champion_of_the_settings_answers_and_nobody_changes_it(registry, three, tmp_path):
    version, told = asked(three, tmp_path, 'champion = "2"')
    command = [sys.executable, "-m", "podium", "promote", "sums", "3", "--home"]
    done = subprocess.run(
        [*command, str(tmp_path / "home")], cwd=tmp_path.parent, capture_output=True, text=True
    )

    assert version == "2"
    assert told == [409, 409, 409]
    assert done.returncode != 0
    assert "set in the server's settings" in done.stderr
    assert "[versions.sums] in podium.toml" in done.stderr
    assert registry.find("sums", "champion").name == "2"


def test_a_digest_names_the_champion_and_a_later_start_another(registry, three, tmp_path):
    versions = [asked(three, tmp_path, f'champion = "{one.digest[:12]}"')[0] for one in three[1:]]
    n_events = len(registry.events("sums"))
    again = asked(three, tmp_path, f'champion = "{three[2].digest[:12]}"')[0]

    assert versions == ["2", "3"]
    assert again == "3"
    assert len(registry.events("sums")) == n_events  # nothing changed


def test_a_table_that_is_left_out_lets_everybody_change_it_again(registry, three, tmp_path):
    asked(three, tmp_path, 'champion = "2"')
    app = podium.App(three[0], home=str(tmp_path / "home"))
    client = Client(app)
    before = client.post(f"{API}/predict", {"x": 1}).json()["version"]
    app.versions.promote("sums", "3")
    app.close()

    assert before == "2"
    assert registry.find("sums", "champion").name == "3"
    assert [one.action for one in registry.events("sums", 2)] == ["promoted", "released"]


@pytest.mark.parametrize(
    ("table", "share", "mode"),
    [
        ('challenger = "2"\nshare = 0.25\nkey = "x"', 0.25, "canary"),
        ('challenger = "2"\nmode = "shadow"', 1.0, "shadow"),
    ],
)
def test_a_challenger_is_tried_as_the_settings_say(registry, three, tmp_path, table, share, mode):
    version, _ = asked(three, tmp_path, f'champion = "1"\n{table}')
    rollout = registry.rollout("sums")
    asked(three, tmp_path, f'champion = "1"\n{table}')
    again = registry.rollout("sums")
    asked(three, tmp_path, 'champion = "1"')

    assert version == "1" or mode == "canary"
    assert (rollout.share, rollout.mode, rollout.digest) == (share, mode, three[1].digest)
    assert again == rollout  # nobody changes sides over a restart
    assert registry.rollout("sums") is None


def test_a_challenger_without_a_share_gets_no_requests(registry, three, tmp_path):
    asked(three, tmp_path, 'champion = "1"\nchallenger = "2"')

    assert registry.find("sums", "challenger").name == "2"
    assert registry.rollout("sums") is None


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ('champion = "9"', "has no version '9'"),
        ('champion = "2"\nchallenger = "2"', "is the champion"),
        ('champion = "2"\nchallenger = "3"\nshare = 0.5\nkey = "y"', "has no field 'y'"),
    ],
)
def test_what_can_not_be_set_ends_a_strict_start_and_is_logged_by_another(
    registry, three, tmp_path, caplog, table, why
):
    read = settings(tmp_path, table)
    with pytest.raises(SetupError, match=r"\[versions.sums\] can't be followed") as caught:
        podium.App(three[0], settings=read, strict=True)
    app = podium.App(three[0], settings=read)
    served = app.deployments["sums"].choose().version
    app.close()

    assert why in caught.value.message
    assert served == "1"
    assert "versions_not_fixed" in caplog.text


@pytest.mark.parametrize("table", ["share = 2", 'mode = "both"', 'chmpion = "1"'])
def test_a_table_that_can_not_be_is_refused(tmp_path, table):
    with pytest.raises(SetupError, match="versions"):
        settings(tmp_path, table)


def test_a_table_for_a_model_that_is_not_served_is_refused(three, tmp_path):
    read = settings(tmp_path, "")
    other = podium.App(three[0], settings=read)
    other.close()
    text = (tmp_path / "podium.toml").read_text().replace("versions.sums", "versions.sum")
    (tmp_path / "podium.toml").write_text(text)

    with pytest.raises(SetupError, match=r"\[versions.sum\] is for a model that isn't served"):
        podium.App(three[0], settings=read_settings(file=tmp_path / "podium.toml", environment={}))


def test_old_versions_are_pruned_and_those_with_an_alias_stay(registry, three, tmp_path):
    registry.adopt(three[0])
    registry.promote("sums", "2")
    files = registry.files
    left = files.folder / ".upload-1.tmp"
    left.write_bytes(b"half")
    stray = files.folder / f"{'0' * 64}.podium"
    stray.write_bytes(b"registered by nobody")

    kept = registry.prune("sums", keep=1)
    old = registry.prune("sums", keep=0)
    n_young = registry.sweep()
    for path in (left, stray):
        os.utime(path, (1, 1))
    n_old = registry.sweep()

    assert kept == []
    assert [one.name for one in old] == ["3"]
    assert {one.name for one in registry.versions("sums")} == {"1", "2"}
    assert sorted(path.stem for path in files.folder.glob("*.podium")) == sorted(
        one.digest for one in three[:2]
    )
    assert (n_young, n_old) == (0, 2)
    assert registry.events("sums", 1)[0].action == "pruned"
    registry.register(three[2])
    assert registry.find("sums", "3").digest == three[2].digest


def test_the_command_prunes(registry, three, tmp_path):
    registry.adopt(three[0])
    command = [sys.executable, "-m", "podium", "versions", "sums", "--home", str(tmp_path / "home")]
    done = subprocess.run(
        [*command, "--prune", "--keep", "1"], capture_output=True, text=True, check=True
    )
    again = subprocess.run([*command, "--prune"], capture_output=True, text=True, check=True)

    assert "sums 2" in done.stdout or "sums 3" in done.stdout
    assert "is removed" in done.stdout
    assert "nothing to remove" in again.stdout
    assert len(registry.versions("sums")) == 2
