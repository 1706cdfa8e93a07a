"""Alarms: what two windows running show, beyond chance and far enough to matter."""

from __future__ import annotations

import os

import msgspec
import numpy as np
import pytest
from bench.alarms import DRIFTS, SIZES, Source, detected, false_alarms, planted, stable

from podium.bundle.baseline import Histogram, histogram_of
from podium.bundle.spread import Spread
from podium.monitoring.alarms import Alarm, alarms, silence
from podium.monitoring.counts import Counted, count_field
from podium.monitoring.windows import Sums
from podium.signature import Category, Field

X, PLAN = Counted("field", "x"), Counted("field", "plan")
NUMBER = Field(name="x", missing="accept")
LABEL = Field(
    name="plan", type="category", categories=tuple(map(Category, "abc")), missing="accept"
)
RANDOM = np.random.default_rng(0)
TRAINED = histogram_of(NUMBER, RANDOM.normal(size=10_000))
TRAINED_PLAN = histogram_of(LABEL, RANDOM.choice(np.array(["a", "b", "c"], object), 10_000))
USUAL = RANDOM.normal(size=1_000)
USUAL_PLAN = RANDOM.choice(np.array(["a", "b", "c"], object), 1_000)
MOVED = USUAL + 0.5


def window(column: np.ndarray, n_refused: int = 0) -> Sums:
    return Sums(len(column), len(column), n_refused, {X: count_field(TRAINED, NUMBER, column)})


def found(*columns: np.ndarray, histogram: Histogram = TRAINED) -> list[Alarm]:
    earlier, latest = map(window, columns)
    return alarms({X: histogram}, earlier, latest, "hour")


def found_of_plans(*columns: np.ndarray) -> list[Alarm]:
    windows = [
        Sums(len(one), len(one), 0, {PLAN: count_field(TRAINED_PLAN, LABEL, one)})
        for one in columns
    ]
    return alarms({PLAN: TRAINED_PLAN}, windows[0], windows[1], "hour")


def states(some: list[Alarm]) -> dict[str, tuple[str, bool]]:
    return {one.kind: (one.level, one.is_firing) for one in some}


def part(share: float, value: float | None) -> np.ndarray:
    """The usual values, of which a share is another."""
    column = USUAL.copy()
    column[: int(share * len(column))] = np.nan if value is None else value
    return column


def test_nothing_is_alarming_where_nothing_changed():
    assert found(USUAL, USUAL[::-1]) == []


def test_one_window_is_pending_and_two_running_fire():
    assert states(found(USUAL, MOVED)) == {"drift": ("red", False)}
    assert states(found(MOVED, MOVED)) == {"drift": ("red", True)}
    assert found(MOVED, USUAL) == []


def test_windows_with_few_rows_tell_nothing():
    assert found(MOVED, MOVED[:199]) == []
    assert states(found(MOVED[:199], MOVED)) == {"drift": ("red", False)}


def test_values_that_are_missing_have_an_alarm_of_their_own():
    some = found(part(0.1, None), part(0.1, None))

    assert states(some)["missing"] == ("red", True)
    (missing,) = (one for one in some if one.kind == "missing")
    assert missing.key == ("missing", "field", "x")
    assert (missing.before, missing.now) == (0.0, 0.1)


def test_values_beyond_all_of_training_are_outside():
    some = found(part(0.03, 99.0), part(0.03, -99.0))

    assert states(some)["outside"] == ("amber", True)


def test_the_extremes_of_training_are_exceeded_by_chance():
    few = histogram_of(NUMBER, RANDOM.normal(size=100))
    earlier, latest = (
        Sums(1_000, 1_000, 0, {X: count_field(few, NUMBER, RANDOM.normal(size=1_000))})
        for _ in range(2)
    )
    assert latest.counts[X][[1, -1]].sum() > 10

    assert alarms({X: few}, earlier, latest, "hour") == []


def test_labels_that_training_did_not_have_are_unseen():
    new = USUAL_PLAN.copy()
    new[:60] = "d"

    some = found_of_plans(new, new)

    assert states(some)["unseen"] == ("red", True)


def test_labels_that_occur_once_in_training_let_expect_others():
    names = np.array([f"c{at}" for at in range(600)] * 1, object)
    field = Field(name="plan", type="category", categories=tuple(map(Category, names)))
    trained = histogram_of(field, np.append(names, np.repeat("c0", 600)))
    column = np.array([*(f"d{at}" for at in range(400)), *(["c0"] * 600)], object)
    one = Sums(1_000, 1_000, 0, {PLAN: count_field(trained, field, column)})

    assert "unseen" not in states(alarms({PLAN: trained}, one, one, "hour"))


def test_a_constant_says_it_all():
    constant = np.full(1_000, 0.1)

    assert states(found(constant, constant)) == {"constant": ("red", True)}
    assert states(found(np.full(1_000, 2.0), constant)) == {"constant": ("red", False)}
    assert states(found(part(1.0, None), part(1.0, None))) == {"constant": ("red", True)}


