"""Settings that belong to a switch: they count, or whoever set them is told."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

import podium
from podium.errors import SetupError
from podium.flow.request import PredictRequest
from podium.runtimes import BatchPolicy
from podium.serving import serve
from podium.settings import batch_options, check_switches, read_settings

BUNDLE = str(Path(__file__).parents[1] / "formats" / "logistic-1.podium")


def settings(tmp_path, text="", **environment):
    file = tmp_path / "podium.toml"
    file.write_text(text, "utf-8")
    return read_settings(file=file, environment=environment)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[accounts]\nurl = "https://models.example"', "url"),
        ('[accounts]\nmfa = "everyone"\nemail = "smtp://mail.example"', "mfa, email"),
        ('[accounts.oidc.ours]\nissuer = "https://id.example"\nclient_id = "x"', "oidc"),
        ("[accounts.django]\nSESSION_COOKIE_AGE = 60", "django"),
        ("quota_user = 60", "quota_user limits"),
        ("quota_token = 60\nquota_address = 6", "quota_token limits"),
        ("bulk_rows_max = 5000", "bulk_rows_max is for callers with a token"),
        ("bulk_body_max_bytes = 9000000", "bulk_body_max_bytes is for callers"),
    ],
)
def test_what_is_set_without_its_switch_is_refused(tmp_path, text, says):
    with pytest.raises(SetupError, match=says):
        check_switches(settings(tmp_path, text), has_people=False, is_local=False)


def test_a_variable_of_the_accounts_without_the_switch_is_refused(tmp_path):
    read = settings(tmp_path, PODIUM_ACCOUNTS_DATABASE="sqlite:///x.db")

    with pytest.raises(SetupError, match="database"):
        check_switches(read, has_people=False, is_local=False)


@pytest.mark.parametrize(
    "text",
    [
        '[accounts]\nenabled = true\nurl = "https://models.example"',
        '[accounts]\nenabled = false\nurl = "https://models.example"',
        "[accounts]\nproxies = 1",
        "quota_user = 60\naccounts = true",
        "quota_address = 60",
        "accounts = false",
        "bulk_rows_max = 1000",
        "bulk_rows_max = 5000\naccounts = true",
        "rows_max = 200000\nbody_max_bytes = 100000000",
    ],
)
def test_what_a_switch_decides_about_is_taken(tmp_path, text):
    check_switches(settings(tmp_path, text), has_people=False, is_local=False)


def test_bulk_requests_are_for_known_actors_or_this_machine(tmp_path):
    read = settings(tmp_path, "bulk_rows_max = 5000")

    check_switches(read, has_people=True, is_local=False)
    check_switches(read, has_people=False, is_local=True)


def test_a_bulk_request_is_at_least_as_large_as_every_other_request(tmp_path):
    read = settings(tmp_path, "rows_max = 200000\nbody_max_bytes = 100000000")

    assert (read.bulk_rows_max, read.bulk_body_max_bytes) == (200_000, 100_000_000)
    with pytest.raises(SetupError, match="bulk_rows_max is below rows_max"):
        settings(tmp_path, "bulk_rows_max = 999")


def test_nothing_starts_with_settings_that_do_nothing(tmp_path):
    read = settings(tmp_path, f'home = "{tmp_path}"\n[accounts]\nmfa = "everyone"')

    with pytest.raises(SetupError, match="mfa"):
        podium.App(BUNDLE, settings=read)
    with pytest.raises(SetupError, match="mfa"):
        serve(BUNDLE, settings=read)


PRICES = """
import podium

calls = []

@podium.model
def price(rooms: list[float]) -> list[float]:
    calls.append(len(rooms))
    return [100.0 * number for number in rooms]
"""


@pytest.mark.slow
def test_a_table_for_a_model_changes_how_requests_become_calls_of_it(tmp_path, monkeypatch):
    (tmp_path / "prices_by_room.py").write_text(PRICES)
    monkeypatch.syspath_prepend(tmp_path)
    text = f'home = "{tmp_path}"\nrecords = false\n[batch.price]\nrows_max = 2\nwait_s = 0.2'
    app = podium.App("prices_by_room:price", settings=settings(tmp_path, text))
    traffic = app.deployments["price"].traffic

    traffic.champion.load()

    async def several():
        requests = [PredictRequest(b'{"rooms": %d}' % n, "application/json") for n in range(5)]
        return await asyncio.gather(*(app.service.respond_async(traffic, r) for r in requests))

    assert len(asyncio.run(several())) == 5
    assert sys.modules["prices_by_room"].calls == [2, 2, 1]
    assert traffic.champion.policy == BatchPolicy(rows_max=2, wait_s=0.2)
    app.close()


def test_the_environment_may_hold_the_tables_of_models_as_json(tmp_path):
    read = settings(tmp_path, PODIUM_BATCH='{"price": {"workers": 2}}')

    assert batch_options(read.batch["price"]) == {"workers": 2}


def test_a_table_for_a_model_that_is_not_served_is_refused(tmp_path):
    read = settings(tmp_path, f'home = "{tmp_path}"\nrecords = false\n[batch.prise]\nworkers = 2')

    with pytest.raises(SetupError, match=r"\[batch\.prise\] is for a model") as raised:
        podium.App(BUNDLE, settings=read)
    assert "logistic-1" in raised.value.hint


@pytest.mark.parametrize("line", ["rows_max = 0", "wait_s = 2", "workers = 1000", "device = 1"])
def test_a_batch_that_cannot_be_is_refused(tmp_path, line):
    with pytest.raises(SetupError, match="batch"):
        settings(tmp_path, f"[batch.price]\n{line}")
