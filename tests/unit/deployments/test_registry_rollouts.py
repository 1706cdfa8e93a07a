"""Rollouts in the registry: which version is tried, on how many requests, and how that ends."""

from __future__ import annotations

import json
import math
import shutil
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.bundle import Bundle
from podium.deployments.registry import Registry
from podium.errors import IncompatibleVersion, InputError, NotFound, RegistryError, VersionChanged


def packed(folder: Path, factor: int, *names: str) -> Bundle:
    frame = pd.DataFrame({name: np.arange(20.0) ** (n + 1) for n, name in enumerate(names or "x")})
    model = LinearRegression().fit(frame, factor * frame.sum(axis=1))
    path = folder / f"{factor}-{'-'.join(names)}.podium"
    return podium.pack(model, frame, name="sums", version=str(factor), path=path)


@pytest.fixture
def registry(tried: Path, tmp_path: Path) -> Registry:
    return Registry(Path(shutil.copytree(tried, tmp_path / "home")))


def actions(registry: Registry) -> list[str]:
    return [one.action for one in reversed(registry.events("sums"))][4:]


def alias(registry: Registry, name: str) -> str:
    return registry.find("sums", name).name


def test_a_canary_is_the_challenger_and_the_event_says_how(registry, three):
    rollout = registry.set_traffic("sums", "2", share=0.1, key="x", actor="ada", note="retrained")

    assert alias(registry, "challenger") == "2"
    assert registry.rollout("sums") == rollout
    assert (rollout.digest, rollout.share, rollout.mode) == (three[1].digest, 0.1, "canary")
    event = registry.events("sums", 1)[0]
    assert (event.action, event.actor, event.note) == ("canary", "ada", "retrained")
    assert json.loads(event.details) == {"share": 0.1, "key": "x", "rollout": rollout.id}
    live = registry.live("sums")
    assert (live.promoted.name, live.challenger.name, live.rollout) == ("1", "2", rollout)
    assert live.epoch == event.number


def test_another_share_keeps_the_rollout_and_anything_else_begins_another(registry):
    first = registry.set_traffic("sums", "2", share=0.1)
    raised = registry.set_traffic("sums", "2", share=0.5)
    by_key = registry.set_traffic("sums", "2", share=0.5, key="x")
    shadow = registry.set_traffic("sums", "2", mode="shadow")
    other = registry.set_traffic("sums", "3", mode="shadow")

    assert raised.id == first.id
    assert len({first.id, by_key.id, shadow.id, other.id}) == 4
    assert actions(registry) == ["canary", "canary", "canary", "shadow", "stopped", "shadow"]


def test_the_same_again_changes_nothing(registry):
    registry.set_traffic("sums", "2", share=0.1)
    before = registry.change

    registry.set_traffic("sums", "2", share=0.1)

    assert actions(registry) == ["canary"]
    assert registry.live("sums").epoch == 5
    assert before is not None


@pytest.mark.parametrize("end", ["promote", "other", "rollback", "stop", "deploy"])
def test_a_rollout_ends_when_the_champion_changes_or_it_is_stopped(registry, three, tmp_path, end):
    registry.promote("sums", "3")
    registry.promote("sums", "1")
    registry.set_traffic("sums", "2", share=0.1)

    if end == "promote":
        registry.promote("sums", "challenger")
    elif end == "other":
        registry.promote("sums", "3")
    elif end == "rollback":
        registry.rollback("sums")
    elif end == "deploy":
        registry.adopt(packed(tmp_path, 4))
    else:
        registry.stop("sums", actor="ada", note="slow")

    assert registry.rollout("sums") is None
    assert "challenger" not in registry.aliases("sums")
    champions = {"promote": "2", "stop": "1", "deploy": "4"}
    assert alias(registry, "champion") == champions.get(end, "3")
    (stopped,) = [one for one in registry.events("sums") if one.action == "stopped"]
    assert (stopped.before, stopped.after) == (three[1].digest, "")
    assert json.loads(stopped.details)["share"] == 0.1


def test_a_rollout_that_is_stopped_leaves_who_promoted_the_champion(registry):
    registry.set_traffic("sums", "2", share=0.1)
    registry.stop("sums")

    assert registry.promoted("sums").name == "1"


def test_a_challenger_without_traffic_waits_whatever_the_champion_is(registry):
    registry.challenge("sums", "2", actor="cron")
    assert registry.live("sums").rollout is None
    registry.promote("sums", "3")
    assert alias(registry, "challenger") == "2"

    registry.promote("sums", "challenger")

    assert alias(registry, "champion") == "2"
    assert "challenger" not in registry.aliases("sums")


@pytest.mark.parametrize("share", [-0.01, 1.01, math.nan, math.inf])
def test_what_is_no_share_is_told(registry, share):
    with pytest.raises(InputError, match="is no share"):
        registry.set_traffic("sums", "2", share=share)

    assert registry.rollout("sums") is None


@pytest.mark.parametrize(
    ("wanted", "key", "error", "message"),
    [
        ("9", "", NotFound, "no version '9'"),
        ("challenger", "", NotFound, "no challenger"),
        ("1", "", InputError, "is the champion"),
        ("champion", "", InputError, "is the champion"),
        ("2", "y", InputError, "has no field 'y'"),
    ],
)
def test_what_can_not_be_tried_is_told(registry, wanted, key, error, message):
    with pytest.raises(error, match=message):
        registry.set_traffic("sums", wanted, share=0.1, key=key)

    assert "challenger" not in registry.aliases("sums")


def test_nothing_is_tried_without_a_champion_nor_stopped_without_a_challenger(three, tmp_path):
    registry = Registry(tmp_path)
    registry.register(three[0])

    with pytest.raises(NotFound, match="no champion"):
        registry.set_traffic("sums", "1", share=0.1)
    with pytest.raises(NotFound, match="no challenger"):
        registry.stop("sums")


@pytest.mark.slow
def test_what_refuses_what_the_champion_accepts_is_not_tried(registry, tmp_path):
    registry.register(packed(tmp_path, 4, "x", "y"))

    for try_it in (registry.challenge, registry.set_traffic):
        with pytest.raises(IncompatibleVersion, match="it requires the field 'y'"):
            try_it("sums", "4")


def test_a_damaged_copy_is_not_tried(registry, three):
    registry.files.path_of(three[1].digest).write_bytes(b"")

    with pytest.raises(RegistryError):
        registry.set_traffic("sums", "2", share=0.1)


def test_a_promotion_and_a_rollout_at_once_leave_one_of_both(registry):
    """Either the rollout is of the champion that it was checked against, or it is refused."""
    barrier = threading.Barrier(2)
    said: list[str] = []

    def promote() -> None:
        barrier.wait()
        registry.promote("sums", "3")

    def canary() -> None:
        barrier.wait()
        try:
            registry.set_traffic("sums", "2", share=0.1)
            said.append("set")
        except VersionChanged:
            said.append("refused")

    threads = [threading.Thread(target=one) for one in (promote, canary)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert alias(registry, "champion") == "3"
    order = actions(registry)
    assert order in (["canary", "stopped", "promoted"], ["promoted"], ["promoted", "canary"])
    assert (said == ["refused"]) == (order == ["promoted"])