def test_a_label_and_its_probabilities_tell_one_drift_once():
    share = Field(name="p", missing="accept")
    trained = RANDOM.uniform(size=10_000)
    label, yes, no = (
        Counted("prediction", "churn"),
        Counted("probability", "yes"),
        Counted("probability", "no"),
    )
    histograms = {
        X: TRAINED,
        label: TRAINED_PLAN,
        yes: histogram_of(share, trained),
        no: histogram_of(share, 1 - trained),
    }
    shares = RANDOM.uniform(size=1_000) ** 2

    def counted(labels: np.ndarray, moved: np.ndarray) -> Sums:
        counts = {
            X: count_field(TRAINED, NUMBER, MOVED),
            label: count_field(TRAINED_PLAN, LABEL, labels),
            yes: count_field(histograms[yes], share, moved),
            no: count_field(histograms[no], share, 1 - moved),
        }
        return Sums(1_000, 1_000, 0, counts)

    all_a = np.where(np.arange(1_000) < 600, "a", USUAL_PLAN)
    for window in (counted(all_a.astype(object), shares), counted(USUAL_PLAN, shares)):
        some = alarms(histograms, window, window, "hour")

        keys = [one.key for one in some if one.kind == "drift"]
        assert sorted(keys) == [("drift", "field", "x"), ("drift", "prediction", "churn")]
        assert all(one.is_firing for one in some)


def test_what_is_usual_from_hour_to_hour_is_not_drift():
    spread = Spread(psi=0.5, missing=0.2, most=1.0, new=0.1)
    raised = msgspec.structs.replace(TRAINED, spreads={"hour": spread})

    assert found(MOVED, MOVED, histogram=raised) == []
    assert found(np.full(1_000, 0.1), np.full(1_000, 0.1), histogram=raised)[0].kind == "drift"
    assert "missing" not in states(found(part(0.2, None), part(0.2, None), histogram=raised))
    assert "outside" not in states(found(part(0.1, 99.0), part(0.1, 99.0), histogram=raised))
    assert "missing" in states(found(part(0.4, None), part(0.4, None), histogram=raised))


def test_spreads_of_days_say_nothing_about_hours():
    raised = msgspec.structs.replace(TRAINED, spreads={"day": Spread(psi=0.5)})

    assert states(found(MOVED, MOVED, histogram=raised)) == {"drift": ("red", True)}


@pytest.mark.parametrize(
    ("n_refused", "expected"),
    [
        ((0, 200), [("amber", False)]),
        ((200, 200), [("amber", True)]),
        ((900, 900), [("red", True)]),
        ((900, 20), []),
    ],
)
def test_refused_rows_are_alarming(n_refused, expected):
    earlier, latest = (window(USUAL, n) for n in n_refused)

    some = alarms({X: TRAINED}, earlier, latest, "hour")

    assert [(one.level, one.is_firing) for one in some if one.kind == "refused"] == expected


def test_refused_rows_alone_are_alarming_too():
    nothing = Sums(n_refused=300)

    assert states(alarms({X: TRAINED}, nothing, nothing, "hour")) == {"refused": ("red", True)}


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        ((0, 0), [(50, 60)] * 4, True),
        ((50, 0), [(50, 60)] * 4, False),
        ((50, 0), [(50, 19)] * 4, None),
        ((0, 1), [(50, 60)] * 4, None),
        ((0, 0), [(50, 60)] * 3, None),
        ((0, 0), [(50, 60), (50, 60), (50, 60), (9, 10)], None),
        ((0, 0), [], None),
    ],
)
def test_silence_is_alarming_where_there_usually_is_none(now, before, expected):
    alarm = silence(now, tuple(before))

    assert (None if alarm is None else alarm.is_firing) is expected


SOAKS = "PODIUM_SOAK" in os.environ
N_TRAINED, N_POPULATION = 10_000, 1_000_000 if SOAKS else 200_000


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    return stable(np.random.default_rng(15), N_TRAINED, N_POPULATION)


@pytest.mark.slow
@pytest.mark.parametrize("n", SIZES)
def test_stable_windows_raise_no_alarm(sources, n):
    """At most one in 1,000 windows of 20 columns; PODIUM_SOAK looks at all of them."""
    n_windows = 1_000 if SOAKS else 60

    firing, _, naive = false_alarms(np.random.default_rng(n), sources, n, n_windows)

    assert firing <= n_windows / 1_000
    assert naive > n_windows / 3


@pytest.mark.slow
@pytest.mark.parametrize("drift", DRIFTS)
def test_planted_drifts_are_found_within_two_windows(sources, drift):
    n_tries = 500 if SOAKS else 60
    random = np.random.default_rng(7)
    usual, moved = planted(random, drift, N_TRAINED, N_POPULATION)

    _, by_second = detected(random, sources, usual, moved, n_tries)

    assert by_second >= 0.95 * n_tries
