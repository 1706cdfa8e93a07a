"""How often one may ask: so many times a minute, whoever answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import podium
from podium.access import NOBODY, Actor
from podium.errors import RateLimited, SetupError
from podium.policy.quota import N_SLOTS, OTHERS_TIMES, PROBES, Quota
from podium.settings import Settings
from podium.testing import Client

ADA, TOKEN = Actor("ada", "Ada"), Actor("ada", "Ada", via="nightly")


class Clock:
    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def made(tmp_path: Path, clock: Clock) -> Callable[..., Quota]:
    return lambda **limits: Quota(Settings(**limits), tmp_path, clock_s=clock)


def test_a_minutes_requests_may_come_at_once_and_no_more(made, clock: Clock):
    quota = made(quota_user=6)

    verdicts = [quota.take(ADA, "") for _ in range(8)]

    assert [one.remaining for one in verdicts] == [5, 4, 3, 2, 1, 0, 0, 0]
    assert [one.retry_after_s for one in verdicts] == [0] * 6 + [pytest.approx(10)] * 2
    with pytest.raises(RateLimited, match="the limit is 6 prediction requests a minute"):
        verdicts[-1].require()
    assert verdicts[0].headers == {
        "ratelimit-limit": "6",
        "ratelimit-remaining": "5",
        "ratelimit-reset": "10",
    }


def test_then_one_may_after_each_interval(made, clock: Clock):
    quota = made(quota_user=6)
    for _ in range(6):
        quota.take(ADA, "")

    clock.now_s += 9.9
    early = quota.take(ADA, "")
    clock.now_s += 0.2
    late = quota.take(ADA, "")
    clock.now_s += 600
    rested = quota.take(ADA, "")

    assert early.retry_after_s == pytest.approx(0.1)
    assert late.retry_after_s == 0
    assert rested.remaining == 5


def test_each_has_a_quota_of_their_own(made):
    quota = made(quota_token=1, quota_user=1, quota_address=1)
    others = [(ADA, ""), (Actor("bob"), ""), (TOKEN, ""), (NOBODY, "10.0.0.1"), (NOBODY, "::1")]

    first = [quota.take(actor, address) for actor, address in others]
    second = [quota.take(actor, address) for actor, address in others]

    assert [one.retry_after_s for one in first] == [0] * 5
    assert all(one.retry_after_s for one in second)


def test_what_has_no_limit_is_not_counted(made):
    quota = made(quota_token=1)

    assert quota.take(ADA, "") is None
    assert quota.take(NOBODY, "10.0.0.1") is None


def test_processes_share_what_they_counted(tmp_path: Path, clock: Clock):
    one, other = (Quota(Settings(quota_user=2), tmp_path, clock_s=clock) for _ in range(2))

    verdicts = [quota.take(ADA, "") for quota in (one, other, one)]

    assert [bool(verdict.retry_after_s) for verdict in verdicts] == [False, False, True]


def test_what_was_counted_before_the_machine_started_again_is_forgotten(made, clock: Clock):
    quota = made(quota_user=1)
    quota.take(ADA, "")

    clock.now_s = 5.0

    assert quota.take(ADA, "").retry_after_s == 0


@pytest.mark.slow
def test_more_than_can_be_counted_are_let_in_and_nobody_is_refused_for_them(made):
    quota = made(quota_address=1)

    refused = sum(
        bool(quota.take(NOBODY, f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}").retry_after_s)
        for n in range(N_SLOTS + 10 * PROBES)
    )

    assert refused == 0


def test_a_read_only_folder_is_reported(tmp_path: Path):
    with pytest.raises(SetupError, match=r"quota\.bin can't be used"):
        Quota(Settings(quota_user=1), tmp_path / "nowhere")


def test_all_tokens_of_a_user_have_one_quota_and_that_of_the_user_is_another(made):
    quota = made(quota_token=2, quota_user=2)
    tokens = [Actor("ada", via=f"token {n}") for n in range(3)]

    verdicts = [quota.take(token, "") for token in tokens]

    assert [bool(one.retry_after_s) for one in verdicts] == [False, False, True]
    assert quota.take(ADA, "").retry_after_s == 0


def test_a_network_of_ipv6_has_one_quota(made):
    quota = made(quota_address=1)

    first = quota.take(NOBODY, "2001:db8::1")
    neighbour = quota.take(NOBODY, "2001:db8:0:0:ffff::9")
    other = quota.take(NOBODY, "2001:db8:0:1::1")

    assert [bool(one.retry_after_s) for one in (first, neighbour, other)] == [False, True, False]


def test_pages_do_not_spend_the_quota_of_predictions(made):
    quota = made(quota_address=2)

    pages = [quota.take(NOBODY, "10.0.0.1", is_prediction=False) for _ in range(40)]
    prediction = quota.take(NOBODY, "10.0.0.1")

    assert [bool(one.retry_after_s) for one in pages].count(False) == 2 * OTHERS_TIMES
    assert prediction.remaining == 1


def test_headers_say_how_much_is_left_and_when_to_try_again(models_file: Path, tmp_path: Path):
    app = podium.App(f"{models_file}:arrival", home=str(tmp_path), quota_address=2)
    client = Client(app)
    path, row = "/api/models/arrival-delay/predict", {"distance": 1.0, "hour": 2}

    good, wrong, refused = (client.post(path, one) for one in (row, {}, row))
    alive = client.get("/livez")
    app.close()

    assert (good.status, good.headers["ratelimit-remaining"]) == (200, "1")
    assert (wrong.status, wrong.headers["ratelimit-remaining"]) == (422, "0")
    assert refused.status == 429
    assert refused.json()["code"] == "rate_limited"
    assert int(refused.headers["retry-after"]) in (29, 30)
    assert refused.headers["ratelimit-remaining"] == "0"
    assert alive.status == 200
    assert "ratelimit-limit" not in alive.headers


def test_a_page_shows_the_limit_and_when_to_try_again(models_file: Path, tmp_path: Path):
    app = podium.App(f"{models_file}:arrival", home=str(tmp_path), quota_address=2)
    client = Client(app)
    form = {"accept": "text/html", "content_type": "application/x-www-form-urlencoded"}

    looked = [client.get("/models/arrival-delay").status for _ in range(5)]
    sent = [
        client.request("POST", "/models/arrival-delay", body=b"distance=1&hour=2", headers=form)
        for _ in range(3)
    ]
    app.close()

    assert looked == [200] * 5
    assert [one.status for one in sent] == [303, 303, 429]
    text = sent[-1].body.decode()
    assert "Too many requests" in text
    assert "The limit is 2 prediction requests a minute." in text
    assert re.search(r"Try again in (\d|[12]\d|30) seconds", text)
