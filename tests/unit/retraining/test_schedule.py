"""The schedule: when a model is retrained by the server, and by which process."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from podium.deployments.registry import Registry
from podium.errors import SetupError
from podium.outbox.lock import FileLock
from podium.recipes import Retraining
from podium.records.record import Feedback
from podium.records.store import RecordQuery
from podium.records.stores.sqlite import SqliteStore
from podium.retraining.schedule import Schedule, check_recipes
from podium.settings import Settings, read_settings
from podium.testing import ServerProcess

from .conftest import GOOD

FAILING = "def train(rows):\n    print('so far so good')\n    raise ValueError('no luck')"


@pytest.fixture
def store(home: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(home / "podium.db")
    yield store
    store.close()


def schedule(home: Path, store: SqliteStore, **when: object) -> Schedule:
    settings = Settings(home=str(home), retrain={"price": Retraining(recipe="r.py:train", **when)})
    return Schedule(settings, store, look_s=0.05)


def due(made: Schedule) -> str:
    return made._due("price", made._settings.retrain["price"])


def give_truths(store: SqliteStore, n_truths: int) -> None:
    time_us = time.time_ns() // 1_000
    records = store.page(RecordQuery(model="price"), limit=n_truths).records
    told = Feedback(truth=b"1.5", time_us=time_us)
    store.set_feedback_many({one.id: told for one in records}, model="price")


def log(home: Path, action: str) -> None:
    Registry(home).log("price", action, after="", actor="ada", note="")


def wait_for(condition: Callable[[], object]) -> None:
    until_s = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < until_s
        time.sleep(0.05)


def audit_entries(home: Path) -> list[tuple[str, ...]]:
    """What the accounts' audit log says of versions."""
    with closing(sqlite3.connect(home / "accounts" / "accounts.db")) as database:
        query = "SELECT event, actor, actor_id FROM podium_auditentry WHERE event LIKE 'version%'"
        return database.execute(query).fetchall()


def test_a_time_counts_from_the_champion_and_then_from_the_last_retraining(
    home: Path, store: SqliteStore
) -> None:
    registered_us = Registry(home).versions("price")[0].time_us
    age_s = int(time.time() - registered_us / 1e6)

    assert due(schedule(home, store, every=f"{age_s + 100}s")) == ""
    assert due(schedule(home, store, every="1s")) == "every 1s" if age_s else True

    for action in ("retrain_failed", "retrained"):
        log(home, action)
        assert due(schedule(home, store, every="1h")) == ""


def test_truths_are_counted_from_the_last_retraining(home: Path, store: SqliteStore) -> None:
    made = schedule(home, store, truths=20)
    assert due(made) == "20 new truths"  # there are 50, which came after the champion
    log(home, "retrain_failed")
    assert due(made) == ""

    give_truths(store, 19)
    assert due(made) == ""
    give_truths(store, 20)
    assert due(made) == "20 new truths"


def test_a_model_that_is_not_served_yet_is_not_retrained(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "podium.db")

    assert due(schedule(tmp_path, store, every="1s")) == ""
    store.close()


@pytest.mark.slow
def test_what_fails_is_logged_with_what_it_printed_and_not_tried_again(
    home: Path, store: SqliteStore, caplog: pytest.LogCaptureFixture
) -> None:
    Path("r.py").write_text(FAILING)
    made = schedule(home, store, truths=20)

    with caplog.at_level(logging.INFO, "podium"):
        made.look()
        made.look()

    errors = [one.getMessage() for one in caplog.records if one.levelname == "ERROR"]
    (message,) = [one for one in errors if one.startswith("model_not_retrained")]
    events = Registry(home).events("price")
    assert message.startswith("model_not_retrained: price: r.py:train raised ValueError in line 3")
    assert "so far so good" in message
    assert [one.action for one in events].count("retrain_failed") == 1
    assert (events[0].actor, "no luck" in events[0].note) == ("podium", True)


@pytest.mark.slow
def test_closing_it_ends_a_retraining_which_is_due_again(home: Path, store: SqliteStore) -> None:
    Path("r.py").write_text("import pathlib, time\npathlib.Path('began').touch()\ntime.sleep(600)")
    made = schedule(home, store, truths=20)
    made.start()
    wait_for(Path("began").exists)

    made.close()

    assert not made._thread.is_alive()
    assert list((home / "retraining").glob("run-*")) == []
    assert due(made) == "20 new truths"


@pytest.mark.slow
def test_one_process_looks_at_a_time(home: Path, store: SqliteStore) -> None:
    Path("r.py").write_text("import pathlib\npathlib.Path('began').touch()")
    made = schedule(home, store, truths=20)
    with FileLock(home / "retraining.lock"):
        made.start()
        time.sleep(0.5)
        made.close()

    assert not Path("began").exists()


def test_a_failing_store_is_logged_and_looked_at_again(
    home: Path, store: SqliteStore, caplog: pytest.LogCaptureFixture
) -> None:
    made = schedule(home, store, truths=20)
    store.close()

    made.look()

    assert "model_not_retrained: price" in caplog.text


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("", "required field `recipe`"),
        ('recipe = "a.py:b"', "say when"),
        ('recipe = "a.py:b"\nevery = "1 day"', "every"),
        ('recipe = "a.py:b"\ntruths = -1', "truths"),
        ('recipe = "a.py:b"\nevery = "1d"\nholdout = 1', "holdout"),
        ('recipe = "a.py:b"\nevery = "1d"\nwhen = 1', "when"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(tmp_path: Path, line: str, problem: str) -> None:
    file = tmp_path / "podium.toml"
    file.write_text(f"[retrain.price]\n{line}")

    with pytest.raises(SetupError, match="retrain") as raised:
        read_settings({}, file=file, environment={})

    assert problem in raised.value.message


@pytest.mark.parametrize("recipe", ["none.py:train", "train", "r.py:"])
def test_a_recipe_that_is_nowhere_is_told_at_the_start(tmp_path: Path, recipe: str) -> None:
    retraining = Retraining(recipe=recipe, every="1d")

    with pytest.raises(SetupError, match=r"\[retrain\.price\]"):
        check_recipes(Settings(retrain={"price": retraining}))


@pytest.mark.slow
def test_a_server_retrains_and_goes_on_with_its_champion(home: Path, tmp_path: Path) -> None:
    Path("r.py").write_text(GOOD)
    config = tmp_path / "podium.toml"
    retrain = '[retrain.price]\nrecipe = "r.py:train"\ntruths = 20\n'
    config.write_text(f"{retrain}[accounts]\nenabled = true\n")
    registry = Registry(home)
    bundle = next((home / "versions").glob("*.podium"))
    audited: list[tuple[str, ...]] = []

    with ServerProcess(str(bundle), "--config", str(config), home=home) as server:
        wait_for(lambda: registry.events("price")[0].action == "retrained")
        wait_for(lambda: audited.extend(audit_entries(home)) or audited)
        assert httpx.get(f"{server.address}/readyz").status_code == 200

    assert audited == [("version_registered", "podium", "server:podium")]
    assert set(registry.aliases("price")) == {"champion", "challenger"}
    assert "20 new truths" in registry.events("price")[0].note
