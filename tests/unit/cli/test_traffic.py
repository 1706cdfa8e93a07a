"""`podium canary` and `podium shadow`: what they say, and what the registry holds after them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.cli.main import run as run_command
from podium.deployments.registry import Registry

Run = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    registry = Registry(folder)
    for factor in (1, 2):
        frame = pd.DataFrame({"x": np.arange(20.0)})
        model = LinearRegression().fit(frame, factor * frame["x"])
        path = folder / f"{factor}.podium"
        registry.register(
            podium.pack(model, frame, name="sums", version=str(factor), path=path), actor="ada"
        )
    registry.promote("sums", "1")
    return folder


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> tuple[int, str]:
        code = run_command([*arguments, "--home", str(home)])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


@pytest.mark.slow
def test_a_canary_is_started_raised_shown_and_stopped(run, home):
    started = run("canary", "sums", "2", "--share", "0.1", "--key", "x", "--note", "retrained")
    raised = run("canary", "sums", "--share", "0.5", "--key", "x")
    rollout = Registry(home).rollout("sums")
    shown = run("versions", "sums")
    stopped = run("canary", "sums", "--stop")

    assert started[0] == 0
    assert "answers 10 % of the requests" in started[1]
    assert "podium canary sums --stop" in started[1]
    assert "answers 50 % of the requests" in raised[1]
    assert (rollout.share, rollout.mode, rollout.key) == (0.5, "canary", "x")
    assert "challenger 2 (" in shown[1]
    assert "retrained" in shown[1]
    assert stopped == (0, "The champion of sums answers all requests.\n")
    assert Registry(home).rollout("sums") is None


def test_a_shadow_is_of_all_requests_unless_it_is_said(run, home):
    started = run("shadow", "sums", "2")
    rollout = Registry(home).rollout("sums")
    run("shadow", "sums", "--stop")

    assert "shadows 100 % of the requests" in started[1]
    assert (rollout.share, rollout.mode) == (1.0, "shadow")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["canary", "sums", "2"], "--share"),
        (["canary", "sums", "2", "--share", "7"], "is not in the range"),
        (["canary", "sums", "--share", "0.1"], "has no challenger"),
        (["canary", "sums", "9", "--share", "0.1"], "has no version"),
        (["canary", "sums", "1", "--share", "0.1"], "is the champion"),
        (["canary", "sums", "2", "--share", "0.1", "--key", "y"], "has no field 'y'"),
        (["canary", "sums", "2", "--stop"], "takes no version"),
        (["shadow", "sums", "2", "--share", "0"], "is not in the range"),
        (["shadow", "sums", "--stop"], "has no challenger"),
        (["shadow", "others", "2"], "has no version"),
    ],
    ids=str,
)
def test_what_can_not_be_done_is_told(run, home, arguments, text):
    code, said = run(*arguments)

    assert code != 0
    assert text in said
    assert Registry(home).rollout("sums") is None
