"""Which version answers whom: by share, the same for a key wherever and whenever it is asked."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency
from sklearn.linear_model import LinearRegression

import podium
from podium.access import Actor
from podium.bundle import Bundle
from podium.deployments.deployment import Deployment
from podium.deployments.traffic import Traffic, place
from podium.errors import SetupError
from podium.flow.request import RequestContext
from podium.flow.route import caller_key
from podium.flow.version import LoadedVersion

N_KEYS = 1_000_000


def packed(folder: Path, constant: int, name: str = "constant") -> Bundle:
    frame = pd.DataFrame({"x": np.arange(20.0), "customer": np.arange(20)})
    model = LinearRegression().fit(frame, np.full(20, float(constant)))
    path = folder / f"{name}-{constant}.podium"
    return podium.pack(model, frame, name=name, version=str(constant), path=path)


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> list[LoadedVersion]:
    folder = tmp_path_factory.mktemp("bundles")
    return [LoadedVersion(packed(folder, number)) for number in (1, 2, 3)]


@pytest.fixture(scope="module")
def places() -> dict[str, np.ndarray]:
    """Where a million keys stand in two rollouts."""
    return {
        rollout: np.array([place("churn", rollout, f"user:{n}") for n in range(N_KEYS)])
        for rollout in ("first", "second")
    }


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.001, 0.05, 0.1, 0.5, 0.99])
def test_a_million_keys_are_divided_by_the_share(places, share):
    n_canary = int((places["first"] < share).sum())

    # The bound of a binomial distribution that 99.9 % of all samples keep.
    assert abs(n_canary - share * N_KEYS) < 3.29 * (N_KEYS * share * (1 - share)) ** 0.5


@pytest.mark.slow
def test_who_is_in_one_rollout_says_nothing_about_another(places):
    first, second = (np.digitize(one, [0.1, 0.3, 0.7]) for one in places.values())

    table = [[int(((first == i) & (second == j)).sum()) for j in range(4)] for i in range(4)]

    assert chi2_contingency(table).pvalue > 0.01


@pytest.mark.slow
def test_raising_the_share_moves_nobody_back(places):
    before: set[int] = set()
    for share in (0.0, 0.01, 0.1, 0.5, 1.0):
        now = set(np.flatnonzero(places["first"] < share).tolist())
        assert before <= now
        before = now
    assert len(before) == N_KEYS


@pytest.mark.slow
def test_other_processes_and_later_versions_divide_alike():
    """Written down once: were they others one day, every rollout would be divided anew by it."""
    code = (
        "from podium.deployments.traffic import place\n"
        "print([place(*one) for one in [('churn', 'a1', 'user:7'), ('churn', 'a1', 'Zoë'), "
        "('churn', 'a2', 'user:7'), ('m', '', '')]])"
    )

    said = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]

    assert said[0].stdout == said[1].stdout == PLACES


PLACES = "[0.6711820536397319, 0.6078910758885594, 0.4901698092609411, 0.32610830984923667]\n"


def test_no_text_is_refused_as_a_key():
    for key in ("", "\0", "\ud800", "🐧" * 100_000):
        assert 0 <= place("churn", "a1", key) < 1


def test_a_share_of_nothing_and_of_all_mean_that(versions):
    keys = [str(n) for n in range(1_000)]
    for share, expected in ((0.0, versions[0]), (1.0, versions[1])):
        traffic = Traffic(versions[0], versions[1], share=share, rollout="r")
        assert {traffic.pick(key) for key in keys} == {expected}


def test_a_shadow_answers_nobody(versions):
    traffic = Traffic(versions[0], versions[1], share=1.0, mode="shadow", rollout="r")

    assert traffic.canary is None
    assert traffic.pick("anybody") is versions[0]
    assert traffic.answering == (versions[0],)
    assert traffic.find(versions[1].digest) is None


def test_traffic_is_replaced_and_never_changed(versions):
    traffic = Traffic(versions[0])

    with pytest.raises(FrozenInstanceError):
        traffic.share = 1.0  # type: ignore[misc]


def test_what_is_not_loaded_or_of_another_model_is_not_published(versions, tmp_path):
    for one in versions[:2]:
        one.load()
    deployment = Deployment(versions[0])
    before = deployment.traffic
    other = LoadedVersion(packed(tmp_path, 1, "other"))
    other.load()

    with pytest.raises(SetupError, match="isn't loaded"):
        deployment.publish(Traffic(versions[0], versions[2], share=0.5))
    with pytest.raises(SetupError, match="can't be deployed"):
        deployment.publish(Traffic(versions[0], other, share=0.5))
    assert deployment.traffic is before

    assert deployment.publish(Traffic(versions[0], versions[1], share=0.5)) is before
    assert deployment.choose() is versions[0]
    # A shadow runs elsewhere: it needn't be loaded here.
    deployment.publish(Traffic(versions[0], versions[2], share=0.5, mode="shadow"))


def test_who_asks_is_found_in_the_header_then_the_actor_then_the_idempotency_key():
    ada = Actor("ada", id="user:7")
    asked = [
        RequestContext(actor=ada, key="k", client="10.0.0.0/8", business_key="order-1"),
        RequestContext(actor=ada, key="k", client="10.0.0.0/8"),
        RequestContext(key="k", client="10.0.0.0/8"),
        RequestContext(client="10.0.0.0/8"),
    ]

    assert [caller_key(one) for one in asked] == ["order-1", "user:7", "10.0.0.0/8 k", ""]
