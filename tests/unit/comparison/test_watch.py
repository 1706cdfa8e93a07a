"""What happens by itself: only what is decided, once, and never to and fro."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

import msgspec
import pytest
from two_versions import HOUR_US, Bench, labels

import podium
from podium.comparison.checks import Counted
from podium.comparison.watch import Watch
from podium.gates import Gates
from podium.outbox.lock import FileLock

BOTH = Gates(promote="auto", rollback="auto")


class Watched:
    """A bench, what watches it, and what is counted."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.registry = bench.registry
        self.counted = {"1": Counted(9_000, 9), "2": Counted(600, 0)}
        self.audited: list[tuple[str, str, str]] = []

    def watch(self, gates: Gates = BOTH, look_s: float = 60) -> Watch:
        return Watch(
            self.registry,
            self.bench.store,
            {"loans": gates},
            lambda _: self.counted,
            audit=self.audit,
            look_s=look_s,
        )

    def audit(self, event: str, details: Mapping[str, str]) -> None:
        assert details["note"]
        self.audited.append((event, details["version"], details["automatic"]))

    def fill(self, version: str, error_rate: float, **said) -> None:
        n = 600
        self.bench.add(version, labels(n, error_rate, int(version)), ["yes"] * n, **said)

    @property
    def champion(self) -> str:
        return self.registry.find("loans", "champion").name

    @property
    def event(self):
        return self.registry.events("loans", 1)[0]


@pytest.fixture
def watched(loans) -> Watched:
    loans.registry.promote("loans", "1")
    return Watched(loans)


def test_a_challenger_that_is_decided_to_be_better_is_promoted_with_its_figures(watched):
    watched.fill("1", 0.4)
    watched.fill("2", 0.05)
    watched.registry.challenge("loans", "2")

    watched.watch().look()

    assert watched.champion == "2"
    event = next(one for one in watched.registry.events("loans") if one.action == "promoted")
    assert event.actor == "podium"
    assert event.note.startswith("every gate passed: accuracy better by 36")
    details = msgspec.json.decode(event.details)
    assert details["automatic"] is True
    assert details["improvement"]["decided"] == "b"
    assert details["n_truths"] == {"a": 600, "b": 600}
    assert len(details["gates"]) == 6
    assert watched.audited == [("version_promoted", "2", "yes")]


@pytest.mark.parametrize(
    ("gates", "rate_1", "failed", "is_challenger"),
    [
        (Gates(rollback="auto"), 0.4, 0, True),
        (BOTH, 0.06, 0, True),
        (BOTH, 0.4, 1, True),
        (Gates(promote="auto", latency_max=0.5), 0.4, 0, True),
        (Gates(promote="auto", truths_min=601), 0.4, 0, True),
        (BOTH, 0.4, 0, False),
    ],
    ids=["not asked for", "undecided", "failed", "a gate", "few truths", "no challenger"],
)
def test_else_nothing_is_promoted(watched, gates, rate_1, failed, is_challenger):
    watched.fill("1", rate_1)
    watched.fill("2", 0.05)
    watched.counted["2"] = Counted(600, failed)
    if is_challenger:
        watched.registry.challenge("loans", "2")

    watched.watch(gates).look()

    assert watched.champion == "1"


def test_a_champion_that_is_worse_since_its_promotion_is_rolled_back_once_and_for_all(watched):
    watched.fill("1", 0.05)
    watched.registry.promote("loans", "2", actor="ada")
    now_us = time.time_ns() // 1_000
    watched.fill("2", 0.4, since_us=now_us)
    watch = watched.watch()

    watch.look()
    assert watched.audited == [("version_rolled_back", "1", "yes")]
    first, event = watched.champion, watched.event
    watched.registry.challenge("loans", "2")
    watched.fill("1", 0.9, since_us=now_us + 600 * HOUR_US)
    watched.fill("2", 0.0, since_us=now_us + 600 * HOUR_US)
    for _ in range(3):
        watch.look()

    assert first == watched.champion == "1"
    assert (event.actor, event.action) == ("podium", "rolled_back")
    assert event.note.startswith("worse since it was promoted: accuracy worse by 3")
    assert msgspec.json.decode(event.details)["improvement"]["decided"] == "a"


def test_what_it_answered_before_its_promotion_does_not_count(watched):
    watched.fill("1", 0.05)
    watched.fill("2", 0.9)
    watched.registry.promote("loans", "2")

    watched.watch().look()

    assert watched.champion == "2"


def test_a_version_that_a_person_rolled_back_is_not_promoted_again(watched):
    watched.fill("1", 0.4)
    watched.fill("2", 0.05)
    watched.registry.promote("loans", "2")
    watched.registry.rollback("loans", actor="ada")
    watched.registry.challenge("loans", "2")

    watched.watch().look()

    assert watched.champion == "1"


def test_a_champion_whose_requests_fail_is_rolled_back(watched):
    watched.registry.promote("loans", "2")
    watch = watched.watch()
    watched.counted["2"] = Counted(1_000, 500)  # as a canary, before
    watch.look()
    watched.counted["2"] = Counted(1_190, 690)
    watch.look()
    too_few = watched.champion
    watched.counted["2"] = Counted(1_400, 540)
    watch.look()

    assert too_few == "2"
    assert watched.champion == "1"
    assert watched.event.note == (
        "40 of 400 requests failed since it was promoted: 10.0% instead of 0.1%"
    )


@pytest.mark.parametrize("since", [(1_400, 500), (1_400, 504), (5_000, 500)])
def test_a_few_failures_are_no_reason(watched, since):
    watched.registry.promote("loans", "2")
    watch = watched.watch()
    watched.counted["2"] = Counted(1_000, 500)
    watch.look()
    watched.counted["2"] = Counted(*since)

    watch.look()

    assert watched.champion == "2"


def test_a_model_that_cannot_be_compared_is_logged_and_keeps_no_other_waiting(watched, caplog):
    watched.registry.challenge("loans", "2")
    watched.bench.store.close()

    watched.watch().look()

    assert "versions_not_compared: loans: the store is closed" in caplog.text
    assert watched.champion == "1"


@pytest.mark.slow
def test_it_looks_in_a_thread_while_no_other_process_does(watched):
    watched.fill("1", 0.4)
    watched.fill("2", 0.05)
    watched.registry.challenge("loans", "2")
    lock = FileLock(watched.bench.home / "comparison.lock")
    watch, tried = watched.watch(look_s=0.01), threading.Event()
    watched.bench.store.page = lambda *_, **__: tried.set()
    watch.start()

    is_tried = tried.wait(0.2)
    del watched.bench.store.page
    before = watched.champion
    lock.release()
    until_s = time.monotonic() + 60
    while watched.champion == "1" and time.monotonic() < until_s:
        time.sleep(0.01)
    watch.close()

    assert not is_tried
    assert (before, watched.champion) == ("1", "2")


def test_an_app_watches_only_where_something_is_automatic_and_it_ships(loans):
    def threads(**said) -> list[str]:
        app = podium.App(loans.bundles["1"], home=str(loans.home), record_store=loans.store, **said)
        app.start()
        try:
            return [one.name for one in threading.enumerate() if one.name == "podium-gates"]
        finally:
            app.close()

    assert threads(gates={"loans": BOTH}) == ["podium-gates"]
    assert threads(gates={"loans": Gates()}) == []
    assert threads(gates={"loans": BOTH}, ships=False) == []
    assert not any(one.name == "podium-gates" for one in threading.enumerate())
