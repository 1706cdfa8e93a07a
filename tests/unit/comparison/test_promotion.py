"""Promotions: whom the gates are asked for, who is refused, and what is written down."""

from __future__ import annotations

import pytest
from two_versions import labels

from podium.comparison.checks import Counted
from podium.comparison.promotion import check_promotion, is_gated
from podium.errors import InputError, NotFound, PromotionRefused
from podium.gates import Gates

COUNTED = {"2": Counted(600, 0)}


@pytest.fixture
def bench(loans):
    loans.registry.promote("loans", "1")
    return loans


def check(bench, *, store=True, note="", force=False, **said):
    return check_promotion(
        bench.registry,
        bench.store if store else None,
        "loans",
        "2",
        Gates(**said),
        COUNTED,
        note=note,
        is_forced=force,
    )


def fill(bench, rate_2):
    for version, rate in (("1", 0.4), ("2", rate_2)):
        bench.add(version, labels(300, rate, int(version)), ["yes"] * 300)


def test_gates_are_asked_for_the_challenger_and_for_all_where_they_are_required(bench):
    usual, required = Gates(), Gates(required=True)
    before = [is_gated(bench.registry, "loans", "2", one) for one in (usual, required)]
    bench.registry.challenge("loans", "2")

    assert before == [False, True]
    assert is_gated(bench.registry, "loans", "2", usual)
    assert not is_gated(bench.registry, "loans", "1", required)  # the champion
    bench.registry.promote("loans", "2")
    assert not is_gated(bench.registry, "loans", "1", required)  # the way back
    bench.registry.challenge("loans", "1")
    assert is_gated(bench.registry, "loans", "1", usual)
    with pytest.raises(NotFound):
        is_gated(bench.registry, "loans", "3", usual)


def test_the_first_champion_is_not_gated(loans):
    assert not is_gated(loans.registry, "loans", "1", Gates(required=True))


def test_a_challenger_that_is_better_is_permitted_and_its_gates_are_written_down(bench):
    bench.registry.challenge("loans", "2")
    fill(bench, 0.05)

    details = check(bench)

    assert details["forced"] is False
    assert {one["status"] for one in details["gates"]} == {"pass"}


def test_a_challenger_that_is_not_better_is_refused_with_every_reason(bench):
    bench.registry.challenge("loans", "2")
    fill(bench, 0.4)

    with pytest.raises(PromotionRefused, match="1 gate refuses it: That it is better isn't sure"):
        check(bench)
    with pytest.raises(PromotionRefused, match=r"2 gates refuse it: .* 0\.0001 are allowed"):
        check(bench, latency_max=0.0001)


def test_force_needs_a_note_and_is_written_down(bench):
    bench.registry.challenge("loans", "2")
    fill(bench, 0.4)

    with pytest.raises(InputError, match="needs a note"):
        check(bench, force=True, note="  ")
    details = check(bench, force=True, note="the law changed")

    assert details["forced"] is True
    assert [one["name"] for one in details["gates"] if one["status"] == "fail"] == ["difference"]


def test_who_has_too_few_truths_is_refused_only_where_gates_are_required(bench):
    bench.registry.challenge("loans", "2")
    bench.add("2", ["yes"] * 37, ["yes"] * 37)

    details = check(bench)

    assert details["forced"] is False
    assert details["gates"][0]["sentence"].startswith("Not enough truths yet: 0 of 200")
    with pytest.raises(PromotionRefused, match="Not enough truths yet"):
        check(bench, required=True)
    with pytest.raises(PromotionRefused, match="No records are kept"):
        check(bench, store=False, required=True)
    assert check(bench, store=False)["forced"] is False


def test_what_cannot_be_right_or_wrong_is_refused_only_where_gates_are_required(bench):
    bench.registry.challenge("loans", "2")
    said = {"measure": "mean_absolute_error"}  # of a classifier

    assert [one["status"] for one in check(bench, **said)["gates"]] == ["unknown"]
    with pytest.raises(PromotionRefused, match="can't decide"):
        check(bench, required=True, **said)
