"""`podium doctor`: it finds what is really wrong here, and changes nothing."""

from __future__ import annotations

import json
import resource
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from podium.cli.main import run
from podium.testing import ServerProcess

BUNDLE = Path(__file__).parents[2] / "formats" / "logistic-1.podium"
CHECKS = {"settings", "store", "port", "home", "sqlite", "clock", "disk", "time zones", "memory"}
CHECKS |= {"open files", "podium", "kernels", "extras"}


@pytest.fixture
def found(here: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """The exit code, and what was found of one name, by state; an empty folder around it."""

    def call(name: str, *arguments: object) -> tuple[int, dict[str, str]]:
        before = sorted(here.rglob("*"))
        code = run(["doctor", *map(str, arguments), "--json"])
        assert sorted(here.rglob("*")) == before
        report = json.loads(capsys.readouterr().out)
        assert report["ok"] is (code == 0)
        return code, {
            one["state"]: f"{one['text']} | {one.get('advice', '')}"
            for one in report["findings"]
            if one["name"] == name
        }

    return call


@pytest.fixture
def free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_in_a_new_folder_nothing_is_wrong(
    here: Path, free: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["doctor", "--port", str(free), str(BUNDLE)]) == 0

    told = capsys.readouterr().out
    assert [one for one in CHECKS if f"  {one} " not in told] == []
    assert "bad" not in told.split()
    assert list(here.iterdir()) == []


@pytest.mark.slow
def test_a_port_in_use_is_found_with_a_free_one(found: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        code, port_findings = found("port", "--port", port)

    assert code == 1
    assert f"127.0.0.1:{port} can't be used" in port_findings["bad"]
    assert "--port" in port_findings["bad"].partition("|")[2]


@pytest.mark.slow
def test_a_server_of_ours_at_the_port_is_well(
    found: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with ServerProcess(str(BUNDLE), home=tmp_path_factory.mktemp("home")) as server:
        code, port_findings = found("port", "--port", server.address.rpartition(":")[2])

    assert code == 0
    assert "already" in port_findings["good"]


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("prot = 8000", "no setting is called 'prot'"),
        ("port = ", "isn't valid TOML"),
        ('port = "x"', "Expected `int`"),
        ("quota_user = 5", "there are no accounts"),
    ],
)
def test_settings_that_cannot_be_used_are_found(
    found: Callable[..., Any], here: Path, free: int, toml: str, said: str
) -> None:
    (here / "podium.toml").write_text(toml)

    code, settings = found("settings", "--port", free)

    assert code == 1
    assert said in settings["bad"]


def test_a_misspelt_variable_is_found_without_being_a_fault(
    found: Callable[..., Any], free: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODIUM_WORKRES", "4")
    monkeypatch.setenv("PODIUM_TOKEN", "x")

    code, settings = found("settings", "--port", free)

    assert code == 0
    assert "PODIUM_WORKRES" in settings["warning"]
    assert "PODIUM_WORKERS" in settings["warning"]


def test_a_home_that_others_may_read_is_a_warning(
    found: Callable[..., Any], here: Path, free: int
) -> None:
    home = here / "home"
    home.mkdir(mode=0o755)
    home.chmod(0o755)

    assert "mode 755 | chmod 700" in found("home", "--home", home, "--port", free)[1]["warning"]
    home.chmod(0o700)
    assert "for its owner alone" in found("home", "--home", home, "--port", free)[1]["good"]


def test_a_home_that_cannot_be_used_is_found(
    found: Callable[..., Any], here: Path, free: int
) -> None:
    (here / "file").touch()

    assert "is a file" in found("home", "--home", here / "file" / "x", "--port", free)[1]["bad"]
    code, sqlite = found("sqlite", "--home", "/proc/nothing", "--port", free)
    assert code == 1
    assert "bad" in sqlite or "bad" in found("home", "--home", "/proc/nothing")[1]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgresql://ada:secret@127.0.0.1:1/x", "postgresql://ada:***@127.0.0.1:1/x can't be"),
        ("bogus://x", "no plug-in of podium.stores"),
        ("sqlite:///damaged.db", "podium records check"),
    ],
)
def test_a_store_that_cannot_be_used_is_found(
    found: Callable[..., Any], here: Path, free: int, address: str, said: str
) -> None:
    (here / "damaged.db").write_bytes(b"no database " * 500)

    code, store = found("store", "--store", address, "--port", free)

    assert code == 1
    assert said in store["bad"]
    assert "secret" not in store["bad"]


def test_bundles_are_opened(found: Callable[..., Any], here: Path, free: int) -> None:
    (here / "models").mkdir()
    assert "has no bundles" in found("models", "models", "--port", free)[1]["bad"]
    (here / "models" / "a.podium").write_bytes(BUNDLE.read_bytes()[:-100])
    (here / "models" / "b.podium").write_bytes(BUNDLE.read_bytes())

    code, models = found("models", "models", "--port", free)

    assert code == 1
    assert "a.podium" in models["bad"]
    assert "b.podium is " in models["good"]


@pytest.mark.slow
def test_the_limits_of_a_process_are_found(here: Path, free: int) -> None:
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))

    done = subprocess.run(
        [sys.executable, "-m", "podium", "doctor", "--port", str(free)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limited,
    )

    assert done.returncode == 1
    assert "a process may have 100 open" in done.stdout
    assert "ulimit -n" in done.stdout
